// Package transport provides the HTTP transport for the bot's calls to Slack
// and Chamelio. Unlike net/http's, it notices within seconds that a peer has
// disappeared silently (a firewall that forgot the connection, a host that
// lost power), and drops the connection instead of sending more requests over
// it.
package transport

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/url"
	"time"
)

// idleConnsPerHost is how many connections are kept for the next burst: about
// as many as there are workers.
const idleConnsPerHost = 32

// sessions is how many TLS sessions are cached, so that reopening a connection
// takes no full handshake.
const sessions = 64

// timeouts are the limits for an unresponsive peer.
type timeouts struct {
	dial      time.Duration // to open a TCP connection
	handshake time.Duration // for the TLS handshake

	// header bounds the wait for the first byte of an answer. It is for
	// callers without a deadline of their own, and longer than any deadline
	// that they would set.
	header time.Duration

	idle time.Duration // an unused connection is closed after this

	// HTTP/2 sends many requests over one connection, so a dead one would fail
	// them all, and a request's timeout doesn't close it.
	pingAfter time.Duration // nothing has come: ask whether anybody is there
	ping      time.Duration // without an answer to the ping, the connection is closed

	// TCP notices a dead peer by unacknowledged data, if these are set.
	keepAlive      time.Duration // idle before the first probe, and between two
	unacknowledged time.Duration // of data, probes included (TCP_USER_TIMEOUT; Linux only)
}

var standard = timeouts{
	dial: 5 * time.Second, handshake: 5 * time.Second, header: time.Minute, idle: 30 * time.Second,
	pingAfter: 5 * time.Second, ping: 3 * time.Second,
	keepAlive: 10 * time.Second, unacknowledged: 10 * time.Second,
}

// New returns a transport with its own connection pool. It uses HTTP/2 if the
// server does, and the proxy that HTTPS_PROXY, HTTP_PROXY and NO_PROXY name.
//
// A dead HTTP/2 connection is closed after at most 8 seconds without a sign of
// life; one over HTTP/1.1 after 10 (on Linux) or when a request times out on
// it. Its requests fail then; the next one gets a new connection.
func New() *http.Transport { return standard.transport() }

func (t timeouts) transport() *http.Transport {
	dialer := net.Dialer{
		Timeout: t.dial,
		KeepAliveConfig: net.KeepAliveConfig{
			Enable: true, Idle: t.keepAlive, Interval: t.keepAlive, Count: 2,
		},
		ControlContext: limitUnacknowledged(t.unacknowledged),
	}
	return &http.Transport{
		Proxy: http.ProxyFromEnvironment,
		OnProxyConnectResponse: func(_ context.Context, _ *url.URL, _ *http.Request, answer *http.Response) error {
			if answer.StatusCode != http.StatusOK {
				return &ProxyError{answer.StatusCode}
			}
			return nil
		},
		DialContext:           dialer.DialContext,
		TLSClientConfig:       &tls.Config{ClientSessionCache: tls.NewLRUClientSessionCache(sessions)},
		ForceAttemptHTTP2:     true, // otherwise disabled by DialContext
		TLSHandshakeTimeout:   t.handshake,
		ResponseHeaderTimeout: t.header,
		ExpectContinueTimeout: time.Second,
		IdleConnTimeout:       t.idle,
		MaxIdleConns:          4 * idleConnsPerHost,
		MaxIdleConnsPerHost:   idleConnsPerHost,
		HTTP2: &http.HTTP2Config{
			SendPingTimeout: t.pingAfter, PingTimeout: t.ping, WriteByteTimeout: t.ping,
		},
	}
}
