package transport

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync/atomic"
	"testing"
)

// counted is a TLS server that counts connections, and those that resumed a
// session.
type counted struct {
	*httptest.Server
	conns, resumed, heads atomic.Int32
}

func newCounted(t *testing.T, http2 bool) *counted {
	t.Helper()
	c := &counted{}
	c.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodHead {
			c.heads.Add(1)
			if r.URL.Path != "/" || len(r.Header.Values("Authorization"))+len(r.Header.Values("X-Api-Key")) > 0 {
				t.Errorf("HEAD %s with %v", r.URL, r.Header)
			}
		}
		if r.TLS.DidResume {
			c.resumed.Add(1)
		}
		_, _ = io.WriteString(w, r.Proto)
	}))
	c.EnableHTTP2 = http2
	c.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			c.conns.Add(1)
		}
	}
	c.StartTLS()
	t.Cleanup(c.Close)
	return c
}

// trusting returns a transport as New makes it that trusts the server.
func (c *counted) trusting(t *testing.T) *http.Transport {
	t.Helper()
	wire := New()
	wire.TLSClientConfig.RootCAs = x509.NewCertPool()
	wire.TLSClientConfig.RootCAs.AddCert(c.Certificate())
	t.Cleanup(wire.CloseIdleConnections)
	return wire
}

func get(t *testing.T, via http.RoundTripper, address string) {
	t.Helper()
	resp, err := (&http.Client{Transport: via}).Get(address)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
}

func TestConnectOpensAndKeepsAConnection(t *testing.T) {
	for _, http2 := range []bool{true, false} {
		c := newCounted(t, http2)
		wire := c.trusting(t)
		address, err := url.Parse(c.URL + "/api/?token=secret")
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			if err := Connect(t.Context(), wire, address); err != nil {
				t.Fatal(err)
			}
			get(t, wire, c.URL)
		}
		if c.conns.Load() != 1 || c.heads.Load() != 3 {
			t.Errorf("HTTP/2 %v: %d connections, %d HEADs", http2, c.conns.Load(), c.heads.Load())
		}
	}
}

func TestConnectDoesNothingOverPlainHTTP(t *testing.T) {
	if err := Connect(t.Context(), nil, &url.URL{Scheme: "http", Host: "127.0.0.1:1"}); err != nil {
		t.Error(err)
	}
}

// A connection that is opened again needs no full handshake.
func TestSessionsAreResumed(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		c := newCounted(t, true)
		c.TLS.MaxVersion = version
		wire := c.trusting(t)
		get(t, wire, c.URL)
		wire.CloseIdleConnections()
		get(t, wire, c.URL)
		if c.conns.Load() != 2 || c.resumed.Load() != 1 {
			t.Errorf("%s: %d connections, %d resumed", tls.VersionName(version), c.conns.Load(), c.resumed.Load())
		}
	}
}

func TestConnectIsMoreOftenThanConnectionsAreClosed(t *testing.T) {
	if ConnectEvery >= standard.idle {
		t.Errorf("every %v; an unused connection is closed after %v", ConnectEvery, standard.idle)
	}
}
