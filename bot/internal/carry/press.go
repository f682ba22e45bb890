package carry

import (
	"context"
	"log/slog"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
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
	FactsAge     time.Duration // how old the facts are by which the press is allowed

	// Shown is closed when Slack has the message that says that the press is
	// being judged; nil if there is none.
	Shown <-chan struct{}
}

// recordOf returns the decision that a press asks for, with the MAC that makes
// it genuine.
func (c *Carrier) recordOf(p Press) decision.Record {
	r := recordFrom(p.Confirmation, p.Value)
	r.Confirmer, r.ResponseURL = decision.Storable(p.User), decision.Storable(p.ResponseURL)
	r.FactsAge = p.FactsAge.Truncate(time.Millisecond)
	r.DecidedAt = toMillisecond(p.At) // as the journal stores it: the MAC covers it
	r.MAC = c.Signer.SignClick(r)
	return r
}

// recordFrom returns what a confirmation says about a decision. value is its
// button's.
func recordFrom(c decision.Confirmation, value string) decision.Record {
	r := decision.Record{
		ID: decision.ID(c.ID), Team: c.Team, Channel: c.Channel, Thread: c.Thread, Untitled: c.Untitled,
		Requester: c.Requester, Reason: c.Reason, RequestedAt: c.RequestedAt, Confirmation: value,
	}
	for _, t := range c.Tasks {
		r.Tasks = append(r.Tasks, t.Item())
	}
	return r.Storable()
}

func toMillisecond(t time.Time) time.Time { return t.UTC().Truncate(time.Millisecond) }

// Decide carries the decision that an allowed person's press asks for. It
// returns once that has begun.
func (c *Carrier) Decide(ctx context.Context, p Press) {
	r := c.recordOf(p)
	for ctx.Err() == nil { // else the process stops: nothing was promised yet
		h, fresh := c.set.enter(trace.ContextWithSpanContext(c.process, trace.SpanContextFromContext(ctx)), r)
		switch {
		case h == nil:
			p.Log.Warn("a click was turned away: too many decisions are under way")
			c.answer(ctx, p, c.Texts.Overloaded(), ephemeral)
			return
		case fresh:
			h.tasks.begin(1)
			c.start(&life{holding: h, press: &p, prompt: c.newPrompt(r, &p), job: job{state: decision.Claimed(r)}})
			return
		case c.second(ctx, p, h):
			return
		}
	}
}

// second answers another press of a prompt that this process is deciding. False
// if the earlier press has come to nothing: then this one is on its own.
func (c *Carrier) second(ctx context.Context, p Press, earlier *holding) bool {
	select {
	case <-earlier.known:
	case <-ctx.Done():
		return true
	}
	again := earlier.ResponseURL != "" && earlier.ResponseURL == p.ResponseURL
	switch phase := earlier.saving(); {
	case again: // answered by what the first delivery does. The announcement may need the last use of the response_url
		p.Log.Info("the same click was delivered twice")
	case phase == unsure:
		c.answer(ctx, p, c.Texts.StillSaving(p.Confirmation), ephemeral)
	case phase == carried:
		p.Log.Info("clicked, but an earlier click counts", "confirmer", earlier.Confirmer)
		c.follow(ctx, p, earlier.Record, p.aside())
	default:
		return false
	}
	return true
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
	case first.Outcome() == decision.Expired:
		c.expired(ctx, p)
	default:
		p.Log.Info("a decision came before the withdrawal")
		c.answer(ctx, p, t.TooLateToWithdraw(confirmed, first, p.User), ephemeral)
	}
}
