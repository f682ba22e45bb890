package slacktest

import (
	"math"
	"net/http"
	"strconv"
	"time"
)

// Fault is one way in which Slack's HTTP side fails. Delay comes first; of the
// other fields, the first one that is set counts, in the order in which they
// are declared.
type Fault struct {
	Method  string // "chat.postMessage", …, "response_url"; "" for all
	Channel string // only calls that name this conversation; "" for all
	Times   int    // how many calls it affects; 0 for all until ClearFaults

	Delay time.Duration // wait, then go on

	Hang bool // accept the call and never answer
	Cut  bool // cut the connection
	// BlackHole makes the call's connection half-open: this call, and every
	// later one on the same connection, gets no answer; other connections
	// work. Server.FreezeHTTP does that to open connections.
	BlackHole bool

	Status     int    // answer with this status: 429, 500, …
	RetryAfter string // the header Retry-After, in seconds, with Status
	// Error is the error of {"ok":false,"error":…}. A response_url returns it
	// as text with a 404 …
	Error string
	// … or, with InBody, as that JSON with a 200, which Slack does too.
	InBody bool

	AfterEffect bool // carry the call out before failing
}

// Break adds a fault. The first one that matches a call is used.
func (s *Server) Break(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, &f)
}

// ClearFaults removes all faults. Connections that were made half-open stay
// so.
func (s *Server) ClearFaults() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

// Mend calls ClearFaults.
func (s *Server) Mend() { s.ClearFaults() }

type hook struct {
	method string
	after  bool
	f      func(Call)
}

// Before makes the server call f, without any lock held, when a call of this
// method has arrived and before it is processed. A fault that matched the call
// on arrival applies even if f, or anyone in the meantime, clears the faults.
func (s *Server) Before(method string, f func(Call)) { s.addHook(hook{method, false, f}) }

// After makes the server call f, without any lock held, when a call of this
// method has had its effect and before it is answered.
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

func (s *Server) nextFault(method, channel string) (Fault, bool) {
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
		return hit, true
	}
	return Fault{}, false
}

// suffer handles one call: it applies the matching fault, or else calls
// effect, which does the work and returns a word for the record and the
// answer.
func (s *Server) suffer(w http.ResponseWriter, r *http.Request, call Call, effect func() (string, func())) {
	call.At = time.Now()
	// The faults at arrival apply, however long a hook takes, or else those
	// that the hook has added.
	f, hit := s.nextFault(call.Method, call.Channel)
	s.runHooks(false, call)
	if !hit {
		f, _ = s.nextFault(call.Method, call.Channel)
	}
	if f.Delay > 0 && !s.sleep(r, f.Delay) {
		panic(http.ErrAbortHandler)
	}
	if f.Hang || f.Cut || f.BlackHole || f.Status != 0 || f.Error != "" {
		if f.AfterEffect {
			effect()
			s.runHooks(true, call)
		}
		s.fault(w, r, f, call)
		return
	}
	if wait, limited := s.tooFast(call.Method, call.Channel); limited {
		s.record(call, "429")
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
		http.Error(w, `{"ok":false,"error":"ratelimited"}`, http.StatusTooManyRequests)
		return
	}
	word, write := effect()
	s.runHooks(true, call)
	s.record(call, word)
	write()
}

// fault answers as the fault says, or not at all.
func (s *Server) fault(w http.ResponseWriter, r *http.Request, f Fault, call Call) {
	switch {
	case f.Hang, f.BlackHole:
		if f.BlackHole {
			wireOf(r).hole.Store(true)
		}
		s.record(call, "hang")
		s.sleep(r, time.Hour)
		panic(http.ErrAbortHandler)
	case f.Cut:
		s.record(call, "cut")
		panic(http.ErrAbortHandler)
	case f.Status != 0:
		s.record(call, strconv.Itoa(f.Status))
		if f.RetryAfter != "" {
			w.Header().Set("Retry-After", f.RetryAfter)
		}
		http.Error(w, "<html>broken on purpose</html>", f.Status)
	case call.Method == "response_url" && !f.InBody:
		s.record(call, f.Error)
		http.Error(w, f.Error, http.StatusNotFound)
	default:
		s.record(call, f.Error)
		s.writeReply(w, call.Method, failure(f.Error))
	}
}

// sleep waits. It returns false if the client or the server went away first.
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
