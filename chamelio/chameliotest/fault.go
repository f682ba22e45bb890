package chameliotest

import (
	"fmt"
	"net/http"
	"time"
)

// Fault is one way in which the API, or something between it and the client,
// fails. The zero Fault matches every request and changes nothing.
type Fault struct {
	Method string // only this method; "" for all
	Task   int64  // only this task; 0 for all
	Times  int    // how many requests it affects; 0 for all until ClearFaults

	Delay time.Duration   // wait, then go on, even if the client has given up
	Until <-chan struct{} // wait until this channel is closed, then go on likewise
	Hang  bool            // accept the request and never answer

	CutBefore bool // cut the connection; nothing was done
	CutAfter  bool // carry the request out, then cut the connection

	Status      int    // answer with this status, without carrying the request out
	AfterEffect bool   // with Status or Hang: carry the request out first
	Body        string // with Status: this body
	ContentType string // with Status: "application/json" if empty
	RetryAfter  string // with Status: the Retry-After header
	Location    string // with Status: the Location header

	// LandAfter makes a request take effect only this long after it arrived,
	// even if the client has given up by then. The other fields decide what
	// the client sees meanwhile; by default the request hangs. The key and the
	// task's state are checked when the request takes effect.
	LandAfter time.Duration
}

// ServerError returns the API's own 500 to a cancel request. If afterEffect is
// set, the cancel takes effect first.
func ServerError(afterEffect bool) Fault {
	return Fault{Status: http.StatusInternalServerError, Body: `{"detail":"Failed to cancel task"}`, AfterEffect: afterEffect}
}

// Gateway returns the answer of a proxy or firewall in front of the API: HTML,
// with any status.
func Gateway(status int) Fault {
	title := fmt.Sprintf("%d %s", status, http.StatusText(status))
	return Fault{Status: status, ContentType: "text/html", Body: "<html><body><h1>" + title + "</h1></body></html>"}
}

// ProxyError returns Gateway(502).
func ProxyError() Fault { return Gateway(http.StatusBadGateway) }

// Busy returns a 429. retryAfter may be empty, seconds or an HTTP date.
func Busy(retryAfter string) Fault {
	return Fault{Status: http.StatusTooManyRequests, Body: `{"detail":"Rate limit exceeded"}`, RetryAfter: retryAfter}
}

// Break adds a fault. Faults are tried in the order in which they were added;
// the first that matches a request is used.
func (s *Server) Break(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, &f)
}

// ClearFaults removes all faults, ends the read lag, and accepts the key and
// new connections again. It doesn't affect anything in progress: delayed
// cancels still take effect, and silent connections stay silent.
func (s *Server) ClearFaults() {
	s.wire.swallow(false)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults, s.keyDetail, s.readLag = nil, "", 0
}

// Mend calls ClearFaults.
func (s *Server) Mend() { s.ClearFaults() }

// Silence makes the open connections half-open: they stay open, but no data
// passes in either direction any more. New connections work.
func (s *Server) Silence() { s.wire.silence() }

// BlackHole calls Silence, and also makes every connection silent that is made
// before ClearFaults: it is accepted and never read.
func (s *Server) BlackHole() {
	s.wire.swallow(true)
	s.wire.silence()
}

// nextFault returns the fault for a request and counts one use of it. It must
// be called with mu held.
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

// suffer applies the fault, and reports whether the request is still to be
// served.
func (s *Server) suffer(w http.ResponseWriter, r *http.Request, f Fault, request Request, do endpoint, recorded *Request) bool {
	if f.LandAfter > 0 {
		s.land(f.LandAfter, request, do)
	}
	if f.Delay > 0 && !s.sleep(f.Delay) {
		panic(http.ErrAbortHandler)
	}
	if f.Until != nil {
		select {
		case <-f.Until:
		case <-s.done:
			panic(http.ErrAbortHandler)
		}
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
		s.answerWith(w, f, recorded)
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

func (s *Server) answerWith(w http.ResponseWriter, f Fault, recorded *Request) {
	s.answered(recorded, f.Status)
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
