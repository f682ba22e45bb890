package carry

import (
	"context"
	"errors"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/slackapi"
	"github.com/cancelbot/cancelbot/bot/internal/texts"
	"github.com/cancelbot/cancelbot/bot/internal/work"
)

// This file has what only the approver of a request reads. A request is
// everyone's: until the journal has the approval, another replica may carry out
// someone else's, and its text stays.

var errNotTrue = errors.New("it isn't true any more")

// showAside shows, once, that an approval isn't saved yet. During the first try its
// person may read that it is being checked.
func (l *life) showAside(do decision.Do) {
	if do.Show != decision.ShowSaving || do.Action == decision.DoSave || l.told {
		return
	}
	l.shown, l.told = do.Show, true
	l.tell(minLast, func(ctx context.Context) (texts.Message, error) {
		if !l.inDoubt(ctx) {
			return texts.Message{}, work.Permanent(errNotTrue)
		}
		return l.Texts.StillSaving(l.press.Confirmation), nil
	})
}

// inDoubt reports whether it still isn't known whether the click is saved.
func (l *life) inDoubt(ctx context.Context) bool {
	return l.saving() < carried && l.mayCount(ctx, l.Record)
}

// underWay reports whether progress of a decision may be shown: once it is claimed, if the
// lease leaves time to replace a text (see whileOurs).
func (c *Carrier) underWay(h *holding) bool {
	return h.saving() >= carried && h.validFor(c.toReplace())
}

// mayCount reports whether a click that is being saved may count. It asks the journal:
// another replica may have used the same prompt. If the journal doesn't answer within
// undecidedTimeout, the click may count.
func (c *Carrier) mayCount(ctx context.Context, click decision.Record) bool {
	ctx, cancel := context.WithTimeout(ctx, undecidedTimeout)
	defer cancel()
	first, err := c.Journal.Get(ctx, click.ID)
	return err != nil || first.MAC == click.MAC && first.Outcome() == ""
}

// toldAside reports whether the person read below the prompt that the click is
// being checked or saved.
func (l *life) toldAside() bool {
	return l.press != nil && l.press.View == "" && (l.told || l.press.Sign.Below())
}

// won ends the sign of a press that is carried out. A person who read below the
// prompt that it is being checked or saved reads that it counts, unless the use of the
// response_url may be the final result's: a dialog has used some, and the channel may
// get that result in no other way.
func (l *life) won() {
	l.endSign()
	if l.toldAside() {
		keep := minLast - 1
		if !l.reached.Contains(l.Channel) {
			keep += l.press.Spent
		}
		l.tell(keep, func(ctx context.Context) (texts.Message, error) {
			if d := l.With(l.tasks.saved()...); d.Outcome() != "" {
				return l.outcomeLine(d)(ctx)
			}
			return l.Texts.Counted(l.decided()), nil
		})
	}
}

// endSign ends the sign of a press, and counts its use of the response_url.
func (l *life) endSign() {
	if l.signing {
		l.signing = false
		l.prompt.spend(l.press.Sign.Spent())
	}
}

// perhaps says, when the process stops, that it isn't known whether the click was
// saved: in a private prompt, and below the message if the person has to read it there.
func (l *life) perhaps() {
	m := l.Texts.MaybeSaved(l.press.Confirmation)
	if !l.press.Confirmation.Public {
		l.prompt.end(m)
		if !l.toldAside() {
			return
		}
	}
	ctx, cancel := l.detached()
	defer cancel()
	_ = l.Poster.To(ctx, l.press.Target(), slackapi.Always(m), ephemeral)
}

// tell tells the person something below the prompt, once, if keep uses of the
// response_url are left for the prompt. It waits as long as Slack asks.
func (l *life) tell(keep int, choose slackapi.Choose) {
	p := *l.press
	l.endSign()
	if !l.prompt.spare(keep) {
		return
	}
	l.apart(p, func(ctx context.Context) {
		p.Sign.Wait()
		if err := l.Poster.Tell(ctx, p.Target(), choose); err != nil {
			l.log.Info("can't send a private answer", "error", err)
		}
	})
}

// spare takes a use for something else, if more than keep are left.
func (p *prompt) spare(keep int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.uses <= keep {
		return false
	}
	p.spendLocked(1)
	return true
}

// spend counts uses that were spent on something else.
func (p *prompt) spend(uses int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.spendLocked(uses)
}

// spendLocked is spend with mu held.
func (p *prompt) spendLocked(uses int) {
	p.uses = max(p.uses-uses, 0)
	if p.screen.direct == nil {
		p.progress.lines = min(p.progress.lines, max(p.uses-minLast, 0))
	}
}
