package chameliotest

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"
)

type answer struct {
	status int
	body   any
}

func refusal(status int, detail string) answer {
	return answer{status, map[string]string{"detail": detail}}
}

// endpoint carries a request out. It gets only the parts of the request that
// it needs, so that it can run after the connection is gone.
type endpoint func(Request) answer

func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /tasks/{id}", s.handle(needsID(s.getTask)))
	mux.HandleFunc("POST /tasks/{id}/cancel", s.handle(needsID(s.cancelTask)))
	mux.HandleFunc("GET /users/org-info", s.handle(s.orgInfo))
	mux.HandleFunc("/", s.handle(func(Request) answer { return refusal(http.StatusNotFound, "Not Found") }))
	return mux
}

// handle wraps an endpoint with everything they have in common: the record of
// requests, the faults, the key and the rate limit.
func (s *Server) handle(do endpoint) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !s.own() {
			panic(http.ErrAbortHandler)
		}
		defer s.owned.Done()
		id, _ := strconv.ParseInt(r.PathValue("id"), 10, 64)
		request := Request{
			At: time.Now(), Method: r.Method, Path: r.URL.Path, Task: id,
			Key: r.Header.Get("X-API-Key"), Agent: r.UserAgent(),
		}
		s.mu.Lock()
		recorded := new(request)
		s.requests = append(s.requests, recorded)
		received := s.received
		fault := s.nextFault(request)
		s.mu.Unlock()

		if received != nil {
			received(request)
		}
		if s.suffer(w, r, fault, request, do, recorded) {
			s.write(w, recorded, s.serve(request, do))
		}
	}
}

// serve checks the key and the rate limit, and calls the endpoint.
func (s *Server) serve(r Request, do endpoint) answer {
	s.mu.Lock()
	detail := s.keyDetail
	limited := s.overLimit()
	s.mu.Unlock()
	switch {
	case r.Key == "":
		return refusal(http.StatusUnauthorized, "API key required")
	case r.Key != Key:
		return refusal(http.StatusUnauthorized, "Invalid API key")
	case detail != "":
		return refusal(http.StatusUnauthorized, detail)
	case limited:
		return refusal(http.StatusTooManyRequests, "Rate limit exceeded")
	}
	return do(r)
}

// overLimit counts a request against the current minute. It must be called
// with mu held.
func (s *Server) overLimit() bool {
	if !s.enforce {
		return false
	}
	if now := time.Now(); now.Sub(s.windowFrom) >= time.Minute {
		s.windowFrom, s.windowUsed = now, 0
	}
	s.windowUsed++
	return s.windowUsed > s.perMinute
}

func (s *Server) write(w http.ResponseWriter, recorded *Request, a answer) {
	s.answered(recorded, a.status)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(a.status)
	_ = json.NewEncoder(w).Encode(a.body)
}

func (s *Server) answered(recorded *Request, status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	recorded.Status = status
}

// needsID rejects a path without a valid ID, as the API's framework does.
func needsID(do endpoint) endpoint {
	return func(r Request) answer {
		if r.Task == 0 {
			return answer{http.StatusUnprocessableEntity, map[string]any{"detail": []any{map[string]string{"msg": "value is not a valid integer"}}}}
		}
		return do(r)
	}
}

func (s *Server) getTask(r Request) answer {
	s.mu.Lock()
	t, ok := s.shown(r.Task)
	s.mu.Unlock()
	if !ok {
		return refusal(http.StatusNotFound, "Task not found")
	}
	return answer{http.StatusOK, map[string]any{"task": t}}
}

func (s *Server) cancelTask(r Request) answer {
	s.mu.Lock()
	t, ok := s.current(r.Task)
	cancellable := t.Status == "pending" || t.Status == "in_progress"
	if ok && cancellable {
		s.move(r.Task, "cancelled")
		s.effects[r.Task] = append(s.effects[r.Task], Effect{At: time.Now(), Request: r})
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
		applied(r)
	}
	return answer{http.StatusOK, map[string]any{
		"task_id": r.Task, "status": "cancelled", "message": "Task cancelled successfully",
	}}
}

func (s *Server) orgInfo(Request) answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	return answer{http.StatusOK, map[string]any{
		"org_name": s.org, "rate_limit_per_minute": s.perMinute, "entities": []any{}, "api_key_id": 42,
	}}
}
