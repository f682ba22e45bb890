package slacktest

import (
	"encoding/json"
	"math"
	"net/http"
	"strconv"
	"time"
)

// Fault is one way in which Slack's HTTP side fails.
type Fault struct {
	Method  string // "chat.postMessage", …, "response_url"; "" for all
	Channel string // only calls that name this conversation; "" for all
	Times   int    // how many calls it hits; 0: until Mend

	Delay time.Duration // wait, then go on
	Hang  bool          // take the call and never answer
	Cut   bool          // cut the connection

	Status     int    // answer with this status: 429, 500, …
	RetryAfter string // with Status 429
	Error      string // answer {"ok":false,"error":Error}; a response_url answers it as text with a 404

	AfterEffect bool // do what was asked before failing
}

// Break adds a fault; the first that matches a call hits it.
func (s *Server) Break(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, &f)
}

// Mend removes all faults.
func (s *Server) Mend() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

type hook struct {
	method string
	after  bool
	f      func(Call)
}

// Before calls f, outside all locks, when a call of this method has arrived
// and before anything is done with it.
func (s *Server) Before(method string, f func(Call)) { s.addHook(hook{method, false, f}) }

// After calls f, outside all locks, when a call of this method has had its
// effect and before it is answered.
func (s *Server) After(method string, f func(Call)) { s.addHook(hook{method, true, f}) }

func (s *Server) addHook(h hook) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hooks = append(s.hooks, h)
}

func (s *Server) runHooks(after bool, c Call) {
	s.mu.Lock()
	hooks := s.hooks
	s.mu.Unlock()
	for _, h := range hooks {
		if h.method == c.Method && h.after == after {
			h.f(c)
		}
	}
}

func (s *Server) nextFault(method, channel string) Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, f := range s.faults {
		if f.Method != "" && f.Method != method || f.Channel != "" && f.Channel != channel {
			continue
		}
		hit := *f
		if f.Times > 0 {
			if f.Times--; f.Times == 0 {
				s.faults = append(s.faults[:i:i], s.faults[i+1:]...)
			}
		}
		return hit
	}
	return Fault{}
}

// suffer serves one call: through the fault that hits it, or else by effect,
// which does what is asked and returns a word for the record and the answer.
func (s *Server) suffer(w http.ResponseWriter, r *http.Request, name, channel string, effect func() (string, func())) {
	call := Call{At: time.Now(), Method: name, Channel: channel}
	s.runHooks(false, call)
	f := s.nextFault(name, channel)
	if f.Delay > 0 && !s.sleep(r, f.Delay) {
		panic(http.ErrAbortHandler)
	}
	fails := f.Hang || f.Cut || f.Status != 0 || f.Error != ""
	if !fails {
		s.serve(w, name, channel, call, effect)
		return
	}
	if f.AfterEffect {
		effect()
		s.runHooks(true, call)
	}
	switch {
	case f.Hang:
		s.record(name, channel, "hang")
		s.sleep(r, time.Hour)
		panic(http.ErrAbortHandler)
	case f.Cut:
		s.record(name, channel, "cut")
		panic(http.ErrAbortHandler)
	case f.Status != 0:
		s.record(name, channel, strconv.Itoa(f.Status))
		if f.RetryAfter != "" {
			w.Header().Set("Retry-After", f.RetryAfter)
		}
		http.Error(w, "<html>broken on purpose</html>", f.Status)
	case name == "response_url":
		s.record(name, channel, f.Error)
		http.Error(w, f.Error, http.StatusNotFound)
	default:
		s.record(name, channel, f.Error)
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		_ = json.NewEncoder(w).Encode(failure(f.Error))
	}
}

func (s *Server) serve(w http.ResponseWriter, name, channel string, call Call, effect func() (string, func())) {
	if wait, limited := s.tooFast(name, channel); limited {
		s.record(name, channel, "429")
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
		http.Error(w, `{"ok":false,"error":"ratelimited"}`, http.StatusTooManyRequests)
		return
	}
	word, write := effect()
	s.runHooks(true, call)
	s.record(name, channel, word)
	write()
}

// sleep waits; false if the caller or the server went away first.
func (s *Server) sleep(r *http.Request, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-r.Context().Done():
	case <-s.done:
	}
	return false
}
