package e2e

import (
	"bufio"
	"encoding/json"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/chamelio/chameliotest"
)

// unsolicited is how net/http's line begins; it ends with err=<nil>.
const unsolicited = "Unsolicited response"

// talkative returns a server that answers each request and keeps sending,
// which net/http logs by itself.
func talkative(t *testing.T) (url string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				request, err := http.ReadRequest(bufio.NewReader(conn))
				if err != nil {
					return
				}
				_, _ = conn.Write([]byte("HTTP/1.1 503 Busy\r\nContent-Length: 2\r\n\r\n{}and " + request.Header.Get("X-API-Key")))
			}()
		}
	}()
	return "http://" + l.Addr().String()
}

// The log is JSON from the first line to the last, which says that the process
// has stopped. That includes errors before it runs, and lines of the standard
// library.
func TestEveryLineOfTheLogIsJSON(t *testing.T) {
	t.Parallel()
	s := newFakes(t)
	busy := talkative(t)
	for name, tt := range map[string]struct {
		env   []string
		until string
		code  int
	}{
		"it runs":                  {s.env(sqlite(t), "CHAMELIO_API_URL="+busy), unsolicited, 0},
		"the environment is wrong": {nil, "", 2},
		"the journal is nowhere":   {s.env("sqlite:/proc/nowhere/journal.db"), "", 1},
		"a token is refused":       {s.env(sqlite(t), "SLACK_BOT_TOKEN=xoxb-wrong"), "", 77},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := start(t, tt.env)
			if tt.until != "" {
				s.eventually(tt.until, 20*time.Second, func() bool { return strings.Contains(p.output.String(), tt.until) })
				_ = p.cmd.Process.Signal(syscall.SIGTERM)
			}
			if code := p.exit(t); code != tt.code {
				t.Errorf("exit code %d", code)
			}
			var line struct{ Level, Msg, Error string }
			for text := range strings.Lines(p.output.String()) {
				line.Level, line.Msg, line.Error = "", "", ""
				if err := json.Unmarshal([]byte(text), &line); err != nil || line.Level == "" || line.Msg == "" {
					t.Errorf("%v: %s", err, text)
				}
				if strings.Contains(text, "<nil>") != strings.Contains(text, unsolicited) || strings.Contains(text, chameliotest.Key) {
					t.Errorf("it says %s", text)
				}
			}
			if line.Msg != "stopped" || (line.Error != "") != (tt.code != 0) {
				t.Errorf("the last line is %+v", line)
			}
		})
	}
}
