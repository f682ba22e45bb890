package carry

import (
	"context"
	"math"
	"slices"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/journal"
	"github.com/cancelbot/cancelbot/bot/internal/slackapi"
	"github.com/cancelbot/cancelbot/bot/internal/texts"
)

// beaten answers a click whose claim found other decisions, that its prompt was decided
// before, or that cancelling is paused. It updates the prompt through its queue, so that
// no older text overwrites the update.
func (l *life) beaten() {
	l.prompt.certain()
	if l.paused != nil {
		l.barred()
		return
	}
	if len(l.winners) == 0 {
		l.endUnknown(journal.ErrDecided)
		return
	}
	c, p, winner := l.Carrier, *l.press, l.winners[0]
	own, unsure := winner.ID == l.ID, l.state.Save.Unsure
	switch {
	case own && p.delivered(winner) && (!unsure || winner.MAC != l.MAC):
		l.endRedelivered(winner)
		return
	case own && winner.MAC == l.MAC:
		// Saved after all, and taken over by another process: it counts.
		l.log.Info("another process carries this click out")
		l.followOwn(winner)
		return
	}
	l.prompt.release()
	switch {
	case own && winner.Outcome().Closed():
		l.afterwards(func(ctx context.Context) { c.closed(ctx, p, winner) })
	case own && !unsure:
		// The prompt may still show its buttons, if Slack didn't accept its
		// update. The owner of the first click updates it with the outcome.
		l.log.Info("an earlier click counts", "confirmer", winner.Confirmer)
		if p.whereSigned() == replaceOriginal {
			l.followOther()
			return
		}
		if winner.Outcome() != "" {
			l.prompt.endAs(l.outcomeLine(winner))
		}
		c.apart(p, func(ctx context.Context) { c.answer(ctx, p, ephemeral, c.cameSecond(p), winner) })
	case own:
		l.followOther()
	default:
		l.log.Info("other decisions have all tasks", "winner", string(winner.ID), "winners", len(l.winners))
		l.lose()
	}
}

// lose closes a prompt whose click lost to other prompts' decisions, and then answers
// the click. Once someone reads that the prompt wasn't used, no press on it counts any
// more, even if those decisions cancel nothing. Until that is saved, other presses wait
// for it outside of the workers.
func (l *life) lose() {
	l.to(unsure)
	first, err := known(l.process, *l.press, func() (decision.Record, error) {
		first, _, err := l.Journal.Supersede(l.process, l.Record)
		return first, err
	})
	switch {
	case err != nil:
		l.endUnknown(err)
	case first.Outcome() == decision.Superseded:
		l.followOther()
	default: // another press was faster
		l.winners = []decision.Record{first}
		l.beaten()
	}
}

// endUnknown answers a click on a prompt whose result isn't known. A request keeps its
// text and buttons: it is everyone's.
func (l *life) endUnknown(err error) {
	l.log.Error("can't tell what became of a prompt", "error", err)
	where := replaceOriginal
	if l.press.Confirmation.Public {
		where = ephemeral
	}
	l.instead(where, always(l.Texts.CannotTell(l.press.Confirmation)))
}

// ended shows in the prompt that it is closed, by the journal's row, and answers
// the person who pressed it: if everyone reads that, and where the sign is.
func (l *life) ended(row decision.Record) {
	c := l.press.Confirmation
	l.prompt.end(l.Texts.Ended(c, row))
	if c.Public || l.toldAside() {
		l.apart(*l.press, func(ctx context.Context) {
			l.answer(ctx, *l.press, ephemeral, always(l.Texts.Closed(c, row, l.press.User)))
		})
	}
}

// followOwn shows in the prompt the result of a click that another process
// carries out.
func (l *life) followOwn(winner decision.Record) {
	show := func(d decision.Record) {
		switch {
		case d.Outcome() == "":
			l.prompt.end(l.Texts.StillTrying(d)) // it says where the result will be posted, if this process can't show it
		case d.Outcome().Closed():
			l.ended(d)
		default:
			l.prompt.endAs(l.outcomeLine(d))
		}
	}
	if l.toldAside() && !winner.Outcome().Closed() { // else ended says it
		l.tell(minLast-1, func(ctx context.Context) (texts.Message, error) {
			return l.cameSecond(*l.press)(l.Quoted(ctx, l.asTheyAre(ctx, []decision.Record{winner})...)...), nil
		})
	}
	if show(winner); winner.Outcome() != "" {
		return
	}
	l.followers.add(l.press.User, []decision.Record{winner}, func(_ context.Context, decided []decision.Record) {
		if l.process.Err() == nil { // else no one waits for the prompt any more
			show(decided[0])
		}
	})
}

