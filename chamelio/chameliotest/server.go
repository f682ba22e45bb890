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

// quiet discards net/http's log lines about cut connections and failed
// handshakes, which tests cause on purpose.
var quiet = log.New(io.Discard, "", 0)

// Options configures a Server.
type Options struct {
	// Listener is where to listen; a free loopback port if nil. The server
	// closes it.
	Listener net.Listener

	// TLS makes the server speak HTTPS, including HTTP/2, if not nil. It needs
	// a certificate.
	TLS *tls.Config
}

// Server is the fake. Its methods are safe for concurrent use.
type Server struct {
	http   *http.Server
	https  bool
	wire   *wire
	done   chan struct{}  // closed by Close; ends every sleep and every hung request
	served chan struct{}  // closed when no more connections are accepted
	owned  sync.WaitGroup // handlers, and delayed cancels

	mu         sync.Mutex
	closed     bool
	tasks      map[int64][]version // each task's versions, oldest first
	requests   []*Request
	effects    map[int64][]Effect
	landing    int // number of delayed cancels
	faults     []*Fault
	readLag    time.Duration
	keyDetail  string // detail of the 401 to answer with; if empty, the key is accepted
	org        string
	perMinute  int
	enforce    bool
	received   func(Request)
	applied    func(Request)
	windowFrom time.Time
	windowUsed int
}

// version is a task's state from a point in time on.
type version struct {
	from time.Time
	task Task
}

// NewServer starts a server on a free loopback port. The caller must call
// Close.
func NewServer() *Server { return New(Options{}) }

// New starts a server. The caller must call Close. New panics if it is asked
// to find a free port and there is none.
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

// URL returns the base URL, without a trailing slash.
func (s *Server) URL() string {
	if s.https {
		return "https://" + s.wire.Addr().String()
	}
	return "http://" + s.wire.Addr().String()
}

// Close stops the server: it cuts every connection, ends hung requests, and
// drops delayed cancels. When it returns, nothing of the server is running.
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

// own counts work that Close must wait for. It returns false if the server is
// closed.
func (s *Server) own() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.owned.Add(1)
	}
	return !s.closed
}

// Refuse closes the port permanently: new connections fail.
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

// SetRateLimit sets the limit that org-info returns. If enforce is set,
// requests beyond it get a 429.
func (s *Server) SetRateLimit(perMinute int, enforce bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.perMinute, s.enforce, s.windowUsed = perMinute, enforce, 0
}

// SetReadLag makes reads lag: GET returns a task as it was this long ago, as a
// replicated database could. Cancelling isn't affected.
func (s *Server) SetReadLag(lag time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.readLag = lag
}

// OnReceived sets a function that is called, without any lock held, when a
// request has arrived and before it is processed.
func (s *Server) OnReceived(f func(Request)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.received = f
}

// OnApplied sets a function that is called, without any lock held, when a
// cancel has taken effect and before it is answered.
func (s *Server) OnApplied(f func(Request)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.applied = f
}

// sleep waits. It returns false if Close ended it early.
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
