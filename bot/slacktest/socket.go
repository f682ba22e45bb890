package slacktest

import (
	"encoding/json"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
)

// conn is one Socket Mode connection, seen from Slack's side.
type conn struct {
	ws     *websocket.Conn
	write  sync.Mutex    // gorilla allows one writer at a time
	closed bool          // under write: the Close frame is out, nothing may follow it
	frozen atomic.Bool   // half-open: nothing goes in or out, nothing is closed
	gone   chan struct{} // closed when the connection has ended

	// Under Server.mu:
	closing bool // a disconnect frame was sent
	waiting map[string]func(json.RawMessage, time.Time)
}

// openConnection serves apps.connections.open.
func (s *Server) openConnection(params) reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	ticket := s.ticket()
	s.tickets[ticket] = true
	return reply{"url": strings.Replace(s.http.URL, "http://", "ws://", 1) + "/link/" + ticket}
}

func (s *Server) serveSocket(w http.ResponseWriter, r *http.Request) {
	ticket := r.PathValue("ticket")
	s.mu.Lock()
	valid := s.tickets[ticket]
	delete(s.tickets, ticket) // one-time
	rules := s.sockets
	crowded := len(s.conns) >= rules.MaxConns
	off := s.linkOff
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
	c := &conn{ws: ws, gone: make(chan struct{}), waiting: map[string]func(json.RawMessage, time.Time){}}
	ws.SetPingHandler(func(data string) error {
		if c.frozen.Load() {
			return nil
		}
		return ws.WriteControl(websocket.PongMessage, []byte(data), time.Now().Add(time.Second))
	})
	if off {
		c.send(map[string]any{"type": "disconnect", "reason": "link_disabled"})
		ws.Close()
		return
	}
	if crowded {
		c.send(map[string]any{"type": "disconnect", "reason": "too_many_websockets"})
		ws.Close()
		return
	}
	s.mu.Lock()
	select {
	case <-s.done:
		s.mu.Unlock()
		ws.Close()
		return
	default:
	}
	s.work.Add(1)
	defer s.work.Done()
	c.send(map[string]any{
		"type": "hello", "num_connections": len(s.conns) + 1,
		"connection_info": map[string]string{"app_id": AppID},
		"debug_info":      map[string]any{"host": "applink-stand-in", "approximate_connection_time": 18060},
	})
	s.conns = append(s.conns, c)
	s.opened++
	s.touch()
	s.mu.Unlock()

	s.work.Go(func() { s.ping(c, rules.PingEvery) })
	s.read(c)
}

// read takes acknowledgements until the connection ends.
func (s *Server) read(c *conn) {
	defer func() {
		c.ws.Close()
		close(c.gone)
		s.mu.Lock()
		for i, other := range s.conns {
			if other == c {
				s.conns = append(s.conns[:i:i], s.conns[i+1:]...)
				break
			}
		}
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
		if c.frozen.Load() || json.Unmarshal(raw, &ack) != nil || len(raw) > 20*1024 {
			continue
		}
		s.acknowledge(c, ack.EnvelopeID, ack.Payload, at)
	}
}

func (s *Server) ping(c *conn, every time.Duration) {
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

func (c *conn) send(v any) {
	raw, _ := json.Marshal(v)
	c.sendRaw(raw)
}

// sendRaw reports false if the connection was closed before: what is to be
// sent must go to another one. A frame lost on a broken network is not known
// to the sender, so that is true.
func (c *conn) sendRaw(raw []byte) bool {
	c.write.Lock()
	defer c.write.Unlock()
	if c.closed {
		return false
	}
	if !c.frozen.Load() {
		_ = c.ws.SetWriteDeadline(time.Now().Add(time.Second))
		_ = c.ws.WriteMessage(websocket.TextMessage, raw)
	}
	return true
}

// close ends the connection as RFC 6455 wants it: a Close frame, then whatever
// the other side still has to say, until it closes too.
func (c *conn) close() {
	c.write.Lock()
	c.closed = true
	_ = c.ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""), time.Now().Add(time.Second))
	c.write.Unlock()
	timer := time.NewTimer(time.Second)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-c.gone:
	}
	_ = c.ws.Close()
}

// Connections counts the open connections, those about to close included.
func (s *Server) Connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.conns)
}

// Opened counts the connections ever opened.
func (s *Server) Opened() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.opened
}

// open returns the connections that deliveries may go to, in random order:
// Slack promises none, and a connection told to disconnect still gets some
// until it closes.
func (s *Server) open() []*conn {
	conns := make([]*conn, len(s.conns))
	for i, j := range rand.Perm(len(s.conns)) {
		conns[i] = s.conns[j]
	}
	return conns
}

// Disconnect tells one connection, the oldest not yet told, to go, and closes
// it after grace. Until then it still delivers. It reports whether there was
// one. Reasons are "warning", "refresh_requested" and "link_disabled".
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
		if !c.closing {
			s.retire(c, reason, grace)
		}
	}
}

// retire sends the frame and closes later. Called with mu held.
func (s *Server) retire(c *conn, reason string, grace time.Duration) {
	c.closing = true
	s.work.Go(func() {
		c.send(map[string]any{"type": "disconnect", "reason": reason, "debug_info": map[string]string{"host": "applink-stand-in"}})
		timer := time.NewTimer(grace)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-c.gone:
			return
		}
		c.close()
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
		if tcp, ok := c.ws.NetConn().(*net.TCPConn); ok {
			_ = tcp.SetLinger(0) // RST, not FIN
		}
		c.ws.Close()
	}
}

// Freeze makes the present connections half-open: they stay up, but nothing
// goes through them in either direction any more, pings included.
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
