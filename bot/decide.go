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
	"github.com/cancelbot/cancelbot/bot/internal/observe"
	"github.com/cancelbot/cancelbot/bot/internal/signed"
	"github.com/cancelbot/cancelbot/bot/internal/slackapi"
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
	poster    *slackapi.Poster
	signer    signed.Signer
	texts     texts.Texts
	metrics   *observe.Metrics
	trace     *observe.Tracer

	ctx     context.Context // of work that outlives a click's own
	work    *work.Group
	mu      sync.Mutex
	unclear map[decision.ID]*unclearClick
}

// decisionOf is what a click asks for, with the MAC that makes it genuine.
func (d *decider) decisionOf(k slackapi.Click, c decision.Confirmation) decision.Record {
	decision := decision.Record{
		ID: decision.ID(c.ID), TaskID: int64(c.Task), Title: c.Title, URL: c.URL, Team: c.Team, Channel: c.Channel,
		Requester: c.Requester, Confirmer: k.User, Reason: c.Reason,
		// To the millisecond, as the journal keeps it: the MAC covers it.
		RequestedAt: c.RequestedAt, DecidedAt: k.Received.UTC().Truncate(time.Millisecond),
		ResponseURL: k.ResponseURL, Confirmation: k.Value,
	}
	decision.MAC = d.signer.SignClick(decision)
	return decision
}

// decide claims the decision and, if it wins, has it carried out.
func (d *decider) decide(ctx context.Context, log *slog.Logger, k slackapi.Click, c decision.Confirmation) {
	if ctx.Err() != nil {
		return // stopping: nothing was promised yet
	}
	if !d.set.reserve() {
		log.Warn("a click was turned away: too many decisions are under way")
		d.poster.Answer(ctx, log, k.ResponseURL, d.texts.Overloaded(), slackapi.Ephemeral)
		return
	}
	defer d.set.unreserve()
	mine := d.decisionOf(k, c)
	claiming, claimed := d.trace.Step(ctx, "claim", attribute.String("cancelbot.confirmation", c.ID), attribute.Int64("chamelio.task", int64(c.Task)))
	claim, err := d.journal.Claim(claiming, mine)
	claimed(err)
	if err != nil {
		log.Error("the journal does not say whether it took a decision; finding out", "error", err)
		d.beginUnclear(ctx, log, k, c, mine)
		return
	}
	d.claimed(ctx, log, k, c, mine, claim, slackapi.Ephemeral)
}

// claimed goes on where the journal has answered. beside is where somebody
// reads that an earlier click on the same prompt counts.
func (d *decider) claimed(ctx context.Context, log *slog.Logger, k slackapi.Click, c decision.Confirmation, mine decision.Record, claim journal.Claim, beside slackapi.Placement) {
	winner := claim.Winner
	switch {
	case claim.Won:
		log.Info("decided")
		d.trace.Begin(ctx, mine.ID)
		d.begin(mine, claim.Lease, k)
	case winner.Outcome == decision.Withdrawn && winner.ID == mine.ID:
		log.Info("clicked after it was withdrawn")
		d.poster.Answer(ctx, log, k.ResponseURL, d.texts.Withdrawn(c), slackapi.ReplaceOriginal)
	case winner.ID == mine.ID && winner.ResponseURL != "" && winner.ResponseURL == mine.ResponseURL && beside == slackapi.Ephemeral:
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
		d.follow(ctx, log, k, c, winner, slackapi.ReplaceOriginal)
	}
}

// begin has a claimed decision carried out, in a goroutine of its own.
func (d *decider) begin(decision decision.Record, l journal.Lease, k slackapi.Click) {
	h := d.set.add(d.trace.Resume(d.ctx, decision.ID), decision, l)
	p := newPrompt(h.ctx, d.ctx, maxProgress, func(ctx context.Context, m texts.Message) {
		d.poster.Answer(ctx, h.log, k.ResponseURL, m, slackapi.ReplaceOriginal)
	})
	p.soon(d.texts.Cancelling(decision))
	d.work.Run(func() { d.carry(h, p) })
}

