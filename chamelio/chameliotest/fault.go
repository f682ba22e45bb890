package chameliotest

import (
	"net/http"
	"time"
)

// Fault is one way in which the API fails. The zero Fault matches every
// request and changes nothing.
type Fault struct {
	Method string // only this method; "" for all
	Task   int64  // only this task; 0 for all
	Times  int    // how many requests it hits; 0: until Mend

	Delay time.Duration // wait, then go on
	Hang  bool          // take the request and never answer

	CutBefore bool // cut the connection; nothing was done
	CutAfter  bool // do what was asked, then cut the connection

	Status      int    // answer with this status, nothing done
	AfterEffect bool   // … but do what was asked first
	Body        string // with Status: this body
	ContentType string // with Status: "application/json" if empty
	RetryAfter  string // with Status: the Retry-After header
	Location    string // with Status: the Location header
}

// ProxyError is a 502 as a proxy in front of the API gives it: HTML.
func ProxyError() Fault {
	return Fault{Status: http.StatusBadGateway, ContentType: "text/html", Body: "<html><body><h1>502 Bad Gateway</h1></body></html>"}
}

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

// Mend removes all faults and accepts the key again.
func (s *Server) Mend() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults, s.keyDetail = nil, ""
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
func (s *Server) suffer(w http.ResponseWriter, r *http.Request, f Fault, endpoint func(*http.Request) answer, index int) bool {
	if f.Delay > 0 {
		timer := time.NewTimer(f.Delay)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-r.Context().Done():
		case <-s.done:
		}
	}
	switch {
	case f.Hang:
		select {
		case <-r.Context().Done():
		case <-s.done:
		}
		panic(http.ErrAbortHandler)
	case f.CutBefore:
		panic(http.ErrAbortHandler)
	case f.CutAfter:
		s.serve(r, endpoint)
		panic(http.ErrAbortHandler)
	case f.Status != 0:
		if f.AfterEffect {
			s.serve(r, endpoint)
		}
		s.answerWith(w, f, index)
		return false
	}
	return true
}

func (s *Server) answerWith(w http.ResponseWriter, f Fault, index int) {
	s.mu.Lock()
	s.requests[index].Status = f.Status
	s.mu.Unlock()
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
