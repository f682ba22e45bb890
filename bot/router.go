package bot

import (
	"context"
	"encoding/json"
	"log/slog"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"go.opentelemetry.io/otel/attribute"

	"github.com/cancelbot/cancelbot/bot/internal/observe"
	"github.com/cancelbot/cancelbot/bot/internal/slackapi"
	"github.com/cancelbot/cancelbot/bot/internal/texts"
	"github.com/cancelbot/cancelbot/bot/internal/work"
)

// How many commands and clicks are accepted at once. Workers only wait for Slack
// and Chamelio, so there are many: a channel in which calls hang has to fill them
// all before it delays another one. Replies are sent outside of them (work.Aside),
// unless that is full. If there is no room, the person gets an answer.
const (
	workersAtOnce     = 1024
	commandsQueueSize = 1024
	clicksQueueSize   = 2048

	// maxRememberedEnvelopes is how many envelopes are remembered, to recognize
	// a second delivery and acknowledge it like the first.
	maxRememberedEnvelopes = 8192
)

// router finds a worker for each envelope, so that it can be acknowledged at
// once. Commands and clicks have separate workers: a flood of one doesn't delay
// the other.
type router struct {
	commands  *commands
	clicks    *clicks
	shortcuts *shortcuts
	poster    *slackapi.Poster
	texts     texts.Texts
	trace     *observe.Tracer
	log       *slog.Logger
	stopping  func() bool

	ctx     context.Context // the workers'
	typed   *work.Pool
	pressed *work.Pool
	aside   *work.Aside                   // of the workers, by channel
	seen    *lru.Cache[string, *delivery] // by event
}

func (b *Bot) newRouter(typed *commands, pressed *clicks, post *slackapi.Poster, words texts.Texts, spans *observe.Tracer) *router {
	return &router{
		commands: typed, clicks: pressed,
		shortcuts: &shortcuts{
			prompter: typed.prompter, rules: typed.rules,
			reasons: pressed.reasons, signer: typed.signer, poster: post, texts: words,
		},
		poster: post, texts: words, trace: spans, log: b.log,
		stopping: b.draining.Load, ctx: b.working,
		typed:   work.NewPool(workersAtOnce, commandsQueueSize, b.log),
		pressed: work.NewPool(workersAtOnce, clicksQueueSize, b.log),
		aside:   b.carrier.Aside,
		seen:    work.NewCache[string, *delivery](maxRememberedEnvelopes),
	}
}

// delivery is an event that was accepted.
type delivery struct {
	once sync.Once
	ack  any
}

// accept accepts an envelope. It never blocks. It returns the payload of the
// acknowledgement, and the work to start after it. A second delivery of the
// event, even in another envelope, gets the acknowledgement of the first, and
// starts nothing. The exception is an acknowledgement that shows a view: it replaces
// what the modal shows, so it comes with the work that shows something next.
func (r *router) accept(e envelope) (ack any, work func()) {
	d := new(delivery)
	if first, again, _ := r.seen.PeekOrAdd(slackapi.EventOf(e.ID, e.Payload), d); again {
		d = first
	}
	d.once.Do(func() { d.ack, work = r.acceptFirst(e) })
	if work == nil && slackapi.ShowsView(d.ack) {
		return r.acceptFirst(e)
	}
	return d.ack, work
}

func (r *router) acceptFirst(e envelope) (ack any, work func()) {
	log := r.log.With("envelope", e.ID)
	switch e.Type {
	case "slash_commands":
		return r.commandTyped(log, e)
	case "interactive":
		if submission, is := slackapi.ParseSubmission(e.Payload); is {
			return r.submitted(log, e, submission)
		}
		if m, is := slackapi.ParseShortcut(e.Payload, e.Received); is {
			return nil, r.shortcutUsed(log.With("user", m.User, "channel", m.Channel), m)
		}
		if job := r.pressed.Reserve(func(ctx context.Context) { r.click(ctx, log, e) }); job != nil {
			return nil, r.start(job)
		}
		return nil, r.turnAway(func(answered bool) {
			log.Warn("click turned away", "stopping", r.stopping(), "answered", answered)
		}, log, func() (slackapi.Target, error) {
			k, err := slackapi.ParseClick(e.Payload, e.Received, e.At)
			return k.Target(), err
		})
	}
	return nil, nil // of a type that the app doesn't use
}

