package carry

import (
	"slices"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/work"
)

// outdated reports whether another life of the decision has restored the row.
func (l *life) outdated() bool { return l.current().Epoch != l.epoch }

// restore re-inserts a row that has disappeared from the journal, for example
// after a restored backup or a failover. The row has the outcomes that last, so
// that no one carries it out again. The lives of a decision restore it once.
func (l *life) restore() decision.Event {
	if err := l.restoreOnce(); err != nil {
		return l.event(err)
	}
	if l.state.Stage != decision.Noting {
		l.awaitSuccessor()
	}
	if l.tasks.result(l.task).Cause == decision.CauseOverruled {
		return decision.Event{Kind: decision.Overruled}
	}
	return decision.Event{Kind: decision.Restored}
}

// awaitSuccessor waits if the journal was away a moment ago. This process's lease may
// have ended then, and another one may have taken the decision over, posted its outcome,
// and found that it can't record it, before the row vanished.
func (l *life) awaitSuccessor() {
	if l.OwnersFirst() {
		work.Sleep(l.ctx, ownersFirst)
	}
}

func (l *life) restoreOnce() error {
	if err := l.tasks.restoring.Acquire(l.ctx, 1); err != nil {
		return err
	}
	defer l.tasks.restoring.Release(1)
	if l.state.Stage == decision.Resolving {
		l.tasks.forget(l.task)
	}
	if !l.outdated() {
		if err := l.restoreRow(); err != nil {
			return err
		}
	}
	l.epoch = l.current().Epoch
	return nil
}

// restored reports whether another life of the decision has restored the row. It waits
// for one that is doing so: the journal may have the new row before this process knows.
func (l *life) restored() bool {
	if l.tasks.restoring.Acquire(l.ctx, 1) == nil {
		defer l.tasks.restoring.Release(1)
	}
	return l.outdated()
}

func (l *life) restoreRow() error {
	l.Metrics.Vanished.Inc()
	vanished := l.With(l.tasks.lasting()...)
	vanished.Epoch = l.epoch
	lease, tasks, err := l.Journal.Restore(l.ctx, vanished)
	if err != nil {
		return err
	}
	l.tasks.take(tasks)
	l.replaced(lease)
	l.log.Error("decision missing from the journal; restored it. Was the database restored from a backup, or failed over?",
		"overruled", slices.ContainsFunc(tasks, func(t decision.Item) bool { return t.Result().Cause == decision.CauseOverruled }))
	return nil
}
