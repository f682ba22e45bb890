package bot

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"go.opentelemetry.io/otel/attribute"
	"golang.org/x/sync/errgroup"

	"github.com/cancelbot/cancelbot/bot/internal/carry"
	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/input"
	"github.com/cancelbot/cancelbot/bot/internal/journal"
	"github.com/cancelbot/cancelbot/bot/internal/observe"
	"github.com/cancelbot/cancelbot/bot/internal/policy"
	"github.com/cancelbot/cancelbot/bot/internal/signed"
	"github.com/cancelbot/cancelbot/bot/internal/slackapi"
	"github.com/cancelbot/cancelbot/bot/internal/texts"
	"github.com/cancelbot/cancelbot/bot/internal/work"
	"github.com/cancelbot/cancelbot/chamelio"
)

// previewer gets a task for a prompt: at once, or when nothing more important waits for
// the rate limit.
type previewer interface {
	taskGetter
	Preview(context.Context, chamelio.TaskID) (chamelio.Task, error)
}

// commands answers commands: with a prompt, or with a reason why there is
// none.
type commands struct {
	gate         *gate
	tasks        previewer
	details      *carry.Details
	poster       *slackapi.Poster
	signer       signed.Signer
	requests     *requests
	submissions  *lru.Cache[string, *submission] // by the confirmation's ID
	texts        texts.Texts
	paused       pauseSwitch
	workflows    *workflows
	limit        *work.Limit
	previewLimit time.Duration
	confirmTTL   time.Duration
	rules        input.Rules
	metrics      *observe.Metrics
	trace        *observe.Tracer
	now          func() time.Time
}

func (c *commands) handle(ctx context.Context, log *slog.Logger, cmd slackapi.Command) reply {
	if !c.limit.Allow(cmd.User) {
		log.Warn("command refused", "reason", "too many commands")
		c.refused("too_many_commands")
		return alone(c.texts.TooFast(c.limit.PerMinute))
	}
	req, err := input.ParseCommand(cmd.Text, c.rules)
	if err != nil {
		log.Info("command not understood", "reason", err)
		c.metrics.Commands.WithLabelValues("not_understood").Inc()
		return alone(c.texts.NotUnderstood(err))
	}
	log = log.With("tasks", req.Tasks)
	late := func(ctx context.Context) { // in one try: a prompt follows
		to := slackapi.Target{Channel: cmd.Channel, ResponseURL: cmd.ResponseURL}
		_ = c.poster.To(ctx, to, slackapi.Always(c.texts.GettingDetails(req.Tasks...)), slackapi.Ephemeral)
	}
	found := c.consider(ctx, log, asker{cmd.User, cmd.TeamID, cmd.Channel, "", cmd.Origin(), late}, req)
	answer := reply{where: slackapi.Ephemeral}
	switch {
	case found.explained.Text != "":
		answer.message = found.explained
	case found.confirmation.Public:
		if said, first := c.first(ctx, log, cmd.Event, found.confirmation); !first {
			said.message = c.texts.WithLeftOut(said.message, found.preview.Excluded)
			return said
		}
		answer.find = func(ctx context.Context) reply { return alone(c.request(ctx, log, cmd.ResponseURL, found)) }
	default:
		answer.message = c.promptOf(found)
		answer.choose = c.untilExpired(found.confirmation, answer.message)
	}
	return answer
}

// promptOf returns the prompt or the explanation.
func (c *commands) promptOf(found considered) texts.Message {
	return c.texts.Prompt(found.confirmation, found.preview, c.signer.Encode(found.confirmation))
}

