package socketmode

import (
	"cmp"
	"encoding/json"
	"errors"
	"time"

	"github.com/gorilla/websocket"
)

// frame is a message from Slack (docs.slack.dev, "Using Socket Mode").
type frame struct {
	Type            string          `json:"type"`
	ID              string          `json:"envelope_id"`
	Payload         json.RawMessage `json:"payload"`
	AcceptsResponse bool            `json:"accepts_response_payload"`
	RetryAttempt    int             `json:"retry_attempt"`
	RetryReason     string          `json:"retry_reason"`

	Reason string `json:"reason"` // of a disconnect

	// Of a hello:
	NumConnections int `json:"num_connections"`
	ConnectionInfo struct {
		AppID string `json:"app_id"`
	} `json:"connection_info"`
	DebugInfo struct {
		Lifetime int `json:"approximate_connection_time"` // seconds
	} `json:"debug_info"`
}

func (f *frame) hello() Hello {
	return Hello{
		AppID: f.ConnectionInfo.AppID, NumConnections: f.NumConnections,
		ApproximateLifetime: time.Duration(f.DebugInfo.Lifetime) * time.Second,
	}
}

// envelope returns the envelope in a frame that was just read.
func (f *frame) envelope() Envelope {
	return Envelope{
		ID: f.ID, Type: f.Type, Payload: f.Payload, AcceptsResponse: f.AcceptsResponse,
		RetryAttempt: f.RetryAttempt, RetryReason: f.RetryReason, Received: time.Now(),
	}
}

// read handles frames until the connection ends, and returns why it ended.
func (c *connection) read() error {
	for {
		f, err := c.next()
		if err != nil {
			return err
		}
		switch {
		case f.ID != "":
			c.deliver(f.envelope())
		case f.Type == "disconnect":
			c.callBack(reasonOf(f.Reason))
		}
	}
}

// next reads one frame. A malformed one gives an empty frame.
func (c *connection) next() (frame, error) {
	kind, raw, err := c.ws.ReadMessage()
	if err != nil {
		return frame{}, err
	}
	c.extend()
	var f frame
	err = json.Unmarshal(raw, &f)
	if _, odd := errors.AsType[*json.UnmarshalTypeError](err); odd && f.ID != "" {
		err = nil // an unused field has an unexpected type; the others are set
	}
	if kind != websocket.TextMessage || err != nil {
		c.observer.anomaly(GarbageFrame)
		return frame{}, nil
	}
	return f, nil
}

// callBack notes that Slack is about to close the connection.
func (c *connection) callBack(r Reason) {
	select {
	case <-c.calledBack: // Slack has said so before
	default:
		c.reason = r
		close(c.calledBack)
	}
}

// extend postpones the time at which the connection counts as dead.
func (c *connection) extend() {
	c.mu.Lock()
	defer c.mu.Unlock()
	deadline := time.Now().Add(silenceTimeout)
	if !c.limit.IsZero() && c.limit.Before(deadline) {
		deadline = c.limit
	}
	_ = c.ws.SetReadDeadline(deadline)
}

// endBy makes reading end at the given time, or earlier if that was set
// before. The zero time removes the limit.
func (c *connection) endBy(at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if at.IsZero() || c.limit.IsZero() || at.Before(c.limit) {
		c.limit = at
		_ = c.ws.SetReadDeadline(cmp.Or(at, time.Now().Add(silenceTimeout)))
	}
}
