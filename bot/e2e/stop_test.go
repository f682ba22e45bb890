package e2e

import (
	"io"
	"net"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/pgtest"
	"github.com/cancelbot/cancelbot/bot/slacktest"
	"github.com/cancelbot/cancelbot/chamelio/chameliotest"
)

// The health endpoints serve until the drain is over and say that the bot is
// stopping. The last line says that it has stopped.
func TestReadinessSaysStoppingUntilTheDrainIsOver(t *testing.T) {
	t.Parallel()
	s := newFakes(t)
	p, base := s.served(sqlite(t))
	prompt := s.prompt(slacktest.Ada, slacktest.General, 12345)
	s.api.Break(chameliotest.Fault{Method: "POST", Delay: 2 * time.Second, Times: 1})
	s.slack.Click(slacktest.Ada, prompt, "cancel_task")
	s.eventually("the cancel is sent", 10*time.Second, func() bool { return s.api.Cancels(12345) == 1 })
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	s.turns(base, 503, "stopping")
	if status, metrics := s.fetch(base + "/metrics"); status != 200 || !strings.Contains(metrics, "cancelbot_build_info") {
		t.Errorf("/metrics: %d", status)
	}
	if code := p.exit(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
	lines := strings.Split(strings.TrimSpace(p.output.String()), "\n")
	if last := lines[len(lines)-1]; !strings.Contains(last, `"msg":"stopped","event":"stopped"}`) {
		t.Errorf("the last line is %s", last)
	}
}

// hangable forwards connections to an address until it hangs.
type hangable struct {
	net.Listener
	to   string
	hung chan struct{}
	once sync.Once
}

func newHangable(tb testing.TB, to string) *hangable {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	h := &hangable{Listener: l, to: to, hung: make(chan struct{})}
	tb.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go h.pass(conn)
		}
	}()
	return h
}

func (h *hangable) hang() { h.once.Do(func() { close(h.hung) }) }

func (h *hangable) pass(near net.Conn) {
	defer near.Close()
	far, err := net.Dial("tcp", h.to)
	if err != nil {
		return
	}
	defer far.Close()
	var both sync.WaitGroup
	both.Go(func() { h.copy(far, near); _ = far.Close() })
	both.Go(func() { h.copy(near, far); _ = near.Close() })
	both.Wait()
}

// copy keeps the data that it has read once the connection hangs, for as long
// as both sides wait.
func (h *hangable) copy(to io.Writer, from io.Reader) {
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		if err != nil {
			return
		}
		select {
		case <-h.hung:
			continue
		default:
		}
		if _, err := to.Write(buf[:n]); err != nil {
			return
		}
	}
}

// A database that hangs does not keep the process from ending.
func TestProcessStopsInTimeWithAHungDatabase(t *testing.T) {
	t.Parallel()
	database, err := url.Parse(pgtest.Start(t))
	if err != nil {
		t.Fatal(err)
	}
	proxy := newHangable(t, database.Host)
	database.Host = proxy.Addr().String()
	s := newFakes(t)
	p := start(t, s.env(database.String(), "SHUTDOWN_GRACE=2s", "HTTP_ADDR=127.0.0.1:0"))
	started := regexp.MustCompile(`"msg":"started"`)
	s.eventually("it runs", 20*time.Second, func() bool { return s.slack.Connections() == 2 && started.MatchString(p.output.String()) })
	s.slack.Click(slacktest.Ada, s.prompt(slacktest.Ada, slacktest.General, 12345), "cancel_task")
	proxy.hang()
	began := time.Now()
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	p.exit(t)
	if took := time.Since(began); took > 2*time.Second+15*time.Second {
		t.Errorf("it took %s to end:\n%s", took, p.output)
	}
	t.Logf("it took %s", time.Since(began).Round(time.Millisecond))
}
