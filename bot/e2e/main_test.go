package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/slacktest"
	"github.com/cancelbot/cancelbot/chamelio/chameliotest"
)

// process is a running cancelbot.
type process struct {
	cmd    *exec.Cmd
	output *output
	ended  chan struct{}
	err    error // of Wait, once ended
}

type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// start runs cancelbot with exactly this environment.
func start(tb testing.TB, env []string, args ...string) *process {
	tb.Helper()
	cmd := exec.Command(program, args...)
	cmd.Env = append([]string{"HOME=" + tb.TempDir()}, env...)
	cmd.Dir = tb.TempDir()
	return launch(tb, cmd)
}

// launch starts a command, which ends with the test at the latest.
func launch(tb testing.TB, cmd *exec.Cmd) *process {
	tb.Helper()
	p := &process{cmd: cmd, output: &output{}, ended: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = p.output, p.output
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	go func() {
		p.err = cmd.Wait()
		close(p.ended)
	}()
	tb.Cleanup(p.kill)
	return p
}

func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.ended
}

// exit waits for the end and returns the exit code.
func (p *process) exit(tb testing.TB) int {
	tb.Helper()
	select {
	case <-p.ended:
		return p.cmd.ProcessState.ExitCode()
	case <-time.After(40 * time.Second):
		tb.Fatalf("the process does not end:\n%s", p.output)
		return -1
	}
}

// fakes are a Slack and a Chamelio to run against.
type fakes struct {
	testing.TB
	slack *slacktest.Server
	api   *chameliotest.Server
	far   []*far   // the ways to both, if they are at a distance
	trust []string // variables by which programs trust their certificate
}

func newFakes(tb testing.TB) *fakes {
	s := &fakes{TB: tb, slack: slacktest.NewServer(), api: chameliotest.NewServer()}
	tb.Cleanup(s.slack.Close)
	tb.Cleanup(s.api.Close)
	return s
}

func (s *fakes) env(databaseURL string, more ...string) []string {
	api := s.api.URL()
	if len(s.far) > 0 {
		api = "https://" + s.far[1].listener.Addr().String()
	}
	return slices.Concat([]string{
		"SLACK_APP_TOKEN=" + slacktest.AppToken, "SLACK_BOT_TOKEN=" + slacktest.BotToken, "SLACK_API_URL=" + s.slack.URL(),
		"CHAMELIO_API_KEY=" + chameliotest.Key, "CHAMELIO_API_URL=" + api, "DATABASE_URL=" + databaseURL,
		"CANCEL_POLICY=members", "LOG_LEVEL=debug", "COMMANDS_PER_MINUTE=1000000",
	}, s.trust, more)
}

func (s *fakes) eventually(what string, limit time.Duration, cond func() bool) {
	s.Helper()
	ctx, cancel := context.WithTimeout(s.Context(), limit)
	defer cancel()
	if err := s.slack.WaitFor(ctx, cond); err != nil {
		s.Fatalf("%s: %v", what, err)
	}
}

func (s *fakes) connected(n int) {
	s.Helper()
	s.eventually("the bot connects", 20*time.Second, func() bool { return s.slack.Connections() >= n })
}

// prompt types the command for a task and returns the prompt.
func (s *fakes) prompt(user, channel string, task int64) slacktest.Message {
	s.Helper()
	return s.ask(user, channel, fmt.Sprintf("/cancel-task %d", task))
}

// ask types a command and returns the prompt.
func (s *fakes) ask(user, channel, command string) slacktest.Message {
	s.Helper()
	before := len(s.slack.Private(user, channel))
	s.slack.Slash(user, channel, command)
	s.eventually("a prompt", 20*time.Second, func() bool { return len(s.slack.Private(user, channel)) > before })
	m := s.slack.Private(user, channel)[before]
	if m.Button("cancel_task") == nil {
		s.Fatalf("no prompt, but %s", m.Text)
	}
	return m
}

// now returns a message in its current state.
func (s *fakes) now(m slacktest.Message) slacktest.Message {
	for _, current := range s.slack.All() {
		if current.TS == m.TS && current.Channel == m.Channel {
			return current
		}
	}
	return slacktest.Message{}
}

func sqlite(tb testing.TB) string { return "sqlite:" + filepath.Join(tb.TempDir(), "journal.db") }

