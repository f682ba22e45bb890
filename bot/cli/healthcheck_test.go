package cli_test

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// ready answers as a bot's health endpoint does, if that is the name of the server.
func ready(server string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Server", server)
		_, _ = io.WriteString(w, "ready")
	}
}

// If another program has the port, healthcheck doesn't take its answer for the bot's, and
// check says that the bot can't start.
func TestAnotherProgramsAnswerIsNotTheBots(t *testing.T) {
	t.Parallel()
	for name, handler := range map[string]http.Handler{"answers": ready("nginx"), "redirects": http.RedirectHandler("/login", http.StatusFound)} {
		server := httptest.NewServer(handler)
		defer server.Close()
		env := []string{"HTTP_ADDR=" + server.Listener.Addr().String()}
		if got := run(t, env, nil, "healthcheck"); got.code != 1 || !strings.Contains(got.said, "another program answers at HTTP_ADDR") {
			t.Errorf("%s: exit code %d: %s", name, got.code, got.said)
		}
		if got := run(t, env, nil, "check"); !strings.Contains(got.said, "HTTP_ADDR cannot be listened at: it is in use, and no bot answers there") {
			t.Errorf("%s: %s", name, got.said)
		}
	}
}

// The journal of a bot that runs was removed. check doesn't take that for the time before
// the first start: it reports it, and opens no connection to Slack next to the bot's.
func TestMissingJournalOfARunningBotIsAProblem(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(ready("cancelbot"))
	defer server.Close()
	s := newFakes(t)
	got := run(t, s.env(t, "HTTP_ADDR="+server.Listener.Addr().String()), nil, "check")
	if got.code != 1 || !strings.Contains(got.said, "not there, although a bot answers at HTTP_ADDR") || !strings.Contains(got.said, "restore a backup") || !strings.Contains(got.said, "no connection was opened") {
		t.Errorf("exit code %d: %s", got.code, got.said)
	}
}

// healthcheck asks a process on this machine. On an address that isn't
// loopback, net/http would ask the proxy of the environment.
func TestHealthcheckUsesNoProxy(t *testing.T) {
	t.Parallel()
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	tried := false
	for _, one := range addresses {
		network, ok := one.(*net.IPNet)
		if !ok || network.IP.IsLoopback() || network.IP.To4() == nil {
			continue
		}
		l, err := net.Listen("tcp", net.JoinHostPort(network.IP.String(), "0"))
		if err != nil {
			continue
		}
		server := httptest.NewUnstartedServer(ready("cancelbot"))
		_ = server.Listener.Close()
		server.Listener = l
		server.Start()
		tried = true
		got := run(t, []string{"HTTP_ADDR=" + l.Addr().String(), "HTTP_PROXY=http://127.0.0.1:1", "http_proxy=http://127.0.0.1:1"}, nil, "healthcheck")
		if got.code != 0 {
			t.Errorf("exit code %d: %s", got.code, got.said)
		}
		server.Close()
	}
	if !tried {
		t.Skip("this machine has no address besides loopback, which this test needs")
	}
}

// On a machine without IPv4, a port alone is reached by IPv6.
func TestHealthcheckFindsIPv6(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "[::1]:0")
	if err != nil {
		t.Skip("this machine has no IPv6")
	}
	server := httptest.NewUnstartedServer(ready("cancelbot"))
	_ = server.Listener.Close()
	server.Listener = l
	server.Start()
	defer server.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	for _, addr := range []string{":" + port, "[::]:" + port, "0.0.0.0:" + port, l.Addr().String()} {
		if got := run(t, []string{"HTTP_ADDR=" + addr}, nil, "healthcheck"); got.code != 0 {
			t.Errorf("%s: exit code %d: %s", addr, got.code, got.said)
		}
	}
}
