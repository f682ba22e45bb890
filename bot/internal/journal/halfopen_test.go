package journal_test

import (
	"io"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
)

// blackHole is a proxy to Postgres whose connections can be made half-open: no
// data passes any more, and nothing is closed. New ones work.
type blackHole struct {
	listener net.Listener
	target   string
	dark     atomic.Int64 // connections up to this number are dark
	made     atomic.Int64
	all      sync.WaitGroup
}

func (p *blackHole) serve() {
	defer p.all.Done()
	for {
		near, err := p.listener.Accept()
		if err != nil {
			return
		}
		far, err := net.Dial("tcp", p.target)
		if err != nil {
			_ = near.Close()
			continue
		}
		n := p.made.Add(1)
		for from, to := range map[net.Conn]net.Conn{near: far, far: near} {
			p.all.Go(func() {
				defer near.Close()
				defer far.Close()
				buf := make([]byte, 32<<10)
				for {
					got, err := from.Read(buf)
					if err != nil {
						return
					}
					if n <= p.dark.Load() {
						_, _ = io.Copy(io.Discard, from) // swallowed
						return
					}
					if _, err := to.Write(buf[:got]); err != nil {
						return
					}
				}
			})
		}
	}
}

// Law 9: a half-open connection delays one call until its deadline, and the
// next one works.
func TestHalfOpenPostgresConnectionIsNoticed(t *testing.T) {
	direct := postgres(t)
	u, err := url.Parse(direct)
	must(t, err)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	proxy := &blackHole{listener: listener, target: u.Host}
	proxy.all.Add(1)
	go proxy.serve()
	u.Host = listener.Addr().String()
	j := open(t, u.String(), 0)
	t.Cleanup(func() { _ = listener.Close() })
	l := won(t, j, sampleDecision("x", 1))
	var gets sync.WaitGroup
	for range 8 { // several connections in the pool
		gets.Go(func() { _, _ = j.Get(t.Context(), "x") })
	}
	gets.Wait()
	must(t, j.Healthy(t.Context()))

	proxy.dark.Store(proxy.made.Load())
	started := time.Now()
	for range 2 {
		if _, err = j.Finish(t.Context(), l, 0, decision.Result{Outcome: decision.Cancelled}, true); err == nil {
			t.Logf("recovered after %s", time.Since(started).Round(time.Millisecond))
			return
		}
	}
	t.Errorf("the second call after the connections went dark: %v", err)
}
