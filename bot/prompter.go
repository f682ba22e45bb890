package bot

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/carry"
	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/input"
	"github.com/cancelbot/cancelbot/bot/internal/journal"
	"github.com/cancelbot/cancelbot/bot/internal/observe"
	"github.com/cancelbot/cancelbot/bot/internal/policy"
	"github.com/cancelbot/cancelbot/bot/internal/signed"
	"github.com/cancelbot/cancelbot/bot/internal/texts"
	"github.com/cancelbot/cancelbot/chamelio"
)

// prompter decides whether a person gets a prompt for the tasks that they name.
type prompter struct {
	gate       *gate
	previews   *previews
	details    *carry.Details
	texts      texts.Texts
	paused     pauseSwitch
	workflows  *workflows
	confirmTTL time.Duration
	metrics    *observe.Metrics
	now        func() time.Time
}

// considered is the result of a command: a confirmation to prompt for, or an
// explanation why there is none.
type considered struct {
	explained    texts.Message // empty if there is a confirmation
	over         bool          // each task has ended or doesn't exist
	confirmation decision.Confirmation
	preview      texts.Preview
}

// standing judges the person. The function that it returns gets the tasks;
// that starts early if it saves a round trip.
func (p *prompter) standing(ctx context.Context, log *slog.Logger, who asker, ids []chamelio.TaskID) (func() []previewed, policy.Cleared, policy.Verdict) {
	var early chan []previewed
	cleared, v := p.gate.standing(ctx, policy.Question{
		Moment: policy.AtCommand,
		Origin: originOf(who.origin),
		Place:  policy.Place{Channel: policy.ChannelID(who.channel), Workspace: policy.TeamID(who.team)},
		User:   policy.UserID(who.user), Several: len(ids) > 1,
	}, func() {
		early = make(chan []previewed, 1)
		go func() { early <- p.previews.get(ctx, log, who, ids) }()
	})
	return func() []previewed {
		if early != nil {
			return <-early
		}
		return p.previews.get(ctx, log, who, ids)
	}, cleared, v
}

// consider judges the person and gets the tasks. It reveals nothing about a
// task to a person who may not see it.
func (p *prompter) consider(ctx context.Context, log *slog.Logger, who asker, req input.Request) considered {
	asking, cancel := context.WithCancel(chamelio.OnBehalfOf(ctx, who.user))
	defer cancel() // of previews that no one waits for
	tasks, cleared, v := p.standing(asking, log, who, req.Tasks)
	if !v.Allowed() {
		return p.refuse(ctx, log, who, refusedFor{v, req.Tasks})
	}
	pause := p.paused.atCommand(asking, log)
	all := tasks()
	found := p.sort(asking, log, cleared, all)
	if len(found.refused) == 1 && len(found.refused[0].tasks) == len(all) {
		return p.refuse(ctx, log, who, found.refused[0])
	}
	for _, one := range found.refused {
		p.record(ctx, log, who, one)
	}
	switch {
	case pause.Active() && !found.over():
		if !found.mayOne { // the operator's note is for people who may cancel one of the tasks
			pause.Note = ""
		}
		return p.whilePaused(log, found.open(req.Tasks), pause, found.out)
	case len(found.in) == 0:
		return considered{explained: p.explain(log, all, found.out), over: found.over()}
	}
	return p.prompt(log, who, req, cleared, found)
}

// sorted are the tasks of a command: those that may be cancelled, and why the
// others aren't.
type sorted struct {
	in      []previewed
	out     []texts.Excluded
	refused []refusedFor
	mayOne  bool // the person may cancel one of the tasks, whether or not it can be cancelled
}

// over reports whether each task has ended or doesn't exist.
func (s sorted) over() bool {
	return len(s.in) == 0 && !slices.ContainsFunc(s.out, func(t texts.Excluded) bool { return !t.Over })
}

// open returns those of a command's tasks that haven't ended.
func (s sorted) open(tasks []chamelio.TaskID) []chamelio.TaskID {
	return slices.DeleteFunc(slices.Clone(tasks), func(id chamelio.TaskID) bool {
		return slices.ContainsFunc(s.out, func(t texts.Excluded) bool { return t.ID == id && t.Over })
	})
}

// sort judges each task.
func (p *prompter) sort(ctx context.Context, log *slog.Logger, cleared policy.Cleared, all []previewed) (s sorted) {
	for _, one := range all {
		if one.err == nil {
			p.workflows.see(log, one.task.Workflow)
		}
		if len(all) > 1 && errors.Is(one.err, chamelio.ErrRateLimited) {
			log.Info("task details unavailable", "without", one.id, "cause", one.err)
			s.out = append(s.out, p.texts.ExcludeUnseen(one.id))
			continue
		}
		// A task that doesn't exist has no people on it, and the answer may say so.
		v := cleared.OnTask(ctx, one.facts)
		s.mayOne = s.mayOne || v.Allowed()
		if !v.Allowed() && !p.texts.Explains(one.err) {
			log.Warn("task refused", "refused", one.id, "reason", string(v.Code), "cause", v.Cause)
			s.refused, s.out = alsoRefused(s.refused, v, one.id), append(s.out, p.texts.ExcludeRefused(v, one.id))
		} else if why, ok := p.texts.Exclude(one.id, one.task, one.err); ok {
			s.out = append(s.out, why)
		} else {
			s.in = append(s.in, one)
		}
	}
	return s
}

