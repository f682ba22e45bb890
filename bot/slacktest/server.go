// Package slacktest is a stand-in Slack: the Web API, response_urls and
// Socket Mode on one loopback server, over real HTTP and WebSocket.
//
// A test acts as people do (Slash, Click), reads what people would read
// (View, History), and breaks what breaks in the real one (Break, Refresh,
// Cut, Freeze). The server is as strict as Slack where Slack is known to be
// strict, and where nothing is documented it takes the less kind reading.
package slacktest

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"time"
)

// What the server accepts and answers with.
const (
	AppToken = "xapp-1-A012CANCEL-1111-5f1c9a7e"
	BotToken = "xoxb-2222-3333-b0a7d3c1f2e4"
	TeamID   = "T012ACME"
	AppID    = "A012CANCEL"
	BotUser  = "U0BOT"
)

// Server is the stand-in. Its methods are safe for concurrent use.
type Server struct {
	http *httptest.Server
	done chan struct{}  // closed by Close
	work sync.WaitGroup // connections' goroutines and delivery timers

	mu        sync.Mutex
	changed   chan struct{} // closed and replaced whenever anything changes
	now       func() time.Time
	users     map[string]User
	groups    map[string][]string // usergroup id → user ids
	channels  map[string]Conversation
	scopes    []string
	messages  []*Message
	calls     []Call
	faults    []*Fault
	hooks     []hook
	urls      map[string]*responseURL // by ticket
	tickets   map[string]bool         // unused WebSocket tickets
	scheduled map[string]string       // message id → channel
	linkOff   bool                    // Socket Mode is switched off
	issued    []string                // every ticket ever issued
	conns     []*conn
	opened    int // connections ever opened
	failed    []Delivery
	acks      []time.Duration
	lastTS    int64
	lastPost  map[string]time.Time
	sockets   SocketRules
	postGap   time.Duration
	tokenErr  map[string]string // token → error it is answered with
}

// SocketRules are the times of Socket Mode. The defaults are Slack's.
type SocketRules struct {
	AckWithin time.Duration // 3 s; then operation_timeout
	PingEvery time.Duration // 10 s
	MaxConns  int           // 10
}

// NewServer starts a server on a free loopback port, with the people and
// conversations of Seed. Close it.
func NewServer() *Server {
	s := &Server{
		done:      make(chan struct{}),
		changed:   make(chan struct{}),
		now:       time.Now,
		users:     map[string]User{},
		groups:    map[string][]string{},
		channels:  map[string]Conversation{},
		scopes:    []string{"commands", "chat:write", "chat:write.public", "users:read"},
		urls:      map[string]*responseURL{},
		tickets:   map[string]bool{},
		lastPost:  map[string]time.Time{},
		sockets:   SocketRules{AckWithin: 3 * time.Second, PingEvery: 10 * time.Second, MaxConns: 10},
		tokenErr:  map[string]string{},
		scheduled: map[string]string{},
	}
	s.seed()
	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/{method}", s.serveMethod)
	mux.HandleFunc("GET /api/{method}", s.serveMethod) // read-only methods take both
	mux.HandleFunc("POST /actions/{ticket}", s.serveResponseURL)
	mux.HandleFunc("GET /link/{ticket}", s.serveSocket)
	// In this order: somebody who called at this port before may be quick.
	s.http = httptest.NewUnstartedServer(mux)
	s.http.Start()
	return s
}

// URL is the address of the Web API, with a trailing slash, as SLACK_API_URL
// wants it.
func (s *Server) URL() string { return s.http.URL + "/api/" }

// Close cuts everything and waits until nothing of the server runs any more.
func (s *Server) Close() {
	close(s.done)
	s.Cut()
	s.http.CloseClientConnections()
	s.http.Close()
	s.work.Wait()
}

// SetClock replaces the clock by which response_urls expire and posts are
// limited.
func (s *Server) SetClock(now func() time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = now
}

// SetScopes replaces the bot token's scopes.
func (s *Server) SetScopes(scopes ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.scopes = scopes
}

// SetSocketRules replaces the times of Socket Mode for connections to come.
func (s *Server) SetSocketRules(r SocketRules) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sockets = r
}

// LimitPosts makes chat.postMessage answer 429 when two messages come to one
// channel within gap. Slack's own limit is about a second; 0, the default, is
// none.
func (s *Server) LimitPosts(gap time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.postGap = gap
}

// RefuseToken makes every call with this token answer this error, such as
// "invalid_auth" or "token_revoked"; "" accepts it again.
func (s *Server) RefuseToken(token, err string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tokenErr[token] = err
}

// Secrets lists every ticket that the server ever handed out, in response
// URLs and WebSocket URLs: none of them belongs in a log.
func (s *Server) Secrets() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.issued)
}

// WaitFor returns nil once cond holds. It asks again whenever anything has
// happened at the server, and now and then, since cond may look elsewhere.
func (s *Server) WaitFor(ctx context.Context, cond func() bool) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		s.mu.Lock()
		changed := s.changed
		s.mu.Unlock()
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

// touch wakes those who wait. Called with mu held.
func (s *Server) touch() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// Changed returns a channel that is closed when anything happens.
func (s *Server) Changed() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.changed
}

// ticket makes an unguessable string. Called with mu held.
func (s *Server) ticket() string {
	t := strings.ToLower(rand.Text())
	s.issued = append(s.issued, t)
	return t
}
