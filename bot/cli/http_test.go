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

// serveForTest serves health until the test ends, and returns where.
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

// Connections that do nothing cost little, and keep nobody out.
func TestIdleConnectionsGiveWay(t *testing.T) {
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

func TestAPortAloneIsOnLoopback(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"8080": "127.0.0.1:8080", ":8080": "127.0.0.1:8080", "0.0.0.0:1": "0.0.0.0:1", "[::1]:80": "[::1]:80",
	} {
		if got, err := httpAddr(given); err != nil || got != want {
			t.Errorf("%s is %s, %v", given, got, err)
		}
	}
}
