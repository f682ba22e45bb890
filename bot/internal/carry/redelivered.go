package carry

import (
	"context"
	"errors"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/texts"
)

// This file handles a press that Slack delivered to several replicas, at a replica
// that doesn't carry it out. All deliveries share one response_url, and its five uses
// are for the announcement and the prompt of the replica that does. So once this
// replica knows of the other one's claim, it spends no use until the announcement is
// recorded, and then only to correct what it showed before.

// errRedelivered means that another delivery of the press is carried out.
var errRedelivered = errors.New("another delivery of the click counts")

// redelivers reports whether row was decided by another delivery of p. It returns
// false for a press in a modal, which isn't answered through its response_url.
func (p Press) redelivers(row decision.Record) bool {
	return p.View == "" && sameClick(row, p.recordURL())
}

// recordURL returns the press's response_url as its decision has it.
func (p Press) recordURL() string { return decision.Storable(p.ResponseURL) }

// sameClick reports whether row was decided by the click with this response_url. It
// returns false for a row without one.
func sameClick(row decision.Record, url string) bool {
	return row.ResponseURL != "" && row.ResponseURL == url
}

// redelivered ends a press of which another delivery is carried out. If this replica has
// shown anything about the press, it corrects that after the announcement.
func (c *Carrier) redelivered(p Press, row decision.Record, shown bool) {
	p.Log.Info("click delivered twice")
	p.Sign.Wait()
	if !shown && p.Sign.Spent() == 0 {
		return
	}
	c.followers.addUntil(announced, p.User, []decision.Record{row}, func(ctx context.Context, d []decision.Record) {
		where, say := p.Aside(), func(rows ...decision.Current) texts.Message { return c.Texts.OutcomeLine(rows[0]) }
		if p.Sign.Below() {
			where = ephemeral
		}
		switch {
		case !d[0].Outcome().Closed():
		case where == replaceOriginal:
			say = always(c.Texts.Ended(p.Confirmation, d[0]))
		default:
			say = always(c.Texts.Closed(p.Confirmation, d[0], p.User))
		}
		c.answer(ctx, p, where, say, d[0])
	})
}

// announced reports whether a decision's announcement is recorded. A closed prompt
// counts as announced.
func announced(d decision.Record) bool { return !d.AnnouncedAt.IsZero() }

// delivered reports whether a decision of the press's own prompt was made by another
// delivery of the press. A person submits a modal once.
func (p Press) delivered(own decision.Record) bool {
	return p.View != "" && own.Confirmer == p.User || sameClick(own, p.recordURL())
}

// endRedelivered ends the life of a press whose other delivery is carried out.
func (l *life) endRedelivered(winner decision.Record) {
	p := *l.press
	l.prompt.stop()
	l.prompt.close()
	if p.View != "" {
		l.showAgain(p, winner)
		return
	}
	l.redelivered(p, winner, l.told || !p.Confirmation.Public && l.prompt.left() < maxUses-1-p.Spent)
}

// showAgain shows in a modal what became of its submission, which was delivered again:
// each delivery's acknowledgement replaces what the modal shows. The response_url is
// left to the delivery that is carried out.
func (c *Carrier) showAgain(p Press, row decision.Record) {
	p.Log.Info("click delivered twice")
	p.ResponseURL = ""
	c.apart(p, func(ctx context.Context) { c.answer(ctx, p, ephemeral, c.cameSecond(p), row) })
}
