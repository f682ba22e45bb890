package chameliotest

import (
	"fmt"
	"net/http"
	"slices"
	"time"
)

// Request is one request that reached the server.
type Request struct {
	At     time.Time
	Method string
	Path   string
	Task   int64  // 0 if the path has none
	Status int    // of the answer; 0 if there was none
	Key    string // the X-API-Key sent
	Agent  string // the User-Agent sent
}

// Effect is one cancel that took effect.
type Effect struct {
	At      time.Time // when it took effect, which may be long after the request
	Request Request   // the request that caused it, as it was when it arrived
}

// Put adds a task, or replaces it and its past versions.
func (s *Server) Put(t Task) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tasks[t.ID] = []version{{time.Now(), t}}
}

// Add creates n cancellable tasks with consecutive IDs, starting at first.
func (s *Server) Add(first int64, n int) {
	for id := first; id < first+int64(n); id++ {
		s.Put(NewTask(id, "in_progress", fmt.Sprintf("Contract %d", id), time.Now()))
	}
}

// Task returns the current task, regardless of the read lag.
func (s *Server) Task(id int64) (Task, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.current(id)
}

// current returns the current task. It must be called with mu held.
func (s *Server) current(id int64) (Task, bool) {
	versions := s.tasks[id]
	if len(versions) == 0 {
		return Task{}, false
	}
	return versions[len(versions)-1].task, true
}

// shown returns the task that a lagging read returns. It must be called with
// mu held.
func (s *Server) shown(id int64) (Task, bool) {
	versions := s.tasks[id]
	for _, v := range slices.Backward(versions) {
		if time.Since(v.from) >= s.readLag {
			return v.task, true
		}
	}
	if len(versions) == 0 {
		return Task{}, false
	}
	return versions[0].task, true // nothing is known about earlier times
}

// Tasks returns all current tasks, ordered by ID.
func (s *Server) Tasks() []Task {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]Task, 0, len(s.tasks))
	for id := range s.tasks {
		t, _ := s.current(id)
		all = append(all, t)
	}
	slices.SortFunc(all, func(a, b Task) int { return int(a.ID - b.ID) })
	return all
}

// SetStatus changes a task's status, as someone in Chamelio could.
func (s *Server) SetStatus(id int64, status string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.move(id, status)
}

// move gives a task a new version. It must be called with mu held.
func (s *Server) move(id int64, status string) {
	t, _ := s.current(id)
	now := time.Now()
	t.Status, t.UpdatedAt, t.CompletedAt = status, new(now), nil
	if status == "completed" || status == "failed" {
		t.CompletedAt = t.UpdatedAt
	}
	s.tasks[id] = append(s.tasks[id], version{now, t})
}

// Requests returns every request so far, oldest first.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]Request, len(s.requests))
	for i, r := range s.requests {
		all[i] = *r
	}
	return all
}

// Cancels returns the number of cancel requests that arrived for a task.
func (s *Server) Cancels(id int64) int {
	n := 0
	for _, r := range s.Requests() {
		if r.Method == http.MethodPost && r.Task == id {
			n++
		}
	}
	return n
}

// Effects returns how often a cancel took effect on a task: 0 or 1, unless
// there is a bug.
func (s *Server) Effects(id int64) int { return len(s.EffectsOf(id)) }

// EffectsOf returns the cancels that took effect on a task, oldest first.
func (s *Server) EffectsOf(id int64) []Effect {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.effects[id])
}

// Landing returns the number of cancels that are delayed by Fault.LandAfter.
func (s *Server) Landing() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.landing
}
