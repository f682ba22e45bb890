// Package chameliotest is a stand-in for Chamelio's external API: a real HTTP
// server on a loopback address, with tasks, a memory of what was asked, and
// switches for everything that goes wrong with the real one.
package chameliotest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"sync"
	"time"
)

// Key is the API key that the server accepts until RefuseKey.
const Key = "ca_c3RhbmQtaW4ta2V5"

// The tasks that every server starts with, one in each state.
const (
	PendingTask    = 12344
	InProgressTask = 12345
	CompletedTask  = 12346
	FailedTask     = 12347
	CancelledTask  = 12348
)

// Task is a task as the API's JSON has it. Pointers are null when nil.
type Task struct {
	ID            int64      `json:"task_id"`
	URL           *string    `json:"task_url"`
	Title         *string    `json:"task_title"`
	WorkflowID    int64      `json:"workflow_id"`
	Workflow      *string    `json:"workflow_name"`
	Status        string     `json:"status"`
	Step          *string    `json:"current_step_name"`
	CreatedAt     *time.Time `json:"created_at"`
	UpdatedAt     *time.Time `json:"updated_at"`
	CompletedAt   *time.Time `json:"completed_at"`
	Owner         *string    `json:"owner_email"`
	Assignee      *string    `json:"assignee_email"`
	Collaborators []string   `json:"collaborator_emails"`
	StepRuns      []any      `json:"step_runs"`
	Variables     any        `json:"variables"` // confidential in the real API
}

// Request is one request that reached the server.
type Request struct {
	At     time.Time
	Method string
	Path   string
	Task   int64  // 0 if the path names none
	Status int    // what was answered; 0 while unanswered, or for a cut or hung connection
	Key    string // the X-API-Key sent
	Agent  string // the User-Agent sent
}

// Server is the stand-in. Its methods are safe for concurrent use.
type Server struct {
	http *httptest.Server
	done chan struct{} // closed by Close, so that hung requests end

	mu         sync.Mutex
	tasks      map[int64]Task
	requests   []Request
	effects    map[int64]int // how often a cancel took effect, by task
	faults     []*Fault
	keyDetail  string // the 401 to answer with; empty: the key is good
	org        string
	perMinute  int
	enforce    bool
	received   func(Request)
	applied    func(Request)
	now        func() time.Time
	windowFrom time.Time
	windowUsed int
}

// NewServer starts a server on a free loopback port. Close it.
func NewServer() *Server {
	s := &Server{
		done:      make(chan struct{}),
		tasks:     map[int64]Task{},
		effects:   map[int64]int{},
		org:       "Acme Corporation",
		perMinute: 60000,
		now:       time.Now,
	}
	for _, t := range seed(s.now()) {
		s.tasks[t.ID] = t
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /tasks/{id}", s.handle(s.getTask))
	mux.HandleFunc("POST /tasks/{id}/cancel", s.handle(s.cancelTask))
	mux.HandleFunc("GET /users/org-info", s.handle(s.orgInfo))
	mux.HandleFunc("/", s.handle(func(*http.Request) answer { return refusal(http.StatusNotFound, "Not Found") }))
	// In this order: somebody who called at this port before may be quick.
	s.http = httptest.NewUnstartedServer(mux)
	s.http.Start()
	return s
}

// URL is the base URL, without a trailing slash.
func (s *Server) URL() string { return s.http.URL }

// Close stops the server and lets go of hung requests.
func (s *Server) Close() {
	close(s.done)
	s.http.CloseClientConnections()
	s.http.Close()
}

// Refuse closes the port for good: from now on nobody can connect.
func (s *Server) Refuse() {
	_ = s.http.Listener.Close()
	s.http.CloseClientConnections()
}

// Put adds a task or replaces it.
func (s *Server) Put(t Task) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tasks[t.ID] = t
}

// Add creates n cancellable tasks with ids from first on.
func (s *Server) Add(first int64, n int) {
	for id := first; id < first+int64(n); id++ {
		s.Put(NewTask(id, "in_progress", fmt.Sprintf("Contract %d", id), s.now()))
	}
}

// Task returns a task as it stands.
func (s *Server) Task(id int64) (Task, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, ok := s.tasks[id]
	return t, ok
}

// Tasks returns all tasks, ordered by id.
func (s *Server) Tasks() []Task {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]Task, 0, len(s.tasks))
	for _, t := range s.tasks {
		all = append(all, t)
	}
	slices.SortFunc(all, func(a, b Task) int { return int(a.ID - b.ID) })
	return all
}

// SetStatus moves a task to another state behind everybody's back.
func (s *Server) SetStatus(id int64, status string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.tasks[id]
	t.Status = status
	t.UpdatedAt = new(s.now())
	t.CompletedAt = nil
	if status == "completed" || status == "failed" {
		t.CompletedAt = t.UpdatedAt
	}
	s.tasks[id] = t
}

