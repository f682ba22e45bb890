package transport

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

// ConnectEvery is how often Connect must be called to keep a connection open:
// more often than an unused one is closed, here and by most servers.
const ConnectEvery = 20 * time.Second

// connectTimeout bounds Connect.
const connectTimeout = 10 * time.Second

// Connect makes sure that a connection to an address is open, so that the next
// request needn't wait for DNS, TCP and TLS. It sends HEAD / without credentials;
// the answer doesn't matter. Over plain HTTP, which is for loopback, it does
// nothing.
func Connect(ctx context.Context, via http.RoundTripper, address *url.URL) error {
	if address.Scheme != "https" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	root := url.URL{Scheme: address.Scheme, Host: address.Host, Path: "/"}
	req, err := http.NewRequestWithContext(ctx, http.MethodHead, root.String(), nil)
	if err != nil {
		return fmt.Errorf("opening a connection to %s: %w", address.Host, err)
	}
	resp, err := via.RoundTrip(req)
	if err != nil {
		return fmt.Errorf("opening a connection to %s: %w", address.Host, err)
	}
	_, _ = io.Copy(io.Discard, resp.Body) // so that the connection is kept
	return resp.Body.Close()
}
