package e2e

import (
	"io"
	"net"
	"net/url"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/pgtest"
	"github.com/cancelbot/cancelbot/bot/slacktest"
	"github.com/cancelbot/cancelbot/chamelio/chameliotest"
)

// listen6 listens on a free port of the loopback address of IPv6.
func listen6(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp6", "[::1]:0")
	if err != nil {
		t.Skip("this machine has no IPv6")
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// over6 makes the server of a Postgres URL reachable by IPv6.
func over6(t *testing.T, server string) string {
	t.Helper()
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	target, l := u.Host, listen6(t)
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", target)
			if err != nil {
				_ = in.Close()
				continue
			}
			go func() { _, _ = io.Copy(out, in); _ = out.Close() }()
			go func() { _, _ = io.Copy(in, out); _ = in.Close() }()
		}
	}()
	u.Host = l.Addr().String()
	return u.String()
}

// TestIPv6Only runs the bot with a Slack, a Chamelio, a Postgres and an
// HTTP_ADDR that only have IPv6 addresses.
func TestIPv6Only(t *testing.T) {
	t.Parallel()
	database := sqlite(t)
	if pgtest.Installed() {
		database = over6(t, pgtest.Start(t))
	}
	atSlack := listen6(t)
	s := &fakes{
		TB: t, slack: slacktest.New(slacktest.Options{Listener: atSlack, URL: "http://" + atSlack.Addr().String()}),
		api: chameliotest.New(chameliotest.Options{Listener: listen6(t)}),
	}
	t.Cleanup(s.slack.Close)
	t.Cleanup(s.api.Close)
	port := listen6(t)
	address := port.Addr().String()
	_ = port.Close()
	env := s.env(database, "HTTP_ADDR="+address)
	checked := start(t, env, "check")
	if code := checked.exit(t); code != 0 {
		t.Errorf("check exits with %d\n%s", code, checked.output)
	}
	p := start(t, env)
	s.connected(2)
	s.slack.Click(slacktest.Ada, s.prompt(slacktest.Ada, slacktest.General, 12345), "cancel_task")
	s.eventually("the outcome", 20*time.Second, func() bool { return len(s.slack.History(slacktest.General)) == 1 })
	health := start(t, env, "healthcheck")
	if code := health.exit(t); code != 0 {
		t.Errorf("healthcheck exits with %d\n%s\n%s", code, health.output, p.output)
	}
}