// Requests returns every request so far, oldest first.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// Cancels counts the cancel requests that arrived for a task.
func (s *Server) Cancels(id int64) int {
	n := 0
	for _, r := range s.Requests() {
		if r.Method == http.MethodPost && r.Task == id {
			n++
		}
	}
	return n
}

// Effects counts how often a cancel took effect on a task: 0 or 1, unless
// something is very wrong.
func (s *Server) Effects(id int64) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.effects[id]
}

// RefuseKey makes the server answer 401 with this detail; "" accepts the key
// again.
func (s *Server) RefuseKey(detail string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keyDetail = detail
}

// SetRateLimit sets what org-info tells and, if enforce, answers 429 beyond it.
func (s *Server) SetRateLimit(perMinute int, enforce bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.perMinute, s.enforce, s.windowUsed = perMinute, enforce, 0
}

// OnReceived is called, outside all locks, when a request has arrived and
// before anything is done with it.
func (s *Server) OnReceived(f func(Request)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.received = f
}

// OnApplied is called, outside all locks, when a cancel has taken effect and
// before it is answered.
func (s *Server) OnApplied(f func(Request)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.applied = f
}

type answer struct {
	status int
	body   any
}

func refusal(status int, detail string) answer {
	return answer{status, map[string]string{"detail": detail}}
}

// handle wraps an endpoint with what all have in common: the memory, the
// faults, the key and the rate limit.
func (s *Server) handle(endpoint func(*http.Request) answer) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		id, _ := strconv.ParseInt(r.PathValue("id"), 10, 64)
		request := Request{
			At: s.now(), Method: r.Method, Path: r.URL.Path, Task: id,
			Key: r.Header.Get("X-API-Key"), Agent: r.UserAgent(),
		}
		s.mu.Lock()
		s.requests = append(s.requests, request)
		index := len(s.requests) - 1
		received := s.received
		fault := s.nextFault(request)
		s.mu.Unlock()

		if received != nil {
			received(request)
		}
		if !s.suffer(w, r, fault, endpoint, index) {
			return
		}
		s.write(w, index, s.serve(r, endpoint))
	}
}

func (s *Server) serve(r *http.Request, endpoint func(*http.Request) answer) answer {
	s.mu.Lock()
	detail := s.keyDetail
	limited := s.overLimit()
	s.mu.Unlock()
	switch key := r.Header.Get("X-API-Key"); {
	case key == "":
		return refusal(http.StatusUnauthorized, "API key required")
	case key != Key:
		return refusal(http.StatusUnauthorized, "Invalid API key")
	case detail != "":
		return refusal(http.StatusUnauthorized, detail)
	case limited:
		return refusal(http.StatusTooManyRequests, "Rate limit exceeded")
	}
	return endpoint(r)
}

// overLimit counts a request against the current minute. Called with mu held.
func (s *Server) overLimit() bool {
	if !s.enforce {
		return false
	}
	if now := s.now(); now.Sub(s.windowFrom) >= time.Minute {
		s.windowFrom, s.windowUsed = now, 0
	}
	s.windowUsed++
	return s.windowUsed > s.perMinute
}

func (s *Server) write(w http.ResponseWriter, index int, a answer) {
	s.mu.Lock()
	s.requests[index].Status = a.status
	s.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(a.status)
	_ = json.NewEncoder(w).Encode(a.body)
}

func (s *Server) getTask(r *http.Request) answer {
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil {
		return answer{http.StatusUnprocessableEntity, map[string]any{"detail": []any{map[string]string{"msg": "value is not a valid integer"}}}}
	}
	t, ok := s.Task(id)
	if !ok {
		return refusal(http.StatusNotFound, "Task not found")
	}
	return answer{http.StatusOK, map[string]any{"task": t}}
}

func (s *Server) cancelTask(r *http.Request) answer {
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil {
		return answer{http.StatusUnprocessableEntity, map[string]any{"detail": []any{map[string]string{"msg": "value is not a valid integer"}}}}
	}
	s.mu.Lock()
	t, ok := s.tasks[id]
	cancellable := t.Status == "pending" || t.Status == "in_progress"
	if ok && cancellable {
		t.Status, t.UpdatedAt = "cancelled", new(s.now())
		s.tasks[id] = t
		s.effects[id]++
	}
	applied := s.applied
	s.mu.Unlock()
	switch {
	case !ok:
		return refusal(http.StatusNotFound, "Task not found")
	case !cancellable:
		return refusal(http.StatusConflict, "Task cannot be cancelled in its current state")
	}
	if applied != nil {
		applied(Request{At: s.now(), Method: r.Method, Path: r.URL.Path, Task: id})
	}
	return answer{http.StatusOK, map[string]any{
		"task_id": id, "status": "cancelled", "message": "Task cancelled successfully",
	}}
}

func (s *Server) orgInfo(*http.Request) answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	return answer{http.StatusOK, map[string]any{
		"org_name": s.org, "rate_limit_per_minute": s.perMinute, "entities": []any{}, "api_key_id": 42,
	}}
}
