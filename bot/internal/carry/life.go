package carry

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/journal"
)

// life is one task of a decision while this process carries it, until its
// outcome is recorded. The life that records the last outcome continues with
// the decision. Only its own goroutine uses it.
type life struct {
	*Carrier
	*holding
	press   *Press // nil if the decision was taken over
	prompt  *prompt
	job                       // the subject of this life
	settled []decision.Result // of a follow-up, by task; zero until it is known
	posted  string            // the announcement's ts; "" if Slack returned none
	defeat                    // why its click wasn't saved
	showing                   // what the person sees
	log     *slog.Logger
}

// defeat says why a click wasn't saved.
type defeat struct {
	winners []decision.Record    // that came before it; none if they are gone
	paused  *journal.PausedError // if cancelling is paused
}

// showing is what the person who pressed sees.
type showing struct {
	shown   decision.Show // in the prompt
	told    bool          // below the prompt, that the click is being saved
	signing bool          // the press may still show its sign
}

// job is the subject of a life.
type job struct {
	task  int // in the decision's order
	state decision.State
	began time.Time // zero of Moment.Elapsed
	epoch int64     // of the row that the state is about: a restored row has a later one
	facts facts     // facts for the announcement's text
	turn  bool      // the decision has its turn in the channel
	blind time.Time // since when the journal doesn't say who has its tasks; zero if it does
}

// start carries a task of a decision in a goroutine of its own. The caller has
// counted it.
func (c *Carrier) start(l *life) {
	l.Carrier, l.began, l.epoch = c, time.Now(), l.current().Epoch
	l.log = l.holding.log.With("task", int64(l.Tasks[l.task].ID))
	c.group.Run(l.run)
}

// branch starts the lives of the other tasks of a decision that was just
// claimed.
func (l *life) branch() {
	others := slices.DeleteFunc(l.tasks.open(), func(task int) bool { return task == l.task })
	l.tasks.begin(len(others))
	for _, task := range others {
		one := &life{holding: l.holding, press: l.press, prompt: l.prompt, showing: showing{shown: decision.ShowRunning}}
		one.job = job{task: task, state: decision.Branched(l.Record)}
		one.facts.details = l.Details.find(l.ctx, l.log, l.Record, task)
		l.start(one)
	}
}

// item returns the task that this life is about.
func (l *life) item() decision.Item { return l.Tasks[l.task] }

// decided returns the decision with the outcomes that are known.
func (l *life) decided() decision.Record { return l.With(l.tasks.all()...) }

// run asks the kernel for the next action, performs it, and reports the
// result, until there is nothing left to do. After a panic, another process
// takes the decision over.
func (l *life) run() {
	leave := true
	defer func() {
		l.giveTurn()
		l.end(leave)
	}()
	var e decision.Event
	for {
		before := l.state
		s, do := l.Protocol.Step(before, e, l.moment(e))
		l.state = s
		if e.Kind == decision.Won && do.Action != decision.DoGiveUp {
			l.won()
			l.branch()
		}
		l.report(before, e, do)
		l.show(do)
		if e.Kind == decision.Posted && before.Doing == decision.DoPost {
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

// end ends a life, and the holding if it was the last.
func (l *life) end(leave bool) {
	last, leave := l.tasks.end(leave)
	if !last {
		return
	}
	counts := l.saving() == carried
	if leave {
		l.set.letGo(l.holding)
	} else {
		l.set.drop(l.holding)
	}
	l.prompt.close()
	if leave && counts && l.press != nil && l.press.View != "" {
		l.leaveModal()
	}
}

// moment returns the current Moment. Once a claim is won, it settles whether
// Keep task came in time.
func (l *life) moment(e decision.Event) decision.Moment {
	return decision.Moment{
		Elapsed: time.Since(l.began), Age: l.most(), Least: l.least(), Up: time.Since(l.up),
		Kept: l.isKept(e.Kind == decision.Won && l.state.Save.Closing == ""),
	}
}

// do performs one action and returns its answer.
func (l *life) do(do decision.Do) decision.Event {
	began := time.Since(l.began)
	e := l.perform(do)
	if l.ctx.Err() != nil && e.Kind != decision.Posted && e.Kind != decision.Done { // the end of the context explains the failure
		e = decision.Event{Kind: decision.Stopped}
		if errors.Is(context.Cause(l.ctx), journal.ErrLost) {
			e.Kind = decision.Lost
		}
	}
	e.Began = began
	return e
}

// perform performs one action. If the context has ended meanwhile, do says so instead of
// its answer.
func (l *life) perform(do decision.Do) decision.Event {
	switch do.Action {
	case decision.DoWait:
		return l.wait(do.For)
	case decision.DoSave:
		return l.save()
	case decision.DoClose:
		return l.closePrompt(do.As)
	case decision.DoGiveUp:
		return l.event(l.Journal.GiveUp(l.ctx, l.lease(), do.As))
	case decision.DoSend:
		return l.send()
	case decision.DoUnmark:
		return l.renew(l.Journal.MarkUnsent(l.ctx, l.lease(), l.task))
	case decision.DoGet:
		return l.get()
	case decision.DoAsk:
		return l.ask()
	case decision.DoRestore:
		return l.restore()
	case decision.DoRecord:
		return l.record()
	case decision.DoQueue:
		if l.turn = l.turn || l.turns.wait(l.ctx, l.Channel); l.turn {
			return decision.Event{Kind: decision.Done}
		}
	case decision.DoMark:
		return l.renew(l.Journal.BeginAnnouncing(l.ctx, l.lease()))
	case decision.DoRetract:
		return l.renew(l.Journal.NotAnnounced(l.ctx, l.lease()))
	case decision.DoPost:
		return l.post(do.Where)
	case decision.DoProbe:
		return l.probe()
	case decision.DoNote:
		return l.note()
	case decision.DoDelay:
		return l.event(l.Journal.CheckLater(l.ctx, l.lease(), do.For))
	case decision.DoCheck:
		return l.checkAll()
	case decision.DoSettle:
		return l.settle()
	case decision.DoEdit:
		return l.edit()
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

// renew keeps a renewed lease, and returns the event for err.
func (l *life) renew(lease journal.Lease, err error) decision.Event {
	if err == nil {
		l.renewed(lease)
	}
	return l.event(err)
}

// lease returns the lease for the next step. It isn't valid for a row that
// another life of the decision has restored.
func (l *life) lease() journal.Lease {
	lease := l.current()
	lease.Epoch = l.epoch
	return lease
}

// event returns the event for a write's error. A row that another life of the
// decision has restored was gone for this one, too.
func (l *life) event(err error) decision.Event {
	switch {
	case err == nil:
		return decision.Event{Kind: decision.Done}
	case errors.Is(err, journal.ErrLost) && !l.restored():
		return decision.Event{Kind: decision.Lost}
	case errors.Is(err, journal.ErrGone), errors.Is(err, journal.ErrLost):
		return decision.Event{Kind: decision.Gone}
	}
	l.log.Warn("step not saved; retrying", "action", l.state.Doing.String(), "error", err)
	return decision.Event{Kind: decision.Uncertain}
}

// detached returns a context for steps that must be tried even if the process
// is stopping.
func (l *life) detached() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(l.ctx), finalTimeout)
}

// finalTimeout bounds a write that is tried at the end of the process.
const finalTimeout = 2 * time.Second
