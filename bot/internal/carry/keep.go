package carry

import (
	"context"
	"errors"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/journal"
	"github.com/cancelbot/cancelbot/bot/internal/texts"
	"github.com/cancelbot/cancelbot/bot/internal/work"
)

// Keep handles the button Keep task. The prompt is closed in the journal, so
// that a click that arrives later finds it closed, and the answer to the
// person is true. An error means "maybe" (law 7): the journal is asked again.
// Keep doesn't block.
func (c *Carrier) Keep(p Press) {
	if p.Confirmation.Public && p.User != p.Confirmation.Requester {
		c.apart(p, func(ctx context.Context) { c.notTheirs(ctx, p) })
		return
	}
	end := c.set.withdraw(p.id())
	c.apart(p, func(ctx context.Context) {
		first, err := c.keep(ctx, p)
		end(err == nil) // Slack may take the answer much later
		c.answerKeep(ctx, p, first, err)
	})
}

// keep closes a prompt for its requester. A click that may be in the journal is
// given up by the process that saves it. keep returns what became of the prompt.
func (c *Carrier) keep(ctx context.Context, p Press) (decision.Record, error) {
	row := c.recordOf(p)
	return known(ctx, p, func() (decision.Record, error) {
		h := c.set.get(p.id())
		switch {
		case h != nil && h.saving() == carried: // whatever the journal has lost since
			return h.Record, nil
		case h != nil && h.keep(row):
			p.Log.Info("kept; not known whether the decision was saved")
		}
		first, _, err := c.Journal.Withdraw(ctx, row)
		if err == nil && first.Outcome() == "" && h != nil && h.saving() < carried {
			err = errNotKnown
		}
		return first, err
	})
}

// answerKeep answers a press of Keep task. first is what became of its prompt,
// unless err says that this isn't known.
func (c *Carrier) answerKeep(ctx context.Context, p Press, first decision.Record, err error) {
	switch {
	case err != nil:
		p.Log.Error("not known whether a withdrawal was saved", "error", err)
		pressable := c.set.get(p.id()) == nil
		c.pressAgain(p, c.Texts.MaybeWithdrawn(p.Confirmation, pressable), c.Texts.MaybeWithdrawn(p.Confirmation, false))
	case first.Outcome() != decision.Withdrawn && first.Outcome().Closed():
		c.closed(ctx, p, first)
	case first.Outcome().Closed():
		if p.Confirmation.Public {
			p.Log.Info("withdrawn")
		} else {
			p.Log.Info("kept")
		}
		c.showEnded(ctx, p, first, false)
	default:
		p.Log.Info("decision came before the withdrawal")
		c.answer(ctx, p, p.whereSigned(), c.tooLate(p), first)
	}
}

// NotTheirsToWithdraw is the reason of a refusal in the metrics: someone else than the
// requester pressed Withdraw.
const NotTheirsToWithdraw = "only_requester_withdraws"

// notTheirs answers someone who tries to withdraw another person's request.
func (c *Carrier) notTheirs(ctx context.Context, p Press) {
	p.Log.Info("click refused", "reason", "only the requester withdraws")
	c.Metrics.Refusals.WithLabelValues("click", NotTheirsToWithdraw).Inc()
	row, err := known(ctx, p, func() (decision.Record, error) {
		row, err := c.Journal.Get(ctx, p.id())
		if errors.Is(err, journal.ErrGone) { // it is open
			err = work.Permanent(err)
		}
		return row, err
	})
	switch {
	case err != nil:
		c.answer(ctx, p, ephemeral, always(c.Texts.NotYoursToWithdraw(p.Confirmation)))
	case row.Outcome().Closed():
		c.closed(ctx, p, row)
	default:
		c.answer(ctx, p, ephemeral, c.tooLate(p), row)
	}
}

// tooLate is the text for someone who withdraws a prompt that is decided.
func (c *Carrier) tooLate(p Press) saying {
	return func(rows ...decision.Current) texts.Message {
		return c.Texts.TooLateToWithdraw(p.Confirmation, rows[0], p.User)
	}
}
