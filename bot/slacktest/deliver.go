package slacktest

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"
)

// State is the state of a Delivery.
type State string

// The states of a Delivery. Slack shows the names of the failures to the
// person.
const (
	Waiting          State = "waiting"
	Acknowledged     State = "acknowledged"
	OperationTimeout State = "operation_timeout" // no ack within 3 seconds
	DispatchFailed   State = "dispatch_failed"   // no connection was open
	NotOffered       State = "not_offered"       // Slack doesn't offer this to the person
)

// Delivery is one envelope sent to the bot.
type Delivery struct {
	EnvelopeID string
	Type       string // "slash_commands", "interactive", "events_api"
	State      State
	Latency    time.Duration // from sending the frame to reading its ack
}

// Pending is a Delivery that a test can wait for.
type Pending struct {
	mu    sync.Mutex
	d     Delivery
	ended chan struct{}
}

// Wait returns the delivery once it is acknowledged or has failed, or an error
// that wraps ctx's cause. By then, the ack's payload has had its effect.
func (p *Pending) Wait(ctx context.Context) (Delivery, error) {
	select {
	case <-p.ended:
		p.mu.Lock()
		defer p.mu.Unlock()
		return p.d, nil
	case <-ctx.Done():
		return Delivery{}, fmt.Errorf("waiting for an ack: %w", context.Cause(ctx))
	}
}

func (p *Pending) end(state State, latency time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.d.State, p.d.Latency = state, latency
	close(p.ended)
}

// Failed returns the deliveries that weren't acknowledged in time.
func (s *Server) Failed() []Delivery {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.failed)
}

// AckLatencies returns how long each acknowledgement took.
func (s *Server) AckLatencies() []time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.acks)
}

func refused(kind string) *Pending {
	p := &Pending{d: Delivery{Type: kind}, ended: make(chan struct{})}
	p.end(NotOffered, 0)
	return p
}

// Deliver sends a payload in a new envelope. It panics if the payload can't be
// encoded as JSON.
func (s *Server) Deliver(kind string, payload any) *Pending {
	return s.DeliverAs(s.random.text(), kind, payload)
}

// DeliverAs sends a payload with the given envelope ID. Using an ID twice is a
// redelivery.
func (s *Server) DeliverAs(id, kind string, payload any) *Pending {
	return s.deliver(id, kind, payload, nil)
}

// deliver sends an envelope to one of the connections. If answered isn't nil,
// it is called with the ack's payload, with mu held.
func (s *Server) deliver(id, kind string, payload any, answered func(json.RawMessage)) *Pending {
	p := &Pending{d: Delivery{EnvelopeID: id, Type: kind, State: Waiting}, ended: make(chan struct{})}
	raw := envelope(id, kind, payload)
	acked := make(chan struct{})
	if !s.enter() { // for the goroutine that waits for the ack
		s.mu.Lock()
		defer s.mu.Unlock()
		s.fail(p, DispatchFailed)
		return p
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	limit := s.sockets.AckWithin
	for _, c := range s.open() {
		sent := time.Now()
		c.waiting[id] = func(raw json.RawMessage, at time.Time) {
			latency := at.Sub(sent)
			s.acks = append(s.acks, latency)
			if answered != nil {
				answered(raw)
			}
			p.end(Acknowledged, latency)
			close(acked)
		}
		if c.sendRaw(raw) {
			go func() {
				defer s.work.Done()
				s.expire(c, id, p, acked, limit)
			}()
			return p
		}
		delete(c.waiting, id)
	}
	s.work.Done()
	s.fail(p, DispatchFailed)
	return p
}

// envelope is an envelope's frame (docs.slack.dev/apis/events-api/using-socket-mode).
func envelope(id, kind string, payload any) []byte {
	object, _ := payload.(map[string]any)
	raw, err := json.Marshal(map[string]any{
		"envelope_id": id, "type": kind, "payload": payload,
		"accepts_response_payload": kind == "slash_commands" || object["type"] == "view_submission",
	})
	if err != nil {
		panic(fmt.Sprintf("slacktest: a payload that is no JSON: %v", err))
	}
	return raw
}

// expire waits for the ack, or marks the delivery as timed out.
func (s *Server) expire(c *conn, id string, p *Pending, acked chan struct{}, limit time.Duration) {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-acked:
		return
	case <-timer.C:
	case <-s.done:
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, still := c.waiting[id]; still {
		delete(c.waiting, id)
		s.fail(p, OperationTimeout)
	}
}

// fail ends a delivery. It must be called with mu held.
func (s *Server) fail(p *Pending, state State) {
	p.end(state, 0)
	s.failed = append(s.failed, p.d)
	s.touch()
}

// acknowledge matches an ack to its envelope. Only the connection that got the
// envelope can acknowledge it. An ack may carry an answer.
func (s *Server) acknowledge(c *conn, id string, payload json.RawMessage, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	done, ok := c.waiting[id]
	if !ok {
		return
	}
	delete(c.waiting, id)
	done(payload, at)
	s.touch()
}
