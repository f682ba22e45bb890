package transport_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/transport"
	"github.com/cancelbot/cancelbot/bot/slacktest"
	"github.com/cancelbot/cancelbot/bot/socketmode"
)

// proxy is an HTTP or SOCKS proxy with a password. It connects to its target
// for any host.
type proxy struct {
	listener net.Listener
	targets  []string // of the first, the second, … connection; the last one again
	password string   // "" asks for none

	mu    sync.Mutex
	asked []string // hosts
	all   sync.WaitGroup
}

func newProxy(t *testing.T, secured *tls.Config, socks bool, password string, targets ...string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{listener: l, targets: targets, password: password}
	if secured != nil {
		p.listener = tls.NewListener(l, secured)
	}
	ctx, cancel := context.WithCancel(context.Background())
	p.all.Go(func() {
		for {
			conn, err := p.listener.Accept()
			if err != nil {
				return
			}
			p.all.Go(func() {
				defer conn.Close()
				defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
				if socks {
					p.socks(conn)
				} else {
					p.connect(conn)
				}
			})
		}
	})
	t.Cleanup(func() { cancel(); _ = l.Close(); p.all.Wait() })
	return p
}

func (p *proxy) tunnel(conn net.Conn, from io.Reader, host, granted string) {
	p.mu.Lock()
	target := p.targets[min(len(p.asked), len(p.targets)-1)]
	p.asked = append(p.asked, host)
	p.mu.Unlock()
	far, err := net.Dial("tcp", target)
	if err != nil {
		return
	}
	defer far.Close()
	_, _ = io.WriteString(conn, granted)
	go func() {
		_, _ = io.Copy(conn, far)
		_ = conn.Close()
	}()
	_, _ = io.Copy(far, from)
}

