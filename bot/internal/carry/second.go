package carry

import (
	"context"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/slackapi"
	"github.com/cancelbot/cancelbot/bot/internal/texts"
)

// answer answers a press privately, or in place of its message.
func (c *Carrier) answer(ctx context.Context, p Press, m texts.Message, where slackapi.Placement) bool {
	if p.Shown != nil {
		<-p.Shown
	}
	return c.Poster.Answer(ctx, p.Log, p.Target(), m, where)
}

// beaten answers a click whose claim found another decision. It updates the
// prompt through its queue, so that no older text overwrites the update.
func (l *life) beaten() {
	c, p, winner := l.Carrier, *l.press, l.winner
	own, unsure := winner.ID == l.ID, l.state.Save.Unsure
	switch {
	case own && winner.MAC == l.MAC:
		// Saved after all, and taken over by another process: it counts.
		l.log.Info("another process carries this click out")
		l.followOwn(winner)
		return
	case own && winner.ResponseURL != "" && winner.ResponseURL == l.ResponseURL && !unsure:
		l.log.Info("click delivered twice")
		if p.aside() == replaceOriginal {
			l.followOther(winner)
		} else {
			l.prompt.stop()
		}
		return
	}
	l.prompt.release()
	switch {
	case own && winner.Outcome() == decision.Withdrawn:
		l.log.Info("click after the withdrawal")
		l.prompt.end(l.Texts.Withdrawn(p.Confirmation))
	case own && winner.Outcome() == decision.Expired:
		l.log.Info("click after the request expired")
		l.prompt.end(l.Texts.RanOut(p.Confirmation))
		if p.Confirmation.Public {
			c.answer(l.ctx, p, l.Texts.Expired(p.Confirmation), ephemeral)
		}
	case own && !unsure:
		// The prompt may still show its buttons, if Slack didn't accept its
		// update. The owner of the first click updates it with the outcome.
		l.log.Info("an earlier click counts", "confirmer", winner.Confirmer)
		if p.aside() == replaceOriginal {
			l.followOther(winner)
			return
		}
		if winner.Outcome() != "" {
			l.prompt.end(l.Texts.OutcomeLine(winner))
		}
		c.follow(l.ctx, p, winner, ephemeral)
	default:
		l.log.Info("another decision about the task came first", "winner", string(winner.ID))
		l.followOther(winner)
	}
}

// followOwn shows in the prompt the result of a click that another process
// carries out.
func (l *life) followOwn(winner decision.Record) {
	show := func(d decision.Record) {
		if d.Outcome() == "" {
			l.prompt.end(l.Texts.Cancelling(d))
			return
		}
		l.prompt.end(l.Texts.OutcomeLine(d))
	}
	l.following(winner, show)
}

// followOther shows in the prompt the result of another decision about the
// task. A request in the channel is everyone's and gets its own text; its
// clicker gets a private one.
func (l *life) followOther(winner decision.Record) {
	p := *l.press
	if !p.Confirmation.Public {
		l.following(winner, func(d decision.Record) { l.prompt.end(l.Texts.CameSecond(d, p.User)) })
		return
	}
	l.following(winner, func(d decision.Record) { l.prompt.end(l.Texts.Overtaken(p.Confirmation, d)) })
	l.Carrier.answer(l.ctx, p, l.Texts.CameSecond(winner, p.User), ephemeral)
}

// following shows a decision in its current state and, if it has no outcome
// yet, again when it has one.
func (l *life) following(winner decision.Record, show func(decision.Record)) {
	show(winner)
	if winner.Outcome() == "" {
		l.followers.add(winner.ID, func(_ context.Context, decided decision.Record) {
			if l.process.Err() == nil { // else no one waits for the prompt any more
				show(decided)
			}
		})
	}
}

// follow sends a person whose click came second, privately, the current state
// of the first decision and, if that isn't final, its outcome later.
func (c *Carrier) follow(ctx context.Context, p Press, winner decision.Record, where slackapi.Placement) {
	if !c.answer(ctx, p, c.Texts.CameSecond(winner, p.User), where) {
		return
	}
	if winner.Outcome() == "" && p.Ephemeral {
		c.followers.add(winner.ID, func(ctx context.Context, decided decision.Record) {
			c.answer(ctx, p, c.Texts.CameSecond(decided, p.User), replaceOriginal)
		})
	}
}
