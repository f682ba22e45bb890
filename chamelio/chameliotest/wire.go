package chameliotest

import (
	"net"
	"net/http"
	"sync"
)

// wire is a listener whose connections can be cut, and can be turned into
// black holes.
type wire struct {
	net.Listener
	open sync.WaitGroup // connections that the HTTP server still serves

	mu         sync.Mutex
	conns      map[*wireConn]bool
	swallowing bool // new connections are black holes from the start
	cutOff     bool // there are to be no more connections
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

// state follows the life of the HTTP server's connections, so that Close can
// wait for the goroutines that serve them.
func (w *wire) state(_ net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		w.open.Add(1)
	case http.StateClosed, http.StateHijacked:
		w.open.Done()
	case http.StateActive, http.StateIdle:
	}
}

// cut closes every connection, and those to come.
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

// wireConn is one connection. Once silent it never speaks again: what was lost
// is missing in the stream.
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

// Read drops whatever comes through a black hole. The end of the connection
// and a deadline of the server's own do come through, so that nothing of the
// server hangs for ever.
func (c *wireConn) Read(p []byte) (int, error) {
	for {
		n, err := c.Conn.Read(p)
		if err != nil || !c.isSilent() {
			return n, err
		}
	}
}

// Write pretends: the kernel would take the bytes too.
func (c *wireConn) Write(p []byte) (int, error) {
	if c.isSilent() {
		return len(p), nil
	}
	return c.Conn.Write(p)
}

// Close leaves the other end of a black hole in the dark. The server closes it
// for good in cut.
func (c *wireConn) Close() error {
	c.wire.mu.Lock()
	defer c.wire.mu.Unlock()
	if c.silent && !c.wire.cutOff {
		return c.SetDeadline(aLongTimeAgo) // lets go of whoever reads
	}
	delete(c.wire.conns, c)
	return c.Conn.Close()
}