func (p *proxy) connect(conn net.Conn) {
	from := bufio.NewReader(conn)
	req, err := http.ReadRequest(from)
	if err != nil {
		return
	}
	want := "Basic " + base64.StdEncoding.EncodeToString([]byte("bot:"+p.password))
	if p.password != "" && req.Header.Get("Proxy-Authorization") != want {
		_, _ = io.WriteString(conn, "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n")
		return
	}
	if p.targets == nil {
		_, _ = io.WriteString(conn, "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
		return
	}
	p.tunnel(conn, from, req.Host, "HTTP/1.1 200 Connection established\r\n\r\n")
}

// socks implements the parts of RFC 1928 and RFC 1929 that the tests need.
func (p *proxy) socks(conn net.Conn) {
	read := func(n int) []byte {
		b := make([]byte, n)
		_, _ = io.ReadFull(conn, b)
		return b
	}
	methods := read(int(read(2)[1]))
	switch {
	case p.password == "":
		_, _ = conn.Write([]byte{5, 0})
	case !bytes.ContainsRune(methods, 2):
		_, _ = conn.Write([]byte{5, 0xff})
		return
	default:
		_, _ = conn.Write([]byte{5, 2})
		user := read(int(read(2)[1]))
		password := read(int(read(1)[0]))
		if string(user) != "bot" || string(password) != p.password {
			_, _ = conn.Write([]byte{1, 1})
			return
		}
		_, _ = conn.Write([]byte{1, 0})
	}
	if head := read(4); head[3] != 3 {
		return // by name is how it's meant
	}
	host := read(int(read(1)[0]))
	read(2)
	p.tunnel(conn, conn, string(host), string([]byte{5, 0, 0, 1, 0, 0, 0, 0, 0, 0}))
}

// slackAt starts a fake Slack over TLS that acts as slack.com.
func slackAt(t *testing.T, config *tls.Config) (*slacktest.Server, string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := slacktest.New(slacktest.Options{Listener: tls.NewListener(l, config), URL: "https://slack.com"})
	t.Cleanup(s.Close)
	return s, l.Addr().String()
}

// connect calls the API and opens a WebSocket, like the bot.
func connect(t *testing.T, via *url.URL, roots *x509.CertPool) error {
	t.Helper()
	wire := transport.New()
	wire.Proxy = http.ProxyURL(via)
	wire.TLSClientConfig = &tls.Config{RootCAs: roots}
	defer wire.CloseIdleConnections()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	_, err := socketmode.Probe(ctx, socketmode.Options{
		AppToken: slacktest.AppToken, APIURL: "https://slack.com/api/", HTTPClient: &http.Client{Transport: wire},
	})
	return err
}

// Proxies serve both the API and WebSockets.
func TestProxiesServeHTTPAndWebSockets(t *testing.T) {
	ca := newAuthority(t)
	_, target := slackAt(t, ca.serve(t, "slack.com", -1, 1))
	for _, scheme := range []string{"http", "https", "socks5", "socks5h"} {
		for _, password := range []string{"", "s/e:c#r@t?"} {
			t.Run(fmt.Sprintf("%s %q", scheme, password), func(t *testing.T) {
				var secured *tls.Config
				if scheme == "https" {
					secured = ca.serve(t, "127.0.0.1", -1, 1)
				}
				p := newProxy(t, secured, strings.HasPrefix(scheme, "socks"), password, target)
				at := &url.URL{Scheme: scheme, Host: p.listener.Addr().String()}
				if password != "" {
					at.User = url.UserPassword("bot", password)
				}
				if err := connect(t, at, ca.pool()); err != nil {
					t.Fatal(err)
				}
				if p.mu.Lock(); len(p.asked) != 2 {
					t.Errorf("asked for %v", p.asked)
				}
				p.mu.Unlock()
				if password == "" {
					return
				}
				at.User = url.UserPassword("bot", "wrong")
				err := connect(t, at, ca.pool())
				if err == nil {
					t.Fatal("a wrong password was taken")
				}
				if e := transport.Explain(err); e.Failure != transport.ProxyPassword || e.Remedy == "" {
					t.Errorf("%+v from %v", e, err)
				}
				if strings.Contains(err.Error(), "wrong") || strings.Contains(err.Error(), "s/e") {
					t.Errorf("a password in %v", err)
				}
			})
		}
	}
}

// Each reason for which a certificate isn't accepted has a word of its own, for
// an API call (the first connection) and a WebSocket (the second one).
func TestCertificateFailuresAreExplained(t *testing.T) {
	ca, other := newAuthority(t), newAuthority(t)
	_, good := slackAt(t, ca.serve(t, "slack.com", -1, 1))
	for want, config := range map[transport.Failure]*tls.Config{
		transport.UnknownAuthority: other.serve(t, "slack.com", -1, 1),
		transport.Expired:          ca.serve(t, "slack.com", -20, -10),
		transport.NotYetValid:      ca.serve(t, "slack.com", 10, 20),
		transport.WrongHost:        ca.serve(t, "evil.example", -1, 1),
	} {
		_, bad := slackAt(t, config)
		for name, targets := range map[string][]string{"API": {bad}, "WebSocket": {good, bad}} {
			t.Run(string(want)+" "+name, func(t *testing.T) {
				p := newProxy(t, nil, false, "", targets...)
				err := connect(t, &url.URL{Scheme: "http", Host: p.listener.Addr().String()}, ca.pool())
				if err == nil {
					t.Fatal("connected")
				}
				e := transport.Explain(err)
				if e.Failure != want || e.Remedy == "" {
					t.Errorf("%+v from %v", e, err)
				}
				t.Logf("%s → %s", e.Found, e.Remedy)
			})
		}
	}
}

func TestProxyFailuresAreExplained(t *testing.T) {
	ca := newAuthority(t)
	forbids := newProxy(t, nil, false, "")
	unknown := newProxy(t, newAuthority(t).serve(t, "127.0.0.1", -1, 1), false, "")
	for name, one := range map[string]struct {
		at   *url.URL
		want transport.Failure
	}{
		"forbidden":         {&url.URL{Scheme: "http", Host: forbids.listener.Addr().String()}, transport.ProxyRefused},
		"down":              {&url.URL{Scheme: "http", Host: "127.0.0.1:1"}, transport.Refused},
		"socks down":        {&url.URL{Scheme: "socks5", Host: "127.0.0.1:1"}, transport.Refused},
		"unknown authority": {&url.URL{Scheme: "https", Host: unknown.listener.Addr().String()}, transport.UnknownAuthority},
		"no TLS":            {&url.URL{Scheme: "https", Host: forbids.listener.Addr().String()}, transport.Cut},
	} {
		err := connect(t, one.at, ca.pool())
		if err == nil {
			t.Errorf("%s: connected", name)
			continue
		}
		if e := transport.Explain(err); e.Failure != one.want || !strings.Contains(e.Found, "proxy") {
			t.Errorf("%s: %+v from %v", name, e, err)
		}
	}
}
