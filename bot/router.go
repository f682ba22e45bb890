package bot

import (
	"context"
	"encoding/json"
	"log/slog"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"go.opentelemetry.io/otel/attribute"

	"github.com/cancelbot/cancelbot/bot/internal/observe"
	"github.com/cancelbot/cancelbot/bot/internal/slackapi"
	"github.com/cancelbot/cancelbot/bot/internal/texts"
	"github.com/cancelbot/cancelbot/bot/internal/work"
)

// How much is taken on at once. Workers mostly wait for Slack or Chamelio, so
// there are many; what does not fit is refused kindly, never left hanging.
const (
	workersAtOnce     = 256
	commandsQueueSize = 1024
	clicksQueueSize   = 2048
	refusalsAtOnce    = 8
	refusalsQueueSize = 256

	// maxRememberedEnvelopes bounds the memory for deliveries that come twice.
	maxRememberedEnvelopes = 8192
)

// router finds a worker for each envelope, so that it can be acknowledged at
// once. Commands and clicks have workers of their own: a flood of one does not
// hold up the other.
type router struct {
	commands *commands
	clicks   *clicks
	poster   *slackapi.Poster
	texts    texts.Texts
	trace    *observe.Tracer
	log      *slog.Logger
	stopping func() bool

	ctx      context.Context // the workers'
	typed    *work.Pool
	pressed  *work.Pool
	turnedBy *work.Pool                   // away
	seen     *lru.Cache[string, struct{}] // envelope ids
}

// accept takes an envelope before it is acknowledged. It never blocks. It
// returns what the acknowledgement carries, and the work that follows it.
func (r *router) accept(e envelope) (ack any, work func()) {
	if again, _ := r.seen.ContainsOrAdd(e.ID, struct{}{}); again {
		return nil, nil // delivered twice
	}
	log := r.log.With("envelope", e.ID)
	switch e.Type {
	case "slash_commands":
		job := r.typed.Reserve(func(ctx context.Context) { r.command(ctx, log, e) })
		if job == nil && e.AcceptsAck {
			return slackapi.CommandAck(r.busy()), func() { log.Warn("a command was turned away", "stopping", r.stopping()) }
		}
		return nil, r.start(job)
	case "interactive":
		if submission, is := slackapi.ParseSubmission(e.Payload); is {
			return r.submitted(log, e, submission)
		}
		job := r.pressed.Reserve(func(ctx context.Context) { r.click(ctx, log, e) })
		if job == nil {
			job = r.turnedBy.Reserve(func(ctx context.Context) { r.turnAway(ctx, log, e) })
		}
		return nil, r.start(job)
	}
	return nil, nil // of a type that the app does not ask for
}

func (r *router) start(job func(context.Context)) func() {
	if job == nil {
		return nil
	}
	return func() { job(r.ctx) }
}

// command and click begin the trace of an envelope.
func (r *router) command(ctx context.Context, log *slog.Logger, e envelope) {
	ctx, end := r.trace.Step(ctx, "command", attribute.String("slack.envelope", e.ID))
	defer end(nil)
	cmd, err := slackapi.ParseCommand(e.Payload)
	if err != nil {
		log.Warn("ignored a command", "reason", err)
		return
	}
	r.commands.handle(ctx, log, cmd)
}

func (r *router) click(ctx context.Context, log *slog.Logger, e envelope) {
	ctx, end := r.trace.Step(ctx, "click", attribute.String("slack.envelope", e.ID))
	defer end(nil)
	k, err := slackapi.ParseClick(e.Payload, e.Received)
	if err != nil {
		log.Warn("ignored a click", "reason", err)
		return
	}
	r.clicks.handle(ctx, log, k)
}

// turnAway tells whoever clicked that it did not count. The buttons stay.
func (r *router) turnAway(ctx context.Context, log *slog.Logger, e envelope) {
	log.Warn("a click was turned away", "stopping", r.stopping())
	k, err := slackapi.ParseClick(e.Payload, e.Received)
	if err != nil {
		return
	}
	r.poster.Answer(ctx, log, k.ResponseURL, r.busy(), slackapi.Ephemeral)
}

func (r *router) busy() texts.Message {
	if r.stopping() {
		return r.texts.Restarting()
	}
	return r.texts.Overloaded()
}

// load returns how many commands and clicks are accepted and not done.
func (r *router) load() int { return r.typed.Load() + r.pressed.Load() }

// close stops taking commands and clicks on: they are turned away.
func (r *router) close() {
	r.typed.Close()
	r.pressed.Close()
}

// wait waits for what was taken on; false if ctx ended first.
func (r *router) wait(ctx context.Context) bool { return r.typed.Wait(ctx) && r.pressed.Wait(ctx) }

// closeRefusals ends turning away, which only they and a closed router cause.
func (r *router) closeRefusals(ctx context.Context) {
	r.turnedBy.Close()
	r.turnedBy.Wait(ctx)
}

// envelope is what Socket Mode delivers.
type envelope struct {
	ID, Type   string
	Payload    json.RawMessage
	AcceptsAck bool
	Received   time.Time
}
