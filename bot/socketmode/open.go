package socketmode

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
)

const (
	openMethod = "apps.connections.open"

	openTimeout      = 10 * time.Second // for an answer of apps.connections.open
	dialTimeout      = 10 * time.Second // for a TCP connection
	handshakeTimeout = 10 * time.Second // for the WebSocket to be open
	helloTimeout     = 10 * time.Second // for Slack's hello after that

	// maxAnswer bounds the answer that is read. Slack's is a few hundred
	// bytes.
	maxAnswer = 64 << 10

	// maxAck is Slack's limit for an acknowledgement with its payload
	// (docs.slack.dev, "Using Socket Mode").
	maxAck = 20 << 10

	// writeBuffer fits the largest acknowledgement, since Slack drops one that
	// arrives in several frames.
	writeBuffer = 24 << 10
	readBuffer  = 8 << 10
)

// opener gets addresses for connections and opens them.
type opener struct {
	api    *url.URL
	token  atomic.Pointer[string]
	appID  string
	http   *http.Client
	dialer websocket.Dialer
	tunnel tunnel
}

func newOpener(o *Options) (*opener, error) {
	api, err := o.complete()
	if err != nil {
		return nil, err
	}
	dial := o.DialContext
	if dial == nil {
		dial = (&net.Dialer{Timeout: dialTimeout}).DialContext
	}
	op := &opener{api: api, appID: o.AppID, dialer: websocket.Dialer{
		HandshakeTimeout: handshakeTimeout, ReadBufferSize: readBuffer, WriteBufferSize: writeBuffer,
	}, tunnel: tunnel{proxy: http.ProxyFromEnvironment, dial: dial}}
	op.token.Store(&o.AppToken)
	if o.HTTPClient == nil {
		// Connections are opened so rarely that none is worth keeping; a kept
		// one may be half-open when it is needed.
		op.http = &http.Client{Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment, DialContext: dial, DisableKeepAlives: true,
			TLSHandshakeTimeout: handshakeTimeout,
		}}
	} else {
		own := *o.HTTPClient
		op.http = &own
		if t, ok := own.Transport.(*http.Transport); ok {
			op.dialAs(t, o.DialContext == nil)
		}
	}
	// The token goes to the API and nowhere else.
	op.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return op, nil
}

// dialAs makes WebSockets use the proxy, TLS configuration and dial function
// of t.
func (op *opener) dialAs(t *http.Transport, dialToo bool) {
	op.tunnel.proxy = t.Proxy
	if t.TLSClientConfig != nil {
		op.dialer.TLSClientConfig = t.TLSClientConfig.Clone()
		op.dialer.TLSClientConfig.NextProtos = nil // a WebSocket is HTTP/1.1
		op.tunnel.tls = op.dialer.TLSClientConfig
	}
	if dialToo && t.DialContext != nil {
		op.tunnel.dial = t.DialContext
	}
}

// address asks Slack for the address of a new connection. It contains a ticket
// for one connection.
func (op *opener) address(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, op.api.JoinPath(openMethod).String(), http.NoBody)
	if err != nil {
		return "", unreachable(openMethod, err)
	}
	req.Header.Set("Authorization", "Bearer "+*op.token.Load())
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := op.http.Do(req)
	if err != nil {
		return "", unreachable(openMethod, err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return "", unreachable(openMethod, err)
	}
	return op.understand(resp, body)
}

func (op *opener) understand(resp *http.Response, body []byte) (string, error) {
	var answer struct {
		OK     bool   `json:"ok"`
		URL    string `json:"url"`
		Error  string `json:"error"`
		Needed string `json:"needed"`
	}
	unreadable := json.Unmarshal(body, &answer) != nil
	if resp.StatusCode == http.StatusOK && !unreadable && answer.OK {
		return answer.URL, checkAddress(answer.URL, op.api)
	}
	refused := &APIError{Method: openMethod, Status: resp.StatusCode, RetryAfter: retryAfter(resp.Header)}
	if !unreadable {
		refused.Code, refused.Needed = code(answer.Error), code(answer.Needed)
	}
	if refused.final() {
		return "", &TokenError{refused}
	}
	return "", refused
}

// retryAfter parses both forms of RFC 9110. It returns 0 if the header is
// absent or malformed.
func retryAfter(h http.Header) time.Duration {
	said := h.Get("Retry-After")
	if seconds, err := strconv.ParseUint(said, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(said); err == nil {
		return max(0, time.Until(at))
	}
	return 0
}

// connect opens a WebSocket for c and waits for Slack's hello. Slack may send
// envelopes from then on, so a connection that is almost open when ctx ends is
// opened first and then closed properly.
func (op *opener) connect(ctx context.Context, c *connection) error {
	address, err := op.address(ctx)
	if err != nil {
		return err
	}
	ctx, cancel := outlast(ctx, closeTimeout)
	defer cancel()
	ws, hangUp, err := op.dial(ctx, address)
	if err != nil {
		return err
	}
	c.attach(ws)
	err = c.awaitHello()
	if !hangUp() {
		err = context.Cause(ctx) // and the connection is closed
	} else if err == nil && op.appID != "" && c.hello.AppID != "" && c.hello.AppID != op.appID {
		err = fmt.Errorf("%w: Slack says %s, expected %s", ErrOtherApp, code(c.hello.AppID), op.appID)
	}
	if err != nil {
		c.hangUp()
	}
	return err
}

// dial opens a WebSocket, which closes when ctx ends, until hangUp is called.
// hangUp returns false if ctx ended before.
func (op *opener) dial(ctx context.Context, address string) (ws *websocket.Conn, hangUp func() bool, err error) {
	hangUp = func() bool { return true }
	u, err := url.Parse(address)
	if err != nil {
		return nil, nil, errAddress
	}
	dialer, dialTCP := op.dialer, op.tunnel.to(u)
	dialer.NetDialContext = func(dialing context.Context, network, address string) (net.Conn, error) {
		conn, err := dialTCP(dialing, network, address)
		if err == nil { // gorilla/websocket doesn't stop when ctx ends during the handshake
			hangUp = context.AfterFunc(ctx, func() { _ = conn.Close() })
		}
		return conn, err
	}
	ws, resp, err := dialer.DialContext(ctx, address, nil)
	if err == nil {
		return ws, hangUp, nil
	}
	hangUp()
	if resp != nil && errors.Is(err, websocket.ErrBadHandshake) {
		err = fmt.Errorf("HTTP status %d", resp.StatusCode)
	}
	return nil, nil, unreachable("opening the WebSocket", cmp.Or(ctx.Err(), err))
}

// outlast returns a context that ends some time after ctx does.
func outlast(ctx context.Context, by time.Duration) (context.Context, context.CancelFunc) {
	longer, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		timer := time.NewTimer(by)
		defer timer.Stop()
		select {
		case <-timer.C:
			cancel()
		case <-longer.Done():
		}
	})
	return longer, func() { stop(); cancel() }
}
