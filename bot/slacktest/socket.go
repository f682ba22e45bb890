package slacktest

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gorilla/websocket"
)

// maxAck is the largest size of an ack, in bytes; a larger one is ignored
// (docs.slack.dev/apis/events-api/using-socket-mode).
const maxAck = 20 * 1024

// openConnection serves apps.connections.open. The ticket in the URL is valid
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

// welcome sends the hello and registers the connection, in one step: no
// envelope comes before the hello, and a client that has read it can get one.
// It returns the reason if a connection is refused.
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

// read handles acknowledgements until the connection ends.
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

// lives waits and reports whether the connection is still open.
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

// Connections returns the number of open connections, including those about to
// close.
func (s *Server) Connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.conns)
}

// Clients returns the number of connections that clients have open: for HTTP
// including idle ones, and for Socket Mode. If a client is dead and this is 0,
// none of its requests is still to be served.
func (s *Server) Clients() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.wires) + len(s.conns)
}

// Opened returns the number of connections ever opened.
func (s *Server) Opened() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.opened
}

// open returns the connections that deliveries may go to, in random order:
// Slack guarantees none, and a connection that was asked to disconnect still
// gets some until it closes. It must be called with mu held.
func (s *Server) open() []*conn {
	conns := make([]*conn, len(s.conns))
	for i, j := range s.random.perm(len(s.conns)) {
		conns[i] = s.conns[j]
	}
	return conns
}

// Disconnect asks one connection, the oldest that hasn't been asked, to
// disconnect, and closes it after grace. Until then it still delivers.
// Disconnect returns false if there was none. Reasons are "warning",
// "refresh_requested" and "link_disabled"; Slack allows about ten seconds
// (docs.slack.dev/apis/events-api/using-socket-mode).
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

// DisconnectAll calls Disconnect for all connections at once.
func (s *Server) DisconnectAll(reason string, grace time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.conns {
		s.retire(c, reason, grace)
	}
}

// retire sends the disconnect frame, and closes the connection later. It must
// be called with mu held.
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

// SwitchOff switches Socket Mode off: new connections get link_disabled.
func (s *Server) SwitchOff() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.linkOff = true
}

// Cut cuts all connections without a Close frame, like a network failure.
func (s *Server) Cut() {
	s.mu.Lock()
	conns := s.open()
	s.mu.Unlock()
	for _, c := range conns {
		c.cut()
	}
}

// Freeze makes the current Socket Mode connections half-open: they stay open,
// but no data passes in either direction, including pings.
func (s *Server) Freeze() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.conns {
		c.frozen.Store(true)
	}
}

// SendFrame sends a raw frame on every connection, such as garbage or an
// unknown type.
func (s *Server) SendFrame(raw string) {
	s.mu.Lock()
	conns := s.open()
	s.mu.Unlock()
	for _, c := range conns {
		c.sendRaw([]byte(raw))
	}
}
