package carry

import (
	"slices"
	"sync"

	"golang.org/x/sync/semaphore"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
)

// shared is the common state of the lives of a decision's tasks: the outcomes
// found so far, and how many lives are left.
type shared struct {
	restoring *semaphore.Weighted // held while the row is restored

	mu        *sync.Mutex
	results   []decision.Result // by task; zero until its outcome is known
	recorded  []bool            // by task: the journal has the outcome
	announcer int               // the task whose life announces the decision; -1 until all outcomes are known
	lives     int
	leave     bool // the decision still needs a process
}

func newShared(r decision.Record) shared {
	s := shared{
		restoring: semaphore.NewWeighted(1), mu: new(sync.Mutex),
		results: make([]decision.Result, len(r.Tasks)), recorded: make([]bool, len(r.Tasks)),
		announcer: -1,
	}
	s.take(r.Tasks)
	return s
}

// take copies the outcomes that tasks have.
func (s *shared) take(tasks []decision.Item) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, t := range tasks {
		if t.Outcome != "" {
			s.results[i], s.recorded[i] = t.Result(), true
		}
	}
}

// result returns the result of a task, zero if it isn't known yet.
func (s *shared) result(task int) decision.Result {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.results[task]
}

// found keeps the result of a task.
func (s *shared) found(task int, res decision.Result) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.results[task] = res
}

// forget drops the result of a task whose request has to be looked at again. What the
// journal has stays: another life may have restored the row, with the outcomes that
// other decisions leave.
func (s *shared) forget(task int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.recorded[task] {
		s.results[task] = decision.Result{}
	}
}

// all returns the results of all tasks.
func (s *shared) all() []decision.Result {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.results)
}

// saved returns the results that the journal has.
func (s *shared) saved() []decision.Result {
	s.mu.Lock()
	defer s.mu.Unlock()
	saved := make([]decision.Result, len(s.results))
	for i, res := range s.results {
		if s.recorded[i] {
			saved[i] = res
		}
	}
	return saved
}

// lasting returns the results that are true even if another process had the row
// before it vanished: those that were in it, and what our own request did.
func (s *shared) lasting() []decision.Result {
	s.mu.Lock()
	defer s.mu.Unlock()
	lasting := make([]decision.Result, len(s.results))
	for i, res := range s.results {
		if s.recorded[i] || res.Outcome == decision.Cancelled || res.Outcome == decision.Unknown {
			lasting[i] = res
		}
	}
	return lasting
}

// open returns the tasks whose outcome the journal doesn't have.
func (s *shared) open() []int {
	s.mu.Lock()
	defer s.mu.Unlock()
	var open []int
	for i, recorded := range s.recorded {
		if !recorded {
			open = append(open, i)
		}
	}
	return open
}

// record notes that the journal has the outcome of a task.
func (s *shared) record(task int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.recorded[task] = true
}

// announces reports whether the life of a task announces the decision: the first
// that finds the outcomes of all others recorded. A restored row has the outcomes
// of several lives at once, so more than one can be the last to record.
func (s *shared) announces(task int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for other, recorded := range s.recorded {
		if other != task && !recorded {
			return false
		}
	}
	if s.announcer < 0 {
		s.announcer = task
	}
	return s.announcer == task
}

// begin counts lives that start.
func (s *shared) begin(lives int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lives += lives
}

// end counts a life that has ended. It reports whether it was the last, and
// whether any of them leaves the decision to another process.
func (s *shared) end(leave bool) (last, leaving bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lives--
	s.leave = s.leave || leave
	return s.lives == 0, s.leave
}