// follow tells somebody whose click came second what is known of the first,
// and, where that is not all, what came of it when it is. A request in the
// channel is everybody's: nothing that is meant for one person replaces it.
func (d *decider) follow(ctx context.Context, log *slog.Logger, k slackapi.Click, c decision.Confirmation, winner decision.Record, where slackapi.Placement) {
	if c.Public && where == slackapi.ReplaceOriginal {
		d.replaceRequest(ctx, log, k, c, winner)
		where = slackapi.Ephemeral
	}
	if !d.poster.Answer(ctx, log, k.ResponseURL, d.texts.CameSecond(winner, k.User), where) {
		return
	}
	if winner.Outcome == "" && k.Ephemeral {
		d.followers.add(winner.ID, func(ctx context.Context, decided decision.Record) {
			d.poster.Answer(ctx, log, k.ResponseURL, d.texts.CameSecond(decided, k.User), slackapi.ReplaceOriginal)
		})
	}
}

// replaceRequest shows everybody what became of a request by another click.
func (d *decider) replaceRequest(ctx context.Context, log *slog.Logger, k slackapi.Click, c decision.Confirmation, winner decision.Record) {
	show := func(ctx context.Context, decided decision.Record) {
		d.poster.Answer(ctx, log, k.ResponseURL, d.texts.Overtaken(c, decided), slackapi.ReplaceOriginal)
	}
	show(ctx, winner)
	if winner.Outcome == "" {
		d.followers.add(winner.ID, show)
	}
}

// keep answers the other button: the prompt is closed on record, so that a
// click already on its way finds it closed, and what the person reads is so.
func (d *decider) keep(ctx context.Context, log *slog.Logger, k slackapi.Click, c decision.Confirmation) {
	if c.Public && k.User != c.Requester {
		log.Info("click refused", "reason", "only the requester withdraws")
		d.poster.Answer(ctx, log, k.ResponseURL, d.texts.NotYoursToWithdraw(c), slackapi.Ephemeral)
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
		d.poster.Answer(ctx, log, k.ResponseURL, d.texts.NotWithdrawn(c), slackapi.Ephemeral)
	case withdrawn && c.Public:
		log.Info("withdrawn")
		d.poster.Answer(ctx, log, k.ResponseURL, d.texts.Withdrawn(c), slackapi.ReplaceOriginal)
	case withdrawn:
		log.Info("kept")
		d.poster.Answer(ctx, log, k.ResponseURL, d.texts.Kept(c), slackapi.ReplaceOriginal)
	default:
		log.Info("a decision came before the withdrawal")
		d.poster.Answer(ctx, log, k.ResponseURL, d.texts.TooLateToWithdraw(c, first, k.User), slackapi.Ephemeral)
	}
}

// late answers a click on a prompt that has expired. What was decided before
// it did is not talked over.
func (d *decider) late(ctx context.Context, log *slog.Logger, k slackapi.Click, c decision.Confirmation) {
	first, err := d.followers.journal.Get(ctx, decision.ID(c.ID))
	switch {
	case err == nil && first.Outcome == decision.Withdrawn:
		d.poster.Answer(ctx, log, k.ResponseURL, d.texts.Withdrawn(c), slackapi.ReplaceOriginal)
	case err == nil:
		d.follow(ctx, log, k, c, first, slackapi.Ephemeral)
	case errors.Is(err, journal.ErrGone):
		d.poster.Answer(ctx, log, k.ResponseURL, d.texts.RanOut(c), slackapi.ReplaceOriginal)
	default:
		d.poster.Answer(ctx, log, k.ResponseURL, d.texts.Expired(c), slackapi.Ephemeral)
	}
}

// lost reports whether an error says that a decision is no longer ours.
func lost(err error) bool { return errors.Is(err, journal.ErrLost) }
