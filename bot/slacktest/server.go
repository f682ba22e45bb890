package slacktest

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

// The server's credentials and IDs.
const (
	AppToken = "xapp-1-A012CANCEL-1111-5f1c9a7e"
	BotToken = "xoxb-2222-3333-b0a7d3c1f2e4"
	TeamID   = "T012ACME"
	AppID    = "A012CANCEL"
	BotUser  = "U0BOT"
	BotID    = "B0BOT"
	// VerificationToken is the deprecated token that payloads still contain.
	VerificationToken = "gIkuvaNzQIHg97ATvDxqgjtO"
)

// Server is the fake. Its methods are safe for concurrent use.
type Server struct {
	http   *http.Server
	url    string // without a path
	random *source
	done   chan struct{}  // closed by Close
	work   sync.WaitGroup // connections, requests in progress, delivery timers

	mu           sync.Mutex
	closed       bool
	changed      chan struct{} // closed and replaced whenever anything changes
	now          func() time.Time
	installation Installation
	users        map[string]User
	groups       map[string][]string // usergroup id → user ids
	channels     map[string]Conversation
	scopes       []string
	messages     []*Message
	views        []*Modal
	calls        []Call
	faults       []*Fault
	hooks        []hook
	amend        func(kind string, payload map[string]any)
	urls         map[string]*responseURL // by ticket
	triggers     map[string]*trigger     // by trigger_id
	tickets      map[string]bool         // unused WebSocket tickets
	scheduled    map[string]string       // message id → channel
	linkOff      bool                    // Socket Mode is switched off
	issued       []string                // every ticket ever issued
	conns        []*conn
	wires        map[*wire]bool // TCP connections that are open
	opened       int            // Socket Mode connections ever opened
	failed       []Delivery
	acks         []time.Duration
	lastTS       int64
	lastCall     map[string]time.Time // method and channel → last call within a limit
	sockets      SocketRules
	gaps         map[string]time.Duration // method → least time between two calls
	tokenErr     map[string]string        // token → error to return for it
	moreTokens   map[string]bool          // in addition to AppToken and BotToken
}

// Options configures a Server. The zero value is a server on a free loopback
// port.
type Options struct {
	// Listener accepts the connections: TCP, or in memory. The server closes
	// it. If nil, the server listens on a free port of 127.0.0.1.
	Listener net.Listener
	// URL is the base URL for clients, such as "http://slack.test"; a scheme
	// and a host without a path. If empty, it is http and the listener's
	// address.
	URL string
	// Seed makes all random choices (IDs, tickets, the connection that gets an
	// envelope) the same in each run. 0 means random.
	Seed uint64
}

// NewServer starts a server on a free loopback port, with the people and
// conversations that the constants name. The caller must call Close. NewServer
// panics if there is no free port.
func NewServer() *Server { return New(Options{}) }

// New starts a server like NewServer, with options.
func New(o Options) *Server {
	if o.Listener == nil {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			panic(fmt.Sprintf("slacktest: no loopback port: %v", err))
		}
		o.Listener = l
	}
	if o.URL == "" {
		o.URL = "http://" + o.Listener.Addr().String()
	}
	s := &Server{
		url:          o.URL,
		random:       newSource(o.Seed),
		done:         make(chan struct{}),
		changed:      make(chan struct{}),
		now:          time.Now,
		installation: Installation{TeamID: TeamID, TeamName: "Acme", TeamDomain: "acme"},
		users:        map[string]User{},
		groups:       map[string][]string{},
		channels:     map[string]Conversation{},
		scopes:       []string{"commands", "chat:write", "chat:write.public", "users:read"},
		urls:         map[string]*responseURL{},
		triggers:     map[string]*trigger{},
		tickets:      map[string]bool{},
		wires:        map[*wire]bool{},
		lastCall:     map[string]time.Time{},
		gaps:         map[string]time.Duration{},
		sockets:      SocketRules{AckWithin: 3 * time.Second, PingEvery: 10 * time.Second, MaxConns: 10},
		tokenErr:     map[string]string{},
		moreTokens:   map[string]bool{},
		scheduled:    map[string]string{},
	}
	s.seed()
	s.start(o.Listener)
	return s
}

// start serves on l until Close. It speaks HTTP/2 to clients that begin with
// it, so that tests can see how a half-open connection affects many requests.
func (s *Server) start(l net.Listener) {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/{method}", s.serveMethod)
	mux.HandleFunc("GET /api/{method}", s.serveMethod) // read-only methods accept both
	mux.HandleFunc("POST /actions/{ticket}", s.serveResponseURL)
	mux.HandleFunc("GET /link/", s.serveSocket)
	s.http = &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !s.enter() {
				panic(http.ErrAbortHandler)
			}
			defer s.work.Done()
			mux.ServeHTTP(w, r)
		}),
		Protocols:   new(http.Protocols),
		ConnState:   s.follow,
		ConnContext: withWire,
	}
	s.http.Protocols.SetHTTP1(true)
	s.http.Protocols.SetUnencryptedHTTP2(true)
	s.work.Go(func() { _ = s.http.Serve(wireListener{l}) })
}

// enter counts work that Close has to wait for. It returns false once the
// server is closed.
func (s *Server) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.work.Add(1)
	return true
}

// URL returns the address of the Web API, with a trailing slash, as official
// clients expect it (slackApiUrl, OptionAPIURL).
func (s *Server) URL() string { return s.url + "/api/" }

// Close cuts every connection and waits until nothing of the server is
// running. Further calls do nothing.
func (s *Server) Close() {
	s.mu.Lock()
	again := s.closed
	s.closed = true
	s.mu.Unlock()
	if !again {
		close(s.done)
		s.Cut()
		_ = s.http.Close()
	}
	s.work.Wait()
}

// Secrets returns every ticket that the server has issued, in response URLs,
// WebSocket URLs and trigger IDs: none of them belongs in a log.
func (s *Server) Secrets() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.issued)
}

// WaitFor returns nil once cond is true, or an error that wraps ctx's cause.
// It calls cond after every change in the server, and regularly, since cond
// may depend on something else. cond is called without any lock held.
func (s *Server) WaitFor(ctx context.Context, cond func() bool) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		changed := s.Changed()
		if cond() {
			return nil
		}
		select {
		case <-changed:
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("waiting at the stand-in Slack: %w", context.Cause(ctx))
		}
	}
}

// Changed returns a channel that is closed at the next change.
func (s *Server) Changed() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.changed
}

// touch wakes the waiters. It must be called with mu held.
func (s *Server) touch() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// ticket returns an unguessable string. It must be called with mu held.
func (s *Server) ticket() string {
	t := s.random.text()
	s.issued = append(s.issued, t)
	return t
}