// prompt returns a confirmation for the tasks that may be cancelled, unless it asks for
// a second person, and no one could approve it or it lacks a required reason. Everyone
// reads a reason as the requester's, so no one else can give it later.
func (p *prompter) prompt(log *slog.Logger, who asker, req input.Request, cleared policy.Cleared, tasks sorted) considered {
	found := p.found(log, who, req, cleared, tasks.in)
	found.preview.Excluded = tasks.out
	p.details.KeepPrompt(found.confirmation, found.preview)
	if asked := found.confirmation; asked.Public {
		switch {
		case p.texts.OnlyApprover(asked.Requester):
			return p.unasked(log, found, "no one else can approve", p.texts.NoApprover(asked))
		case p.texts.AsksReason && asked.Reason == "" && !who.form:
			return p.unasked(log, found, "a request needs a reason", p.texts.ReasonFirst(asked))
		}
	}
	log.Info("prompted", "confirmation", found.confirmation.ID)
	p.metrics.Commands.WithLabelValues("prompted").Inc()
	return found
}

// whilePaused answers a command while cancelling is paused.
func (p *prompter) whilePaused(log *slog.Logger, tasks []chamelio.TaskID, pause journal.Pause, out []texts.Excluded) considered {
	log.Info("command answered; cancelling is paused")
	p.refused("paused")
	return considered{explained: p.texts.WithLeftOut(p.texts.Paused(pause.Note, tasks...), out)}
}

// refusedFor are the tasks of a command that are refused for one reason.
type refusedFor struct {
	policy.Verdict
	tasks []chamelio.TaskID
}

// alsoRefused adds a task to the refusals of a command.
func alsoRefused(all []refusedFor, no policy.Verdict, task chamelio.TaskID) []refusedFor {
	i := slices.IndexFunc(all, func(r refusedFor) bool { return r.Code == no.Code })
	if i < 0 {
		return append(all, refusedFor{no, []chamelio.TaskID{task}})
	}
	all[i].tasks = append(all[i].tasks, task)
	return all
}

// explain returns why none of the tasks can be cancelled.
func (p *prompter) explain(log *slog.Logger, all []previewed, out []texts.Excluded) texts.Message {
	p.metrics.Commands.WithLabelValues("explained").Inc()
	log.Info("command answered without a prompt", "status", string(all[0].task.Status), "cause", all[0].err)
	if len(all) == 1 {
		explained, _ := p.texts.NoPrompt(all[0].id, all[0].task, all[0].err)
		return explained
	}
	return p.texts.NothingToCancel(out)
}

// found returns the confirmation for tasks that can be cancelled.
func (p *prompter) found(log *slog.Logger, who asker, req input.Request, cleared policy.Cleared, in []previewed) considered {
	shown := texts.Preview{Unsure: req.Unsure}
	public := false
	for _, one := range in {
		if one.err != nil {
			log.Info("task details unavailable", "without", one.id, "cause", one.err)
		}
		shown.Tasks = append(shown.Tasks, one.task)
		public = public || cleared.NeedsSecondPerson(one.facts)
	}
	asked := p.confirmation(who, req.Reason, in, public, cleared.Untitled)
	shown.Cut = !signed.FitsReason(asked)
	return considered{confirmation: signed.Fit(asked), preview: shown}
}

// unasked returns the answer to a command whose request isn't posted.
func (p *prompter) unasked(log *slog.Logger, found considered, reason string, why texts.Message) considered {
	p.metrics.Commands.WithLabelValues("explained").Inc()
	log.Info("command answered without a prompt", "reason", reason)
	return considered{explained: p.texts.WithLeftOut(why, found.preview.Excluded)}
}

// refuse returns the answer to a command that is refused as a whole.
func (p *prompter) refuse(ctx context.Context, log *slog.Logger, who asker, no refusedFor) considered {
	log.Warn("command refused", "reason", string(no.Code), "cause", no.Cause)
	p.metrics.Commands.WithLabelValues("refused").Inc()
	p.record(ctx, log, who, no)
	return considered{explained: p.texts.Refused(no.Verdict, no.tasks...)}
}

// record counts and records a refusal. That of a command is recorded once, although Slack
// may deliver it to several processes.
func (p *prompter) record(ctx context.Context, log *slog.Logger, who asker, no refusedFor) {
	p.metrics.Refusals.WithLabelValues("command", string(no.Code)).Inc()
	p.gate.record(ctx, log, decision.Note{ID: who.event, Tasks: no.tasks, Team: who.team, Channel: who.channel, Person: who.user, Code: string(no.Code)})
}

// refused counts a refusal.
func (p *prompter) refused(reason string) {
	p.metrics.Commands.WithLabelValues("refused").Inc()
	p.metrics.Refusals.WithLabelValues("command", reason).Inc()
}

// confirmation returns what the buttons of the prompt carry.
func (p *prompter) confirmation(who asker, reason string, in []previewed, public, untitled bool) decision.Confirmation {
	now := p.now()
	confirmation := decision.Confirmation{
		ID: signed.NewID(now), Team: who.team, Channel: who.channel, Thread: who.thread, Requester: who.user, Reason: reason, Public: public, Untitled: untitled,
		RequestedAt: now, ExpiresAt: now.Add(p.confirmTTL),
	}
	for _, one := range in {
		one.task.ID = one.id
		confirmation.Tasks = append(confirmation.Tasks, texts.NameOf(one.task))
	}
	return confirmation
}
