package bot

import (
	"context"
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

// commands answers commands: with a prompt, or with a private explanation why
// there is none.
type commands struct {
	gate         *gate
	tasks        previewer
	details      *carry.Details
	signer       signed.Signer
	poster       *slackapi.Poster
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

func (c *commands) handle(ctx context.Context, log *slog.Logger, cmd slackapi.Command) {
	log = log.With("user", cmd.User, "channel", cmd.Channel)
	if !c.limit.Allow(cmd.User) {
		log.Warn("command refused", "reason", "too many commands")
		c.metrics.Refusals.WithLabelValues("command", "too_many_commands").Inc()
		c.poster.Answer(ctx, log, cmd.ResponseURL, c.texts.TooFast(c.limit.PerMinute), slackapi.Ephemeral)
		return
	}
	answer, request := c.answer(ctx, log, cmd)
	if request != nil {
		c.requests.ask(ctx, log, cmd.ResponseURL, *request, answer)
		return
	}
	c.poster.Answer(ctx, log, cmd.ResponseURL, answer, slackapi.Ephemeral)
}

// answer is what the requester alone reads; or a request that everybody in the
// channel does.
func (c *commands) answer(ctx context.Context, log *slog.Logger, cmd slackapi.Command) (_ texts.Message, request *decision.Confirmation) {
	req, err := input.ParseCommand(cmd.Text, c.hosts)
	if err != nil {
		log.Info("command not understood", "reason", err)
		c.metrics.Commands.WithLabelValues("not understood").Inc()
		return c.texts.NotUnderstood(err), nil
	}
	log = log.With("task", req.Task)
	cleared, v := c.gate.standing(ctx, policy.Question{
		Moment: policy.AtCommand,
		Origin: originOf(cmd.Origin()),
		Place:  policy.Place{Channel: policy.ChannelID(cmd.Channel), Workspace: policy.TeamID(cmd.TeamID)},
		User:   policy.UserID(cmd.User),
	})
	if !v.Allowed() {
		return c.refuse(ctx, log, cmd, req, v), nil
	}
	task, err := c.preview(ctx, req.Task)
	// Before anything of the task is shown; a task that is not there has
	// nobody on it, and may be said so.
	facts := peopleOn(task, err)
	if v := cleared.OnTask(ctx, facts); !v.Allowed() && !c.texts.Explains(err) {
		return c.refuse(ctx, log, cmd, req, v), nil
	}
	if explained, ok := c.texts.NoPrompt(req.Task, task, err); ok {
		c.metrics.Commands.WithLabelValues("explained").Inc()
		log.Info("command answered without a prompt", "status", string(task.Status), "cause", err)
		return explained, nil
	}
	if err != nil {
		log.Info("the task's details are unavailable", "cause", err)
	}
	return c.prompt(log, cmd, req, task, cleared.NeedsSecondPerson(facts))
}

func (c *commands) refuse(ctx context.Context, log *slog.Logger, cmd slackapi.Command, req input.Request, no policy.Verdict) texts.Message {
	log.Warn("command refused", "reason", string(no.Code), "cause", no.Cause)
	c.metrics.Commands.WithLabelValues("refused").Inc()
	c.metrics.Refusals.WithLabelValues("command", string(no.Code)).Inc()
	c.gate.record(ctx, log, decision.Note{TaskID: int64(req.Task), Team: cmd.TeamID, Channel: cmd.Channel, Person: cmd.User, Code: string(no.Code)})
	return c.texts.Refused(no, req.Task)
}

// prompt makes the message with the buttons.
func (c *commands) prompt(log *slog.Logger, cmd slackapi.Command, req input.Request, task chamelio.Task, public bool) (_ texts.Message, request *decision.Confirmation) {
	now := c.now()
	confirm := decision.Confirmation{
		ID: signed.NewID(), Task: req.Task, Title: input.Shorten(input.Clean(task.Title), texts.MaxTitle), URL: task.URL,
		Team: cmd.TeamID, Channel: cmd.Channel, Requester: cmd.User, Reason: req.Reason, Public: public,
		RequestedAt: now, ExpiresAt: now.Add(c.confirmTTL),
	}
	log.Info("prompted", "confirmation", confirm.ID)
	c.metrics.Commands.WithLabelValues("prompted").Inc()
	if public {
		request = &confirm
	}
	return c.texts.Prompt(confirm, task, c.signer.Encode(confirm), req.Unsure), request
}

// preview looks at the task, but not for long: somebody is waiting, and the
// cancel call is the judge anyway.
func (c *commands) preview(ctx context.Context, id chamelio.TaskID) (chamelio.Task, error) {
	ctx, end := c.trace.Step(ctx, "preview", attribute.Int64("chamelio.task", int64(id)))
	ctx, cancel := context.WithTimeout(ctx, c.previewLimit)
	defer cancel()
	asked := time.Now()
	task, err := c.tasks.Preview(ctx, id)
	end(err)
	if err == nil {
		c.details.Keep(task, asked)
	}
	return task, err
}