// commandTyped accepts a command. Its acknowledgement says if it can't be handled.
func (r *router) commandTyped(log *slog.Logger, e envelope) (ack any, work func()) {
	cmd, err := slackapi.ParseCommand(e.ID, e.Payload)
	if err != nil {
		return nil, func() { log.Warn("command ignored", "reason", err) }
	}
	log = log.With("user", cmd.User, "channel", cmd.Channel)
	if tooMany, _ := r.commands.tooMany(log, cmd.User); tooMany {
		return said(e, r.commands.tooFast()), nil
	}
	if job := r.typed.Reserve(func(ctx context.Context) { r.command(ctx, log, e.ID, cmd) }); job != nil {
		return nil, r.start(job)
	}
	return said(e, r.busy()), func() { log.Warn("command turned away", "stopping", r.stopping()) }
}

// said returns the acknowledgement of a command that says m, if it can say anything.
func said(e envelope, m texts.Message) any {
	if !e.AcceptsAck {
		return nil
	}
	return slackapi.CommandAck(m)
}

// shortcutUsed accepts a use of the shortcut.
func (r *router) shortcutUsed(log *slog.Logger, m slackapi.Shortcut) (work func()) {
	use := func(ctx context.Context) { r.shortcut(ctx, log, m) }
	if tooMany, warn := r.commands.tooMany(log, m.User); tooMany {
		if !warn {
			return nil
		}
		use = func(ctx context.Context) { r.send(ctx, log, m.Target(), alone(r.commands.tooFast())) }
	}
	if job := r.typed.Reserve(use); job != nil {
		return r.start(job)
	}
	return r.turnAway(func(answered bool) {
		log.Warn("shortcut turned away", "stopping", r.stopping(), "answered", answered)
	}, log, func() (slackapi.Target, error) { return m.Target(), nil })
}

// start returns the work of an accepted envelope. It ends with the router, not with the
// connection.
func (r *router) start(job func(context.Context)) func() { return func() { job(r.ctx) } }

// command and click start the trace of an envelope.
func (r *router) command(ctx context.Context, log *slog.Logger, envelope string, cmd slackapi.Command) {
	ctx, end := r.trace.Step(ctx, "command", attribute.String("slack.envelope", envelope))
	defer end(nil)
	log = observe.Traced(ctx, log)
	r.send(ctx, log, cmd.Target(), r.commands.handle(ctx, log, cmd))
}

func (r *router) click(ctx context.Context, log *slog.Logger, e envelope) {
	ctx, end := r.trace.Step(ctx, "click", attribute.String("slack.envelope", e.ID))
	defer end(nil)
	k, err := slackapi.ParseClick(e.Payload, e.Received, e.At)
	if err != nil {
		log.Warn("click ignored", "reason", err)
		return
	}
	log = log.With("user", k.User)
	if refusal, is := r.clicks.tooMany(log, k); is {
		r.send(ctx, log, k.Target(), refusal)
		return
	}
	r.pressButton(ctx, log, k)
}

// pressButton handles a click. The log has its person.
func (r *router) pressButton(ctx context.Context, log *slog.Logger, k slackapi.Click) {
	log = observe.Traced(ctx, log).With("channel", k.Channel)
	r.send(ctx, log, k.Target(), r.clicks.handle(ctx, log, k))
}

// turnAway answers a click or a shortcut for which there is no room. If there is
// no room for the answer either, only the log has it. The buttons stay.
func (r *router) turnAway(record func(answered bool), log *slog.Logger, to func() (slackapi.Target, error)) func() {
	return func() {
		target, err := to()
		record(err == nil && r.aside.Try(r.ctx, target.Channel, func(ctx context.Context) {
			r.answer(ctx, log, target, alone(r.busy()))
		}))
	}
}

func (r *router) busy() texts.Message {
	if r.stopping() {
		return r.texts.Restarting()
	}
	return r.texts.Overloaded()
}

// stalled returns for how long commands or clicks have waited for a worker
// without one getting it.
func (r *router) stalled() time.Duration { return max(r.typed.Stalled(), r.pressed.Stalled()) }

// close makes the router turn away further commands and clicks.
func (r *router) close() {
	r.typed.Close()
	r.pressed.Close()
}

// wait waits for accepted commands and clicks. It returns false if ctx ends
// first.
func (r *router) wait(ctx context.Context) bool { return r.typed.Wait(ctx) && r.pressed.Wait(ctx) }

// envelope is a message from Slack over Socket Mode.
type envelope struct {
	ID, Type   string
	Payload    json.RawMessage
	AcceptsAck bool
	Received   time.Time // by this machine's clock
	At         time.Time // the same by the journal's
}
