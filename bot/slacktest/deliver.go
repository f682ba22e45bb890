package slacktest

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// State is what became of a Delivery.
type State string

// The states of a Delivery. The person sees the failures' names in Slack.
const (
	Waiting          State = "waiting"
	Acknowledged     State = "acknowledged"
	OperationTimeout State = "operation_timeout" // no ack within 3 seconds
	DispatchFailed   State = "dispatch_failed"   // no connection was open
	NotOffered       State = "not_offered"       // Slack does not let this person do that
)

// Delivery is one envelope on its way to the bot.
type Delivery struct {
	EnvelopeID string
	Type       string
	State      State
	Latency    time.Duration // from the frame written to its ack read
}

// Pending is a Delivery that a test can wait for.
type Pending struct {
	mu    sync.Mutex
	d     Delivery
	ended chan struct{}
}

// Wait returns the delivery once it is acknowledged or has failed.
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

// Failed lists the deliveries that were not acknowledged in time.
func (s *Server) Failed() []Delivery {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.failed)
}

// AckLatencies lists how long each acknowledgement took.
func (s *Server) AckLatencies() []time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.acks)
}

// Slash types a command: Slash(Ada, General, "/cancel-task 12345").
func (s *Server) Slash(user, channel, text string) *Pending {
	command, rest, _ := strings.Cut(text, " ")
	s.mu.Lock()
	u, c := s.users[user], s.channels[channel]
	if u.TeamID != TeamID {
		s.mu.Unlock()
		return refused("slash_commands")
	}
	payload := map[string]any{
		"team_id": TeamID, "team_domain": "acme", "channel_id": channel, "channel_name": c.Name,
		"user_id": user, "user_name": u.Name, "command": command, "text": rest, "api_app_id": AppID,
		"is_enterprise_install": "false", "trigger_id": s.ticket(),
		"response_url": s.newResponseURL(user, channel, nil),
	}
	id := rand.Text() // an envelope's id is no secret
	s.mu.Unlock()
	// The ack of a command may carry a message for the person who typed it
	// (api.slack.com/apis/socket-mode, "acknowledging with a payload").
	return s.deliver(id, "slash_commands", payload, func(raw json.RawMessage) {
		var m messageJSON
		if json.Unmarshal(raw, &m) != nil {
			return
		}
		if blocks, bad := m.content(); bad == "" {
			s.post(Message{Channel: channel, Author: BotUser, Text: m.Text, Blocks: blocks, Only: user, Via: "ack"})
		}
	})
}

// Click presses a button of a message, as a person who sees it.
func (s *Server) Click(user string, m Message, actionID string) *Pending {
	s.mu.Lock()
	current := s.find(m.Channel, m.TS)
	if current == nil || !s.visible(user, current) || current.Button(actionID) == nil {
		s.mu.Unlock()
		return refused("interactive")
	}
	payload := s.clickPayload(user, current, actionID, current.Button(actionID).Value)
	s.mu.Unlock()
	return s.Deliver("interactive", payload)
}

// Forge delivers a click on a message with another action id or value: what
// an attacker, an old version of the bot or a replay sends.
func (s *Server) Forge(user string, m Message, actionID, value string) *Pending {
	s.mu.Lock()
	current := s.find(m.Channel, m.TS)
	if current == nil {
		current = &m
	}
	payload := s.clickPayload(user, current, actionID, value)
	s.mu.Unlock()
	return s.Deliver("interactive", payload)
}

// clickPayload builds block_actions. Called with mu held.
func (s *Server) clickPayload(user string, m *Message, actionID, value string) map[string]any {
	u, c := s.users[user], s.channels[m.Channel]
	container := map[string]any{"type": "message", "message_ts": m.TS, "channel_id": m.Channel, "is_ephemeral": m.Only != ""}
	payload := map[string]any{
		"type": "block_actions", "api_app_id": AppID, "trigger_id": s.ticket(),
		"team":      map[string]any{"id": TeamID, "domain": "acme"},
		"user":      map[string]any{"id": user, "username": u.Name, "name": u.Name, "team_id": u.TeamID},
		"channel":   map[string]any{"id": m.Channel, "name": c.Name},
		"container": container,
		"actions": []any{map[string]any{
			"type": "button", "action_id": actionID, "block_id": "b1", "value": value,
			"action_ts": fmt.Sprintf("%d.000000", s.now().Unix()),
		}},
		"response_url": s.newResponseURL(user, m.Channel, m),
	}
	if m.Only == "" { // ephemeral messages are not sent along
		payload["message"] = map[string]any{"type": "message", "user": BotUser, "ts": m.TS, "text": m.Text}
	}
	return payload
}

func refused(kind string) *Pending {
	p := &Pending{d: Delivery{Type: kind}, ended: make(chan struct{})}
	p.end(NotOffered, 0)
	return p
}

// Deliver sends a payload in a new envelope.
func (s *Server) Deliver(kind string, payload any) *Pending {
	return s.DeliverAs(rand.Text(), kind, payload)
}

// DeliverAs sends a payload under an envelope id of the caller's: twice the
// same is a redelivery.
func (s *Server) DeliverAs(id, kind string, payload any) *Pending {
	return s.deliver(id, kind, payload, func(json.RawMessage) {})
}

// deliver sends an envelope and calls answered, with mu held, with what its
// ack carries.
func (s *Server) deliver(id, kind string, payload any, answered func(json.RawMessage)) *Pending {
	p := &Pending{d: Delivery{EnvelopeID: id, Type: kind, State: Waiting}, ended: make(chan struct{})}
	raw, err := json.Marshal(map[string]any{
		"envelope_id": id, "type": kind, "payload": payload,
		"accepts_response_payload": kind == "slash_commands",
	})
	if err != nil {
		panic(fmt.Sprintf("slacktest: a payload that is no JSON: %v", err))
	}
	acked := make(chan struct{})
	s.mu.Lock()
	limit := s.sockets.AckWithin
	for _, c := range s.open() {
		sent := time.Now()
		c.waiting[id] = func(raw json.RawMessage, at time.Time) {
			latency := at.Sub(sent)
			s.acks = append(s.acks, latency)
			p.end(Acknowledged, latency)
			close(acked)
			if len(raw) > 0 {
				answered(raw)
			}
		}
		s.mu.Unlock()
		if c.sendRaw(raw) {
			s.work.Go(func() { s.expire(c, id, p, acked, limit) })
			return p
		}
		s.mu.Lock()
		delete(c.waiting, id)
	}
	s.fail(p, DispatchFailed)
	s.mu.Unlock()
	return p
}

// expire waits for the ack, or declares the delivery timed out.
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

// fail ends a delivery. Called with mu held.
func (s *Server) fail(p *Pending, state State) {
	p.end(state, 0)
	s.failed = append(s.failed, p.d)
	s.touch()
}

// acknowledge matches an ack to its envelope. Only the connection that got
// the envelope can acknowledge it. A command's ack may carry the answer.
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
