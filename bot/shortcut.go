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
	prompter *prompter
	rules    input.Rules
	reasons  *reasons
	signer   signed.Signer
	poster   *slackapi.Poster
	texts    texts.Texts
}

// usedAt is where a shortcut was used. The modal that asks for a task carries
// it.
type usedAt struct {
	Team, Channel, Thread string
	Until                 int64 // in Unix seconds; a response_url doesn't live much longer
}

// handle opens a modal at once, and then shows the tasks in it.
func (s *shortcuts) handle(ctx context.Context, log *slog.Logger, m slackapi.Shortcut) reply {
	at := s.prompter.now().Unix()
	opened, err := s.open(ctx, m)
	switch {
	case slackapi.Opened(err):
		log.Info("shortcut delivered twice")
		return reply{}
	case err != nil:
		log.Warn("can't open a modal (views.open)", "error", err)
		return alone(s.texts.ShortcutTooLate())
	}
	who := asker{user: m.User, team: m.Team, channel: m.Channel, thread: m.Thread, origin: m.Origin}
	tasks := input.FindTasks(m.Texts, s.rules.Hosts)
	to := m.Target()
	to.View = opened.ID
	if len(tasks) == 0 {
		return s.show(log, to, opened.Hash, s.find(who, m.ResponseURL, at))
	}
	return s.present(ctx, log, presentation{who: who, tasks: tasks, to: to, over: opened.Hash, opened: at, spent: nextToDialog})
}

// open opens a modal that says that the tasks are being fetched.
func (s *shortcuts) open(ctx context.Context, m slackapi.Shortcut) (*slack.ViewResponse, error) {
	left := triggerLife - time.Since(m.Received)
	if left <= 0 {
		return nil, errors.New("the trigger is too old to open a modal")
	}
	ctx, cancel := context.WithTimeout(ctx, left)
	defer cancel()
	return s.reasons.views.OpenViewContext(ctx, m.Trigger, texts.ModalOf(s.texts.LookingAt()))
}

// find returns the modal that asks for a task.
func (s *shortcuts) find(who asker, responseURL string, at int64) slack.ModalViewRequest {
	place, err := json.Marshal(usedAt{who.team, who.channel, who.thread, s.prompter.now().Add(s.prompter.confirmTTL).Unix()})
	if err != nil {
		panic(err) // a list of strings always encodes
	}
	view := s.texts.FindModal()
	view.PrivateMetadata, err = s.signer.EncodeModal(signed.Modal{Kind: texts.ModalFind, Value: string(place), ResponseURL: responseURL, Spent: nextToDialog, Opened: at}, who.user)
	if err != nil {
		return texts.ModalOf(s.texts.ModalTooLarge())
	}
	return view
}

// presentation is the tasks that present shows, for whom, and the modal that shows them.
type presentation struct {
	who    asker
	tasks  []chamelio.TaskID // all that the message names; present shows one part
	reason string
	unsure bool // the reason might be a further task
	to     slackapi.Target
	over   string // the hash of the view that it replaces; "" if that comes with an acknowledgement
	opened int64  // see signed.Modal, as spent
	spent  int
}

// maxParts is how many parts of a long message are looked through for a task that
// isn't over. Each has as many tasks as one decision.
const maxParts = 3

// present shows tasks in a modal that asks to confirm, or explains why none
// can be cancelled. Of a message with many tasks it skips only a part whose tasks have
// certainly all ended: any other answer may apply to the next part too, or may change soon.
func (s *shortcuts) present(ctx context.Context, log *slog.Logger, f presentation) reply {
	f.who.form = true
	var what considered
	var others texts.Others
	left := f.tasks
	for n := 1; ; n++ {
		part := left[:min(len(left), s.rules.MaxTasks)]
		left = left[len(part):]
		what = s.prompter.consider(ctx, log.With("tasks", part), f.who, input.Request{Tasks: part, Reason: f.reason, Unsure: f.unsure})
		if !what.over || len(left) == 0 || n == maxParts {
			break
		}
		others.Over += len(part)
	}
	others.More = len(left)
	if what.explained.Text != "" {
		return s.show(log, f.to, f.over, texts.ModalOf(s.texts.WithOthers(what.explained, others)))
	}
	if end := time.Unix(f.opened, 0).Add(signed.ModalLife); end.Before(what.confirmation.ExpiresAt) {
		what.confirmation.ExpiresAt = end // which the form shows
	}
	shown := what.confirmation
	shown.Reason = f.reason // what was typed, even if it's too long next to the tasks
	view := s.texts.ConfirmModal(shown, what.preview, others)
	var err error
	view.PrivateMetadata, err = s.signer.EncodeModal(signed.Modal{
		Kind: texts.ModalConfirm, Value: s.signer.Encode(what.confirmation), ResponseURL: f.to.ResponseURL, Ephemeral: true, Spent: f.spent, Opened: f.opened,
	}, f.who.user)
	if err != nil {
		log.Error("confirmation too long for a modal", "error", err)
		view = texts.ModalOf(s.texts.ModalTooLarge())
	}
	return s.show(log, f.to, f.over, view)
}

