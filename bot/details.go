package bot

import (
	"context"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/work"
	"github.com/cancelbot/cancelbot/chamelio"
)

const (
	// detailsLimit bounds the look at a task beside its cancel, which only
	// makes the announcement say more.
	detailsLimit = 2 * time.Second

	// detailsAge is how long what a prompt showed of a task is new enough for
	// the announcement.
	detailsAge = time.Minute

	// maxSeen bounds how many tasks are remembered, at half a KB each.
	maxSeen = 1024
)

// seenTasks are those that prompts showed a moment ago. Nothing is decided by
// them: they spare Chamelio a look where one confirms at once.
type seenTasks struct {
	byID *lru.Cache[chamelio.TaskID, seenTask]
}

type seenTask struct {
	chamelio.Task
	asked time.Time
}

func newSeenTasks() *seenTasks {
	return &seenTasks{work.NewCache[chamelio.TaskID, seenTask](maxSeen)}
}

// keep remembers a task as it was when it was asked for.
func (s *seenTasks) keep(task chamelio.Task, asked time.Time) {
	s.byID.Add(task.ID, seenTask{task, asked})
}

// get returns a task if it was seen within detailsAge.
func (s *seenTasks) get(id chamelio.TaskID) (chamelio.Task, bool) {
	seen, ok := s.byID.Get(id)
	if !ok || time.Since(seen.asked) >= detailsAge {
		return chamelio.Task{}, false
	}
	return seen.Task, true
}

// details are what is known of a task beside its cancel.
type details struct {
	chamelio.Task
	remembered bool // from the prompt
}

// beginDetails finds out, beside the cancel, what the task is. The result says
// nothing about the cancel: only the title and the like are taken from it.
func (w *resolution) beginDetails() <-chan details {
	found := make(chan details, 1)
	go func() {
		ctx, cancel := context.WithTimeout(w.h.ctx, detailsLimit)
		defer cancel()
		id := w.h.Record.Task()
		task, remembered := w.recent.get(id)
		if !remembered {
			task, _ = w.tasks.Preview(ctx, id) // gives way to cancels
		}
		w.found = w.people.find(ctx, w.h.log, task, w.h.Record)
		found <- details{task, remembered}
	}()
	return found
}

// told makes the result of the last step.
func (w *resolution) told(s step, beside <-chan details) decision.Result {
	task, found := w.task, <-beside
	if task.ID == 0 {
		task = found.Task
		if found.remembered && s.outcome != decision.Cancelled { // it may be elsewhere by now
			task.Step, task.StepsDone, task.StepsTotal = "", 0, 0
		}
	}
	res := decision.Describe(task)
	if w.task.ID == 0 { // seen before or beside: what it was then is no news
		res.Status, res.Over = "", time.Time{}
	}
	res.Outcome, res.Cause, res.Seen, res.People = s.outcome, s.cause, w.seen, w.found
	if w.refusal != nil && s.cause == decision.CauseRefused {
		res.Detail = w.refusal.Detail
	}
	if w.err != nil {
		res.Key = w.err.Reason
	}
	if s.cause == decision.CauseBusy {
		res.RetryIn = w.retryAfter
	}
	return res
}
