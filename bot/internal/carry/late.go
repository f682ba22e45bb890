package carry

import (
	"context"
	"errors"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/journal"
	"github.com/cancelbot/cancelbot/bot/internal/texts"
	"github.com/cancelbot/cancelbot/bot/internal/work"
)

const (
	// JudgeTimeout bounds how long after its receipt a click may be judged.
	JudgeTimeout = 10 * time.Second

	// RequestGrace is the time between the end of a prompt and the row that
	// records it. By then, a click that came in time has been judged and
	// claimed.
	RequestGrace = JudgeTimeout + journal.CallTimeout

	// knownFor is how long after a press the journal is asked what became of its
	// prompt, however many other presses that waits for. It is longer than RequestGrace.
	knownFor = 3 * time.Minute
)

// errNotKnown means that a click on the prompt may still be judged or saved.
var errNotKnown = errors.New("it isn't known yet what becomes of the prompt")

// MayExpire reports whether it may be recorded that a prompt has expired: the
// grace is over, and no click on it is being saved here.
func (c *Carrier) MayExpire(prompt decision.Confirmation) bool {
	return c.now().Sub(prompt.ExpiresAt) >= RequestGrace && !c.Carries(prompt)
}

// Carries reports whether this process saves a click on a prompt, or carries it out.
func (c *Carrier) Carries(prompt decision.Confirmation) bool {
	return c.set.get(decision.ID(prompt.ID)) != nil
}

// Withdraws reports whether this process is answering a press of Keep task on a prompt.
func (c *Carrier) Withdraws(prompt decision.Confirmation) bool {
	return c.set.withdrawn(decision.ID(prompt.ID)) != nil
}

// Expire records that a prompt has expired, unless a click was claimed or the
// prompt was closed. It returns the prompt's row. value is its button's.
func (c *Carrier) Expire(ctx context.Context, prompt decision.Confirmation, value string) (decision.Record, error) {
	r := recordFrom(prompt, value)
	r.DecidedAt = toMillisecond(c.now())
	row, _, err := c.Journal.Expire(ctx, r)
	return row, err
}

// Late answers a press that is too late to count, with the result of the
// prompt. It says that the prompt has expired once that is recorded. judged
// reports whether a click on the prompt is being judged. Late doesn't block.
func (c *Carrier) Late(p Press, judged func() bool) {
	c.apart(p, func(ctx context.Context) {
		row, err := known(ctx, p, func() (decision.Record, error) {
			row, err := c.Journal.Get(ctx, p.id())
			if errors.Is(err, journal.ErrGone) && !judged() && c.MayExpire(p.Confirmation) {
				row, err = c.Expire(ctx, p.Confirmation, p.Value)
			}
			return row, err
		})
		if err != nil {
			c.cannotTell(ctx, p, err)
			return
		}
		c.answerWith(ctx, p, row)
	})
}

// answerWith answers a press that doesn't count with the row of its prompt.
func (c *Carrier) answerWith(ctx context.Context, p Press, row decision.Record) {
	switch {
	case row.Outcome().Closed():
		c.closed(ctx, p, row)
	case p.redelivers(row):
		c.redelivered(p, row, false)
	default:
		c.answer(ctx, p, p.whereSigned(), c.cameSecond(p), row)
	}
}

// overtakers returns the decisions that have the tasks of a prompt that was superseded
// or has expired, by its row, as soon as they are known: its message may show them already.
// It returns none if one of the tasks can be cancelled again.
func (c *Carrier) overtakers(ctx context.Context, p Press, row decision.Record) ([]decision.Record, error) {
	if !overtaken(row) {
		return nil, nil
	}
	return known(ctx, p, func() ([]decision.Record, error) {
		found, err := c.Journal.Became(ctx, p.id(), p.Confirmation.IDs())
		if errors.Is(err, journal.ErrGone) || err == nil && found[0].ID == p.id() {
			return nil, nil
		}
		return found, err
	})
}

// overtaken reports whether a prompt's row leaves its tasks to other decisions, which may
// have had them first.
func overtaken(row decision.Record) bool {
	return row.Outcome() == decision.Superseded || row.Outcome() == decision.Expired
}

// knowable bounds ctx by knownFor after the press.
func (p Press) knowable(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithDeadlineCause(ctx, p.Received.Add(knownFor), errNotKnown)
}

// known asks what became of a press's prompt until it is known, at least once, and
// until knownFor after the press.
func known[T any](ctx context.Context, p Press, ask func() (T, error)) (found T, err error) {
	ctx, cancel := p.knowable(ctx)
	defer cancel()
	err = work.Retry(ctx, 0, func() (err error) {
		if found, err = ask(); errors.Is(err, journal.ErrDecided) {
			err = work.Permanent(err)
		}
		return err
	})
	return found, err
}

