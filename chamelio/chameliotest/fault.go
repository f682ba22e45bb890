package chameliotest

import (
	"fmt"
	"net/http"
	"time"
)

// Fault is one way in which the API, or something on the way to it, fails. The
// zero Fault matches every request and changes nothing.
type Fault struct {
	Method string // only this method; "" for all
	Task   int64  // only this task; 0 for all
	Times  int    // how many requests it hits; 0: until ClearFaults

	Delay time.Duration // wait, then go on, whether or not the sender still waits
	Hang  bool          // take the request and never answer

	CutBefore bool // cut the connection; nothing was done
	CutAfter  bool // do what was asked, then cut the connection

	Status      int    // answer with this status, nothing done
	AfterEffect bool   // with Status or Hang: do what was asked first
	Body        string // with Status: this body
	ContentType string // with Status: "application/json" if empty
	RetryAfter  string // with Status: the Retry-After header
	Location    string // with Status: the Location header

	// LandAfter makes a request take effect only so long after it arrived, no
	// matter whether its sender still waits by then. What the sender sees
	// meanwhile is up to the other fields; if none of them says so, the request
	// hangs. The key is looked at when it lands, and so is the task's state.
	LandAfter time.Duration
}

// ServerError is the API's own 500 to a cancel, given after the cancel took
// effect if afterEffect.
func ServerError(afterEffect bool) Fault {
	return Fault{Status: http.StatusInternalServerError, Body: `{"detail":"Failed to cancel task"}`, AfterEffect: afterEffect}
}

// Gateway is an answer as a proxy or firewall in front of the API gives it:
// HTML, with any status.
func Gateway(status int) Fault {
	title := fmt.Sprintf("%d %s", status, http.StatusText(status))
	return Fault{Status: status, ContentType: "text/html", Body: "<html><body><h1>" + title + "</h1></body></html>"}
}

// ProxyError is Gateway(502).
func ProxyError() Fault { return Gateway(http.StatusBadGateway) }

// Busy is a 429. retryAfter may be empty, seconds or an HTTP date.
func Busy(retryAfter string) Fault {
	return Fault{Status: http.StatusTooManyRequests, Body: `{"detail":"Rate limit exceeded"}`, RetryAfter: retryAfter}
}

// Break adds a fault. Faults are tried in the order in which they were added;
// the first that matches a request hits it.
func (s *Server) Break(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, &f)
}

// ClearFaults removes all faults, lets reads keep up, accepts the key again and
// serves new connections again. What is on its way already stays as it is:
// cancels still land, and connections that fell silent stay so.
func (s *Server) ClearFaults() {
	s.wire.swallow(false)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults, s.keyDetail, s.readLag = nil, "", 0
}

// Mend is ClearFaults.
func (s *Server) Mend() { s.ClearFaults() }

// Silence makes the connections that are open now half-open: they stay, and
// nothing passes any more in either direction. New ones work.
func (s *Server) Silence() { s.wire.silence() }

// BlackHole is Silence, also for every connection made until ClearFaults: it is
// accepted and never read.
func (s *Server) BlackHole() {
	s.wire.swallow(true)
	s.wire.silence()
}

// nextFault finds the fault for a request and uses it up once. Called with mu
// held.
func (s *Server) nextFault(r Request) Fault {
	for i, f := range s.faults {
		if f.Method != "" && f.Method != r.Method || f.Task != 0 && f.Task != r.Task {
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

// suffer does what the fault says and reports whether the request is still to
// be served.
func (s *Server) suffer(w http.ResponseWriter, r *http.Request, f Fault, request Request, do endpoint, index int) bool {
	if f.LandAfter > 0 {
		s.land(f.LandAfter, request, do)
	}
	if f.Delay > 0 && !s.sleep(f.Delay) {
		panic(http.ErrAbortHandler)
	}
	hangs := f.Hang || f.LandAfter > 0 && !f.CutBefore && !f.CutAfter && f.Status == 0
	if f.CutAfter || f.AfterEffect && (hangs || f.Status != 0) {
		s.serve(request, do)
	}
	switch {
	case hangs:
		select {
		case <-r.Context().Done():
		case <-s.done:
		}
		panic(http.ErrAbortHandler)
	case f.CutBefore, f.CutAfter:
		panic(http.ErrAbortHandler)
	case f.Status != 0:
		s.answerWith(w, f, index)
		return false
	}
	return true
}

// land carries a request out later. Close drops it.
func (s *Server) land(after time.Duration, r Request, do endpoint) {
	if !s.own() {
		return
	}
	s.mu.Lock()
	s.landing++
	s.mu.Unlock()
	go func() {
		defer s.owned.Done()
		if s.sleep(after) {
			s.serve(r, do)
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.landing--
	}()
}

func (s *Server) answerWith(w http.ResponseWriter, f Fault, index int) {
	s.answered(index, f.Status)
	contentType := f.ContentType
	if contentType == "" {
		contentType = "application/json"
	}
	w.Header().Set("Content-Type", contentType)
	for name, value := range map[string]string{"Retry-After": f.RetryAfter, "Location": f.Location} {
		if value != "" {
			w.Header().Set(name, value)
		}
	}
	w.WriteHeader(f.Status)
	_, _ = w.Write([]byte(f.Body))
}
