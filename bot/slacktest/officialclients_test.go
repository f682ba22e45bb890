package slacktest_test

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/slacktest"
)

// boltApp is the app of testdata/bolt, run by node.
type boltApp struct {
	mu    sync.Mutex
	lines []string
}

func (a *boltApp) said(line string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, l := range a.lines {
		if strings.HasPrefix(l, line) {
			return true
		}
	}
	return false
}

// startBolt runs the app against s until the test ends.
func startBolt(t *testing.T, s *slacktest.Server) *boltApp {
	t.Helper()
	modules := os.Getenv("SLACKTEST_NODE_MODULES")
	if modules == "" {
		t.Skip("SLACKTEST_NODE_MODULES is not set: copy bot/slacktest/testdata/bolt/package.json somewhere, run npm install there, and name its node_modules directory")
	}
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("node is not installed")
	}
	script, err := filepath.Abs("testdata/bolt/app.js")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), node, script)
	cmd.Env = append(os.Environ(), "NODE_PATH="+modules, "SLACK_API_URL="+s.URL(),
		"SLACK_BOT_TOKEN="+slacktest.BotToken, "SLACK_APP_TOKEN="+slacktest.AppToken)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	app, read := &boltApp{}, make(chan struct{})
	go func() {
		defer close(read)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			app.mu.Lock()
			app.lines = append(app.lines, lines.Text())
			app.mu.Unlock()
		}
	}()
	t.Cleanup(func() {
		_ = in.Close()
		<-read
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("the app said:\n%s", strings.Join(app.lines, "\n"))
		}
	})
	return app
}

func TestABoltAppRunsUnchanged(t *testing.T) {
	s := newServer(t)
	s.SetScopes("commands", "chat:write", "chat:write.public", "users:read", "channels:read", "im:write")
	app := startBolt(t, s)
	until := func(what string, cond func() bool) {
		t.Helper()
		for end := time.Now().Add(20 * time.Second); !cond(); time.Sleep(20 * time.Millisecond) {
			if time.Now().After(end) || app.said("error") {
				t.Fatalf("never seen: %s", what)
			}
		}
	}
	sees := func(text string) func() bool {
		return func() bool {
			for _, m := range s.View(slacktest.Ada, slacktest.General) {
				if strings.Contains(m.Text, text) {
					return true
				}
			}
			return false
		}
	}
	until("ready", func() bool { return app.said("ready") })
	for _, line := range []string{"auth U0BOT false", "channel general", "channel random", "socket connected", "socket disconnected"} {
		if !app.said(line) {
			t.Errorf("the clients did not say %q", line)
		}
	}
	acked := func(p *slacktest.Pending) {
		t.Helper()
		if d, err := p.Wait(t.Context()); err != nil || d.State != slacktest.Acknowledged {
			t.Fatalf("%v, %v", d, err)
		}
	}

	acked(s.Slash(slacktest.Ada, slacktest.General, "/loud"))
	if h := s.History(slacktest.General); len(h) != 1 || h[0].Via != "ack" {
		t.Errorf("an ack in_channel shows %v", h)
	}
	acked(s.Slash(slacktest.Ada, slacktest.General, "/ask 12345"))
	until("say", sees("<@U0ADA> asked about 12345"))
	until("respond", sees("You asked about 12345"))
	acked(s.Click(slacktest.Ada, s.Private(slacktest.Ada, slacktest.General)[0], "yes"))
	until("the original replaced", sees("ada chose Yes"))
	until("a modal", func() bool { return len(s.Modals(slacktest.Ada)) == 1 })

	modal := s.Modals(slacktest.Ada)[0]
	acked(s.SubmitView(slacktest.Ada, modal, map[string]string{"text": "dup"}))
	if m := s.Modals(slacktest.Ada); len(m) != 1 || m[0].Errors["why"] != "Please say more" {
		t.Errorf("after errors: %v", m)
	}
	acked(s.SubmitView(slacktest.Ada, modal, map[string]string{"text": "a duplicate"}))
	if m := s.Modals(slacktest.Ada); len(m) != 0 {
		t.Errorf("after a good submission: %v", m)
	}
	until("the message of the modal", sees("12345: a duplicate"))
	until("its reply", sees("by <@U0ADA>"))
	for _, m := range s.History(slacktest.General) {
		if m.Text == "12345: a duplicate" {
			acked(s.Click(slacktest.Ada, m, "seen"))
			acked(s.Shortcut(slacktest.Ada, m, "look"))
		}
	}
	until("the reply to a public click", sees("Ada Lovelace has seen it, of 2 blocks"))
	until("the shortcut's answer", sees("ada looked at 12345: a duplicate"))
}