// leaveModal updates the modal of a decision that is left to another process:
// only the process that opened a modal can update it. The modal says where the
// result will be posted, which stays true if this process ends. If it doesn't,
// the modal shows the outcome later. The uses of the response_url are left to
// the other process.
func (l *life) leaveModal() {
	p := &prompt{ctx: l.process, run: l.group.Run, uses: math.MaxInt, screen: screen{update: func(ctx context.Context, choose slackapi.Choose) error {
		return l.Poster.ShowLast(ctx, l.press.View, choose)
	}}}
	if len(l.tasks.open()) == 0 {
		p.endAs(l.outcomeLine(l.decided()))
		return
	}
	p.end(l.Texts.StillTrying(l.decided()))
	if l.process.Err() != nil {
		return
	}
	l.followers.add(l.press.User, []decision.Record{l.Record}, func(_ context.Context, decided []decision.Record) {
		if decided[0].Outcome().Closed() {
			p.end(l.Texts.Ended(l.press.Confirmation, decided[0]))
			return
		}
		p.endAs(l.outcomeLine(decided[0]))
	})
}

// followOther shows in the prompt the result of the decisions that came first.
func (l *life) followOther() {
	l.afterwards(func(ctx context.Context) { l.answerWinners(ctx, *l.press, l.winners...) })
}

// answerWinners answers a press, in its prompt, with the result of the decisions that came
// first. A request in the channel is everyone's and gets its own text; its clicker gets a
// private one.
func (c *Carrier) answerWinners(ctx context.Context, p Press, winners ...decision.Record) {
	if !p.Confirmation.Public {
		c.answer(ctx, p, replaceOriginal, c.cameSecond(p), winners...)
		return
	}
	c.apart(p, func(ctx context.Context) {
		c.answer(ctx, p, replaceOriginal, func(rows ...decision.Current) texts.Message { return c.Texts.Overtaken(p.Confirmation, rows...) }, winners...)
	})
	c.answer(ctx, p, ephemeral, c.cameSecond(p), winners...)
}

// instead answers a press that made no decision, in a goroutine of its own, after the
// updates of its prompt that are in progress. From now on, another press on the prompt
// may make a decision, and its result isn't overwritten.
func (l *life) instead(where slackapi.Placement, say saying, about ...decision.Record) {
	l.afterwards(func(ctx context.Context) { l.answer(ctx, *l.press, where, say, about...) })
}

// afterwards calls answer as instead does.
func (l *life) afterwards(answer func(context.Context)) {
	l.set.drop(l.holding)
	l.prompt.stop()
	l.apart(*l.press, func(ctx context.Context) {
		l.prompt.close()
		answer(ctx)
	})
}

// barred answers a click that wasn't saved because cancelling was paused after it was
// judged. A private prompt, which may show that the click is being saved, is shown again.
func (l *life) barred() {
	p := *l.press
	l.log.Info("click refused; cancelling is paused")
	l.Metrics.Refusals.WithLabelValues("click", "paused").Inc()
	m := l.Texts.PausedClick(p.Confirmation, l.paused.Note)
	if p.Confirmation.Public || p.View != "" {
		l.instead(ephemeral, always(m))
		return
	}
	l.afterwards(func(context.Context) { l.Restore(p, m, l.Texts.CannotTell(p.Confirmation)) })
}

func isClosed(d decision.Record) bool { return d.Outcome().Closed() }

// OtherDelivery shows in a modal whose submission was refused what another
// delivery of it decided, if one did: Slack delivers a submission again, to
// another replica, if its acknowledgement is late.
func (c *Carrier) OtherDelivery(ctx context.Context, p Press) {
	first, err := c.Journal.Get(ctx, p.id())
	if err == nil && !first.Outcome().Closed() {
		c.answer(ctx, p, ephemeral, c.cameSecond(p), first)
	}
}

// await answers a press again when the decisions that came first have their outcomes,
// unless its person sees those elsewhere. An answer in place of a prompt is always
// updated. A private answer is followed by another one, and the one below a prompt, only
// if a decision that it announced was closed instead of carried out.
func (c *Carrier) await(p Press, where slackapi.Placement, say saying, winners []decision.Record) {
	if allDecided(winners) {
		return
	}
	c.followers.add(p.User, winners, func(ctx context.Context, decided []decision.Record) {
		closed := slices.ContainsFunc(decided, isClosed)
		if !closed {
			p.Sign = nil // what is below the prompt stays true
		}
		switch {
		case where == replaceOriginal && (p.Confirmation.Public || p.Ephemeral):
		case p.Ephemeral:
			where, say = replaceOriginal, c.cameSecond(p)
		case closed:
			say = c.cameSecond(p)
		default:
			return
		}
		c.answer(ctx, p, where, say, decided...)
	})
}
