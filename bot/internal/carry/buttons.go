package carry

import (
	"context"
	"errors"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/journal"
	"github.com/cancelbot/cancelbot/bot/internal/signed"
	"github.com/cancelbot/cancelbot/bot/internal/slackapi"
	"github.com/cancelbot/cancelbot/bot/internal/texts"
	"github.com/cancelbot/cancelbot/bot/internal/work"
)

// restoreFor bounds how long the journal is asked whether a prompt may be shown
// again, after it was asked about the same press for knownFor.
const restoreFor = 10 * time.Second

// pressAgain answers a press with m, which asks to press again. If the press has
// replaced its prompt, it restores that; otherwise is for the case that it can't.
// pressAgain doesn't wait for Slack.
func (c *Carrier) pressAgain(p Press, m, otherwise texts.Message) {
	if p.Sign.Replaced() {
		c.Restore(p, m, otherwise)
		return
	}
	c.apart(p, func(ctx context.Context) { c.answer(ctx, p, ephemeral, always(m)) })
}

// Restore replaces the message that a press is being handled with the prompt, and m
// above it or, if another click has decided the prompt, with the result. If that isn't
// known, it shows otherwise. A prompt that has expired ends as in Late. At each try it
// asks the journal when it is its turn to replace the message, and gives way to a click
// that is being saved here, which ends with a text of its own. It answers where the sign
// of the press is, too. Restore doesn't block.
func (c *Carrier) Restore(p Press, m, otherwise texts.Message) {
	c.apart(p, func(ctx context.Context) {
		shown := c.Details.shown(ctx, p.Confirmation)
		first, err := c.restorePrompt(ctx, p, m.Above(c.Texts.Prompt(p.Confirmation, shown, p.Value)))
		switch {
		case errors.Is(err, errNotKnown):
			c.below(ctx, p, always(m))
		case errors.Is(err, errRedelivered):
			c.redelivered(p, first, true)
		case errors.Is(err, signed.ErrExpired):
			c.Late(p, func() bool { return false })
		case err != nil:
			p.Log.Error("can't tell what became of a prompt", "error", err)
			c.answer(ctx, p, replaceOriginal, always(otherwise))
		case first.ID != "":
			c.await(p, replaceOriginal, c.cameSecond(p), []decision.Record{first})
			c.below(ctx, p, c.cameSecond(p), first)
		default:
			c.below(ctx, p, always(m))
		}
	})
}

// restorePrompt shows a prompt again, or else the result of the click that has
// decided it. It returns that click's row.
func (c *Carrier) restorePrompt(ctx context.Context, p Press, prompt texts.Message) (first decision.Record, err error) {
	choose := func(ctx context.Context) (_ texts.Message, err error) {
		h := c.set.get(p.id())
		switch first, err = c.Journal.Get(ctx, p.id()); {
		case h != nil && (err != nil || h.saving() < carried):
			return texts.Message{}, work.Permanent(errNotKnown)
		case errors.Is(err, journal.ErrGone) && !c.now().Before(p.Confirmation.ExpiresAt):
			return texts.Message{}, work.Permanent(signed.ErrExpired)
		case errors.Is(err, journal.ErrGone):
			return prompt, nil
		case err != nil:
			return texts.Message{}, err
		case p.redelivers(first):
			return texts.Message{}, work.Permanent(errRedelivered)
		}
		return c.cameSecond(p)(c.Quoted(ctx, first)...), nil
	}
	replace := func(ctx context.Context) error { return c.Poster.Respond(ctx, p.Target(), choose, replaceOriginal) }
	err = slackapi.Retry(ctx, max(knownFor-time.Since(p.Received), restoreFor), slackapi.ResponseURLLife, func() error {
		return slackapi.Retryable(replace(ctx))
	})
	err = work.OnceMore(ctx, err, finalTimeout, replace)
	return first, err
}
