package chamelio

import (
	"net/http"
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
	return t
}