// cannotTell answers a press if it isn't known how its prompt ended.
func (c *Carrier) cannotTell(ctx context.Context, p Press, err error) {
	p.Log.Error("can't tell what became of a prompt", "error", err)
	c.answer(ctx, p, p.whereSigned(), always(c.Texts.CannotTell(p.Confirmation)))
}

// closed answers a press of a prompt that is closed: the prompt shows the result of the
// decisions that have its tasks or else what the journal has about it, and the person
// reads about their press.
func (c *Carrier) closed(ctx context.Context, p Press, row decision.Record) {
	p.Log.Info("click on a closed prompt", "outcome", string(row.Outcome()))
	switch others, err := c.overtakers(ctx, p, row); {
	case err != nil:
		c.cannotTell(ctx, p, err)
	case len(others) > 0:
		c.answerWinners(ctx, p, others...)
	default:
		c.showEnded(ctx, p, row, p.Confirmation.Public)
	}
}

// showEnded shows in a prompt that it is closed. Someone who must read about their
// press, or read below a request that it is being checked, gets an answer there, too. A
// person who keeps a task with one prompt may have confirmed another one, so a private
// prompt says who has its tasks.
func (c *Carrier) showEnded(ctx context.Context, p Press, row decision.Record, personal bool) {
	if !p.Confirmation.Public && row.Outcome() == decision.Withdrawn {
		others, _ := known(ctx, p, func() ([]decision.Record, error) {
			return c.Journal.Having(ctx, p.Confirmation.IDs(), p.Confirmation.RequestedAt)
		})
		if len(others) > 0 {
			c.answer(ctx, p, replaceOriginal, c.closedOnly(p), others...)
			return
		}
	}
	ended := c.Texts.Ended(p.Confirmation, row)
	if !p.Confirmation.Public && row.Outcome() == decision.Withdrawn && p.Action != texts.ActionKeep {
		ended = c.Texts.KeptBefore(p.Confirmation)
	}
	c.answer(ctx, p, replaceOriginal, always(ended), row)
	if personal || p.Confirmation.Public && p.signedBelow() {
		c.answer(ctx, p, ephemeral, always(c.Texts.Closed(p.Confirmation, row, p.User)))
	}
}

// closedOnly is the text for someone who keeps tasks that other decisions have.
func (c *Carrier) closedOnly(p Press) saying {
	return func(rows ...decision.Current) texts.Message {
		return c.Texts.ClosedOnly(p.Confirmation, p.User, rows...)
	}
}

// AnswerSecond answers a press that doesn't count, if another one has decided its
// prompt. It waits for one that is being saved here. It returns false if there is
// none, or if the journal doesn't answer. Another replica may still be judging one, so
// the caller's answer must not say that the click didn't count. It never decides
// anything.
func (c *Carrier) AnswerSecond(ctx context.Context, p Press) bool {
	if h := c.set.get(p.id()); h != nil {
		if err := h.saved(ctx, p); err != nil {
			c.cannotTell(ctx, p, err)
			return true
		}
		if h.saving() == carried { // whether or not the journal answers now
			c.apart(p, func(ctx context.Context) { c.answerWith(ctx, p, h.Record) })
			return true
		}
	}
	asking, cancel := context.WithTimeout(context.WithoutCancel(ctx), undecidedTimeout) // also while the process stops
	defer cancel()
	row, err := c.Journal.Get(asking, p.id())
	if err != nil {
		return false
	}
	c.apart(p, func(ctx context.Context) { c.answerWith(ctx, p, row) })
	return true
}

// undecided returns nil if the journal says, within a moment, that a prompt has no
// row yet, errRedelivered if it has another delivery of the press, and otherwise
// errNotUndecided. A click on the prompt that is being saved here counts as a row.
func (c *Carrier) undecided(ctx context.Context, p Press) error {
	ctx, cancel := context.WithTimeout(ctx, undecidedTimeout)
	defer cancel()
	row, err := c.Journal.Get(ctx, p.id())
	switch {
	case err == nil && p.redelivers(row):
		return errRedelivered
	case errors.Is(err, journal.ErrGone) && c.set.get(p.id()) == nil:
		return nil
	}
	return errNotUndecided
}

const undecidedTimeout = 500 * time.Millisecond

// apart answers a press outside the workers, since the journal and Slack may be slow.
func (c *Carrier) apart(p Press, answer func(context.Context)) {
	c.Aside.Run(c.process, p.Channel, answer)
}
