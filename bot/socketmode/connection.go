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

	// A healthy connection is never silent for longer than our own ping
	// takes, so that a dead one is noticed within silenceTimeout.
	pingInterval   = 8 * time.Second
	silenceTimeout = 20 * time.Second

	// drainTimeout bounds how long a connection that Slack has called back is
	// still read. Slack closes it about 10 s after it said so.
	drainTimeout = 30 * time.Second

	// How long a connection is still read after it was closed from here, until
	// Slack confirms: when it is handed back, and when Run's context has ended.
	handBackTimeout = 5 * time.Second
	closeTimeout    = time.Second

	// maxFrame bounds what is read at once. Slack's payloads of commands and
	// clicks are a few kilobytes.
	maxFrame = 1 << 20
)

// connection is one WebSocket. The goroutine of serve reads and acknowledges,
// and is the only one to write data frames, as gorilla/websocket wants it;
// another pings and closes.
type connection struct {
	handler  Handler
	observer Observer
	release  *release

	ws     *websocket.Conn
	hello  Hello
	broken error // a write failed

	reason     Reason        // why it was called back; set before calledBack is closed
	calledBack chan struct{} // closed when Slack has announced the end
	err        error         // why it ended; set before ended is closed
	ended      chan struct{}

	mu    sync.Mutex
	limit time.Time // reading ends at the latest then; zero: no such limit
}

func newConnection(h Handler, o Observer, r *release) *connection {
	return &connection{
		handler: h, observer: o, release: r, calledBack: make(chan struct{}), ended: make(chan struct{}),
	}
}

// attach gives the connection its WebSocket.
func (c *connection) attach(ws *websocket.Conn) {
	c.ws = ws
	ws.SetReadLimit(maxFrame)
	ws.SetPongHandler(func(string) error { c.extend(); return nil })
	answer := ws.PingHandler()
	ws.SetPingHandler(func(data string) error { c.extend(); return answer(data) })
}

// awaitHello reads up to Slack's first words.
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

// serve reads, acknowledges and hands over until the connection ends, by
// itself or since one of the channels is closed: leave to hand it back, stop
// to be quick about it.
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

// tend does what has its time, until nothing is read any more.
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

// leave tells Slack to send no more. What is on its way is still read, until
// Slack confirms, but within the given time.
func (c *connection) leave(within time.Duration) {
	c.endBy(time.Now().Add(within))
	c.sayClose()
}

// sayClose writes a Close frame. The library sees to it that there is only
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
// then has its work set off.
func (c *connection) deliver(e Envelope) {
	carried, work := c.handler.Accept(e)
	if err := c.acknowledge(e.ID, carried); err != nil {
		// Slack tells the person that the app did not answer. What they asked
		// for is done all the same, once.
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

// ackFrame leaves out what Slack would not take: the acknowledgement itself
// matters more.
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
	frame, _ := json.Marshal(a) // an id and nothing else: no error is possible
	return frame
}