// show returns a reply that replaces the view that says that the tasks are being
// fetched, and retries if that may help. over is that view's hash, or "" if it comes
// with an acknowledgement. If show can't replace it, it says so where the modal was
// opened, unless the person has closed it.
func (s *shortcuts) show(log *slog.Logger, to slackapi.Target, over string, m slack.ModalViewRequest) reply {
	once := func(ctx context.Context) (err error) {
		if over == "" {
			over, err = s.poster.Settle(ctx, to.View, s.texts.LookingAt())
		}
		if err == nil {
			err = s.poster.ShowOver(ctx, to.View, over, m)
		}
		return slackapi.Retryable(err)
	}
	return reply{then: func(ctx context.Context) {
		err := slackapi.Retry(ctx, showFor, s.prompter.confirmTTL, func() error { return once(ctx) })
		if err == nil {
			return
		}
		log.Info("can't update a modal", "error", err)
		if slackapi.Code(err) != "not_found" {
			sayNextTo(ctx, log, s.poster, slackapi.Target{Channel: to.Channel, User: to.User, ResponseURL: to.ResponseURL}, s.texts.ShortcutTooLate())
		}
	}}
}

// showFor bounds how long show retries, not counting the pauses that Slack asks for:
// someone is waiting.
const showFor = 10 * time.Second

// chosen is a submitted modal that asked to confirm.
type chosen struct {
	click        slackapi.Click // without its value
	confirmation decision.Confirmation
}

// read verifies a submission, and returns it, or an error and the block to
// show it in. It has no side effects: the modal is waiting for its
// acknowledgement.
func (s *shortcuts) read(sub slackapi.Submission, e envelope) (given chosen, block, wrong string) {
	data, err := s.signer.DecodeModal(texts.ModalConfirm, sub.Metadata, sub.User, e.At)
	if err != nil {
		return chosen{}, texts.BlockReason, s.texts.ModalOutdated()
	}
	c, err := s.signer.Decode(data.Value, e.At)
	if len(c.Tasks) > 1 { // no answer is about the others
		c.Tasks = slices.DeleteFunc(c.Tasks, func(t decision.Named) bool { return !slices.Contains(sub.Chosen, t.ID.String()) })
	}
	switch {
	case errors.Is(err, signed.ErrExpired):
		return chosen{}, texts.BlockReason, s.texts.ModalExpired(c)
	case err != nil:
		return chosen{}, texts.BlockReason, s.texts.ModalOutdated()
	}
	if c, wrong = s.reasons.parse(c, sub.Reason, s.reasons.required); wrong != "" {
		return chosen{}, texts.BlockReason, wrong
	}
	if len(c.Tasks) == 0 {
		return chosen{}, texts.BlockTasks + " 0", s.texts.ModalNoneChosen()
	}
	return chosen{slackapi.Click{
		User: sub.User, Origin: sub.Origin, Channel: c.Channel, Action: texts.ActionCancel, View: sub.View,
		ResponseURL: data.ResponseURL, Ephemeral: true, Spent: data.Spent, Received: e.Received, At: e.At,
	}, signed.Fit(c)}, "", ""
}

// shortcut starts the trace of a shortcut.
func (r *router) shortcut(ctx context.Context, log *slog.Logger, m slackapi.Shortcut) {
	ctx, end := r.trace.Step(ctx, "shortcut")
	defer end(nil)
	r.send(ctx, log, m.Target(), r.shortcuts.handle(ctx, log, m))
}

// submitted accepts a submitted modal.
func (r *router) submitted(log *slog.Logger, e envelope, s slackapi.Submission) (ack any, work func()) {
	log = log.With("user", s.User)
	switch s.Modal {
	case texts.ModalFind:
		return r.taskGiven(log, e, s)
	case texts.ModalConfirm:
		return r.confirmed(log, e, s)
	}
	return r.reasonGiven(log, e, s)
}

// taskGiven accepts a submitted modal that asked for a task.
func (r *router) taskGiven(log *slog.Logger, e envelope, s slackapi.Submission) (ack any, work func()) {
	data, err := r.shortcuts.signer.DecodeModal(texts.ModalFind, s.Metadata, s.User, e.At)
	var from usedAt
	if err != nil || json.Unmarshal([]byte(data.Value), &from) != nil {
		return slackapi.ModalAck(texts.BlockTask, r.texts.ModalOutdated()), nil
	}
	if !e.At.Before(time.Unix(from.Until, 0)) {
		return slackapi.ModalAck(texts.BlockTask, r.texts.ModalTooOld()), nil
	}
	req, err := input.ParseCommand(s.Task, r.commands.rules)
	if err != nil {
		return slackapi.ModalAck(texts.BlockTask, r.texts.ModalNoTask(err)), func() { log.Info("command not understood", "reason", err) }
	}
	who := asker{user: s.User, team: from.Team, channel: from.Channel, thread: from.Thread, origin: s.Origin}
	to := slackapi.Target{View: s.View, Channel: from.Channel, User: s.User, ResponseURL: data.ResponseURL}
	job := r.typed.Reserve(func(ctx context.Context) {
		r.send(ctx, log, to, r.shortcuts.present(ctx, log, presentation{who: who, tasks: req.Tasks, reason: req.Reason, unsure: req.Unsure, to: to, opened: data.Opened, spent: data.Spent + nextToDialog}))
	})
	if job == nil {
		return r.noRoom(log, texts.BlockTask)
	}
	return slackapi.ViewAck(texts.ModalOf(r.texts.LookingAt())), r.start(job)
}

// confirmed accepts a submitted modal that asked to confirm: it is a click, or
// asks a second person to approve.
func (r *router) confirmed(log *slog.Logger, e envelope, s slackapi.Submission) (ack any, work func()) {
	given, block, wrong := r.shortcuts.read(s, e)
	if wrong != "" {
		return slackapi.ModalAck(block, wrong), func() { log.Info("confirmation not accepted", "reply", wrong) }
	}
	job := r.pressed.Reserve(func(ctx context.Context) {
		k, c := given.click, given.confirmation
		if c.Public {
			r.send(ctx, log, k.Target(), r.commands.submitted(ctx, log, k, c))
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
