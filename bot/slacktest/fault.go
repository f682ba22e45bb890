package slacktest

import (
	"math"
	"net/http"
	"strconv"
	"time"
)

// Fault is one way in which Slack's HTTP side fails. Delay comes first; of the
// others the first that is set counts, in the order in which they stand here.
type Fault struct {
	Method  string // "chat.postMessage", …, "response_url"; "" for all
	Channel string // only calls that name this conversation; "" for all
	Times   int    // how many calls it hits; 0: until ClearFaults

	Delay time.Duration // wait, then go on

	Hang bool // take the call and never answer
	Cut  bool // cut the connection
	// BlackHole makes the connection on which the call came half-open: this
	// call, and every later one on the same connection, gets no answer; other
	// connections work. Server.FreezeHTTP does it to those that are open.
	BlackHole bool

	Status     int    // answer with this status: 429, 500, …
	RetryAfter string // the header Retry-After, in seconds, with Status
	// Error is what {"ok":false,"error":…} names. A response_url answers it as
	// text with a 404 …
	Error string
	// … or, with InBody, as that JSON with a 200, which Slack does too.
	InBody bool

	AfterEffect bool // do what was asked before failing
}

// Break adds a fault; the first that matches a call hits it.
func (s *Server) Break(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, &f)
}

// ClearFaults removes all faults. Connections that one of them has made
// half-open stay so.
func (s *Server) ClearFaults() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

// Mend is ClearFaults under its former name.
func (s *Server) Mend() { s.ClearFaults() }

type hook struct {
	method string
	after  bool
	f      func(Call)
}

// Before calls f, outside all locks, when a call of this method has arrived
// and before anything is done with it. A fault that hits the call on arrival
// hits it even if f, or somebody meanwhile, clears the faults.
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

// suffer serves one call: through the fault that hits it, or else by effect,
// which does what is asked and returns a word for the record and the answer.
func (s *Server) suffer(w http.ResponseWriter, r *http.Request, call Call, effect func() (string, func())) {
	call.At = time.Now()
	// A call suffers what was broken when it arrived, however long a hook holds
	// it up, or else what the hook has broken.
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
