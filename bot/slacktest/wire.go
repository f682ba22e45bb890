package slacktest

import (
	"context"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
)

// wire is an accepted connection that can be made half-open.
type wire struct {
	net.Conn
	hole  atomic.Bool
	ended sync.Once
}

// Read discards everything that arrives on a half-open connection, and still
// notices when the client closes it.
func (w *wire) Read(p []byte) (int, error) {
	for {
		n, err := w.Conn.Read(p)
		if err != nil || !w.hole.Load() {
			return n, err
		}
	}
}

// Write pretends to succeed on a half-open connection, since a sender doesn't
// learn that its packets get lost.
func (w *wire) Write(p []byte) (int, error) {
	if w.hole.Load() {
		return len(p), nil
	}
	return w.Conn.Write(p)
}

type wireListener struct{ net.Listener }

func (l wireListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &wire{Conn: c}, nil
}

type wireKey struct{}

func withWire(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, wireKey{}, c)
}

func wireOf(r *http.Request) *wire {
	w, _ := r.Context().Value(wireKey{}).(*wire)
	return w
}

// follow tracks the HTTP connections, so that Close can wait for their ends.
// An upgraded one is tracked as a WebSocket.
func (s *Server) follow(c net.Conn, state http.ConnState) {
	w, ok := c.(*wire)
	if !ok {
		return
	}
	switch state {
	case http.StateNew:
		if !s.enter() {
			w.ended.Do(func() {})
			_ = w.Close()
			return
		}
		s.mu.Lock()
		s.wires[w] = true
		s.mu.Unlock()
	case http.StateHijacked, http.StateClosed:
		w.ended.Do(func() {
			s.mu.Lock()
			delete(s.wires, w)
			s.mu.Unlock()
			s.work.Done()
		})
	case http.StateActive, http.StateIdle:
	}
}

// FreezeHTTP makes the HTTP connections that are open now half-open, including
// idle ones: they stay open, requests on them get no answer, and only new
// connections work. For Socket Mode connections there is Freeze.
func (s *Server) FreezeHTTP() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for w := range s.wires {
		w.hole.Store(true)
	}
}