// asker is the person who asks to cancel tasks, and the conversation.
type asker struct {
	user, team, channel string
	thread              string // the timestamp of the thread; "" outside of threads
	origin              slackapi.Origin
	late                func(context.Context) // says that the prompt comes late; nil if they know
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
func (c *commands) standing(ctx context.Context, log *slog.Logger, who asker, ids []chamelio.TaskID) (func() []previewed, policy.Cleared, policy.Verdict) {
	var early chan []previewed
	cleared, v := c.gate.standing(ctx, policy.Question{
		Moment: policy.AtCommand,
		Origin: originOf(who.origin),
		Place:  policy.Place{Channel: policy.ChannelID(who.channel), Workspace: policy.TeamID(who.team)},
		User:   policy.UserID(who.user), Several: len(ids) > 1,
	}, func() {
		early = make(chan []previewed, 1)
		go func() { early <- c.previews(ctx, log, who, ids) }()
	})
	return func() []previewed {
		if early != nil {
			return <-early
		}
		return c.previews(ctx, log, who, ids)
	}, cleared, v
}

// consider judges the person and gets the tasks. It reveals nothing about a
// task to a person who may not see it.
func (c *commands) consider(ctx context.Context, log *slog.Logger, who asker, req input.Request) considered {
	asking, cancel := context.WithCancel(chamelio.OnBehalfOf(ctx, who.user))
	defer cancel() // of previews that no one waits for
	tasks, cleared, v := c.standing(asking, log, who, req.Tasks)
	if !v.Allowed() {
		return c.refuse(ctx, log, who, refusedFor{v, req.Tasks})
	}
	pause := c.paused.atCommand(asking, log)
	all, mayOne := tasks(), false
	var in []previewed
	var out []texts.Excluded
	var refused []refusedFor
	for _, one := range all {
		if one.err == nil {
			c.workflows.see(log, one.task.Workflow)
		}
		if len(all) > 1 && errors.Is(one.err, chamelio.ErrRateLimited) {
			log.Info("task details unavailable", "without", one.id, "cause", one.err)
			out = append(out, c.texts.ExcludeUnseen(one.id))
			continue
		}
		// A task that doesn't exist has no people on it, and the answer may say so.
		v := cleared.OnTask(asking, one.facts)
		mayOne = mayOne || v.Allowed()
		if !v.Allowed() && !c.texts.Explains(one.err) {
			log.Warn("task refused", "refused", one.id, "reason", string(v.Code), "cause", v.Cause)
			refused, out = alsoRefused(refused, v, one.id), append(out, c.texts.ExcludeRefused(v, one.id))
		} else if why, ok := c.texts.Exclude(one.id, one.task, one.err); ok {
			out = append(out, why)
		} else {
			in = append(in, one)
		}
	}
	if len(refused) == 1 && len(refused[0].tasks) == len(all) {
		return c.refuse(ctx, log, who, refused[0])
	}
	for _, one := range refused {
		c.record(ctx, log, who, one)
	}
	over := len(in) == 0 && !slices.ContainsFunc(out, func(t texts.Excluded) bool { return !t.Over })
	switch {
	case pause.Active() && !over:
		if !mayOne { // the operator's note is for people who may cancel one of the tasks
			pause.Note = ""
		}
		return c.whilePaused(log, req.Tasks, pause, out)
	case len(in) == 0:
		return considered{explained: c.explain(log, all, out), over: over}
	}
	found := c.found(log, who, req, cleared, in)
	found.preview.Excluded = out
	c.details.KeepPrompt(found.confirmation, found.preview)
	if asked := found.confirmation; asked.Public && c.texts.OnlyApprover(asked.Requester) {
		return c.unapprovable(log, found)
	}
	log.Info("prompted", "confirmation", found.confirmation.ID)
	c.metrics.Commands.WithLabelValues("prompted").Inc()
	return found
}

// whilePaused answers a command while cancelling is paused.
func (c *commands) whilePaused(log *slog.Logger, tasks []chamelio.TaskID, pause journal.Pause, out []texts.Excluded) considered {
	log.Info("command answered; cancelling is paused")
	c.refused("paused")
	return considered{explained: c.texts.WithLeftOut(c.texts.Paused(pause.Note, tasks...), out)}
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
func (c *commands) explain(log *slog.Logger, all []previewed, out []texts.Excluded) texts.Message {
	c.metrics.Commands.WithLabelValues("explained").Inc()
	log.Info("command answered without a prompt", "status", string(all[0].task.Status), "cause", all[0].err)
	if len(all) == 1 {
		explained, _ := c.texts.NoPrompt(all[0].id, all[0].task, all[0].err)
		return explained
	}
	return c.texts.NothingToCancel(out)
}

// found returns the confirmation for tasks that can be cancelled.
func (c *commands) found(log *slog.Logger, who asker, req input.Request, cleared policy.Cleared, in []previewed) considered {
	shown := texts.Preview{Unsure: req.Unsure}
	public := false
	for _, one := range in {
		if one.err != nil {
			log.Info("task details unavailable", "without", one.id, "cause", one.err)
		}
		shown.Tasks = append(shown.Tasks, one.task)
		public = public || cleared.NeedsSecondPerson(one.facts)
	}
	confirmation := signed.Fit(c.confirmation(who, req.Reason, in, public, cleared.Untitled))
	return considered{confirmation: confirmation, preview: shown}
}

// unapprovable returns the answer to a command whose request no one could approve.
func (c *commands) unapprovable(log *slog.Logger, found considered) considered {
	c.metrics.Commands.WithLabelValues("explained").Inc()
	log.Info("command answered without a prompt", "reason", "no one else can approve")
	return considered{explained: c.texts.WithLeftOut(c.texts.NoApprover(found.confirmation), found.preview.Excluded)}
}

// refuse returns the answer to a command that is refused as a whole.
func (c *commands) refuse(ctx context.Context, log *slog.Logger, who asker, no refusedFor) considered {
	log.Warn("command refused", "reason", string(no.Code), "cause", no.Cause)
	c.metrics.Commands.WithLabelValues("refused").Inc()
	c.record(ctx, log, who, no)
	return considered{explained: c.texts.Refused(no.Verdict, no.tasks...)}
}

// record counts and records a refusal.
func (c *commands) record(ctx context.Context, log *slog.Logger, who asker, no refusedFor) {
	c.metrics.Refusals.WithLabelValues("command", string(no.Code)).Inc()
	c.gate.record(ctx, log, decision.Note{Tasks: no.tasks, Team: who.team, Channel: who.channel, Person: who.user, Code: string(no.Code)})
}

// refused counts a refusal.
func (c *commands) refused(reason string) {
	c.metrics.Commands.WithLabelValues("refused").Inc()
	c.metrics.Refusals.WithLabelValues("command", reason).Inc()
}

// confirmation returns what the buttons of the prompt carry.
func (c *commands) confirmation(who asker, reason string, in []previewed, public, untitled bool) decision.Confirmation {
	now := c.now()
	confirmation := decision.Confirmation{
		ID: signed.NewID(), Team: who.team, Channel: who.channel, Thread: who.thread, Requester: who.user, Reason: reason, Public: public, Untitled: untitled,
		RequestedAt: now, ExpiresAt: now.Add(c.confirmTTL),
	}
	for _, one := range in {
		one.task.ID = one.id
		confirmation.Tasks = append(confirmation.Tasks, texts.NameOf(one.task))
	}
	return confirmation
}

// previewed is a task from Chamelio for a prompt, or the error.
type previewed struct {
	id    chamelio.TaskID
	task  chamelio.Task
	facts policy.Task
	err   error
}

func notPreviewed(id chamelio.TaskID, err error) previewed {
	return previewed{id: id, err: err, facts: policy.Task{Cause: err}}
}

// previewsAtOnce is how many tasks of one command are fetched side by side.
const previewsAtOnce = 8

var errPanicked = errors.New("the preview panicked")

// rateWait is how much longer a prompt waits if only the key's rate limit is missing.
const rateWait = 6 * time.Second

// previews gets tasks, with a short timeout: someone is waiting, and the cancel request
// decides anyway. If the rate limit has been in the way, it says so, and tries once more.
func (c *commands) previews(ctx context.Context, log *slog.Logger, who asker, ids []chamelio.TaskID) []previewed {
	all := c.previewsWithin(ctx, log, c.previewLimit, ids)
	var missing []chamelio.TaskID
	for _, one := range all {
		if errors.Is(one.err, chamelio.ErrRateLimited) {
			missing = append(missing, one.id)
		}
	}
	if len(missing) == 0 || ctx.Err() != nil {
		return all
	}
	var saying sync.WaitGroup
	if who.late != nil {
		saying.Go(func() {
			defer work.RecoverPanic(log)
			ctx, cancel := context.WithTimeout(ctx, rateWait)
			defer cancel()
			who.late(ctx)
		})
	}
	for _, found := range c.previewsWithin(ctx, log, rateWait, missing) {
		all[slices.Index(ids, found.id)] = found
	}
	saying.Wait()
	return all
}

// previewsWithin gets tasks in parallel.
func (c *commands) previewsWithin(ctx context.Context, log *slog.Logger, limit time.Duration, ids []chamelio.TaskID) []previewed {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	all := make([]previewed, len(ids))
	getTask := c.tasks.Preview
	if len(ids) == 1 { // many would go before other people's
		getTask = c.tasks.Task
	}
	get := func(i int) {
		defer work.RecoverPanic(log)
		all[i] = notPreviewed(ids[i], errPanicked)
		all[i] = c.preview(ctx, ids[i], getTask)
	}
	var getting errgroup.Group
	getting.SetLimit(previewsAtOnce)
	for i := range ids[1:] {
		getting.Go(func() error { get(i + 1); return nil })
	}
	get(0)             // in this goroutine: most commands name one task
	_ = getting.Wait() // they return nothing
	return all
}

func (c *commands) preview(ctx context.Context, id chamelio.TaskID, get func(context.Context, chamelio.TaskID) (chamelio.Task, error)) previewed {
	ctx, end := c.trace.Step(ctx, "preview", attribute.Int64("chamelio.task", int64(id)))
	asked := time.Now()
	task, err := get(ctx, id)
	end(err)
	if err != nil {
		return notPreviewed(id, err)
	}
	facts := factsOf(task, asked)
	c.details.Keep(task)
	c.gate.checker.KeepTask(int64(id), facts)
	return previewed{id: id, task: task, facts: facts}
}
