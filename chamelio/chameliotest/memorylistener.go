package chameliotest

import (
	"context"
	"net"
	"sync"
	"time"
)

var aLongTimeAgo = time.Unix(1, 0)

// MemoryListener is a net.Listener whose connections are in memory. A
// testing/synctest bubble can wait for everything that happens on it.
type MemoryListener struct {
	conns chan net.Conn
	done  chan struct{}
	close sync.Once
}

// NewMemoryListener returns an open listener.
func NewMemoryListener() *MemoryListener {
	return &MemoryListener{conns: make(chan net.Conn), done: make(chan struct{})}
}

// DialContext connects to the listener and ignores the address. It fits
// http.Transport.
func (l *MemoryListener) DialContext(ctx context.Context, network, _ string) (net.Conn, error) {
	near, far := net.Pipe()
	var err error
	select {
	case l.conns <- far:
		return near, nil
	case <-l.done:
		err = net.ErrClosed
	case <-ctx.Done():
		err = ctx.Err()
	}
	_, _ = near.Close(), far.Close()
	return nil, &net.OpError{Op: "dial", Net: network, Addr: l.Addr(), Err: err}
}

// Accept waits for the next connection.
func (l *MemoryListener) Accept() (net.Conn, error) {
	select {
	case conn := <-l.conns:
		return conn, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

// Close ends Accept and refuses new connections.
func (l *MemoryListener) Close() error {
	l.close.Do(func() { close(l.done) })
	return nil
}

// Addr returns a loopback address, so that clients accept plain HTTP. Nothing
// listens there.
func (l *MemoryListener) Addr() net.Addr {
	return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1}
}
