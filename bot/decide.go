package bot

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/journal"
	"github.com/cancelbot/cancelbot/bot/internal/signed"
	"github.com/cancelbot/cancelbot/bot/internal/texts"
	"github.com/cancelbot/cancelbot/bot/internal/work"
)

// claims is what deciding needs of the journal.
type claims interface {
	Claim(context.Context, decision.Record) (journal.Claim, error)
	Withdraw(context.Context, decision.Record) (first decision.Record, withdrawn bool, err error)
	GiveUp(context.Context, journal.Lease) error
}

// decider turns a click into a decision, or finds out that another came first.
type decider struct {
	journal   claims
	set       *workingSet
	carry     func(h *holding, responses *prompt) // carries a decision out; in a goroutine of its own
	followers *followers
	poster    *poster
	signer    signed.Signer
	texts     texts.Texts
	metrics   *metrics
	trace     *tracer

	ctx     context.Context // of work that outlives a click's own
	work    *work.Group
	mu      sync.Mutex
	unclear map[decision.ID]*unclearClick
}

// decisionOf is what a click asks for, with the MAC that makes it genuine.
func (d *decider) decisionOf(k click, c decision.Confirmation) decision.Record {
	decision := decision.Record{
		ID: decision.ID(c.ID), TaskID: int64(c.Task), Title: c.Title, URL: c.URL, Team: c.Team, Channel: c.Channel,
		Requester: c.Requester, Confirmer: k.user, Reason: c.Reason,
		// To the millisecond, as the journal keeps it: the MAC covers it.
		RequestedAt: c.RequestedAt, DecidedAt: k.received.UTC().Truncate(time.Millisecond),
		ResponseURL: k.responseURL, Confirmation: k.value,
	}
	decision.MAC = d.signer.SignClick(decision)
	return decision
}

// decide claims the decision and, if it wins, has it carried out.
func (d *decider) decide(ctx context.Context, log *slog.Logger, k click, c decision.Confirmation) {
	if ctx.Err() != nil {
		return // stopping: nothing was promised yet
	}
	if !d.set.reserve() {
		log.Warn("a click was turned away: too many decisions are under way")
		d.poster.tell(ctx, log, k.responseURL, d.texts.Overloaded(), ephemeral)
		return
	}
	defer d.set.unreserve()
	mine := d.decisionOf(k, c)
	claiming, claimed := d.trace.step(ctx, "claim", attribute.String("cancelbot.confirmation", c.ID), attribute.Int64("chamelio.task", int64(c.Task)))
	claim, err := d.journal.Claim(claiming, mine)
	claimed(err)
	if err != nil {
		log.Error("the journal does not say whether it took a decision; finding out", "error", err)
		d.beginUnclear(ctx, log, k, c, mine)
		return
	}
	d.claimed(ctx, log, k, c, mine, claim, ephemeral)
}

// claimed goes on where the journal has answered. beside is where somebody
// reads that an earlier click on the same prompt counts.
func (d *decider) claimed(ctx context.Context, log *slog.Logger, k click, c decision.Confirmation, mine decision.Record, claim journal.Claim, beside placement) {
	winner := claim.Winner
	switch {
	case claim.Won:
		log.Info("decided")
		d.trace.begin(ctx, c.ID)
		d.begin(mine, claim.Lease, k)
	case winner.Outcome == decision.Withdrawn && winner.ID == mine.ID:
		log.Info("clicked after it was withdrawn")
		d.poster.tell(ctx, log, k.responseURL, d.texts.Withdrawn(c), replaceOriginal)
	case winner.ID == mine.ID && winner.ResponseURL != "" && winner.ResponseURL == mine.ResponseURL && beside == ephemeral:
		// Whoever has it answers it. A response_url has five uses: the
		// announcement may need the last.
		log.Info("the very same click was delivered twice")
	case winner.ID == mine.ID:
		// The prompt may still show its buttons, if Slack did not take its
		// update: it is put right when the outcome is known.
		log.Info("clicked, but an earlier click counts", "confirmer", winner.Confirmer)
		d.follow(ctx, log, k, c, winner, beside)
	default:
		log.Info("clicked, but another decision about the task came first", "winner", string(winner.ID))
		d.follow(ctx, log, k, c, winner, replaceOriginal)
	}
}

