package e2e

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/slacktest"
	"github.com/cancelbot/cancelbot/chamelio/chameliotest"
)

// TestNoSecretInTheOutputAtAnyLevel runs a process through successes and
// failures, with its secrets in files, and searches its whole output.
func TestNoSecretInTheOutputAtAnyLevel(t *testing.T) {
	for _, level := range []string{"debug", "info", "warn", "error"} {
		t.Run(level, func(t *testing.T) {
			t.Parallel()
			s := newFakes(t)
			p := start(t, s.fileEnv("LOG_LEVEL="+level, "CHAMELIO_TIMEOUT=300ms"))
			s.connected(2)
			s.slack.Break(slacktest.Fault{Method: "response_url", Cut: true, Times: 2})
			s.slack.Break(slacktest.Fault{Method: "chat.postMessage", Status: 500, Times: 1})
			s.slack.Slash(slacktest.Guest, slacktest.General, "/cancel-task 12345")
			prompt := s.prompt(slacktest.Ada, slacktest.General, 12344)
			s.api.Break(chameliotest.Fault{Method: "POST", Hang: true, AfterEffect: true, Times: 1})
			s.slack.Click(slacktest.Ada, prompt, "cancel_task")
			s.eventually("the outcome", 30*time.Second, func() bool { return len(s.slack.History(slacktest.General)) > 0 })
			s.slack.SendFrame(`{"type":"interactive","envelope_id":"e","payload":{"type":"block_actions","response_url":"https://hooks.slack.com/actions/secret-ticket"}}`)
			s.slack.Cut()
			s.eventually("back again", 20*time.Second, func() bool { return s.slack.Opened() >= 4 })
			_ = p.cmd.Process.Signal(syscall.SIGTERM)
			if code := p.exit(t); code != 0 {
				t.Errorf("exit code %d", code)
			}
			for _, hidden := range append(s.slack.Secrets(), slacktest.AppToken, slacktest.BotToken, chameliotest.Key, "secret-ticket", "CONFIDENTIAL") {
				if strings.Contains(p.output.String(), hidden) {
					t.Errorf("the output holds %q:\n%s", hidden, p.output)
				}
			}
		})
	}
}

