package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/pgtest"
	"github.com/cancelbot/cancelbot/bot/slacktest"
)

// peer is a program that takes part in the comparison.
type peer struct {
	name     string
	command  []string
	database func(testing.TB) string // nil where it keeps nothing
	env      []string
	onlyAcks bool // it does nothing but acknowledge
}

// peers returns the bot with both databases, and other implementations of the
// same job: with the official framework, with that and a preview of the task, with
// slack-go's own loop, and with that loop plus the requests and syncs that the
// bot's guarantees need. The baseline acknowledges and answers with a line. Peers
// that aren't installed are left out.
// COMPARE names another binary of the bot, such as an earlier version.
func peers(tb testing.TB) []peer {
	tb.Helper()
	bot := []string{build(tb, ".")}
	all := []peer{{name: "cancelbot, SQLite", command: bot, database: sqlite}}
	if pgtest.Installed() {
		server := pgtest.Start(tb)
		all = append(all, peer{name: "cancelbot, Postgres", command: bot, database: func(tb testing.TB) string { return pgtest.Database(tb, server) }})
	}
	if other := os.Getenv("COMPARE"); other != "" {
		all = append(all, peer{name: "the other binary, SQLite", command: []string{other}, database: sqlite})
		if pgtest.Installed() {
			server := pgtest.Start(tb)
			all = append(all, peer{name: "the other binary, Postgres", command: []string{other}, database: func(tb testing.TB) string { return pgtest.Database(tb, server) }})
		}
	}
	if app, modules := bolt(tb); app != nil {
		path := "NODE_PATH=" + modules
		all = append(all, peer{name: "Bolt 5.1", command: app, env: []string{path}},
			peer{name: "Bolt 5.1 with a preview", command: app, env: []string{path, "PREVIEW=1"}})
	}
	loop := []string{build(tb, "./bot/e2e/testdata/peers/slackgo")}
	return append(all,
		peer{name: "slack-go", command: loop},
		peer{name: "slack-go, loaded", command: loop, env: []string{"PAY_FOR_PROMISES=1"}},
		peer{name: "the baseline", command: []string{os.Args[0]}, onlyAcks: true})
}

// bolt is the command of the app in testdata/peers/bolt; nil without node or
// BOLT_NODE_MODULES, which names the node_modules of its package.json.
func bolt(tb testing.TB) (command []string, modules string) {
	tb.Helper()
	modules = os.Getenv("BOLT_NODE_MODULES")
	node, err := exec.LookPath("node")
	if modules == "" || err != nil {
		tb.Log("Bolt is left out: it needs node, and in BOLT_NODE_MODULES what npm install makes of bot/e2e/testdata/peers/bolt/package.json")
		return nil, ""
	}
	app, err := filepath.Abs("bot/e2e/testdata/peers/bolt/app.js")
	if err != nil {
		tb.Fatal(err)
	}
	return []string{node, app}, modules
}

// build builds a program of this module as a release does.
func build(tb testing.TB, what string) (bin string) {
	tb.Helper()
	bin = filepath.Join(tb.TempDir(), "program")
	build := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", bin, what)
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		tb.Fatalf("%v\n%s", err, out)
	}
	return bin
}

// starts are how long a peer took until it was connected: for the first time,
// when a journal's schema is made, and then again.
type starts struct{ first, again time.Duration }

// runPeer starts a peer with fakes of its own, twice.
func runPeer(tb testing.TB, p peer, s *fakes) (process *os.Process, took starts) {
	tb.Helper()
	database := ""
	if p.database != nil {
		database = p.database(tb)
	}
	dir := tb.TempDir()
	env := append(s.env(database, "LOG_LEVEL=info", "HOME="+dir), p.env...)
	if p.onlyAcks {
		env = []string{"ONLY_ACKNOWLEDGE=" + s.slack.URL()}
	}
	start := func() (*exec.Cmd, time.Duration) {
		cmd := exec.Command(p.command[0], p.command[1:]...)
		cmd.Dir, cmd.Env = dir, env
		began := time.Now()
		if err := cmd.Start(); err != nil {
			tb.Fatal(err)
		}
		s.connected(1)
		return cmd, time.Since(began)
	}
	cmd, first := start()
	_ = cmd.Process.Signal(syscall.SIGTERM)
	_ = cmd.Wait() // it may call a signal a failure
	s.eventually("its connections end", 20*time.Second, func() bool { return s.slack.Connections() == 0 })
	cmd, again := start()
	tb.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	return cmd.Process, starts{first, again}
}

// channel makes a public channel of this number.
func (s *fakes) channel(n int64) string {
	id := fmt.Sprintf("C0PEER%d", n)
	s.slack.AddConversation(slacktest.Conversation{ID: id, Name: fmt.Sprintf("peer-%d", n), Kind: slacktest.Public, BotIsMember: true})
	return id
}
