package socketmode

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"golang.org/x/net/proxy"
)

// ProxyError means that a proxy couldn't connect to the server.
type ProxyError struct {
	Status int // HTTP status, such as 407 for a wrong password
}

func (e *ProxyError) Error() string {
	return fmt.Sprintf("the proxy answers %d %s", e.Status, http.StatusText(e.Status))
}

// ProxyStatus returns the HTTP status of the proxy's answer.
func (e *ProxyError) ProxyStatus() int { return e.Status }

// tunnel dials through the same proxies as net/http: http, https, socks5 and
// socks5h, each with or without a user and password. gorilla/websocket
// supports only some of them.
type tunnel struct {
	proxy func(*http.Request) (*url.URL, error) // no proxy if nil
	dial  func(ctx context.Context, network, address string) (net.Conn, error)
	tls   *tls.Config // for a proxy reached over TLS; may be nil
}

// to returns a function that dials the host of a WebSocket's address.
func (t tunnel) to(address *url.URL) func(ctx context.Context, network, address string) (net.Conn, error) {
	return func(ctx context.Context, network, host string) (net.Conn, error) {
		via, err := t.choose(address)
		switch {
		case err != nil:
			return nil, err
		case via == nil:
			return t.dial(ctx, network, host)
		}
		switch via.Scheme {
		case "http", "https":
			return t.connect(ctx, via, host)
		case "socks5", "socks5h":
			return t.socks(ctx, via, host)
		}
		return nil, errors.New("socketmode: the proxy's address has an unknown scheme")
	}
}

// choose returns the proxy for an address, nil if there is none.
func (t tunnel) choose(address *url.URL) (*url.URL, error) {
	if t.proxy == nil {
		return nil, nil
	}
	as := url.URL{Scheme: "https", Host: address.Host}
	if address.Scheme == "ws" {
		as.Scheme = "http"
	}
	return t.proxy(&http.Request{URL: &as})
}

// proxyPorts are the default ports of proxies.
var proxyPorts = map[string]string{"http": "80", "https": "443", "socks5": "1080", "socks5h": "1080"}

func proxyHost(via *url.URL) string {
	port := via.Port()
	if port == "" {
		port = proxyPorts[via.Scheme]
	}
	return net.JoinHostPort(via.Hostname(), port)
}

// connect asks an HTTP proxy for a tunnel (RFC 9110, section 9.3.6).
func (t tunnel) connect(ctx context.Context, via *url.URL, host string) (net.Conn, error) {
	conn, err := t.dial(ctx, "tcp", proxyHost(via))
	if err != nil {
		return nil, &net.OpError{Op: "proxyconnect", Net: "tcp", Err: err}
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	open := conn
	if via.Scheme == "https" {
		secured := tls.Client(conn, t.tlsTo(via))
		if err := secured.HandshakeContext(ctx); err != nil {
			_ = conn.Close()
			return nil, &net.OpError{Op: "proxyconnect", Net: "tcp", Err: err}
		}
		open = secured
	}
	if err := askTunnel(open, via, host); err != nil {
		_ = open.Close()
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return nil, err
	}
	return open, nil
}

func (t tunnel) tlsTo(via *url.URL) *tls.Config {
	config := &tls.Config{}
	if t.tls != nil {
		config = t.tls.Clone()
	}
	config.NextProtos = nil
	config.ServerName = via.Hostname()
	return config
}

// maxProxyAnswer bounds the header of a proxy's answer.
const maxProxyAnswer = 64 << 10

func askTunnel(conn net.Conn, via *url.URL, host string) error {
	ask := &http.Request{Method: http.MethodConnect, URL: &url.URL{Opaque: host}, Host: host, Header: http.Header{}}
	if via.User != nil {
		password, _ := via.User.Password()
		ask.Header.Set("Proxy-Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(via.User.Username()+":"+password)))
	}
	if err := ask.Write(conn); err != nil {
		return err
	}
	answer, err := http.ReadResponse(bufio.NewReaderSize(&oneByOne{conn: conn, left: maxProxyAnswer}, 16), ask)
	if err != nil {
		return err
	}
	_ = answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return &ProxyError{answer.StatusCode}
	}
	return nil
}

// oneByOne reads one byte at a time, so that nothing after a proxy's answer is
// consumed.
type oneByOne struct {
	conn net.Conn
	left int
}

func (o *oneByOne) Read(p []byte) (int, error) {
	if o.left == 0 {
		return 0, errors.New("the proxy's answer is too long: " + strconv.Itoa(maxProxyAnswer) + " bytes")
	}
	o.left--
	return o.conn.Read(p[:1])
}

// socks connects through a SOCKS proxy (RFC 1928). The proxy resolves the
// host, for both schemes, as with net/http.
func (t tunnel) socks(ctx context.Context, via *url.URL, host string) (net.Conn, error) {
	var auth *proxy.Auth
	if via.User != nil {
		password, _ := via.User.Password()
		auth = &proxy.Auth{User: via.User.Username(), Password: password}
	}
	dialer, err := proxy.SOCKS5("tcp", proxyHost(via), auth, forward(t.dial))
	if err != nil {
		return nil, err
	}
	return dialer.(proxy.ContextDialer).DialContext(ctx, "tcp", host)
}

// forward adapts a dial function to package proxy.
type forward func(ctx context.Context, network, address string) (net.Conn, error)

func (f forward) Dial(network, address string) (net.Conn, error) {
	return f(context.Background(), network, address)
}

func (f forward) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	return f(ctx, network, address)
}
