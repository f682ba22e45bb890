package cli

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// serveForTest serves health until the end of the test, and returns the
// address.
func serveForTest(t *testing.T) (ctx context.Context, stop context.CancelCauseFunc, addr string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop = context.WithCancelCause(t.Context())
	ready := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ready") })
	h := serveHealth(ctx, stop, listener, ready, prometheus.NewRegistry())
	t.Cleanup(h.close)
	return ctx, stop, listener.Addr().String()
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	client := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, strings.TrimSpace(string(body))
}

func TestReadySaysStoppingWhileTheBotDrains(t *testing.T) {
	t.Parallel()
	_, stop, addr := serveForTest(t)
	if status, body := get(t, "http://"+addr+"/readyz"); status != http.StatusOK || body != "ready" {
		t.Errorf("%d %s", status, body)
	}
	stop(nil)
	if status, body := get(t, "http://"+addr+"/readyz"); status != http.StatusServiceUnavailable || body != "stopping" {
		t.Errorf("%d %s", status, body)
	}
	if status, _ := get(t, "http://"+addr+"/healthz"); status != http.StatusOK {
		t.Errorf("/healthz: %d", status)
	}
}

// Connections that do nothing cost little, and keep no one out.
func TestOldestIdleConnectionIsClosed(t *testing.T) {
	_, _, addr := serveForTest(t)
	const idle = 4000
	before := heap()
	for range idle {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
	}
	if status, body := get(t, "http://"+addr+"/readyz"); status != http.StatusOK || body != "ready" {
		t.Errorf("%d %s", status, body)
	}
	if n := runtime.NumGoroutine(); n > 2*maxHTTPConns {
		t.Errorf("%d goroutines for %d idle connections", n, idle)
	}
	if grown := heap() - before; grown > 8<<20 {
		t.Errorf("%d idle connections take %d kB", idle, grown>>10)
	}
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapInuse + m.StackInuse)
}

func TestHTTPAddrForms(t *testing.T) {
	t.Parallel()
	for _, addr := range []string{":8080", "0.0.0.0:1", "[::1]:80", "localhost:0"} {
		if err := checkHTTPAddr(addr); err != nil {
			t.Errorf("%s: %v", addr, err)
		}
	}
	for _, addr := range []string{"8080", "here", "127.0.0.1:80800", ":http"} {
		if err := checkHTTPAddr(addr); err == nil {
			t.Errorf("%s passes", addr)
		}
	}
}

// TestPortAloneMeansAllInterfaces checks that HTTP_ADDR works as usual in Go:
// in a container, probes come from outside.
func TestPortAloneMeansAllInterfaces(t *testing.T) {
	t.Parallel()
	listener, err := listenHTTP(t.Context(), ":0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	if ip := listener.Addr().(*net.TCPAddr).IP; !ip.IsUnspecified() {
		t.Errorf("it listens at %s", ip)
	}
}

// A request in progress isn't cut off for a waiting one.
func TestIdleConnectionIsClosedBeforeBusyOne(t *testing.T) {
	t.Parallel()
	busy, idle := &net.TCPConn{}, &net.UnixConn{}
	now := time.Now()
	c := &newestConns{open: map[net.Conn]httpConn{busy: {true, now.Add(-time.Hour)}, idle: {false, now}}}
	for range 20 { // the order of a map is none
		if c.oldest() != net.Conn(idle) {
			t.Fatal("the busy one gives way")
		}
	}
}

// check accepts the port that the running bot uses.
func TestPortInUseIsAccepted(t *testing.T) {
	t.Parallel()
	_, _, addr := serveForTest(t)
	if _, found := (config{HTTPAddr: addr}).tryHTTPAddr(t.Context()); len(found) != 0 {
		t.Errorf("%v", found)
	}
	if _, found := (config{HTTPAddr: "192.0.2.1:80"}).tryHTTPAddr(t.Context()); len(found) != 1 {
		t.Errorf("%v", found)
	}
}
