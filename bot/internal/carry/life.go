package carry

import (
	"context"
	"errors"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/journal"
)

// life is one decision while this process carries it. Only its own goroutine
// uses it.
type life struct {
	*Carrier
	*holding
	press  *Press // nil if the decision was taken over
	state  decision.State
	began  time.Time // zero of Moment.Elapsed
	prompt *prompt
	facts  facts           // what is known for the announcement's text
	result decision.Result // once it is recorded
	posted string          // the announcement's ts; "" if Slack returned none
	winner decision.Record // that came before this click
	turn   bool            // this decision has its channel's turn
	shown  decision.Show   // in the prompt
}

// start carries a decision in a goroutine of its own.
func (c *Carrier) start(l *life) {
	l.Carrier, l.began = c, time.Now()
	if l.check {
		c.followUps.Add(1)
		c.group.Run(func() {
			defer c.followUps.Add(-1)
			l.run()
		})
		return
	}
	c.group.Run(l.run)
}

// run asks the kernel what to do, does it, and reports what came of it, until
// there is nothing more to do. A panic leaves the decision to another process.
func (l *life) run() {
	leave := true
	defer func() {
		l.giveTurn()
		if leave {
			l.set.letGo(l.holding)
		} else {
			l.set.drop(l.holding)
		}
		l.prompt.close()
	}()
	var e decision.Event
	for {
		before := l.state
		s, do := l.Protocol.Step(before, e, l.moment(e))
		l.state = s
		l.report(before, e, do)
		l.show(do)
		if e.Kind == decision.Posted {
			l.prompt.release()
		}
		if do.Action == decision.DoEnd {
			leave = do.Leave || e.Kind == decision.Lost
			if leave && do.Show == decision.ShowNothing { // its successor may need what is left of the response_url
				l.prompt.stop()
			}
			return
		}
		e = l.do(do)
	}
}

// moment returns what holds now. A claim that was won settles whether Keep task
// came in time.
func (l *life) moment(e decision.Event) decision.Moment {
	age := l.now().Sub(l.DecidedAt)
	return decision.Moment{
		Elapsed: time.Since(l.began), Age: age,
		Kept: l.isKept(e.Kind == decision.Won && !l.state.Save.Closing),
		Last: l.state.Stage == decision.Following && !l.now().Before(l.FollowUntil),
	}
}

// do does one thing and returns its answer.
func (l *life) do(do decision.Do) decision.Event {
	began := time.Since(l.began)
	e := l.answer(do)
	if l.ctx.Err() != nil && e.Kind != decision.Posted && e.Kind != decision.Done { // the end of the context explains the failure
		e = decision.Event{Kind: decision.Stopped}
		if errors.Is(context.Cause(l.ctx), journal.ErrLost) {
			e.Kind = decision.Lost
		}
	}
	e.Began = began
	return e
}

func (l *life) answer(do decision.Do) decision.Event {
	switch do.Action {
	case decision.DoWait:
		return l.wait(do.For)
	case decision.DoSave:
		return l.save()
	case decision.DoClose:
		return l.closePrompt()
	case decision.DoGiveUp:
		return l.event(l.Journal.GiveUp(l.ctx, l.current()))
	case decision.DoSend:
		return l.send()
	case decision.DoUnmark:
		return l.renew(l.Journal.MarkUnsent(l.ctx, l.current()))
	case decision.DoLook:
		return l.look()
	case decision.DoAsk:
		return l.ask()
	case decision.DoRestore:
		return l.restore()
	case decision.DoRecord:
		return l.record()
	case decision.DoQueue:
		if l.turn = l.turns.wait(l.ctx, l.Channel); l.turn {
			return decision.Event{Kind: decision.Done}
		}
	case decision.DoMark:
		return l.renew(l.Journal.BeginTelling(l.ctx, l.current()))
	case decision.DoRetract:
		return l.renew(l.Journal.NotTold(l.ctx, l.current()))
	case decision.DoPost:
		return l.post(do.Where)
	case decision.DoNote:
		return l.note()
	case decision.DoDelay:
		return l.event(l.Journal.LookAgain(l.ctx, l.current(), do.For))
	case decision.DoSettle:
		return l.settle()
	case decision.DoClear:
		return l.clear()
	case decision.DoEnd:
	}
	return decision.Event{Kind: decision.Stopped}
}

// wait waits. The channel's turn is kept only for the next try of a post. Keep
// task ends a wait early.
func (l *life) wait(pause time.Duration) decision.Event {
	if l.state.Then != decision.DoPost {
		l.giveTurn()
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	woken := l.woken
	if l.isKept(false) {
		woken = nil // once
	}
	select {
	case <-timer.C:
	case <-woken:
	case <-l.ctx.Done():
	}
	return decision.Event{Kind: decision.Waited}
}

func (l *life) giveTurn() {
	if l.turn {
		l.turn = false
		l.turns.give(l.Channel)
	}
}

// renew is event, and keeps the renewed lease.
func (l *life) renew(lease journal.Lease, err error) decision.Event {
	if err == nil {
		l.renewed(lease)
	}
	return l.event(err)
}

// event says what a write's error means.
func (l *life) event(err error) decision.Event {
	switch {
	case err == nil:
		return decision.Event{Kind: decision.Done}
	case errors.Is(err, journal.ErrLost):
		return decision.Event{Kind: decision.Lost}
	case errors.Is(err, journal.ErrGone):
		return decision.Event{Kind: decision.Gone}
	}
	l.log.Warn("the journal didn't save a step; trying again", "action", l.state.Doing.String(), "error", err)
	return decision.Event{Kind: decision.Uncertain}
}

// restore writes a row again that has vanished from the journal, as a restored
// backup or a failover can make it: with its outcome, if it has one, so that no
// one carries it out once more.
func (l *life) restore() decision.Event {
	l.Metrics.Vanished.Inc()
	lease, err := l.Journal.PutBack(l.ctx, l.With(l.result))
	overruled := errors.Is(err, journal.ErrTaken)
	if overruled {
		lease, err = l.Journal.PutBack(l.ctx, l.With(l.result.Overruled()))
	}
	if err != nil {
		return l.event(err)
	}
	l.log.Error("a decision had vanished from the journal and was restored. Was the database restored from a backup, or failed over?", "overruled", overruled)
	l.replaced(lease)
	if overruled {
		return decision.Event{Kind: decision.Overruled}
	}
	return decision.Event{Kind: decision.Restored}
}

// detached returns a context for what must be tried even if the process stops.
func (l *life) detached() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(l.ctx), finalTimeout)
}

// finalTimeout bounds a write that is tried at the end of the process.
const finalTimeout = 2 * time.Second
