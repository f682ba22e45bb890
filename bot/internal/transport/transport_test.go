package transport

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// fickle is a server behind a proxy whose open connections can be made
// half-open: they stay open, but no data passes. New ones work.
type fickle struct {
	server *httptest.Server
	proxy  net.Listener
	conns  atomic.Int64 // opened so far
	silent atomic.Int64 // the first so many are black holes
	open   sync.WaitGroup
}

func newFickle(t *testing.T, http2 bool) *fickle {
	t.Helper()
	f := &fickle{server: httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.Proto)
	}))}
	f.server.EnableHTTP2 = http2
	f.server.StartTLS()
	var err error
	if f.proxy, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	f.open.Go(func() {
		for {
			conn, err := f.proxy.Accept()
			if err != nil {
				return
			}
			number := f.conns.Add(1)
			f.open.Go(func() { f.carry(ctx, conn, number) })
		}
	})
	t.Cleanup(func() {
		cancel()
		_ = f.proxy.Close()
		f.open.Wait()
		f.server.Close()
	})
	return f
}

func (f *fickle) carry(ctx context.Context, near net.Conn, number int64) {
	far, err := net.Dial("tcp", f.server.Listener.Addr().String())
	if err != nil {
		_ = near.Close()
		return
	}
	stop := context.AfterFunc(ctx, func() { _, _ = near.Close(), far.Close() })
	defer stop()
	pass := func(to, from net.Conn) {
		buffer := make([]byte, 32<<10)
		for {
			n, err := from.Read(buffer)
			if number <= f.silent.Load() {
				if err != nil { // an end does not pass either
					<-ctx.Done()
					return
				}
				continue
			}
			if err != nil || n == 0 {
				_, _ = to.Close(), from.Close()
				return
			}
			_, _ = to.Write(buffer[:n])
		}
	}
	f.open.Go(func() { pass(far, near) })
	pass(near, far)
}

// turnSilent makes every open connection half-open.
func (f *fickle) turnSilent() { f.silent.Store(f.conns.Load()) }

func (f *fickle) client(t *testing.T, times timeouts) *http.Client {
	t.Helper()
	tr := times.transport()
	tr.TLSClientConfig = f.server.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	tr.TLSClientConfig.NextProtos = nil
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr}
}

func (f *fickle) get(ctx context.Context, c *http.Client, limit time.Duration) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://"+f.proxy.Addr().String(), nil)
	if err != nil {
		return "", err
	}
	resp, err := c.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return string(body), err
}

// quick is standard, on a scale that a test can wait for.
var quick = timeouts{
	dial: time.Second, handshake: time.Second, header: 20 * time.Second, idle: 20 * time.Second,
	pingAfter: 100 * time.Millisecond, ping: 100 * time.Millisecond,
	keepAlive: time.Second, unacknowledged: time.Second,
}

func TestDeadHTTP2ConnectionFailsOnlyItsRequests(t *testing.T) {
	f := newFickle(t, true)
	c := f.client(t, quick)
	if proto, err := f.get(t.Context(), c, 5*time.Second); err != nil || proto != "HTTP/2.0" {
		t.Fatalf("got %q, %v", proto, err)
	}
	f.turnSilent()
	began := time.Now()
	if _, err := f.get(t.Context(), c, 15*time.Second); err == nil {
		t.Error("a request through a black hole was answered")
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("the dead connection was noticed after %v", took)
	}
	if _, err := f.get(t.Context(), c, 5*time.Second); err != nil {
		t.Errorf("the next request: %v", err)
	}
	if n := f.conns.Load(); n != 2 {
		t.Errorf("%d connections were made, want 2", n)
	}
}

func TestIdleDeadHTTP2ConnectionIsNoticed(t *testing.T) {
	f := newFickle(t, true)
	c := f.client(t, quick)
	if _, err := f.get(t.Context(), c, 5*time.Second); err != nil {
		t.Fatal(err)
	}
	f.turnSilent()
	time.Sleep(quick.pingAfter + quick.ping + 500*time.Millisecond)
	if _, err := f.get(t.Context(), c, 5*time.Second); err != nil {
		t.Errorf("the first request after the silence: %v", err)
	}
}

func TestDeadHTTP1ConnectionFailsOneRequest(t *testing.T) {
	f := newFickle(t, false)
	c := f.client(t, quick)
	if proto, err := f.get(t.Context(), c, 5*time.Second); err != nil || proto != "HTTP/1.1" {
		t.Fatalf("got %q, %v", proto, err)
	}
	f.turnSilent()
	if _, err := f.get(t.Context(), c, 300*time.Millisecond); err == nil {
		t.Error("a request through a black hole was answered")
	}
	if _, err := f.get(t.Context(), c, 5*time.Second); err != nil {
		t.Errorf("the next request: %v", err)
	}
	if n := f.conns.Load(); n != 2 {
		t.Errorf("%d connections were made, want 2", n)
	}
}

func TestMissingAnswerEndsWithoutDeadline(t *testing.T) {
	for _, http2 := range []bool{false, true} {
		f := newFickle(t, http2)
		times := quick
		times.header, times.pingAfter = 300*time.Millisecond, 20*time.Second
		c := f.client(t, times)
		if _, err := f.get(t.Context(), c, 5*time.Second); err != nil {
			t.Fatal(err)
		}
		f.turnSilent()
		began := time.Now()
		if _, err := f.get(t.Context(), c, 15*time.Second); err == nil || time.Since(began) > 5*time.Second {
			t.Errorf("HTTP/2 %v: %v after %v", http2, err, time.Since(began))
		}
	}
}

func TestHandshakeWithASilentPeerTimesOut(t *testing.T) {
	mute, err := net.Listen("tcp", "127.0.0.1:0") // the kernel accepts, no one reads
	if err != nil {
		t.Fatal(err)
	}
	defer mute.Close()
	times := quick
	times.handshake = 200 * time.Millisecond
	tr := times.transport()
	defer tr.CloseIdleConnections()
	began := time.Now()
	if _, err := (&http.Client{Transport: tr}).Get("https://" + mute.Addr().String()); err == nil || time.Since(began) > 5*time.Second {
		t.Errorf("%v after %v", err, time.Since(began))
	}
}

// The documentation of New has the standard times.
func TestStandardTimeoutsMatchDocs(t *testing.T) {
	tr := New()
	if sum := tr.HTTP2.SendPingTimeout + tr.HTTP2.PingTimeout; sum != 8*time.Second {
		t.Errorf("a dead HTTP/2 connection is noticed after %v", sum)
	}
	if tr.MaxIdleConnsPerHost != 32 || tr.Proxy == nil || tr.IdleConnTimeout == 0 || tr.TLSHandshakeTimeout == 0 || tr.ResponseHeaderTimeout == 0 {
		t.Errorf("got %+v", tr)
	}
	if New() == tr {
		t.Error("two transports share a pool")
	}
}
