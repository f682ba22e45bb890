package bot

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/slack-go/slack"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/input"
	"github.com/cancelbot/cancelbot/bot/internal/signed"
	"github.com/cancelbot/cancelbot/bot/internal/slackapi"
	"github.com/cancelbot/cancelbot/bot/internal/texts"
	"github.com/cancelbot/cancelbot/chamelio"
)

// shortcuts cancels tasks from the menu of a message: a modal shows the tasks
// that the message names. Submitting it is a click on a confirmation.
type shortcuts struct {
	commands *commands
	reasons  *reasons
	signer   signed.Signer
	poster   *slackapi.Poster
	texts    texts.Texts
}

// wish is where a shortcut was used. The modal that asks for a task carries
// it.
type wish struct {
	Team, Channel, Thread string
}

// handle opens a modal at once, and then shows the tasks in it.
func (s *shortcuts) handle(ctx context.Context, log *slog.Logger, m slackapi.Shortcut) reply {
	if !s.commands.limit.Allow(m.User) {
		log.Warn("shortcut refused", "reason", "too many commands")
		s.commands.refused("too_many_commands")
		return alone(s.texts.TooFast(s.commands.limit.PerMinute))
	}
	view, err := s.open(ctx, m)
	if err != nil {
		log.Warn("can't open a modal (views.open)", "error", err)
		return alone(s.texts.ShortcutTooLate())
	}
	who := asker{m.User, m.Origin.TeamID, m.Channel, m.Thread, m.Origin}
	tasks := input.FindTasks(m.Texts, s.commands.rules.Hosts)
	left := max(len(tasks)-s.commands.rules.MaxTasks, 0)
	if len(tasks) == 0 {
		s.show(ctx, log, view, s.find(who, m.ResponseURL))
		return reply{}
	}
	return s.present(ctx, log, found{who, tasks[:len(tasks)-left], "", left, slackapi.Target{View: view, ResponseURL: m.ResponseURL}})
}

// open opens a modal that says that the tasks are being fetched, and returns its
// ID.
func (s *shortcuts) open(ctx context.Context, m slackapi.Shortcut) (string, error) {
	left := triggerLife - time.Since(m.Received)
	if left <= 0 {
		return "", errors.New("the trigger is too old to open a modal")
	}
	ctx, cancel := context.WithTimeout(ctx, left)
	defer cancel()
	opened, err := s.reasons.views.OpenViewContext(ctx, m.Trigger, texts.ModalOf(s.texts.LookingAt()))
	if err != nil {
		return "", err
	}
	return opened.ID, nil
}

// find returns the modal that asks for a task.
func (s *shortcuts) find(who asker, responseURL string) slack.ModalViewRequest {
	place, err := json.Marshal(wish{who.team, who.channel, who.thread})
	if err != nil {
		panic(err) // a list of strings always encodes
	}
	view := s.texts.FindModal()
	view.PrivateMetadata, err = s.signer.EncodeModal(signed.Modal{Kind: texts.ModalFind, Value: string(place), ResponseURL: responseURL}, who.user)
	if err != nil {
		return texts.ModalOf(s.texts.ShortcutTooLate())
	}
	return view
}

// found is the content of a modal.
type found struct {
	who    asker
	tasks  []chamelio.TaskID
	reason string
	left   int // further tasks that the message names
	to     slackapi.Target
}

// present shows tasks in a modal that asks to confirm, or explains why none
// can be cancelled.
func (s *shortcuts) present(ctx context.Context, log *slog.Logger, f found) reply {
	log = log.With("tasks", f.tasks)
	what := s.commands.consider(ctx, log, f.who, input.Request{Tasks: f.tasks, Reason: f.reason})
	if what.explained.Text != "" {
		s.show(ctx, log, f.to.View, texts.ModalOf(what.explained))
		return reply{refusal: what.refusal}
	}
	view := s.texts.ConfirmModal(what.confirmation, what.preview, f.left)
	var err error
	view.PrivateMetadata, err = s.signer.EncodeModal(signed.Modal{
		Kind: texts.ModalConfirm, Value: s.signer.Encode(what.confirmation), ResponseURL: f.to.ResponseURL, Ephemeral: true,
	}, f.who.user)
	if err != nil {
		log.Error("confirmation too long for a modal", "error", err)
		view = texts.ModalOf(s.texts.ShortcutTooLate())
	}
	s.show(ctx, log, f.to.View, view)
	return reply{refusal: what.refusal}
}

// show replaces the modal's view. A modal that was closed shows nothing.
func (s *shortcuts) show(ctx context.Context, log *slog.Logger, view string, m slack.ModalViewRequest) {
	if err := s.poster.ShowLast(ctx, view, m); err != nil {
		log.Info("can't update a modal", "error", err)
	}
}

// chosen is a submitted modal that asked to confirm.
type chosen struct {
	click        slackapi.Click // without its value
	confirmation decision.Confirmation
}

