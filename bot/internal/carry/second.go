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
	return c.Poster.Answer(ctx, p.Log, p.ResponseURL, m, where)
}

// beaten answers a click whose claim found another decision.
func (l *life) beaten() {
	c, p, winner := l.Carrier, *l.press, l.winner
	unsure := l.state.Save.Unsure
	switch {
	case winner.ID == l.ID && winner.MAC == l.MAC:
		// Saved after all, and taken over by another process: it counts.
		l.log.Info("another process carries this click out")
		l.followOwn(winner)
	case winner.ID == l.ID && winner.Outcome == decision.Withdrawn:
		l.log.Info("clicked after it was withdrawn")
		c.answer(l.ctx, p, l.Texts.Withdrawn(p.Confirmation), replaceOriginal)
	case winner.ID == l.ID && winner.Outcome == decision.Expired:
		c.expired(l.ctx, p)
	case winner.ID == l.ID && winner.ResponseURL != "" && winner.ResponseURL == l.ResponseURL && !unsure:
		l.log.Info("the same click was delivered twice")
		if where := p.aside(); where == replaceOriginal {
			c.follow(l.ctx, p, winner, where)
		}
	case winner.ID == l.ID && !unsure:
		// The prompt may still show its buttons, if Slack didn't accept its
		// update: it changes when the outcome is known.
		l.log.Info("clicked, but an earlier click counts", "confirmer", winner.Confirmer)
		c.follow(l.ctx, p, winner, p.aside())
	default:
		l.log.Info("clicked, but another decision about the task came first", "winner", string(winner.ID))
		c.follow(l.ctx, p, winner, replaceOriginal)
	}
}

// followOwn shows in the prompt what becomes of a click that another process
// carries out.
func (l *life) followOwn(d decision.Record) {
	show := func(ctx context.Context, d decision.Record) {
		l.replace(ctx, l.Texts.OutcomeLine(d, d.Result()))
	}
	if d.Outcome != "" {
		show(l.ctx, d)
		return
	}
	l.replace(l.ctx, l.Texts.Cancelling(d))
	l.followers.add(d.ID, show)
}

func (l *life) replace(ctx context.Context, m texts.Message) {
	l.Carrier.answer(ctx, *l.press, m, replaceOriginal)
}

// follow tells someone whose click came second what is known of the first and,
// if that isn't everything, its outcome later. A request in the channel is
// everyone's: nothing that is meant for one person replaces it.
func (c *Carrier) follow(ctx context.Context, p Press, winner decision.Record, where slackapi.Placement) {
	if p.Confirmation.Public && where == replaceOriginal {
		c.replaceRequest(ctx, p, winner)
		where = ephemeral
	}
	if !c.answer(ctx, p, c.Texts.CameSecond(winner, p.User), where) {
		return
	}
	if winner.Outcome == "" && p.Ephemeral {
		c.followers.add(winner.ID, func(ctx context.Context, decided decision.Record) {
			c.answer(ctx, p, c.Texts.CameSecond(decided, p.User), replaceOriginal)
		})
	}
}

// replaceRequest shows everyone what became of a request by another click.
func (c *Carrier) replaceRequest(ctx context.Context, p Press, winner decision.Record) {
	show := func(ctx context.Context, decided decision.Record) {
		c.answer(ctx, p, c.Texts.Overtaken(p.Confirmation, decided), replaceOriginal)
	}
	show(ctx, winner)
	if winner.Outcome == "" {
		c.followers.add(winner.ID, show)
	}
}
