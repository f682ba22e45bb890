package slacktest

import (
	"context"
	"net"
	"sync"
)

// Pipe is a listener in memory, for Options.Listener. Its Dial fits an HTTP
// transport and a WebSocket dialer. Inside a testing/synctest bubble it must
// be made, dialled and closed there.
type Pipe struct {
	calls chan net.Conn
	done  chan struct{}
	once  sync.Once
}

// NewPipe returns a listener in memory.
func NewPipe() *Pipe { return &Pipe{calls: make(chan net.Conn), done: make(chan struct{})} }

// Dial connects to the listener, and ignores network and address. It returns
// ctx's cause if no one accepts in time, and net.ErrClosed after Close.
func (p *Pipe) Dial(ctx context.Context, _, _ string) (net.Conn, error) {
	here, there := pair()
	select {
	case p.calls <- there:
		return here, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case <-p.done:
		return nil, net.ErrClosed
	}
}

// Accept waits for a connection. It returns net.ErrClosed after Close.
func (p *Pipe) Accept() (net.Conn, error) {
	select {
	case c := <-p.calls:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

// Close closes the listener. Its connections stay open.
func (p *Pipe) Close() error {
	p.once.Do(func() { close(p.done) })
	return nil
}

// Addr returns an address that only names the listener.
func (p *Pipe) Addr() net.Addr { return pipeAddr{} }

type pipeAddr struct{}

func (pipeAddr) Network() string { return "pipe" }
func (pipeAddr) String() string  { return "slack.test" }
