package bot

import (
	"context"
	"encoding/json"
	"log/slog"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/slack-go/slack"
	"go.opentelemetry.io/otel/attribute"
)

// How much is taken on at once. Workers mostly wait for Slack or Chamelio, so
// there are many; what does not fit is refused kindly, never left hanging.
const (
	workersAtOnce  = 256
	commandsTaken  = 1024
	clicksTaken    = 2048
	refusalsTaken  = 256
	refusalsAtOnce = 8

	// rememberedEnvelopes bounds the memory for deliveries that come twice.
	rememberedEnvelopes = 8192
)

// dispatcher finds a worker for each envelope, so that it can be acknowledged
// at once. Commands and clicks have workers of their own: a flood of one does
// not hold up the other.
type dispatcher struct {
	bot      *Bot
	log      *slog.Logger
	ctx      context.Context // the workers'
	commands *pool
	clicks   *pool
	refusals *pool
	seen     *lru.Cache[string, struct{}] // envelope ids
}

func newDispatcher(b *Bot) *dispatcher {
	seen, err := lru.New[string, struct{}](rememberedEnvelopes)
	if err != nil {
		panic(err) // only for a size below one
	}
	return &dispatcher{
		bot: b, log: b.log, seen: seen,
		commands: newPool(workersAtOnce, commandsTaken, b.log),
		clicks:   newPool(workersAtOnce, clicksTaken, b.log),
		refusals: newPool(refusalsAtOnce, refusalsTaken, b.log),
	}
}

// start gives the workers their context. It comes before the first receive.
func (d *dispatcher) start(ctx context.Context) { d.ctx = ctx }

// receive is the listener's receiver: it never blocks.
func (d *dispatcher) receive(e envelope) (ackPayload any) {
	if again, _ := d.seen.ContainsOrAdd(e.ID, struct{}{}); again {
		d.log.Info("an envelope came twice; the second is ignored", "envelope", e.ID)
		return nil
	}
	log := d.log.With("envelope", e.ID)
	switch e.Type {
	case "slash_commands":
		taken := d.commands.try(d.ctx, func(ctx context.Context) {
			d.traced(ctx, "command", e.ID, func(ctx context.Context) { d.command(ctx, log, e.Payload) })
		})
		if !taken && e.AcceptsAck {
			log.Warn("a command was turned away", "stopping", d.bot.draining.Load())
			return d.busy().ackPayload()
		}
	case "interactive":
		taken := d.clicks.try(d.ctx, func(ctx context.Context) {
			d.traced(ctx, "click", e.ID, func(ctx context.Context) { d.click(ctx, log, e.Payload) })
		})
		if !taken {
			log.Warn("a click was turned away", "stopping", d.bot.draining.Load())
			d.refusals.try(d.ctx, func(ctx context.Context) { d.turnAway(ctx, log, e.Payload) })
		}
	default:
		log.Debug("ignored an envelope of a type that the app does not ask for", "type", e.Type)
	}
	return nil
}

// traced runs a job in a span: the trace of an envelope begins here.
func (d *dispatcher) traced(ctx context.Context, name, envelope string, job func(context.Context)) {
	ctx, end := d.bot.trace.step(ctx, name, attribute.String("slack.envelope", envelope))
	defer end(nil)
	job(ctx)
}

func (d *dispatcher) command(ctx context.Context, log *slog.Logger, payload json.RawMessage) {
	var cmd slack.SlashCommand
	if err := json.Unmarshal(payload, &cmd); err != nil {
		log.Warn("ignored a command that is not the documented JSON")
		return
	}
	d.bot.command(ctx, log, cmd)
}

func (d *dispatcher) click(ctx context.Context, log *slog.Logger, payload json.RawMessage) {
	click, err := parseClick(payload)
	if err != nil {
		log.Warn("ignored a click", "reason", err)
		return
	}
	d.bot.click(ctx, log, click)
}

// turnAway tells whoever clicked that it did not count. The buttons stay.
func (d *dispatcher) turnAway(ctx context.Context, log *slog.Logger, payload json.RawMessage) {
	click, err := parseClick(payload)
	if err != nil {
		return
	}
	d.bot.tell(ctx, log, click.responseURL, d.busy(), beside)
}

func (d *dispatcher) busy() message {
	if d.bot.draining.Load() {
		return d.bot.words.restarting()
	}
	return d.bot.words.overloaded()
}

func (d *dispatcher) close() {
	d.commands.close()
	d.clicks.close()
}

// wait waits for commands and clicks; then for the refusals, which only they
// and a closed dispatcher cause.
func (d *dispatcher) wait(ctx context.Context) bool {
	return d.commands.wait(ctx) && d.clicks.wait(ctx)
}
