package slacktest

import (
	"encoding/json"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
)

// conn is the server's side of a Socket Mode connection. Frames wait in a
// queue for the connection's own writer, so that no holder of Server.mu ever
// waits for a network.
type conn struct {
	ws     *websocket.Conn
	frozen atomic.Bool   // half-open: no data passes, and nothing is closed
	gone   chan struct{} // closed when the connection has ended
	wake   chan struct{} // holds a token when there is something to write

	mu     sync.Mutex
	queue  [][]byte
	closed bool // nothing may be added to the queue

	// Guarded by Server.mu:
	closing bool // a disconnect frame was sent
	waiting map[string]func(json.RawMessage, time.Time)
}

func newConn(ws *websocket.Conn) *conn {
	c := &conn{
		ws: ws, gone: make(chan struct{}), wake: make(chan struct{}, 1),
		waiting: map[string]func(json.RawMessage, time.Time){},
	}
	ws.SetPingHandler(func(data string) error {
		if c.frozen.Load() {
			return nil
		}
		return ws.WriteControl(websocket.PongMessage, []byte(data), time.Now().Add(time.Second))
	})
	// A client that has sent its Close frame receives nothing any more. Its
	// earlier acknowledgements have been read.
	ws.SetCloseHandler(func(code int, _ string) error {
		c.finish()
		if !c.frozen.Load() {
			_ = ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, ""), time.Now().Add(time.Second))
		}
		return nil
	})
	return c
}

func (c *conn) send(v any) {
	raw, _ := json.Marshal(v)
	c.sendRaw(raw)
}

// sendRaw queues a frame. It returns false if the connection is closed, and
// the frame must go to another one. It returns true for a frame that gets lost
// on a broken network, since a sender can't know.
func (c *conn) sendRaw(raw []byte) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	c.queue = append(c.queue, raw)
	c.nudge()
	return true
}

// finish prevents anything from being added to the queue.
func (c *conn) finish() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	c.nudge()
}

func (c *conn) nudge() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// writeLoop writes the queue until the connection ends.
func (c *conn) writeLoop() {
	for {
		select {
		case <-c.wake:
		case <-c.gone:
			return
		}
		c.mu.Lock()
		frames, closed := c.queue, c.closed
		c.queue = nil
		c.mu.Unlock()
		for _, raw := range frames {
			if !c.frozen.Load() {
				_ = c.ws.SetWriteDeadline(time.Now().Add(time.Second))
				_ = c.ws.WriteMessage(websocket.TextMessage, raw)
			}
		}
		if closed {
			c.close()
			return
		}
	}
}

// close ends the connection as RFC 6455 requires: a Close frame, then it reads
// until the other side closes too.
func (c *conn) close() {
	_ = c.ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""), time.Now().Add(time.Second))
	timer := time.NewTimer(time.Second)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-c.gone:
	}
	_ = c.ws.Close()
}

// ping pings the client regularly, so that it doesn't consider the connection
// dead.
func (c *conn) ping(every time.Duration) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			if !c.frozen.Load() {
				_ = c.ws.WriteControl(websocket.PingMessage, []byte("ping"), time.Now().Add(time.Second))
			}
		case <-c.gone:
			return
		}
	}
}

// cut ends the connection without a Close frame: with a reset if it is TCP.
func (c *conn) cut() {
	under := c.ws.NetConn()
	if w, ok := under.(*wire); ok {
		under = w.Conn
	}
	if tcp, ok := under.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // RST, not FIN
	}
	_ = c.ws.Close()
}
