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

// sessions is how many TLS sessions are kept, so that opening a connection again
// takes no full handshake.
const sessions = 64

// timeouts are how long a peer may keep silent, by what it is asked for.
type timeouts struct {
	dial      time.Duration // a TCP connection
	handshake time.Duration // TLS

	// header is for the first byte of an answer. It is for callers that forgot
	// a deadline of their own, and longer than any that they would set.
	header time.Duration

	idle time.Duration // an unused connection is closed after this

	// HTTP/2 sends many requests over one connection, so that a dead one would
	// fail them all, and the end of one request's time does not close it.
	pingAfter time.Duration // nothing has come: ask whether anybody is there
	ping      time.Duration // no answer to that, or nothing can be written: gone

	// TCP notices a dead peer by what is not acknowledged, if told to hurry.
	keepAlive      time.Duration // idle before the first probe, and between two
	unacknowledged time.Duration // of data, probes included (TCP_USER_TIMEOUT; Linux only)
}

var standard = timeouts{
	dial: 5 * time.Second, handshake: 5 * time.Second, header: time.Minute, idle: 30 * time.Second,
	pingAfter: 5 * time.Second, ping: 3 * time.Second,
	keepAlive: 10 * time.Second, unacknowledged: 10 * time.Second,
}

// New returns a transport of its own, with a pool of its own. It speaks HTTP/2
// where the server does, and goes through the proxy that HTTPS_PROXY,
// HTTP_PROXY and NO_PROXY name.
//
// A dead HTTP/2 connection is given up after at most 8 seconds without a sign
// of life, one over HTTP/1.1 after 10 (on Linux) or with the time of the
// request that meets it. Requests that hang on it fail then; the next one gets
// a new connection.
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
		ForceAttemptHTTP2:     true, // a DialContext turns it off otherwise
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
