package chameliotest

import (
	"context"
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"time"
)

// Key is the API key that the server accepts until RefuseKey.
const Key = "ca_c3RhbmQtaW4ta2V5"

// quiet drops what net/http would log about connections that are cut, and
// failed handshakes: here that is what was asked for.
var quiet = log.New(io.Discard, "", 0)

// Options are how a server is set up.
type Options struct {
	// Listener is where to serve; a free loopback port if nil. The server
	// closes it.
	Listener net.Listener

	// TLS makes the server speak HTTPS, HTTP/2 included, if not nil. It needs
	// a certificate.
	TLS *tls.Config
}

// Server is the stand-in. Its methods are safe for concurrent use.
type Server struct {
	http   *http.Server
	https  bool
	wire   *wire
	done   chan struct{}  // closed by Close: whoever sleeps or hangs gives up
	served chan struct{}  // closed when no more connections are accepted
	owned  sync.WaitGroup // handlers, and cancels that are to land later

	mu         sync.Mutex
	closed     bool
	tasks      map[int64][]version // what each task was from when on, oldest first
	requests   []Request
	effects    map[int64][]Effect
	landing    int // cancels that are to take effect later
	faults     []*Fault
	readLag    time.Duration
	keyDetail  string // the 401 to answer with; empty: the key is good
	org        string
	perMinute  int
	enforce    bool
	received   func(Request)
	applied    func(Request)
	windowFrom time.Time
	windowUsed int
}

// version is what a task was from a moment on.
type version struct {
	from time.Time
	task Task
}

// NewServer starts a server on a free loopback port. Close it.
func NewServer() *Server { return New(Options{}) }

// New starts a server. Close it. It panics if it is to find a port by itself
// and there is none.
func New(o Options) *Server {
	if o.Listener == nil {
		listener, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
		if err != nil {
			panic("chameliotest: no loopback port: " + err.Error())
		}
		o.Listener = listener
	}
	s := &Server{
		wire:      newWire(o.Listener),
		https:     o.TLS != nil,
		done:      make(chan struct{}),
		served:    make(chan struct{}),
		tasks:     map[int64][]version{},
		effects:   map[int64][]Effect{},
		org:       "Acme Corporation",
		perMinute: 60000,
	}
	for _, t := range seed(time.Now()) {
		s.Put(t)
	}
	s.http = &http.Server{Handler: s.routes(), ConnState: s.wire.state, TLSConfig: o.TLS, ErrorLog: quiet}
	go func() {
		defer close(s.served)
		if s.https {
			_ = s.http.ServeTLS(s.wire, "", "")
			return
		}
		_ = s.http.Serve(s.wire)
	}()
	return s
}

// URL is the base URL, without a trailing slash.
func (s *Server) URL() string {
	if s.https {
		return "https://" + s.wire.Addr().String()
	}
	return "http://" + s.wire.Addr().String()
}

// Close stops the server: it cuts every connection, lets go of hung requests,
// and drops the cancels that were still to land. When it returns nothing of
// the server runs any more.
func (s *Server) Close() {
	s.mu.Lock()
	if !s.closed {
		s.closed = true
		close(s.done)
	}
	s.mu.Unlock()
	_ = s.http.Close()
	s.wire.cut()
	<-s.served
	s.wire.open.Wait()
	s.owned.Wait()
}

// own counts something that Close is to wait for, and reports whether it may
// begin at all.
func (s *Server) own() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.owned.Add(1)
	}
	return !s.closed
}

// Refuse closes the port for good: from now on nobody can connect.
func (s *Server) Refuse() {
	_ = s.wire.Close()
	s.wire.cut()
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

// SetReadLag makes reads lag behind: GET shows a task as it was this long ago,
// as a replicated database would. Cancelling is not affected.
func (s *Server) SetReadLag(lag time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.readLag = lag
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

// sleep waits, and reports whether Close did not cut it short.
func (s *Server) sleep(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-s.done:
		return false
	}
}