// TestEchoedSecretsAreRedactedEverywhere makes Slack and Chamelio quote the
// tokens and the key in every answer, and searches for them in the log, in
// Slack, in the journal, in the metrics, and in the output of check.
func TestEchoedSecretsAreRedactedEverywhere(t *testing.T) {
	t.Parallel()
	secrets := []string{slacktest.AppToken, slacktest.BotToken, chameliotest.Key}
	echo := strings.Join(secrets, " ")
	s := newFakes(t)
	s.api.Put(chameliotest.NewTask(777, "in_progress", "Title "+echo, time.Now()))
	database := sqlite(t)
	p, base := s.served(database, "LOG_LEVEL=debug", "AUDIT_CHANNEL="+slacktest.Deals)
	everything := func() string {
		var all strings.Builder
		all.WriteString(p.output.String())
		for _, m := range s.slack.All() {
			fmt.Fprintf(&all, "%+v\n", m)
		}
		_, metrics := s.fetch(base + "/metrics")
		all.WriteString(metrics)
		files, err := filepath.Glob(strings.TrimPrefix(database, "sqlite:") + "*")
		if err != nil || len(files) == 0 {
			t.Fatal(files, err)
		}
		for _, file := range files {
			content, err := os.ReadFile(file)
			if errors.Is(err, fs.ErrNotExist) { // the lock of a process that has just ended
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			all.Write(content)
		}
		return all.String()
	}
	prompt := s.prompt(slacktest.Ada, slacktest.General, 777)
	if !strings.Contains(prompt.Text, "Title … … …") {
		t.Errorf("the prompt does not quote the title: %s", prompt.Text)
	}
	s.api.Break(chameliotest.Fault{Method: "POST", Status: 422, Body: `{"detail":"cannot ` + echo + `"}`})
	s.slack.Break(slacktest.Fault{Method: "chat.postMessage", Channel: slacktest.General, Error: "echo_" + echo, Times: 1})
	s.slack.Click(slacktest.Ada, prompt, "cancel_task")
	s.eventually("the outcome", 30*time.Second, func() bool { return len(s.slack.History(slacktest.General)) > 0 })
	s.eventually("the audit channel's copy", 30*time.Second, func() bool { return len(s.slack.History(slacktest.Deals)) > 0 })
	s.api.ClearFaults()
	s.slack.Break(slacktest.Fault{Method: "auth.test", Error: "token_" + echo})
	s.slack.Break(slacktest.Fault{Method: "apps.connections.open", Error: "open_" + echo})
	s.api.RefuseKey("API key is no good: " + echo)
	check := start(t, s.env(database), "check")
	if check.exit(t) == 0 {
		t.Error("check finds nothing wrong")
	}
	said := everything() + check.output.String()
	if !strings.Contains(said, "cannot … … …") || !strings.Contains(check.output.String(), "is no good") {
		t.Errorf("what the servers say is not told:\n%s\n%s", p.output, check.output)
	}
	for _, hidden := range secrets {
		if strings.Contains(said, hidden) {
			i := strings.Index(said, hidden)
			t.Errorf("it holds %s: %q", hidden, said[max(i-200, 0):min(i+200, len(said))])
		}
	}
}

// TestChangedTokenFilesAreUsedWithoutARestart replaces both tokens of a
// running bot, and revokes the old ones.
func TestChangedTokenFilesAreUsedWithoutARestart(t *testing.T) {
	t.Parallel()
	s := newFakes(t)
	env := s.fileEnv()
	p := start(t, env)
	s.connected(2)
	prompt := s.prompt(slacktest.Ada, slacktest.General, 12345)
	fresh := map[string]string{"SLACK_APP_TOKEN": "xapp-9-fresh", "SLACK_BOT_TOKEN": "xoxb-9-fresh"}
	for _, pair := range env {
		name, path, _ := strings.Cut(pair, "_FILE=")
		if token := fresh[name]; token != "" {
			s.slack.AddToken(token)
			if err := os.WriteFile(path, []byte(token+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	s.eventually("both are in use", 30*time.Second, func() bool {
		return strings.Count(p.output.String(), "secret file changed; new value in use") == 2
	})
	s.slack.RefuseToken(slacktest.AppToken, "token_revoked")
	s.slack.RefuseToken(slacktest.BotToken, "token_revoked")
	opened := s.slack.Opened()
	s.slack.Cut()
	s.eventually("back again", 20*time.Second, func() bool { return s.slack.Opened() >= opened+2 && s.slack.Connections() == 2 })
	s.slack.Click(slacktest.Ada, prompt, "cancel_task")
	s.eventually("the announcement", 20*time.Second, func() bool { return len(s.slack.History(slacktest.General)) == 1 })
	for _, token := range fresh {
		if strings.Contains(p.output.String(), token) {
			t.Errorf("the output holds %s", token)
		}
	}
}

// TestTokenMayBeRevokedBeforeItsFileChanges revokes a token in a file a moment before, or
// after, another one is put there: the bot waits for it.
func TestTokenMayBeRevokedBeforeItsFileChanges(t *testing.T) {
	t.Parallel()
	for variable, next := range map[string]string{"SLACK_APP_TOKEN": "xapp-9-fresh", "SLACK_BOT_TOKEN": "xoxb-9-fresh"} {
		t.Run(variable, func(t *testing.T) {
			t.Parallel()
			s := newFakes(t)
			env := s.fileEnv()
			s.slack.AddToken(next)
			refused := map[string]string{"SLACK_APP_TOKEN": slacktest.AppToken, "SLACK_BOT_TOKEN": slacktest.BotToken}[variable]
			s.slack.RefuseToken(refused, "token_expired")
			p := start(t, env)
			s.eventually("it is refused", 20*time.Second, func() bool { return strings.Contains(p.output.String(), "token_expired") })
			for _, pair := range env {
				if name, path, _ := strings.Cut(pair, "_FILE="); name == variable {
					if err := os.WriteFile(path, []byte(next+"\n"), 0o600); err != nil {
						t.Fatal(err)
					}
				}
			}
			s.eventually("it works", 40*time.Second, func() bool {
				return s.slack.Connections() == 2 && strings.Contains(p.output.String(), `"msg":"started"`)
			})
		})
	}
}

// fileEnv is the environment with each secret in a file, as Docker and
// Kubernetes mount them.
func (s *fakes) fileEnv(more ...string) []string {
	dir := s.TempDir()
	var env []string
	for _, pair := range s.env(sqlite(s)) {
		name, value, _ := strings.Cut(pair, "=")
		switch name {
		case "SLACK_APP_TOKEN", "SLACK_BOT_TOKEN", "CHAMELIO_API_KEY", "DATABASE_URL":
			path := filepath.Join(dir, strings.ToLower(name))
			if err := os.WriteFile(path, []byte(value+"\n"), 0o600); err != nil {
				s.Fatal(err)
			}
			pair = name + "_FILE=" + path
		}
		env = append(env, pair)
	}
	return append(env, more...)
}

func TestRefusesUnusableSecretFiles(t *testing.T) {
	t.Parallel()
	empty := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(empty, []byte("\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		env  []string
		want string
	}{
		"both":    {[]string{"SLACK_BOT_TOKEN=xoxb-hidden", "SLACK_BOT_TOKEN_FILE=" + empty}, "SLACK_BOT_TOKEN and SLACK_BOT_TOKEN_FILE are both set"},
		"missing": {[]string{"CHAMELIO_API_KEY_FILE=/nowhere/ca_hidden"}, "CHAMELIO_API_KEY_FILE names a file that cannot be read"},
		"empty":   {[]string{"SLACK_APP_TOKEN_FILE=" + empty}, "SLACK_APP_TOKEN_FILE names a file that is empty"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := start(t, tt.env)
			if code := p.exit(t); code != 2 || !strings.Contains(p.output.String(), tt.want) || strings.Contains(p.output.String(), "hidden") {
				t.Errorf("exit code %d:\n%s", code, p.output)
			}
		})
	}
}

func TestRefusesContradictoryPolicies(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ env, want string }{
		"listed, nobody": {"CANCEL_POLICY=listed", "CANCEL_POLICY lets only listed people cancel, and none are listed"},
		"unknown":        {"CANCEL_POLICY=anyone", "CANCEL_POLICY must be members, people-on-task or listed"},
		"a name":         {"ALLOWED_USERS=ada", "ALLOWED_USERS has an entry that is not the id of a person"},
		"a blank":        {"ALLOWED_CHANNELS= ", "ALLOWED_CHANNELS is set, but has no entries"},
		"half true":      {"SECOND_PERSON=tru", "SECOND_PERSON must be never, always or workflows"},
		"audit by name":  {"AUDIT_CHANNEL=#audit", "AUDIT_CHANNEL isn't a channel ID"},
		"no commands":    {"COMMANDS_PER_MINUTE=-1", "COMMANDS_PER_MINUTE must be 1 to 1000000"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newFakes(t)
			p := start(t, s.env(sqlite(t), tt.env))
			if code := p.exit(t); code != 2 || !strings.Contains(p.output.String(), tt.want) {
				t.Errorf("exit code %d:\n%s", code, p.output)
			}
		})
	}
}
