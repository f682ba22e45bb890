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

// beaten answers a click whose claim found other decisions. It updates the
// prompt through its queue, so that no older text overwrites the update.
func (l *life) beaten() {
	c, p, winner := l.Carrier, *l.press, l.winners[0]
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
			l.followOther()
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
			l.followOther()
			return
		}
		if winner.Outcome() != "" {
			l.prompt.end(l.Texts.OutcomeLine(winner))
		}
		c.follow(l.ctx, p, winner, ephemeral)
	default:
		l.log.Info("other decisions have all tasks", "winner", string(winner.ID), "winners", len(l.winners))
		l.followOther()
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
	l.following([]decision.Record{winner}, func(d []decision.Record) { show(d[0]) })
}

// followOther shows in the prompt the result of the decisions that came first.
// A request in the channel is everyone's and gets its own text; its clicker gets
// a private one.
func (l *life) followOther() {
	p := *l.press
	if !p.Confirmation.Public {
		l.following(l.winners, func(d []decision.Record) { l.prompt.end(l.Texts.CameSecond(p.Confirmation, p.User, d...)) })
		return
	}
	l.following(l.winners, func(d []decision.Record) { l.prompt.end(l.Texts.Overtaken(p.Confirmation, d...)) })
	l.Carrier.answer(l.ctx, p, l.Texts.CameSecond(p.Confirmation, p.User, l.winners...), ephemeral)
}

// following shows decisions in their current state and, if one has no outcome
// yet, again when all have one.
func (l *life) following(winners []decision.Record, show func([]decision.Record)) {
	show(winners)
	if !allDecided(winners) {
		l.followers.add(winners, func(_ context.Context, decided []decision.Record) {
			if l.process.Err() == nil { // else no one waits for the prompt any more
				show(decided)
			}
		})
	}
}

// OtherDelivery shows in a modal whose submission was refused what another
// delivery of it decided, if one did: Slack delivers a submission again, to
// another replica, if its acknowledgement is late.
func (c *Carrier) OtherDelivery(ctx context.Context, p Press) {
	first, err := c.Journal.Get(ctx, decision.ID(p.Confirmation.ID))
	if err == nil && first.Outcome() != decision.Withdrawn && first.Outcome() != decision.Expired {
		c.follow(ctx, p, first, ephemeral)
	}
}

// follow sends a person whose click came second on a prompt, privately, the
// current state of the first click's decision and, if that isn't final, its
// outcome later.
func (c *Carrier) follow(ctx context.Context, p Press, winner decision.Record, where slackapi.Placement) {
	if !c.answer(ctx, p, c.Texts.CameSecond(p.Confirmation, p.User, winner), where) {
		return
	}
	if winner.Outcome() == "" && p.Ephemeral {
		c.followers.add([]decision.Record{winner}, func(ctx context.Context, decided []decision.Record) {
			c.answer(ctx, p, c.Texts.CameSecond(p.Confirmation, p.User, decided...), replaceOriginal)
		})
	}
}
