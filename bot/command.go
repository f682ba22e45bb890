package bot

import (
	"context"
	"log/slog"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"golang.org/x/sync/errgroup"

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
	cleared, v := c.gate.standing(ctx, policy.Question{
		Moment: policy.AtCommand,
		Origin: originOf(cmd.Origin()),
		Place:  policy.Place{Channel: policy.ChannelID(cmd.Channel), Workspace: policy.TeamID(cmd.TeamID)},
		User:   policy.UserID(cmd.User),
	})
	if !v.Allowed() {
		return c.refuse(log, cmd, req.Tasks, v)
	}
	all := c.previews(ctx, req.Tasks)
	if len(all) == 1 {
		return c.promptForOne(ctx, log, cmd, req, cleared, all[0])
	}
	return c.promptForSeveral(ctx, log, cmd, req, cleared, all)
}

// promptForOne answers a command about one task.
func (c *commands) promptForOne(ctx context.Context, log *slog.Logger, cmd slackapi.Command, req input.Request, cleared policy.Cleared, one previewed) reply {
	// Nothing about the task is shown before this check. A task that doesn't
	// exist has no people on it, and the answer may say so.
	if v := cleared.OnTask(ctx, one.people()); !v.Allowed() && !c.texts.Explains(one.err) {
		return c.refuse(log, cmd, req.Tasks, v)
	}
	if explained, ok := c.texts.NoPrompt(one.id, one.task, one.err); ok {
		c.metrics.Commands.WithLabelValues("explained").Inc()
		log.Info("command answered without a prompt", "status", string(one.task.Status), "cause", one.err)
		return alone(explained)
	}
	return c.prompt(ctx, log, cmd, req, cleared, []previewed{one}, nil)
}

// promptForSeveral answers a command about several tasks. Each is judged by
// itself: those that can't be cancelled don't stop the others.
func (c *commands) promptForSeveral(ctx context.Context, log *slog.Logger, cmd slackapi.Command, req input.Request, cleared policy.Cleared, all []previewed) reply {
	var in []previewed
	var out []texts.Excluded
	var no policy.Verdict
	var refused []chamelio.TaskID
	for _, one := range all {
		if v := cleared.OnTask(ctx, one.people()); !v.Allowed() && !c.texts.Explains(one.err) {
			log.Warn("a task is left out of a prompt", "left_out", one.id, "reason", string(v.Code), "cause", v.Cause)
			no, refused, out = v, append(refused, one.id), append(out, c.texts.ExcludeRefused(v, one.id))
			continue
		}
		if why, ok := c.texts.Exclude(one.id, one.task, one.err); ok {
			out = append(out, why)
			continue
		}
		in = append(in, one)
	}
	var answer reply
	switch {
	case len(refused) == len(all):
		return c.refuse(log, cmd, req.Tasks, no)
	case len(in) == 0:
		c.metrics.Commands.WithLabelValues("explained").Inc()
		log.Info("command answered without a prompt")
		answer = alone(c.texts.NothingToCancel(out))
	default:
		answer = c.prompt(ctx, log, cmd, req, cleared, in, out)
	}
	if len(refused) > 0 {
		c.metrics.Refusals.WithLabelValues("command", string(no.Code)).Inc()
		answer.refusal = refusalOf(cmd, refused, no)
	}
	return answer
}

// prompt answers a command with a prompt, or posts a request.
func (c *commands) prompt(ctx context.Context, log *slog.Logger, cmd slackapi.Command, req input.Request, cleared policy.Cleared, in []previewed, out []texts.Excluded) reply {
	shown := texts.Preview{Excluded: out, Unsure: req.Unsure}
	public := false
	for _, one := range in {
		if one.err != nil {
			log.Info("a task's details are unavailable", "without", one.id, "cause", one.err)
		}
		shown.Tasks = append(shown.Tasks, one.task)
		public = public || cleared.NeedsSecondPerson(one.people())
	}
	confirmation := signed.Fit(c.confirmation(cmd, req, in, public))
	log.Info("prompted", "confirmation", confirmation.ID)
	c.metrics.Commands.WithLabelValues("prompted").Inc()
	prompt := c.texts.Prompt(confirmation, shown, c.signer.Encode(confirmation))
	if public {
		return c.requests.ask(ctx, log, confirmation, prompt)
	}
	return alone(prompt)
}

func (c *commands) refuse(log *slog.Logger, cmd slackapi.Command, tasks []chamelio.TaskID, no policy.Verdict) reply {
	log.Warn("command refused", "reason", string(no.Code), "cause", no.Cause)
	c.refused(string(no.Code))
	a := alone(c.texts.Refused(no, tasks...))
	a.refusal = refusalOf(cmd, tasks, no)
	return a
}

func refusalOf(cmd slackapi.Command, tasks []chamelio.TaskID, no policy.Verdict) *decision.Note {
	return &decision.Note{Tasks: tasks, Team: cmd.TeamID, Channel: cmd.Channel, Person: cmd.User, Code: string(no.Code)}
}

// refused counts a refusal.
func (c *commands) refused(reason string) {
	c.metrics.Commands.WithLabelValues("refused").Inc()
	c.metrics.Refusals.WithLabelValues("command", reason).Inc()
}

// confirmation returns what the buttons of the prompt carry.
func (c *commands) confirmation(cmd slackapi.Command, req input.Request, in []previewed, public bool) decision.Confirmation {
	now := c.now()
	confirmation := decision.Confirmation{
		ID: signed.NewID(), Team: cmd.TeamID, Channel: cmd.Channel, Requester: cmd.User, Reason: req.Reason, Public: public,
		RequestedAt: now, ExpiresAt: now.Add(c.confirmTTL),
	}
	for _, one := range in {
		title := input.Shorten(input.Clean(one.task.Title), texts.MaxTitle)
		confirmation.Tasks = append(confirmation.Tasks, decision.Named{ID: one.id, Title: title, URL: one.task.URL})
	}
	return confirmation
}

// previewed is a task as Chamelio returned it for a prompt, or why it didn't.
type previewed struct {
	id   chamelio.TaskID
	task chamelio.Task
	err  error
}

// people returns what the policy needs to know about the task.
func (p previewed) people() policy.Task { return peopleOn(p.task, p.err) }

// previewsAtOnce is how many tasks of one command are fetched side by side.
const previewsAtOnce = 8

// previews gets tasks, side by side, with a short timeout: someone is waiting,
// and the cancel request decides anyway.
func (c *commands) previews(ctx context.Context, ids []chamelio.TaskID) []previewed {
	ctx, cancel := context.WithTimeout(ctx, c.previewLimit)
	defer cancel()
	all := make([]previewed, len(ids))
	var getting errgroup.Group
	getting.SetLimit(previewsAtOnce)
	for i, id := range ids {
		getting.Go(func() error {
			task, err := c.preview(ctx, id)
			all[i] = previewed{id, task, err}
			return nil
		})
	}
	_ = getting.Wait() // they return nothing
	return all
}

func (c *commands) preview(ctx context.Context, id chamelio.TaskID) (chamelio.Task, error) {
	ctx, end := c.trace.Step(ctx, "preview", attribute.Int64("chamelio.task", int64(id)))
	asked := time.Now()
	task, err := c.tasks.Preview(ctx, id)
	end(err)
	if err == nil {
		c.details.Keep(task, asked)
	}
	return task, err
}
