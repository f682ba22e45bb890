package chameliotest

import (
	"net"
	"net/http"
	"sync"
)

// wire is a listener whose connections can be cut or silenced.
type wire struct {
	net.Listener
	open sync.WaitGroup // connections that the HTTP server still serves

	mu         sync.Mutex
	conns      map[*wireConn]bool
	swallowing bool // new connections are silent from the start
	cutOff     bool // new connections are refused
}

func newWire(l net.Listener) *wire { return &wire{Listener: l, conns: map[*wireConn]bool{}} }

func (w *wire) Accept() (net.Conn, error) {
	conn, err := w.Listener.Accept()
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.cutOff {
		_ = conn.Close()
		return nil, net.ErrClosed
	}
	c := &wireConn{Conn: conn, wire: w, silent: w.swallowing}
	w.conns[c] = true
	return c, nil
}

// state follows the HTTP server's connection states, so that Close can wait
// for the goroutines that serve them.
func (w *wire) state(_ net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		w.open.Add(1)
	case http.StateClosed, http.StateHijacked:
		w.open.Done()
	case http.StateActive, http.StateIdle:
	}
}

// cut closes every connection, including future ones.
func (w *wire) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cutOff = true
	for c := range w.conns {
		_ = c.Conn.Close()
	}
	clear(w.conns)
}

func (w *wire) swallow(on bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.swallowing = on
}

func (w *wire) silence() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for c := range w.conns {
		c.silent = true
	}
}

// wireConn is one connection. Once silent, it stays silent, because part of
// its stream is lost.
type wireConn struct {
	net.Conn
	wire   *wire
	silent bool // guarded by wire.mu
}

func (c *wireConn) isSilent() bool {
	c.wire.mu.Lock()
	defer c.wire.mu.Unlock()
	return c.silent
}

// Read discards everything that arrives on a silent connection. The end of the
// connection and the server's own deadlines still work, so that nothing in the
// server hangs forever.
func (c *wireConn) Read(p []byte) (int, error) {
	for {
		n, err := c.Conn.Read(p)
		if err != nil || !c.isSilent() {
			return n, err
		}
	}
}

// Write pretends to succeed, as the kernel would.
func (c *wireConn) Write(p []byte) (int, error) {
	if c.isSilent() {
		return len(p), nil
	}
	return c.Conn.Write(p)
}

// Close doesn't notify the other end of a silent connection. cut closes it.
func (c *wireConn) Close() error {
	c.wire.mu.Lock()
	defer c.wire.mu.Unlock()
	if c.silent && !c.wire.cutOff {
		return c.SetDeadline(aLongTimeAgo) // unblocks readers
	}
	delete(c.wire.conns, c)
	return c.Conn.Close()
}