// begin has a claimed decision carried out, in a goroutine of its own.
func (d *decider) begin(decision decision.Record, l journal.Lease, k click) {
	h := d.set.add(d.trace.resume(d.ctx, string(decision.ID)), decision, l)
	p := newPrompt(h.ctx, d.ctx, maxProgress, func(ctx context.Context, m texts.Message) {
		d.poster.tell(ctx, h.log, k.responseURL, m, replaceOriginal)
	})
	p.soon(d.texts.Cancelling(decision))
	d.work.Run(func() { d.carry(h, p) })
}

// follow tells somebody whose click came second what is known of the first,
// and, where that is not all, what came of it when it is. A request in the
// channel is everybody's: nothing that is meant for one person replaces it.
func (d *decider) follow(ctx context.Context, log *slog.Logger, k click, c decision.Confirmation, winner decision.Record, where placement) {
	if c.Public && where == replaceOriginal {
		d.replaceRequest(ctx, log, k, c, winner)
		where = ephemeral
	}
	if !d.poster.tell(ctx, log, k.responseURL, d.texts.CameSecond(winner, k.user), where) {
		return
	}
	if winner.Outcome == "" && k.ephemeral {
		d.followers.add(winner.ID, func(ctx context.Context, decided decision.Record) {
			d.poster.tell(ctx, log, k.responseURL, d.texts.CameSecond(decided, k.user), replaceOriginal)
		})
	}
}

// replaceRequest shows everybody what became of a request by another click.
func (d *decider) replaceRequest(ctx context.Context, log *slog.Logger, k click, c decision.Confirmation, winner decision.Record) {
	show := func(ctx context.Context, decided decision.Record) {
		d.poster.tell(ctx, log, k.responseURL, d.texts.Overtaken(c, decided), replaceOriginal)
	}
	show(ctx, winner)
	if winner.Outcome == "" {
		d.followers.add(winner.ID, show)
	}
}

// keep answers the other button: the prompt is closed on record, so that a
// click already on its way finds it closed, and what the person reads is so.
func (d *decider) keep(ctx context.Context, log *slog.Logger, k click, c decision.Confirmation) {
	if c.Public && k.user != c.Requester {
		log.Info("click refused", "reason", "only the requester withdraws")
		d.poster.tell(ctx, log, k.responseURL, d.texts.NotYoursToWithdraw(c), ephemeral)
		return
	}
	if d.keepUnclear(decision.ID(c.ID)) {
		log.Info("kept while it is not known whether the decision was saved")
		return // told when it is known
	}
	first, withdrawn, err := d.journal.Withdraw(ctx, d.decisionOf(k, c))
	switch {
	case err != nil:
		log.Error("the journal does not take a withdrawal", "error", err)
		d.poster.tell(ctx, log, k.responseURL, d.texts.NotWithdrawn(c), ephemeral)
	case withdrawn && c.Public:
		log.Info("withdrawn")
		d.poster.tell(ctx, log, k.responseURL, d.texts.Withdrawn(c), replaceOriginal)
	case withdrawn:
		log.Info("kept")
		d.poster.tell(ctx, log, k.responseURL, d.texts.Kept(c), replaceOriginal)
	default:
		log.Info("a decision came before the withdrawal")
		d.poster.tell(ctx, log, k.responseURL, d.texts.TooLateToWithdraw(c, first, k.user), ephemeral)
	}
}

// late answers a click on a prompt that has expired. What was decided before
// it did is not talked over.
func (d *decider) late(ctx context.Context, log *slog.Logger, k click, c decision.Confirmation) {
	first, err := d.followers.journal.Get(ctx, decision.ID(c.ID))
	switch {
	case err == nil && first.Outcome == decision.Withdrawn:
		d.poster.tell(ctx, log, k.responseURL, d.texts.Withdrawn(c), replaceOriginal)
	case err == nil:
		d.follow(ctx, log, k, c, first, ephemeral)
	case errors.Is(err, journal.ErrGone):
		d.poster.tell(ctx, log, k.responseURL, d.texts.RanOut(c), replaceOriginal)
	default:
		d.poster.tell(ctx, log, k.responseURL, d.texts.Expired(c), ephemeral)
	}
}

// lost reports whether an error says that a decision is no longer ours.
func lost(err error) bool { return errors.Is(err, journal.ErrLost) }