// read verifies a submission, and returns it, or an error and the block to
// show it in. It has no side effects: the modal is waiting for its
// acknowledgement.
func (s *shortcuts) read(sub slackapi.Submission, e envelope) (given chosen, block, wrong string) {
	data, err := s.signer.DecodeModal(texts.ModalConfirm, sub.Metadata, sub.User)
	if err != nil {
		return chosen{}, texts.BlockReason, s.texts.ModalOutdated()
	}
	c, err := s.signer.Decode(data.Value, e.At)
	switch {
	case errors.Is(err, signed.ErrExpired):
		return chosen{}, texts.BlockReason, s.texts.ModalExpired(c)
	case err != nil:
		return chosen{}, texts.BlockReason, s.texts.ModalOutdated()
	}
	if c.Reason, wrong = s.reasons.parse(sub.Reason, s.reasons.required); wrong != "" {
		return chosen{}, texts.BlockReason, wrong
	}
	if len(c.Tasks) > 1 {
		c.Tasks = slices.DeleteFunc(c.Tasks, func(t decision.Named) bool { return !slices.Contains(sub.Chosen, t.ID.String()) })
	}
	if len(c.Tasks) == 0 {
		return chosen{}, texts.BlockTasks + " 0", s.texts.ModalNoneChosen()
	}
	return chosen{slackapi.Click{
		User: sub.User, Origin: sub.Origin, Channel: c.Channel, Action: texts.ActionCancel, View: sub.View,
		ResponseURL: data.ResponseURL, Ephemeral: true, Received: e.Received, At: e.At,
	}, signed.Fit(c)}, "", ""
}

// shortcut starts the trace of a shortcut.
func (r *router) shortcut(ctx context.Context, log *slog.Logger, m slackapi.Shortcut) {
	ctx, end := r.trace.Step(ctx, "shortcut")
	defer end(nil)
	log = log.With("user", m.User, "channel", m.Channel)
	r.send(ctx, log, slackapi.Target{ResponseURL: m.ResponseURL}, r.shortcuts.handle(ctx, log, m))
}

// submitted accepts a submitted modal.
func (r *router) submitted(log *slog.Logger, e envelope, s slackapi.Submission) (ack any, work func()) {
	log = log.With("user", s.User)
	switch s.Modal {
	case texts.ModalFind:
		return r.taskGiven(log, s)
	case texts.ModalConfirm:
		return r.confirmed(log, e, s)
	}
	return r.reasonGiven(log, e, s)
}

// taskGiven accepts a submitted modal that asked for a task.
func (r *router) taskGiven(log *slog.Logger, s slackapi.Submission) (ack any, work func()) {
	data, err := r.shortcuts.signer.DecodeModal(texts.ModalFind, s.Metadata, s.User)
	var from wish
	if err != nil || json.Unmarshal([]byte(data.Value), &from) != nil {
		return slackapi.ModalAck(texts.BlockTask, r.texts.ModalOutdated()), nil
	}
	req, err := input.ParseCommand(s.Task, r.commands.rules)
	if err != nil {
		return slackapi.ModalAck(texts.BlockTask, r.texts.ModalNoTask(err)), func() { log.Info("command not understood", "reason", err) }
	}
	who := asker{s.User, from.Team, from.Channel, from.Thread, s.Origin}
	to := slackapi.Target{View: s.View, ResponseURL: data.ResponseURL}
	job := r.typed.Reserve(func(ctx context.Context) {
		r.send(ctx, log, to, r.shortcuts.present(ctx, log, found{who, req.Tasks, req.Reason, 0, to}))
	})
	if job == nil {
		return r.noRoom(log, texts.BlockTask)
	}
	return slackapi.ViewAck(texts.ModalOf(r.texts.LookingAt())), r.start(job)
}

// confirmed accepts a submitted modal that asked to confirm: it is a click, or
// asks a second person to confirm.
func (r *router) confirmed(log *slog.Logger, e envelope, s slackapi.Submission) (ack any, work func()) {
	given, block, wrong := r.shortcuts.read(s, e)
	if wrong != "" {
		return slackapi.ModalAck(block, wrong), func() { log.Info("confirmation not accepted", "reply", wrong) }
	}
	job := r.pressed.Reserve(func(ctx context.Context) {
		k, c := given.click, given.confirmation
		if c.Public {
			r.send(ctx, log, k.Target(), r.commands.request(ctx, log, c))
			return
		}
		k.Value = r.clicks.signer.Encode(c)
		r.pressButton(ctx, log, k)
	})
	if job == nil {
		return r.noRoom(log, texts.BlockReason)
	}
	return slackapi.ViewAck(texts.ModalOf(r.texts.Submitted())), r.start(job)
}

// noRoom says in a modal that the bot is too busy for the submission.
func (r *router) noRoom(log *slog.Logger, block string) (ack any, work func()) {
	return slackapi.ModalAck(block, r.texts.ModalBusy(r.stopping())), func() { log.Warn("submitted modal turned away", "stopping", r.stopping()) }
}
