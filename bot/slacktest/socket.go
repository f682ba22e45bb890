package slacktest

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gorilla/websocket"
)

// maxAck is how long an ack may be, in bytes; a longer one is ignored
// (docs.slack.dev/apis/events-api/using-socket-mode).
const maxAck = 20 * 1024

// openConnection serves apps.connections.open. The ticket in the URL is good
// for one connection.
func (s *Server) openConnection(params) reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	ticket := s.ticket()
	s.tickets[ticket] = true
	return reply{"url": strings.Replace(s.url, "http", "ws", 1) + "/link/?ticket=" + ticket + "&app_id=" + AppID}
}

func (s *Server) serveSocket(w http.ResponseWriter, r *http.Request) {
	ticket := r.URL.Query().Get("ticket")
	s.mu.Lock()
	valid := s.tickets[ticket]
	delete(s.tickets, ticket)
	s.mu.Unlock()
	if !valid {
		http.Error(w, "bad ticket", http.StatusForbidden)
		return
	}
	upgrader := websocket.Upgrader{CheckOrigin: func(*http.Request) bool { return true }}
	ws, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	c := newConn(ws)
	rules, refusal := s.welcome(c)
	if refusal != "" {
		_ = ws.WriteJSON(map[string]any{"type": "disconnect", "reason": refusal})
		_ = ws.Close()
		return
	}
	// Close waits for this request, and so for these.
	s.work.Go(c.writeLoop)
	s.work.Go(func() { c.ping(rules.PingEvery) })
	s.read(c)
}

// welcome says hello and lists the connection, in one step: no envelope comes
// before the hello, and whoever has read it can get one. It returns the reason
// for which a connection is turned away.
func (s *Server) welcome(c *conn) (SocketRules, string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	rules := s.sockets
	switch {
	case s.linkOff:
		return rules, "link_disabled"
	case len(s.conns) >= rules.MaxConns:
		return rules, "too_many_websockets"
	case s.closed:
		return rules, "refresh_requested"
	}
	c.send(map[string]any{
		"type": "hello", "num_connections": len(s.conns) + 1,
		"connection_info": map[string]string{"app_id": AppID},
		"debug_info":      map[string]any{"host": "applink-stand-in", "approximate_connection_time": 18060},
	})
	s.conns = append(s.conns, c)
	s.opened++
	s.touch()
	if rules.DisconnectAfter > 0 {
		s.work.Go(func() {
			if c.lives(rules.DisconnectAfter) {
				s.mu.Lock()
				defer s.mu.Unlock()
				s.retire(c, "refresh_requested", rules.Grace)
			}
		})
	}
	return rules, ""
}

// read takes acknowledgements until the connection ends.
func (s *Server) read(c *conn) {
	defer func() {
		_ = c.ws.Close()
		c.finish()
		close(c.gone)
		s.mu.Lock()
		s.conns = slices.DeleteFunc(s.conns, func(other *conn) bool { return other == c })
		s.touch()
		s.mu.Unlock()
	}()
	for {
		_, raw, err := c.ws.ReadMessage()
		if err != nil {
			return
		}
		at := time.Now()
		var ack struct {
			EnvelopeID string          `json:"envelope_id"`
			Payload    json.RawMessage `json:"payload"`
		}
		if c.frozen.Load() || len(raw) > maxAck || json.Unmarshal(raw, &ack) != nil {
			continue
		}
		s.acknowledge(c, ack.EnvelopeID, ack.Payload, at)
	}
}

// lives waits and reports whether the connection is still there.
func (c *conn) lives(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-c.gone:
		return false
	}
}

// Connections counts the open connections, those about to close included.
func (s *Server) Connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.conns)
}

// Clients counts every connection that a client has open: for HTTP, idle ones
// too, and for Socket Mode. Once a client is dead and this is 0, nothing that
// it sent is still to be served.
func (s *Server) Clients() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.wires) + len(s.conns)
}

// Opened counts the connections ever opened.
func (s *Server) Opened() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.opened
}

// open returns the connections that deliveries may go to, in random order:
// Slack promises none, and a connection told to disconnect still gets some
// until it closes. Called with mu held.
func (s *Server) open() []*conn {
	conns := make([]*conn, len(s.conns))
	for i, j := range s.random.perm(len(s.conns)) {
		conns[i] = s.conns[j]
	}
	return conns
}

// Disconnect tells one connection, the oldest not yet told, to go, and closes
// it after grace. Until then it still delivers. It reports whether there was
// one. Reasons are "warning", "refresh_requested" and "link_disabled"; Slack
// gives about ten seconds (docs.slack.dev/apis/events-api/using-socket-mode).
func (s *Server) Disconnect(reason string, grace time.Duration) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.conns {
		if !c.closing {
			s.retire(c, reason, grace)
			return true
		}
	}
	return false
}

// DisconnectAll does the same to all connections at once.
func (s *Server) DisconnectAll(reason string, grace time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.conns {
		s.retire(c, reason, grace)
	}
}

// retire sends the frame and closes later. Called with mu held.
func (s *Server) retire(c *conn, reason string, grace time.Duration) {
	if c.closing {
		return
	}
	c.closing = true
	c.send(map[string]any{"type": "disconnect", "reason": reason, "debug_info": map[string]string{"host": "applink-stand-in"}})
	s.work.Go(func() {
		if c.lives(grace) {
			c.finish()
		}
	})
}

// SwitchOff switches Socket Mode off: whoever connects is told so.
func (s *Server) SwitchOff() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.linkOff = true
}

// Cut cuts all connections without a word, as a failing network does.
func (s *Server) Cut() {
	s.mu.Lock()
	conns := s.open()
	s.mu.Unlock()
	for _, c := range conns {
		c.cut()
	}
}

// Freeze makes the present Socket Mode connections half-open: they stay up,
// but nothing goes through them in either direction any more, pings included.
func (s *Server) Freeze() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.conns {
		c.frozen.Store(true)
	}
}

// SendFrame sends one raw frame on every connection: garbage, or an unknown
// type.
func (s *Server) SendFrame(raw string) {
	s.mu.Lock()
	conns := s.open()
	s.mu.Unlock()
	for _, c := range conns {
		c.sendRaw([]byte(raw))
	}
}
