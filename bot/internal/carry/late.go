package carry

import (
	"context"
	"errors"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/journal"
	"github.com/cancelbot/cancelbot/bot/internal/slackapi"
	"github.com/cancelbot/cancelbot/bot/internal/texts"
)

const (
	// JudgeTimeout bounds how long it may take to judge a click.
	JudgeTimeout = 10 * time.Second

	// RequestGrace is the time between the end of a request and the row that
	// records it. By then, a click that came in time has been judged and
	// claimed.
	RequestGrace = JudgeTimeout + journal.CallTimeout
)

// MayExpire reports whether it may be recorded that a request has expired: the
// grace is over, and no click on it is being saved here.
func (c *Carrier) MayExpire(request decision.Confirmation) bool {
	return c.now().Sub(request.ExpiresAt) >= RequestGrace && c.set.get(decision.ID(request.ID)) == nil
}

// Expire records that a request has expired, unless a click was claimed or the
// request was withdrawn. It returns the request's row. value is its button's.
func (c *Carrier) Expire(ctx context.Context, request decision.Confirmation, value string) (row decision.Record, expired bool, err error) {
	r := recordFrom(request, value)
	r.DecidedAt = toMillisecond(c.now())
	return c.Journal.Expire(ctx, r)
}

// Late answers a press that is too late to count, with the result of the
// prompt.
func (c *Carrier) Late(ctx context.Context, p Press) {
	first, err := c.Journal.Get(ctx, decision.ID(p.Confirmation.ID))
	if errors.Is(err, journal.ErrGone) && p.Confirmation.Public && c.MayExpire(p.Confirmation) {
		first, _, err = c.Expire(ctx, p.Confirmation, p.Value)
	}
	switch {
	case err == nil && first.Outcome() == decision.Withdrawn:
		c.answer(ctx, p, c.Texts.Withdrawn(p.Confirmation), replaceOriginal)
	case err == nil && first.Outcome() == decision.Expired:
		c.expired(ctx, p)
	case err == nil:
		c.follow(ctx, p, first, p.aside())
	case errors.Is(err, journal.ErrGone) && !p.Confirmation.Public && c.set.get(decision.ID(p.Confirmation.ID)) == nil:
		c.answer(ctx, p, c.Texts.Expired(p.Confirmation), replaceOriginal)
	default: // an earlier click may still count
		c.answer(ctx, p, c.Texts.Expired(p.Confirmation), ephemeral)
	}
}

// expired answers a press of a request that is recorded as expired.
func (c *Carrier) expired(ctx context.Context, p Press) {
	p.Log.Info("click after the request expired")
	c.answer(ctx, p, c.Texts.RanOut(p.Confirmation), replaceOriginal)
	if p.Confirmation.Public {
		c.answer(ctx, p, c.Texts.Expired(p.Confirmation), ephemeral)
	}
}

// Undecided reports whether the journal says, within a moment, that a prompt
// has no row yet.
func (c *Carrier) Undecided(ctx context.Context, id string) bool {
	ctx, cancel := context.WithTimeout(ctx, undecidedTimeout)
	defer cancel()
	_, err := c.Journal.Get(ctx, decision.ID(id))
	return errors.Is(err, journal.ErrGone)
}

const undecidedTimeout = 500 * time.Millisecond

// Restore replaces the message that a press is being judged with prompt, or
// with what another click made of it in the meantime.
func (c *Carrier) Restore(ctx context.Context, p Press, prompt texts.Message) {
	first, err := c.Journal.Get(ctx, decision.ID(p.Confirmation.ID))
	switch {
	case err != nil:
		c.answer(ctx, p, prompt, replaceOriginal)
	case first.Outcome() == decision.Withdrawn:
		c.answer(ctx, p, c.Texts.Withdrawn(p.Confirmation), replaceOriginal)
	default:
		c.follow(ctx, p, first, replaceOriginal)
	}
}

// aside returns where to answer a press about another click: in place of the
// prompt only if that was replaced.
func (p Press) aside() slackapi.Placement {
	if p.Shown != nil && p.Ephemeral {
		return replaceOriginal
	}
	return ephemeral
}
