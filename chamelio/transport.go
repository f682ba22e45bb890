package chamelio

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

// NewTransport returns the default transport of a Client: net/http's, with
// pings that detect a dead HTTP/2 peer. Without them, a dead connection would
// stay in the pool and swallow every request until the kernel gives up on it
// after a quarter of an hour. On HTTP/1.1, a request that times out closes its
// connection, so the next one gets a new one.
func NewTransport() *http.Transport {
	return pinging(5*time.Second, 3*time.Second)
}

// pinging returns a transport that pings a connection after quiet without
// data, and closes it if no answer comes within answer.
func pinging(quiet, answer time.Duration) *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.HTTP2 = &http.HTTP2Config{SendPingTimeout: quiet, PingTimeout: answer, WriteByteTimeout: answer}
	t.IdleConnTimeout = 30 * time.Second // also stops the pings of unused connections
	t.MaxIdleConnsPerHost = 32           // calls come in bursts
	t.TLSClientConfig = &tls.Config{ClientSessionCache: tls.NewLRUClientSessionCache(32)}
	return t
}

// Connect opens a connection if none is open, so that the next call needn't
// wait for DNS, TCP and TLS. An unused connection is closed after half a
// minute, so call it every 20 seconds or so. It sends HEAD / without the key,
// so it doesn't count against the key's rate limit, and ignores the answer.
// Over plain HTTP it does nothing.
func (c *Client) Connect(ctx context.Context) error {
	if c.base.Scheme != "https" {
		return nil
	}
	ctx, cancel := context.WithTimeoutCause(ctx, c.timeout, timeoutError(c.timeout))
	defer cancel()
	root := url.URL{Scheme: c.base.Scheme, Host: c.base.Host, Path: "/"}
	req, err := http.NewRequestWithContext(ctx, http.MethodHead, root.String(), nil)
	if err != nil {
		return fmt.Errorf("opening a connection: %w", err)
	}
	req.Header.Set("User-Agent", c.userAgent)
	resp, err := c.transport.RoundTrip(req)
	if err != nil {
		return fmt.Errorf("opening a connection: %w", err)
	}
	_, _ = io.Copy(io.Discard, resp.Body) // so that the connection is kept
	return resp.Body.Close()
}