func TestProgramFromStartToSignal(t *testing.T) {
	t.Parallel()
	s := newFakes(t)
	db := sqlite(t)
	p := start(t, s.env(db))
	s.connected(1)
	s.slack.Click(slacktest.Ada, s.prompt(slacktest.Ada, slacktest.General, 12345), "cancel_task")
	s.eventually("the announcement", 10*time.Second, func() bool { return len(s.slack.History(slacktest.General)) == 1 })

	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	if code := p.exit(t); code != 0 {
		t.Errorf("exit code %d after SIGTERM:\n%s", code, p.output)
	}
	for _, secret := range append(s.slack.Secrets(), slacktest.AppToken, slacktest.BotToken, chameliotest.Key) {
		if strings.Contains(p.output.String(), secret) {
			t.Errorf("the output holds a secret: %s", secret)
		}
	}

	h := start(t, []string{"DATABASE_URL=" + db, "SLACK_BOT_TOKEN=" + slacktest.BotToken, "CHAMELIO_API_URL=" + s.api.URL()}, "history", "--json", "--task", "12345")
	if code := h.exit(t); code != 0 {
		t.Fatalf("history: %d\n%s", code, h.output)
	}
	var entry map[string]any
	if err := json.Unmarshal([]byte(h.output.String()), &entry); err != nil || entry["outcome"] != "cancelled" || entry["requester"] != "U0ADA" {
		t.Errorf("history says %s (%v)", h.output, err)
	}
	table := start(t, []string{"DATABASE_URL=" + db, "SLACK_BOT_TOKEN=" + slacktest.BotToken, "CHAMELIO_API_URL=" + s.api.URL()}, "history", "--since", "1h")
	if table.exit(t); !strings.Contains(table.output.String(), "12345  cancelled") {
		t.Errorf("the table says %s", table.output)
	}
	if wrong := start(t, nil, "history", "--since", "soon"); wrong.exit(t) != 2 {
		t.Errorf("a bad --since exits with %d", wrong.exit(t))
	}
}

