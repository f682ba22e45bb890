package slacktest

import (
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// pipeBuffer is the size of each direction's buffer; a writer waits when it is
// full, as with a socket. Without a buffer, as in net.Pipe, two sides that
// ping each other at the same moment would each wait for the other to read,
// and consider the connection dead.
const pipeBuffer = 64 << 10

// pipeConn is one end of a connection in memory.
type pipeConn struct{ in, out *stream }

// pair returns both ends of a connection.
func pair() (net.Conn, net.Conn) {
	there, back := newStream(), newStream()
	return &pipeConn{in: back, out: there}, &pipeConn{in: there, out: back}
}

func (c *pipeConn) Read(p []byte) (int, error)  { return c.in.read(p) }
func (c *pipeConn) Write(p []byte) (int, error) { return c.out.write(p) }

// Close lets the other end read what was written before, and then io.EOF.
func (c *pipeConn) Close() error {
	c.in.set(func(s *stream) { s.unread, s.data = true, nil })
	c.out.set(func(s *stream) { s.ended = true })
	return nil
}

func (c *pipeConn) LocalAddr() net.Addr  { return pipeAddr{} }
func (c *pipeConn) RemoteAddr() net.Addr { return pipeAddr{} }

func (c *pipeConn) SetDeadline(t time.Time) error {
	_ = c.SetReadDeadline(t)
	return c.SetWriteDeadline(t)
}

func (c *pipeConn) SetReadDeadline(t time.Time) error {
	c.in.set(func(s *stream) { s.readBy.set(t, s.changed) })
	return nil
}

func (c *pipeConn) SetWriteDeadline(t time.Time) error {
	c.out.set(func(s *stream) { s.writeBy.set(t, s.changed) })
	return nil
}

// stream is one direction of a connection.
type stream struct {
	mu      sync.Mutex
	changed *sync.Cond

	data            []byte
	ended           bool // the writer has closed its end
	unread          bool // the reader has closed its end
	readBy, writeBy limit
}

func newStream() *stream {
	s := &stream{}
	s.changed = sync.NewCond(&s.mu)
	return s
}

func (s *stream) set(change func(*stream)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s)
	s.changed.Broadcast()
}

func (s *stream) read(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		switch {
		case s.unread:
			return 0, io.ErrClosedPipe
		case s.readBy.over():
			return 0, os.ErrDeadlineExceeded
		case len(s.data) > 0 || len(p) == 0:
			n := copy(p, s.data)
			s.data = s.data[n:]
			s.changed.Broadcast()
			return n, nil
		case s.ended:
			return 0, io.EOF
		}
		s.changed.Wait()
	}
}

func (s *stream) write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for {
		switch {
		case s.ended || s.unread:
			return n, io.ErrClosedPipe
		case s.writeBy.over():
			return n, os.ErrDeadlineExceeded
		case n == len(p):
			return n, nil
		}
		if room := min(pipeBuffer-len(s.data), len(p)-n); room > 0 {
			s.data = append(s.data, p[n:n+room]...)
			n += room
			s.changed.Broadcast()
			continue
		}
		s.changed.Wait()
	}
}

// limit is a deadline that wakes its waiters.
type limit struct {
	by    time.Time // none if zero
	timer *time.Timer
}

func (l *limit) set(by time.Time, changed *sync.Cond) {
	if l.timer != nil {
		l.timer.Stop()
	}
	l.by, l.timer = by, nil
	if left := time.Until(by); !by.IsZero() && left > 0 {
		l.timer = time.AfterFunc(left, func() {
			changed.L.Lock()
			defer changed.L.Unlock()
			changed.Broadcast()
		})
	}
}

func (l *limit) over() bool { return !l.by.IsZero() && !time.Now().Before(l.by) }
