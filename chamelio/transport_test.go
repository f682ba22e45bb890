package chamelio

import (
	"crypto/tls"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/cancelbot/cancelbot/chamelio/chameliotest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// newHTTPS returns a fake that serves HTTPS, and a TLS configuration that trusts it.
func newHTTPS(t *testing.T, protocols ...string) (*chameliotest.Server, *tls.Config) {
	t.Helper()
	lender := httptest.NewTLSServer(http.NotFoundHandler()) // of a certificate
	defer lender.Close()
	trust := lender.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	trust.NextProtos = protocols
	api := chameliotest.New(chameliotest.Options{TLS: &tls.Config{Certificates: lender.TLS.Certificates}})
	t.Cleanup(api.Close)
	return api, trust
}

// A connection that silently dies takes at most one request with it: that one
// fails within seconds, and the next gets a new connection.
func TestDeadPeerIsNoticed(t *testing.T) {
	for _, tt := range []struct {
		protocol string
		timeout  time.Duration // of the requests
	}{
		{"h2", 20 * time.Second},             // the pings notice, not the request's end
		{"http/1.1", 500 * time.Millisecond}, // the request's end notices
	} {
		t.Run(tt.protocol, func(t *testing.T) {
			api, trust := newHTTPS(t, tt.protocol)
			transport := pinging(100*time.Millisecond, 100*time.Millisecond)
			transport.TLSClientConfig = trust
			transport.ForceAttemptHTTP2 = tt.protocol == "h2"
			t.Cleanup(transport.CloseIdleConnections)
			c, err := New(Options{BaseURL: api.URL(), APIKey: chameliotest.Key, Timeout: tt.timeout, Transport: transport})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := c.Task(t.Context(), 12345); err != nil {
				t.Fatal(err)
			}
			// The pings must not have noticed on their own, before the request:
			// it is to be sent on the dead connection.
			api.Silence()
			began := time.Now()
			err = c.Cancel(t.Context(), 12345, nil)
			if !errors.Is(err, ErrUnreachable) || !errors.Is(err, ErrAmbiguous) || time.Since(began) > 5*time.Second {
				t.Errorf("got %v after %v", err, time.Since(began))
			}
			if err := c.Cancel(t.Context(), 12345, nil); err != nil {
				t.Errorf("the next request: %v", err)
			}
			if api.Cancels(12345) != 1 {
				t.Errorf("%d cancels arrived", api.Cancels(12345))
			}
		})
	}
}

func TestDeadHTTP2PeerIsNoticedBetweenRequests(t *testing.T) {
	api, trust := newHTTPS(t, "h2")
	transport := pinging(100*time.Millisecond, 100*time.Millisecond)
	transport.TLSClientConfig = trust
	t.Cleanup(transport.CloseIdleConnections)
	c, err := New(Options{BaseURL: api.URL(), APIKey: chameliotest.Key, Transport: transport})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Task(t.Context(), 12345); err != nil {
		t.Fatal(err)
	}
	api.Silence()
	time.Sleep(time.Second)
	if err := c.Cancel(t.Context(), 12345, nil); err != nil {
		t.Errorf("the first request after the silence: %v", err)
	}
}

func TestDefaultTransportPings(t *testing.T) {
	c, err := New(Options{BaseURL: DefaultBaseURL, APIKey: chameliotest.Key})
	if err != nil {
		t.Fatal(err)
	}
	transport, ok := c.transport.(*http.Transport)
	if !ok || transport == http.DefaultTransport {
		t.Fatalf("the transport is %T", c.transport)
	}
	h2 := transport.HTTP2
	if h2 == nil || h2.SendPingTimeout <= 0 || h2.SendPingTimeout+h2.PingTimeout >= DefaultTimeout || transport.IdleConnTimeout == 0 {
		t.Errorf("got %+v", transport)
	}
}

// The connection that Connect opens is the one that a call uses, and the HEAD
// has no key.
func TestConnectOpensTheConnectionOfTheNextCall(t *testing.T) {
	api, trust := newHTTPS(t, "h2")
	transport := NewTransport()
	transport.TLSClientConfig.RootCAs = trust.RootCAs
	t.Cleanup(transport.CloseIdleConnections)
	c, err := New(Options{BaseURL: api.URL() + "/v1", APIKey: chameliotest.Key, Transport: transport})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Connect(t.Context()); err != nil {
		t.Fatal(err)
	}
	opened := false
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{GotConn: func(i httptrace.GotConnInfo) { opened = !i.Reused }})
	_, _ = c.OrgInfo(ctx)
	if head := api.Requests()[0]; opened || head.Method != http.MethodHead || head.Path != "/" || head.Key != "" {
		t.Errorf("opened another: %v; %+v", opened, head)
	}
}