func TestSIGTERMLetsADecisionFinish(t *testing.T) {
	t.Parallel()
	s := newFakes(t)
	p := start(t, s.env(sqlite(t)))
	s.connected(1)
	prompt := s.prompt(slacktest.Ada, slacktest.General, 12345)
	s.api.Break(chameliotest.Fault{Method: "POST", Delay: time.Second, Times: 1})
	s.slack.Click(slacktest.Ada, prompt, "cancel_task")
	s.eventually("the cancel is sent", 10*time.Second, func() bool { return s.api.Cancels(12345) == 1 })
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	s.eventually("it is stopping", 10*time.Second, func() bool { return strings.Contains(p.output.String(), "stopping") })
	// A new command is refused at once; the connections close last.
	refused := func() bool {
		return slices.ContainsFunc(s.slack.Private(slacktest.Grace, slacktest.General), func(m slacktest.Message) bool { return strings.Contains(m.Text, "restarting") })
	}
	s.eventually("a command is refused", 10*time.Second, func() bool {
		_, err := s.slack.Slash(slacktest.Grace, slacktest.General, "/cancel-task 12344").Wait(t.Context())
		return err == nil && refused()
	})
	if code := p.exit(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if got := s.slack.History(slacktest.General); len(got) != 1 || !strings.Contains(got[0].Text, "cancelled") {
		t.Errorf("the channel reads %v", got)
	}
}

func TestSecondSignalStopsAtOnce(t *testing.T) {
	s := newFakes(t)
	p := start(t, s.env(sqlite(t)))
	s.connected(1)
	prompt := s.prompt(slacktest.Ada, slacktest.General, 12345)
	s.api.Break(chameliotest.Fault{Method: "POST", Hang: true})
	s.slack.Click(slacktest.Ada, prompt, "cancel_task")
	s.eventually("the cancel is sent", 10*time.Second, func() bool { return s.api.Cancels(12345) == 1 })
	_ = p.cmd.Process.Signal(os.Interrupt)
	s.eventually("it is stopping", 10*time.Second, func() bool { return strings.Contains(p.output.String(), "stopping") })
	_ = p.cmd.Process.Signal(os.Interrupt)
	if code := p.exit(t); code == 0 {
		t.Error("the second signal was a clean exit")
	}
}

func TestReportsFatalMistakesWithinSeconds(t *testing.T) {
	t.Parallel()
	s := newFakes(t)
	good := s.env(sqlite(t))
	with := func(more ...string) []string { return append(slices.Clone(good), more...) }
	tests := []struct {
		name    string
		env     []string
		prepare func()
		code    int
		want    []string
	}{
		{"nothing set", nil, nil, 2, []string{"SLACK_APP_TOKEN is missing", "SLACK_BOT_TOKEN is missing", "CHAMELIO_API_KEY is missing", "CANCEL_POLICY is missing"}},
		{"malformed", with("SLACK_CONNECTIONS=two", "CHAMELIO_TIMEOUT=10", "LOG_LEVEL=loud"), nil, 2, []string{"SLACK_CONNECTIONS is not a whole number", "CHAMELIO_TIMEOUT is not a duration", "LOG_LEVEL is not one of"}},
		{"connections", with("SLACK_CONNECTIONS=11"), nil, 2, []string{"SLACK_CONNECTIONS must be 1 to 10"}},
		{"swapped tokens", with("SLACK_APP_TOKEN=xoxb-topsecret"), nil, 2, []string{"SLACK_APP_TOKEN must be an app-level token"}},
		{"base URL", with("CHAMELIO_API_URL=http://platform.chamelio.ai"), nil, 2, []string{"must be https"}},
		{"key", with("CHAMELIO_API_KEY=topsecret"), nil, 2, []string{"CHAMELIO_API_KEY must start with"}},
		{"no address", with("HTTP_ADDR=nowhere"), nil, 2, []string{"HTTP_ADDR must be an address"}},
		{"log format", with("LOG_FORMAT=xml"), nil, 2, []string{"LOG_FORMAT"}},
		{"database", with("DATABASE_URL=sqlite:/proc/nowhere/j.db"), nil, 1, []string{"DATABASE_URL", "journal"}},
		{"app token", with("SLACK_APP_TOKEN=xapp-topsecret"), nil, 77, []string{"SLACK_APP_TOKEN", "invalid_auth"}},
		{"bot token", with("SLACK_BOT_TOKEN=xoxb-topsecret"), nil, 77, []string{"SLACK_BOT_TOKEN", "invalid_auth"}},
		{"revoked app token", good, func() { s.slack.RefuseToken(slacktest.AppToken, "token_revoked") }, 77, []string{"SLACK_APP_TOKEN", "token_revoked"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.prepare != nil {
				tt.prepare()
			}
			p := start(t, tt.env)
			if code := p.exit(t); code != tt.code {
				t.Errorf("exit code %d, want %d\n%s", code, tt.code, p.output)
			}
			for _, want := range tt.want {
				if !strings.Contains(p.output.String(), want) {
					t.Errorf("it does not say %q:\n%s", want, p.output)
				}
			}
			if strings.Contains(p.output.String(), "topsecret") {
				t.Errorf("it prints a secret:\n%s", p.output)
			}
		})
	}
}

func TestUnavailableAPIIsAWarning(t *testing.T) {
	t.Parallel()
	s := newFakes(t)
	s.api.Refuse()
	s.slack.Break(slacktest.Fault{Method: "auth.test", Status: 500})
	p := start(t, s.env(sqlite(t)))
	s.connected(2)
	s.eventually("both warnings", 10*time.Second, func() bool {
		return strings.Contains(p.output.String(), "Chamelio does not answer: ") && strings.Contains(p.output.String(), "asking Slack who we are (auth.test): ")
	})
}

// A key that Chamelio refuses is reported at once, with the remedy, but doesn't
// stop the bot, because earlier decisions still have to be announced.
func TestRefusedKeyIsReportedAndTheBotKeepsRunning(t *testing.T) {
	t.Parallel()
	s := newFakes(t)
	s.api.RefuseKey("API key has expired")
	p, base := s.served(sqlite(t), "AUDIT_CHANNEL="+slacktest.Deals)
	s.eventually("the key's refusal", 10*time.Second, func() bool {
		said := p.output.String()
		return strings.Contains(said, "Chamelio refuses the key: API key has expired") && strings.Contains(said, "for a new key, and put it into CHAMELIO_API_KEY")
	})
	s.turns(base, 200, "ready")
	if _, metrics := s.fetch(base + "/metrics"); !strings.Contains(metrics, `cancelbot_credential_refused{credential="api_key"} 1`) {
		t.Errorf("the metrics say\n%s", metrics)
	}
	s.eventually("the note in the audit channel", 10*time.Second, func() bool {
		told := s.slack.History(slacktest.Deals)
		return len(told) == 1 && strings.Contains(told[0].Text, "lost access to Chamelio:* the key has expired")
	})
}

// A refused app token stops the bot. The audit channel gets one note first, no
// matter how often the bot is started with the token, and another when it works
// again.
func TestRefusedAppTokenIsReportedBeforeTheBotStops(t *testing.T) {
	t.Parallel()
	s := newFakes(t)
	url := sqlite(t)
	s.slack.RefuseToken(slacktest.AppToken, "token_revoked")
	var said strings.Builder
	for range 2 {
		p := start(t, s.env(url, "AUDIT_CHANNEL="+slacktest.Deals))
		if p.exit(t) == 0 {
			t.Fatalf("it does not end\n%s", p.output)
		}
		said.WriteString(p.output.String())
	}
	told := s.slack.History(slacktest.Deals)
	if len(told) != 1 || !strings.Contains(told[0].Text, "Slack refuses my app token") {
		t.Errorf("told: %v\n%s", told, &said)
	}
}

func TestOtherCommands(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]string{
		"help": "SLACK_APP_TOKEN          app-level token", "version": "cancelbot ", "-h": "CHAMELIO_API_KEY",
	} {
		p := start(t, nil, args)
		if code := p.exit(t); code != 0 || !strings.Contains(p.output.String(), want) {
			t.Errorf("%s: %d\n%s", args, code, p.output)
		}
	}
	if p := start(t, nil, "cancle"); p.exit(t) != 2 {
		t.Errorf("an unknown command exits with %d", p.exit(t))
	}
}

