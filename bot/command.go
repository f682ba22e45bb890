package bot

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"github.com/cancelbot/cancelbot/bot/internal/carry"
	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/input"
	"github.com/cancelbot/cancelbot/bot/internal/observe"
	"github.com/cancelbot/cancelbot/bot/internal/policy"
	"github.com/cancelbot/cancelbot/bot/internal/signed"
	"github.com/cancelbot/cancelbot/bot/internal/slackapi"
	"github.com/cancelbot/cancelbot/bot/internal/texts"
	"github.com/cancelbot/cancelbot/bot/internal/work"
	"github.com/cancelbot/cancelbot/chamelio"
)

// previewer gets a task when nothing more important waits for the rate limit.
type previewer interface {
	Preview(context.Context, chamelio.TaskID) (chamelio.Task, error)
}

// commands answers commands: with a prompt, or with an explanation why there is
// none.
type commands struct {
	gate         *gate
	tasks        previewer
	details      *carry.Details
	signer       signed.Signer
	requests     *requests
	texts        texts.Texts
	limit        *work.Limit
	previewLimit time.Duration
	confirmTTL   time.Duration
	hosts        []string
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
	req, err := input.ParseCommand(cmd.Text, c.hosts)
	if err != nil {
		log.Info("command not understood", "reason", err)
		c.metrics.Commands.WithLabelValues("not_understood").Inc()
		return alone(c.texts.NotUnderstood(err))
	}
	log = log.With("task", req.Task)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // of a preview that no one waits for
	seen := make(chan preview, 1)
	cleared, v := c.gate.standing(ctx, policy.Question{
		Moment: policy.AtCommand,
		Origin: originOf(cmd.Origin()),
		Place:  policy.Place{Channel: policy.ChannelID(cmd.Channel), Workspace: policy.TeamID(cmd.TeamID)},
		User:   policy.UserID(cmd.User),
	}, func() { go func() { seen <- c.preview(ctx, log, req.Task) }() })
	if !v.Allowed() {
		return c.refuse(log, cmd, req, v)
	}
	got := <-seen
	task, err := got.task, got.err
	// Nothing about the task is shown before this check. A task that doesn't
	// exist has no people on it, and the answer may say so.
	if v := cleared.OnTask(ctx, got.facts); !v.Allowed() && !c.texts.Explains(err) {
		return c.refuse(log, cmd, req, v)
	}
	if explained, ok := c.texts.NoPrompt(req.Task, task, err); ok {
		c.metrics.Commands.WithLabelValues("explained").Inc()
		log.Info("command answered without a prompt", "status", string(task.Status), "cause", err)
		return alone(explained)
	}
	if err != nil {
		log.Info("the task's details are unavailable", "cause", err)
	}
	confirmation := c.confirmation(cmd, req, task, cleared.NeedsSecondPerson(got.facts))
	log.Info("prompted", "confirmation", confirmation.ID)
	c.metrics.Commands.WithLabelValues("prompted").Inc()
	prompt := c.texts.Prompt(confirmation, task, c.signer.Encode(confirmation), req.Unsure)
	if confirmation.Public {
		return c.requests.ask(ctx, log, confirmation, prompt)
	}
	return alone(prompt)
}

func (c *commands) refuse(log *slog.Logger, cmd slackapi.Command, req input.Request, no policy.Verdict) reply {
	log.Warn("command refused", "reason", string(no.Code), "cause", no.Cause)
	c.refused(string(no.Code))
	a := alone(c.texts.Refused(no, req.Task))
	a.refusal = &decision.Note{TaskID: int64(req.Task), Team: cmd.TeamID, Channel: cmd.Channel, Person: cmd.User, Code: string(no.Code)}
	return a
}

// refused counts a refusal.
func (c *commands) refused(reason string) {
	c.metrics.Commands.WithLabelValues("refused").Inc()
	c.metrics.Refusals.WithLabelValues("command", reason).Inc()
}

// confirmation returns what the buttons of the prompt carry.
func (c *commands) confirmation(cmd slackapi.Command, req input.Request, task chamelio.Task, public bool) decision.Confirmation {
	now := c.now()
	return decision.Confirmation{
		ID: signed.NewID(), Task: req.Task, Title: input.Shorten(input.Clean(task.Title), texts.MaxTitle), URL: task.URL,
		Team: cmd.TeamID, Channel: cmd.Channel, Requester: cmd.User, Reason: req.Reason, Public: public,
		RequestedAt: now, ExpiresAt: now.Add(c.confirmTTL),
	}
}

// preview is a task as a prompt shows it, or why there is none.
type preview struct {
	task  chamelio.Task
	facts policy.Task
	err   error
}

var errPanicked = errors.New("the preview panicked")

// preview gets the task, with a short timeout: someone is waiting, and the
// cancel request decides anyway.
func (c *commands) preview(ctx context.Context, log *slog.Logger, id chamelio.TaskID) (p preview) {
	p = preview{err: errPanicked, facts: policy.Task{Cause: errPanicked}}
	defer work.RecoverPanic(log)
	ctx, end := c.trace.Step(ctx, "preview", attribute.Int64("chamelio.task", int64(id)))
	ctx, cancel := context.WithTimeout(ctx, c.previewLimit)
	defer cancel()
	asked := time.Now()
	task, err := c.tasks.Preview(ctx, id)
	end(err)
	if err != nil {
		return preview{err: err, facts: policy.Task{Cause: err}}
	}
	p = preview{task: task, facts: factsOf(task, asked)}
	c.details.Keep(task, asked)
	c.gate.checker.KeepTask(int64(id), p.facts)
	return p
}
