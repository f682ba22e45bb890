package chameliotest

import (
	"context"
	"net"
	"sync"
	"time"
)

var aLongTimeAgo = time.Unix(1, 0)

// MemoryListener is a listener without a network: whoever dials it is connected
// through memory. A bubble of testing/synctest can wait for everything that
// happens on it.
type MemoryListener struct {
	conns chan net.Conn
	done  chan struct{}
	close sync.Once
}

// NewMemoryListener returns a listener that is open.
func NewMemoryListener() *MemoryListener {
	return &MemoryListener{conns: make(chan net.Conn), done: make(chan struct{})}
}

// DialContext connects to the listener, whatever the address. It fits
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

// Accept waits for whoever dials next.
func (l *MemoryListener) Accept() (net.Conn, error) {
	select {
	case conn := <-l.conns:
		return conn, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

// Close ends Accept, and refuses whoever dials from now on.
func (l *MemoryListener) Close() error {
	l.close.Do(func() { close(l.done) })
	return nil
}

// Addr is a loopback address, so that clients accept plain HTTP. Nothing
// listens there.
func (l *MemoryListener) Addr() net.Addr {
	return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1}
}
