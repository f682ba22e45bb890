package socketmode

import (
	"cmp"
	"encoding/json"
	"errors"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

const (
	writeTimeout = 5 * time.Second

	// The client pings, so a healthy connection is never silent for longer
	// than pingInterval, and a dead one is noticed within silenceTimeout.
	pingInterval   = 8 * time.Second
	silenceTimeout = 20 * time.Second

	// drainTimeout bounds how long a connection is read after Slack has asked
	// to replace it. Slack closes it about 10 s later.
	drainTimeout = 30 * time.Second

	// How long a connection is still read after it was closed from this side,
	// until Slack confirms: in HandBack, and when Run's context has ended.
	handBackTimeout = 5 * time.Second
	closeTimeout    = time.Second

	// maxFrame bounds the size of a frame. Slack's payloads of commands and
	// clicks are a few kilobytes.
	maxFrame = 1 << 20
)

// connection is one WebSocket. The goroutine of serve reads and acknowledges,
// and is the only one that writes data frames, as gorilla/websocket requires;
// another one pings and closes.
type connection struct {
	handler  Handler
	observer Observer
	release  *release

	ws     *websocket.Conn
	hello  Hello
	broken error // a write failed

	reason     Reason        // why Slack asked to replace it; set before calledBack is closed
	calledBack chan struct{} // closed when Slack has asked to replace the connection
	err        error         // why it ended; set before ended is closed
	ended      chan struct{}

	mu    sync.Mutex
	limit time.Time // latest time to end reading; none if zero
}

func newConnection(h Handler, o Observer, r *release) *connection {
	return &connection{
		handler: h, observer: o, release: r, calledBack: make(chan struct{}), ended: make(chan struct{}),
	}
}

// attach sets the connection's WebSocket.
func (c *connection) attach(ws *websocket.Conn) {
	c.ws = ws
	ws.SetReadLimit(maxFrame)
	ws.SetPongHandler(func(string) error { c.extend(); return nil })
	answer := ws.PingHandler()
	ws.SetPingHandler(func(data string) error { c.extend(); return answer(data) })
}

// awaitHello reads Slack's first frame.
func (c *connection) awaitHello() error {
	c.endBy(time.Now().Add(helloTimeout))
	for {
		f, err := c.next()
		switch {
		case err != nil:
			return unreachable("waiting for Slack's hello", err)
		case f.Type == "hello":
			c.hello = f.hello()
			c.endBy(time.Time{})
			return nil
		case f.Type == "disconnect":
			return &DisconnectError{reasonOf(f.Reason)}
		case f.ID != "":
			c.deliver(f.envelope())
		}
	}
}

// serve reads, acknowledges and dispatches envelopes until the connection
// ends, or until one of the channels is closed: leave to give the connection
// back, stop to end quickly.
func (c *connection) serve(leave, stop <-chan struct{}) {
	unread := make(chan struct{})
	var tending sync.WaitGroup
	tending.Go(func() { c.tend(leave, stop, unread) })
	err := c.read()
	close(unread)
	tending.Wait()
	c.hangUp()
	c.err = cmp.Or(c.broken, err)
	close(c.ended)
}

// tend pings, and closes the connection when it's time to, until reading has
// ended.
func (c *connection) tend(leave, stop, unread <-chan struct{}) {
	ping := time.NewTicker(pingInterval)
	defer ping.Stop()
	drained := time.NewTimer(time.Hour)
	drained.Stop()
	defer drained.Stop()
	calledBack := c.calledBack
	for {
		select {
		case <-ping.C:
			_ = c.ws.WriteControl(websocket.PingMessage, nil, time.Now().Add(writeTimeout))
		case <-calledBack:
			calledBack = nil
			drained.Reset(drainTimeout)
		case <-drained.C:
			c.leave(closeTimeout)
		case <-leave:
			leave = nil
			c.leave(handBackTimeout)
		case <-stop:
			stop = nil
			c.leave(closeTimeout)
		case <-unread:
			return
		}
	}
}

// leave asks Slack to send no more. Frames on their way are still read, until
// Slack confirms, but at most for the given time.
func (c *connection) leave(within time.Duration) {
	c.endBy(time.Now().Add(within))
	c.sayClose()
}

// sayClose writes a Close frame. The library makes sure that there is only
// one, and that no data follows it (RFC 6455, 5.5.1).
func (c *connection) sayClose() {
	bye := websocket.FormatCloseMessage(websocket.CloseNormalClosure, "")
	_ = c.ws.WriteControl(websocket.CloseMessage, bye, time.Now().Add(closeTimeout))
}

func (c *connection) hangUp() {
	c.sayClose()
	_ = c.ws.Close()
}

// deliver acknowledges an envelope on the connection on which it came, and
// then has its work started.
func (c *connection) deliver(e Envelope) {
	carried, work := c.handler.Accept(e)
	if err := c.acknowledge(e.ID, carried); err != nil {
		// Slack shows the person that the app didn't answer. Their request is
		// handled anyway, once.
		c.observer.anomaly(Unacknowledged)
		if !errors.Is(err, websocket.ErrCloseSent) {
			c.broken = cmp.Or(c.broken, err)
			_ = c.ws.Close() // which ends reading
		}
	} else {
		c.observer.acked(time.Since(e.Received))
	}
	c.release.acknowledged(work)
}

type ack struct {
	ID      string          `json:"envelope_id"`
	Payload json.RawMessage `json:"payload,omitempty"`
}

func (c *connection) acknowledge(id string, carried any) error {
	frame := c.ackFrame(id, carried)
	_ = c.ws.SetWriteDeadline(time.Now().Add(writeTimeout))
	return c.ws.WriteMessage(websocket.TextMessage, frame)
}

// ackFrame leaves out a payload that Slack wouldn't accept: the
// acknowledgement itself matters more.
func (c *connection) ackFrame(id string, carried any) []byte {
	a := ack{ID: id}
	if carried != nil {
		payload, err := json.Marshal(carried)
		if err == nil {
			a.Payload = payload
			if frame, err := json.Marshal(a); err == nil && len(frame) <= maxAck {
				return frame
			}
		}
		c.observer.anomaly(OversizedAck)
	}
	a.Payload = nil
	frame, _ := json.Marshal(a) // only an ID: it always encodes
	return frame
}