func TestSandboxWholeFlow(t *testing.T) {
	cmd := exec.Command(program, "sandbox", "--terminal")
	cmd.Env = []string{"TMPDIR=" + t.TempDir()}
	cmd.Stdin = strings.NewReader("/cancel-task 12345 duplicate\n1\nas grace\nin legal\n/cancel-task 12344\n1\ntasks\nquit\n")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{
		"[1] Cancel task", "only visible to you", "Cancel “Master agreement with Globex”?\n",
		"@ada cancelled Master agreement with Globex (https://app.chamelio.ai/workflows/tasks/12345) (task 12345).\n│ >duplicate\n",
		"You are grace in #legal", "@grace cancelled NDA with Initech", "(task 12344)", "12345  cancelled",
	} {
		if !strings.Contains(string(out), want) {
			t.Errorf("it does not show %q:\n%s", want, out)
		}
	}
}

// sources returns the program's own files.
func sources(t *testing.T, patterns ...string) (files []string) {
	t.Helper()
	for _, pattern := range patterns {
		found, err := filepath.Glob(pattern)
		if err != nil || len(found) == 0 {
			t.Fatalf("%s: no files (%v)", pattern, err)
		}
		files = append(files, found...)
	}
	return slices.DeleteFunc(files, func(file string) bool { return strings.HasSuffix(file, "_test.go") })
}

// One line has the version, the workspace and the organisation.
func TestStartedLine(t *testing.T) {
	t.Parallel()
	s := newFakes(t)
	p := start(t, s.env(sqlite(t), "LOG_LEVEL=info", "CANCEL_POLICY=people-on-task", "SECOND_PERSON=always", "SLACK_CONNECTIONS=3"))
	line := regexp.MustCompile(`(?m)^.*"msg":"started".*$`)
	s.eventually("the line", 20*time.Second, func() bool { return s.slack.Connections() == 3 && line.MatchString(p.output.String()) })
	var got map[string]any
	if err := json.Unmarshal([]byte(line.FindString(p.output.String())), &got); err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]any{
		"level": "INFO", "journal": "sqlite", "connections": 3.0, "command": "/cancel-task",
		"policy":    "Only full members who are on a task as owner, assignee or collaborator may cancel it, in every channel, once a second person has confirmed.",
		"workspace": "Acme", "team": slacktest.TeamID, "bot": "cancelbot",
	} {
		if got[key] != want {
			t.Errorf("%s is %v, want %v", key, got[key], want)
		}
	}
	for _, key := range []string{"organisation", "key_id", "per_minute"} {
		if got[key] == nil || got[key] == "" || got[key] == 0.0 {
			t.Errorf("%s is %v", key, got[key])
		}
	}
}
