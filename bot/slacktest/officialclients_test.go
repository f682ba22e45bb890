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

// nodeApp is a script of testdata/officialclients, run by node.
type nodeApp struct {
	mu    sync.Mutex
	lines []string
}

func (a *nodeApp) said(line string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, l := range a.lines {
		if strings.HasPrefix(l, line) {
			return true
		}
	}
	return false
}

// startNode runs the script against s until the test ends, with the clients
// that SLACKTEST_NODE_MODULES names: those of Bolt 4 or of Bolt 5.
func startNode(t *testing.T, s *slacktest.Server, script string) *nodeApp {
	t.Helper()
	modules := os.Getenv("SLACKTEST_NODE_MODULES")
	if modules == "" {
		t.Skip("SLACKTEST_NODE_MODULES is not set: copy bot/slacktest/testdata/officialclients/5/package.json (or 4) somewhere, run npm install there, and name its node_modules directory")
	}
	node, err := exec.LookPath("node")
	if err != nil {
		t.Fatal("SLACKTEST_NODE_MODULES is set, and node is not installed")
	}
	path, err := filepath.Abs(filepath.Join("testdata", "officialclients", script))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), node, path)
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
	app, read := &nodeApp{}, make(chan struct{})
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

// until waits until the script has caused cond.
func (a *nodeApp) until(t *testing.T, what string, cond func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !cond(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) || a.said("error") {
			t.Fatalf("never seen: %s", what)
		}
	}
}

func TestBoltAppRunsUnchanged(t *testing.T) {
	s := newServer(t)
	s.SetScopes("commands", "chat:write", "chat:write.public", "users:read", "channels:read", "im:write")
	app := startNode(t, s, "app.js")
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
	app.until(t, "ready", func() bool { return app.said("ready") })
	acked := func(p *slacktest.Pending) { t.Helper(); acknowledged(t, p) }
	acked(s.Slash(slacktest.Ada, slacktest.General, "/loud"))
	if h := s.History(slacktest.General); len(h) != 1 || h[0].Via != "ack" {
		t.Errorf("an ack in_channel shows %v", h)
	}
	acked(s.Slash(slacktest.Ada, slacktest.General, "/ask 12345"))
	app.until(t, "say", sees("<@U0ADA> asked about 12345"))
	app.until(t, "respond", sees("You asked about 12345"))
	acked(s.Click(slacktest.Ada, s.Private(slacktest.Ada, slacktest.General)[0], "yes"))
	app.until(t, "the original replaced", sees("ada chose Yes"))
	app.until(t, "a modal", func() bool { return len(s.Modals(slacktest.Ada)) == 1 })

	modal := s.Modals(slacktest.Ada)[0]
	acked(s.SubmitView(slacktest.Ada, modal, map[string]string{"text": "dup"}))
	if m := s.Modals(slacktest.Ada); len(m) != 1 || m[0].Errors["why"] != "Please say more" {
		t.Errorf("after errors: %v", m)
	}
	acked(s.SubmitView(slacktest.Ada, modal, map[string]string{"text": "a duplicate"}))
	if m := s.Modals(slacktest.Ada); len(m) != 0 {
		t.Errorf("after a good submission: %v", m)
	}
	app.until(t, "the message of the modal", sees("12345: a duplicate"))
	app.until(t, "its reply", sees("by <@U0ADA>"))
	for _, m := range s.History(slacktest.General) {
		if m.Text == "12345: a duplicate" {
			acked(s.Click(slacktest.Ada, m, "seen"))
			acked(s.Shortcut(slacktest.Ada, m, "look"))
		}
	}
	app.until(t, "the reply to a public click", sees("Ada Lovelace has seen it, of 2 blocks"))
	app.until(t, "the shortcut's answer", sees("ada looked at 12345: a duplicate"))

	acked(s.Shortcut(slacktest.Ada, s.Say(slacktest.Grace, slacktest.General, "one two three"), "collect"))
	app.until(t, "the modal's content", func() bool { m := s.Modals(slacktest.Ada); return len(m) == 1 && m[0].Submit == "Collect" })
	acked(s.SubmitView(slacktest.Ada, s.Modals(slacktest.Ada)[0], map[string]string{"chosen": "one,three"}))
	app.until(t, "what was chosen", sees("ada collected one+three"))
	app.until(t, "the modal's last view", func() bool { return s.Modals(slacktest.Ada)[0].Blocks[0].Text.Text == "Collected" })
	acked(s.CloseView(slacktest.Ada, s.Modals(slacktest.Ada)[0]))
	app.until(t, "the message about the close", sees("ada closed it"))
}

func acknowledged(t *testing.T, p *slacktest.Pending) {
	t.Helper()
	if d, err := p.Wait(t.Context()); err != nil || d.State != slacktest.Acknowledged {
		t.Fatalf("%v, %v", d, err)
	}
}

// The script itself compares the answer of each method with its documentation.
func TestOfficialClientsRunUnchanged(t *testing.T) {
	s := newServer(t)
	s.SetScopes("commands", "chat:write", "chat:write.public", "users:read", "users:read.email", "usergroups:read", "channels:read", "im:write", "team:read")
	s.SetGroup("S0LEGAL", slacktest.Ada)
	s.Break(slacktest.Fault{Method: "chat.postMessage", Channel: slacktest.Random, Status: 429, RetryAfter: "1", Times: 1})
	app := startNode(t, s, "clients.js")
	app.until(t, "ready", func() bool { return app.said("ready") })
	if h := s.History(slacktest.Random); len(h) != 1 || h[0].Text != "after the limit" {
		t.Errorf("after the limit: %v", h)
	}

	submitted := func(text string) {
		t.Helper()
		acknowledged(t, s.Slash(slacktest.Ada, slacktest.General, "/x "+text))
		app.until(t, "the modal, changed", func() bool {
			m := s.Modals(slacktest.Ada)
			return len(m) == 1 && m[0].Title == "Why so?"
		})
		modal := s.Modals(slacktest.Ada)[0]
		acknowledged(t, s.SubmitView(slacktest.Ada, modal, map[string]string{"text": "dup"}))
		if m := s.Modals(slacktest.Ada); len(m) != 1 || m[0].Errors["why"] != "Please say more" {
			t.Errorf("after errors: %v", m)
		}
		acknowledged(t, s.SubmitView(slacktest.Ada, modal, map[string]string{"text": text}))
		app.until(t, "the reason", func() bool { return app.said("reason " + text) })
		if m := s.Modals(slacktest.Ada); len(m) != 0 {
			t.Errorf("after a good submission: %v", m)
		}
	}
	submitted("before a refresh")
	s.Disconnect("refresh_requested", 0)
	app.until(t, "a fresh connection", func() bool { return s.Opened() == 2 && s.Connections() == 1 })
	submitted("after a refresh")

	called := map[string]bool{}
	for _, c := range s.Calls() {
		called[c.Method] = true
	}
	for _, method := range []string{
		"apps.connections.open", "auth.test", "bots.info", "chat.delete", "chat.deleteScheduledMessage", "chat.getPermalink", "chat.postEphemeral",
		"chat.postMessage", "chat.scheduleMessage", "chat.update", "conversations.info", "conversations.list", "conversations.open", "team.info",
		"usergroups.users.list", "users.info", "users.lookupByEmail", "views.open", "views.update",
	} {
		if !called[method] {
			t.Errorf("nobody called %s", method)
		}
	}
}
