package socketmode

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
)

const testToken = "xapp-1-A012CANCEL-1111-5f1c9a7e"

// fake is Slack in memory, for virtual time: each test defines its answers.
type fake struct {
	t      *testing.T
	pipes  chan net.Conn
	done   chan struct{}
	opens  func(n int) (status int, header http.Header, body string) // nil: every call gives an address
	serves func(n int, p *peer)                                      // one connection, the n-th from 0

	mu     sync.Mutex
	asked  []time.Time // calls of apps.connections.open
	greets int         // connections made
}

// peer is Slack's side of one connection.
type peer struct {
	*websocket.Conn
	done <-chan struct{} // the test is over
}

func newFake(t *testing.T) *fake {
	f := &fake{t: t, pipes: make(chan net.Conn), done: make(chan struct{})}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/apps.connections.open", f.open)
	mux.HandleFunc("GET /link", f.link)
	server := &http.Server{Handler: mux}
	served := make(chan struct{})
	go func() { defer close(served); _ = server.Serve(f) }()
	t.Cleanup(func() {
		close(f.done)
		_ = server.Close()
		<-served
	})
	return f
}

// Accept, Close and Addr make the fake a net.Listener.
func (f *fake) Accept() (net.Conn, error) {
	select {
	case c := <-f.pipes:
		return c, nil
	case <-f.done:
		return nil, net.ErrClosed
	}
}
func (f *fake) Close() error   { return nil }
func (f *fake) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 80} }

func (f *fake) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	select {
	case f.pipes <- theirs:
		return ours, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (f *fake) open(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	n := len(f.asked)
	f.asked = append(f.asked, time.Now())
	f.mu.Unlock()
	if r.Header.Get("Authorization") != "Bearer "+testToken {
		f.t.Errorf("Authorization: %q", r.Header.Get("Authorization"))
	}
	if f.opens != nil {
		if status, header, body := f.opens(n); status != 0 {
			for k, v := range header {
				w.Header()[k] = v
			}
			w.WriteHeader(status)
			fmt.Fprint(w, body)
			return
		}
	}
	fmt.Fprint(w, `{"ok":true,"url":"ws://127.0.0.1/link?ticket=secret"}`)
}

func (f *fake) link(w http.ResponseWriter, r *http.Request) {
	ws, err := (&websocket.Upgrader{}).Upgrade(w, r, nil)
	if err != nil {
		f.t.Error(err)
		return
	}
	defer ws.Close()
	f.mu.Lock()
	n := f.greets
	f.greets++
	f.mu.Unlock()
	f.serves(n, &peer{ws, f.done})
}

// calls counts the calls of apps.connections.open.
func (f *fake) calls() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.asked)
}

// made counts the connections.
func (f *fake) made() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.greets
}

// times lists when apps.connections.open was called, since start.
func (f *fake) times(start time.Time) []time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	var all []time.Duration
	for _, at := range f.asked {
		all = append(all, at.Sub(start))
	}
	return all
}

func (f *fake) options(h Handler) Options {
	return Options{AppToken: testToken, APIURL: "http://127.0.0.1/api/", DialContext: f.dial, Handler: h, Connections: 1}
}

func (p *peer) say(format string, args ...any) {
	_ = p.WriteMessage(websocket.TextMessage, fmt.Appendf(nil, format, args...))
}

func (p *peer) hello() {
	p.say(`{"type":"hello","num_connections":1,"connection_info":{"app_id":"A1"}}`)
}

func (p *peer) command(id string) {
	p.say(`{"envelope_id":%q,"type":"slash_commands","accepts_response_payload":true,"payload":{"text":"x"}}`, id)
}

// acks passes on what the client writes; closed when it closes.
func (p *peer) acks() <-chan string {
	acks := make(chan string, 1000)
	go func() {
		defer close(acks)
		for {
			_, raw, err := p.ReadMessage()
			if err != nil {
				return
			}
			acks <- string(raw)
		}
	}()
	return acks
}

// stay reads until the client closes or the test is over.
func (p *peer) stay() { p.stayFor(p.acks(), time.Hour*1000) }

// stayFor reads for some time; false if the client closed or the test is over.
func (p *peer) stayFor(acks <-chan string, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
			return true
		case _, more := <-acks:
			if !more {
				return false
			}
		case <-p.done:
			_ = p.Close()
			for range acks { // until the reader has gone
			}
			return false
		}
	}
}

// running starts a client and stops it at the end of the test.
func running(t *testing.T, o Options) (c *Client, ended <-chan error, stop context.CancelFunc) {
	t.Helper()
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	result := make(chan error, 1)
	finished := make(chan struct{})
	go func() {
		defer close(finished)
		result <- c.Run(ctx)
	}()
	t.Cleanup(func() { cancel(); <-finished })
	return c, result, cancel
}

// pass lets time pass, in a bubble, and waits until everything that is due has
// happened.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// nothing accepts everything and does nothing.
var nothing = HandlerFunc(func(Envelope) (any, func()) { return nil, nil })

// record is a handler that records envelopes.
type record struct {
	mu       sync.Mutex
	accepted []Envelope
	worked   map[string]int
}

func (r *record) Accept(e Envelope) (any, func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.accepted = append(r.accepted, e)
	return nil, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.worked == nil {
			r.worked = map[string]int{}
		}
		r.worked[e.ID]++
	}
}

func (r *record) work(id string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.worked[id]
}

func (r *record) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.worked)
}

// logged is a log that tests can read.
type logged struct {
	mu  sync.Mutex
	all strings.Builder
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.String()
}

func (l *logged) logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }

func idOf(ack string) string {
	var a struct {
		ID string `json:"envelope_id"`
	}
	_ = json.Unmarshal([]byte(ack), &a)
	return a.ID
}
