package bot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
	"github.com/slack-go/slack"
)

// envelope is one frame of Socket Mode (api.slack.com/apis/socket-mode).
type envelope struct {
	Type       string          `json:"type"`
	ID         string          `json:"envelope_id"`
	Payload    json.RawMessage `json:"payload"`
	Reason     string          `json:"reason"` // of a disconnect
	AcceptsAck bool            `json:"accepts_response_payload"`
}

// receiver takes an envelope and returns what its acknowledgement is to
// carry, or nil. It must return at once: the acknowledgement waits for it.
type receiver func(envelope) (ackPayload any)

const (
	handshakeTimeout = 10 * time.Second
	helloTimeout     = 10 * time.Second
	writeTimeout     = 5 * time.Second

	// A healthy connection is never silent for longer than our own ping
	// takes, so a dead one is noticed within silenceLimit.
	pingInterval = 8 * time.Second
	silenceLimit = 20 * time.Second

	// drainLimit bounds how long a connection that Slack has called back is
	// still read. Slack closes it about 10 s after it said so.
	drainLimit = 30 * time.Second

	// maxFrame bounds what is read at once. Slack's payloads of commands and
	// clicks are a few kilobytes.
	maxFrame = 1 << 20
)

// Slack's reasons for a disconnect frame.
const reasonLinkDisabled = "link_disabled"

// socket is one open Socket Mode connection and nothing else. Slack closes
// each after some hours, with a warning; until then a warned connection
// still delivers, so the socket goes on reading until it is closed.
type socket struct {
	ws      *websocket.Conn
	log     *slog.Logger
	retired chan struct{}         // closed when Slack has announced the end
	reason  atomic.Value          // string: why
	acked   func(seconds float64) // is told how long each acknowledgement took
}

// openSocket asks Slack for an address, connects, and waits for hello.
func openSocket(ctx context.Context, api *slack.Client, insecure bool, log *slog.Logger) (*socket, error) {
	_, address, err := api.StartSocketModeContext(ctx)
	if err != nil {
		return nil, fmt.Errorf("asking Slack for a connection (apps.connections.open): %w", err)
	}
	if err := checkSocketURL(address, insecure); err != nil {
		return nil, err
	}
	dialer := websocket.Dialer{
		Proxy:            http.ProxyFromEnvironment,
		HandshakeTimeout: handshakeTimeout,
		// Slack drops acknowledgements that arrive in several frames; none of
		// ours may exceed this.
		WriteBufferSize: 32 << 10,
	}
	ws, resp, err := dialer.DialContext(ctx, address, nil)
	if resp != nil && resp.Body != nil {
		_ = resp.Body.Close()
	}
	if err != nil {
		// The address holds a ticket: it must not get into the error.
		return nil, fmt.Errorf("connecting to Slack's Socket Mode: %w", withoutAddress(err))
	}
	ws.SetReadLimit(maxFrame)
	s := &socket{ws: ws, log: log, retired: make(chan struct{})}
	if err := s.awaitHello(); err != nil {
		_ = ws.Close()
		return nil, err
	}
	return s, nil
}

// checkSocketURL lets a Slack answer send the bot only where it may go.
func checkSocketURL(address string, insecure bool) error {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "wss" && !(insecure && u.Scheme == "ws" && isLoopback(u.Hostname())) {
		return errors.New("Slack gave a Socket Mode address that is not wss")
	}
	return nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// withoutAddress keeps the cause of a dial error.
func withoutAddress(err error) error {
	var ue *url.Error
	if errors.As(err, &ue) {
		return ue.Err
	}
	return err
}

func (s *socket) awaitHello() error {
	_ = s.ws.SetReadDeadline(time.Now().Add(helloTimeout))
	for range 10 {
		e, err := s.next()
		switch {
		case err != nil:
			return fmt.Errorf("waiting for Slack's hello: %w", err)
		case e.Type == "hello":
			return nil
		case e.Type == "disconnect":
			return fmt.Errorf("waiting for Slack's hello: %w", disconnected(e.Reason))
		}
	}
	return errors.New("waiting for Slack's hello: other frames came instead")
}

// disconnected is Slack's refusal of a connection it had just offered.
type disconnected string

func (d disconnected) Error() string { return "Slack disconnected (" + string(d) + ")" }

// next reads one frame. A frame that is no envelope gives an empty one.
func (s *socket) next() (envelope, error) {
	kind, raw, err := s.ws.ReadMessage()
	if err != nil {
		return envelope{}, err
	}
	var e envelope
	if kind != websocket.TextMessage || json.Unmarshal(raw, &e) != nil {
		s.log.Warn("ignored a frame from Slack that is no envelope", "bytes", len(raw))
		return envelope{}, nil
	}
	return e, nil
}

// serve reads until the connection ends or ctx does, hands each envelope to
// receive and acknowledges it. It returns why it ended; nil after ctx.
func (s *socket) serve(ctx context.Context, receive receiver) error {
	ended := make(chan struct{})
	pinged := make(chan struct{})
	go func() {
		defer close(pinged)
		s.keepAlive(ctx, ended)
	}()
	err := s.read(receive)
	close(ended)
	_ = s.ws.Close()
	<-pinged
	if ctx.Err() != nil {
		return nil
	}
	return err
}

func (s *socket) read(receive receiver) error {
	var until time.Time // set once Slack has called the connection back
	alive := func() {
		deadline := time.Now().Add(silenceLimit)
		if !until.IsZero() && until.Before(deadline) {
			deadline = until
		}
		_ = s.ws.SetReadDeadline(deadline)
	}
	alive()
	s.ws.SetPongHandler(func(string) error { alive(); return nil })
	answerPing := s.ws.PingHandler()
	s.ws.SetPingHandler(func(data string) error { alive(); return answerPing(data) })
	for {
		e, err := s.next()
		if err != nil {
			return err
		}
		if e.Type == "disconnect" {
			until = time.Now().Add(drainLimit)
			s.retire(e.Reason)
		}
		alive()
		if e.ID == "" {
			continue
		}
		received := time.Now()
		if err := s.acknowledge(e.ID, receive(e)); err != nil {
			// Slack will not hear that it was received, and tells the person
			// so. What was asked for is done all the same, once.
			return fmt.Errorf("acknowledging: %w", err)
		}
		s.acked(time.Since(received).Seconds())
	}
}

// acknowledge answers on the connection on which the envelope came. Only the
// reading goroutine writes data frames, as gorilla/websocket wants it.
func (s *socket) acknowledge(id string, payload any) error {
	_ = s.ws.SetWriteDeadline(time.Now().Add(writeTimeout))
	return s.ws.WriteJSON(struct {
		ID      string `json:"envelope_id"`
		Payload any    `json:"payload,omitempty"`
	}{id, payload})
}

// keepAlive pings, so that a half-open connection shows; at the end of ctx it
// says goodbye, which makes the reader return.
func (s *socket) keepAlive(ctx context.Context, ended <-chan struct{}) {
	ticker := time.NewTicker(pingInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			_ = s.ws.WriteControl(websocket.PingMessage, nil, time.Now().Add(writeTimeout))
		case <-ctx.Done():
			bye := websocket.FormatCloseMessage(websocket.CloseNormalClosure, "")
			_ = s.ws.WriteControl(websocket.CloseMessage, bye, time.Now().Add(time.Second))
			_ = s.ws.Close()
			return
		case <-ended:
			return
		}
	}
}

// retire notes that Slack is about to close the connection.
func (s *socket) retire(reason string) {
	select {
	case <-s.retired:
	default:
		s.reason.Store(reason)
		close(s.retired)
	}
}
