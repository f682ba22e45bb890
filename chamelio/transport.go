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

// NewTransport returns the transport that a Client uses when it is given none:
// that of net/http, but one that notices an HTTP/2 peer which has silently
// gone away. Without pings such a connection stays in the pool and swallows
// every request until the kernel gives up on it, which takes a quarter of an
// hour. On HTTP/1.1 the end of a request's time closes its connection, so that
// the next one gets a new one.
func NewTransport() *http.Transport {
	return pinging(5*time.Second, 3*time.Second)
}

// pinging builds the transport: a connection on which nothing has come for
// quiet is pinged, and closed if no answer comes within answer.
func pinging(quiet, answer time.Duration) *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.HTTP2 = &http.HTTP2Config{SendPingTimeout: quiet, PingTimeout: answer, WriteByteTimeout: answer}
	t.IdleConnTimeout = 30 * time.Second // also an end to pinging what nobody uses
	t.MaxIdleConnsPerHost = 32           // calls come in bursts
	t.TLSClientConfig = &tls.Config{ClientSessionCache: tls.NewLRUClientSessionCache(32)}
	return t
}

// Connect makes sure that a connection is open, so that the next call needn't
// wait for DNS, TCP and TLS. An unused connection is closed after half a minute,
// so it is for calling every 20 seconds or so. It sends HEAD / without the key,
// which no rate limit of the key's counts; the answer doesn't matter. Over plain
// HTTP it does nothing.
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
