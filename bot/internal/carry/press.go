package carry

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/journal"
	"github.com/cancelbot/cancelbot/bot/internal/slackapi"
)

const (
	ephemeral       = slackapi.Ephemeral
	replaceOriginal = slackapi.ReplaceOriginal
)

// Press is a click on one of the buttons of a genuine confirmation.
type Press struct {
	slackapi.Click
	Confirmation decision.Confirmation
	Log          *slog.Logger
}

// record returns the decision that a press asks for, with the MAC that makes it
// genuine.
func (c *Carrier) recordOf(p Press) decision.Record {
	confirmed := p.Confirmation
	r := decision.Record{
		ID: decision.ID(confirmed.ID), TaskID: int64(confirmed.Task), Title: confirmed.Title, URL: confirmed.URL,
		Team: confirmed.Team, Channel: confirmed.Channel, Requester: confirmed.Requester, Confirmer: p.User, Reason: confirmed.Reason,
		// To the millisecond, as the journal stores it: the MAC covers it.
		RequestedAt: confirmed.RequestedAt, DecidedAt: p.Received.UTC().Truncate(time.Millisecond),
		ResponseURL: p.ResponseURL, Confirmation: p.Value,
	}
	r.MAC = c.Signer.SignClick(r)
	return r
}

// Decide carries the decision that an allowed person's press asks for. It
// returns once that has begun.
func (c *Carrier) Decide(ctx context.Context, p Press) {
	if ctx.Err() != nil {
		return // stopping: nothing was promised yet
	}
	r := c.recordOf(p)
	h, fresh := c.set.enter(trace.ContextWithSpanContext(c.process, trace.SpanContextFromContext(ctx)), r)
	switch {
	case h == nil:
		p.Log.Warn("a click was turned away: too many decisions are under way")
		c.answer(ctx, p, c.Texts.Overloaded(), ephemeral)
	case !fresh:
		c.second(ctx, p, h)
	default:
		c.start(&life{holding: h, press: &p, state: decision.Claimed(r), prompt: c.newPrompt(r, true)})
	}
}

// second answers another press of a prompt whose decision this process carries.
func (c *Carrier) second(ctx context.Context, p Press, h *holding) {
	select {
	case <-h.known:
	case <-ctx.Done():
		return
	}
	if h.ResponseURL != "" && h.ResponseURL == p.ResponseURL {
		// Carrying it answers it. A response_url has five uses: the announcement
		// may need the last.
		p.Log.Info("the same click was delivered twice")
		return
	}
	if h.isUnsure() {
		c.answer(ctx, p, c.Texts.StillSaving(p.Confirmation), ephemeral)
		return
	}
	p.Log.Info("clicked, but an earlier click counts", "confirmer", h.Confirmer)
	c.Late(ctx, p)
}

// Late answers a press that comes too late to count: it says what came of the
// prompt.
func (c *Carrier) Late(ctx context.Context, p Press) {
	first, err := c.Journal.Get(ctx, decision.ID(p.Confirmation.ID))
	switch {
	case err == nil && first.Outcome == decision.Withdrawn:
		c.answer(ctx, p, c.Texts.Withdrawn(p.Confirmation), replaceOriginal)
	case err == nil:
		c.follow(ctx, p, first, ephemeral)
	case errors.Is(err, journal.ErrGone):
		c.answer(ctx, p, c.Texts.RanOut(p.Confirmation), replaceOriginal)
	default:
		c.answer(ctx, p, c.Texts.Expired(p.Confirmation), ephemeral)
	}
}

// Keep answers the other button. The prompt is closed in the journal, so that a
// click that is on its way finds it closed, and what the person reads is true.
func (c *Carrier) Keep(ctx context.Context, p Press) {
	confirmed, t := p.Confirmation, c.Texts
	if confirmed.Public && p.User != confirmed.Requester {
		p.Log.Info("click refused", "reason", "only the requester withdraws")
		c.answer(ctx, p, t.NotYoursToWithdraw(confirmed), ephemeral)
		return
	}
	if h := c.set.get(decision.ID(confirmed.ID)); h != nil && h.keep() {
		p.Log.Info("kept while it isn't known whether the decision was saved")
		return // answered when it is known
	}
	first, withdrawn, err := c.Journal.Withdraw(ctx, c.recordOf(p))
	switch {
	case err != nil:
		p.Log.Error("the journal doesn't save a withdrawal", "error", err)
		c.answer(ctx, p, t.NotWithdrawn(confirmed), ephemeral)
	case withdrawn && confirmed.Public:
		p.Log.Info("withdrawn")
		c.answer(ctx, p, t.Withdrawn(confirmed), replaceOriginal)
	case withdrawn:
		p.Log.Info("kept")
		c.answer(ctx, p, t.Kept(confirmed), replaceOriginal)
	default:
		p.Log.Info("a decision came before the withdrawal")
		c.answer(ctx, p, t.TooLateToWithdraw(confirmed, first, p.User), ephemeral)
	}
}
