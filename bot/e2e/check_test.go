package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/cancelbot/cancelbot/bot/internal/pgtest"
	"github.com/cancelbot/cancelbot/bot/slacktest"
	"github.com/cancelbot/cancelbot/chamelio/chameliotest"
)

func TestCheckReportsReady(t *testing.T) {
	t.Parallel()
	for name, url := range map[string]func(testing.TB) string{"sqlite": sqlite, "postgres": pgtest.Start} {
		t.Run(name, func(t *testing.T) {
			s := newFakes(t)
			s.slack.SetScopes("commands", "chat:write", "chat:write.public", "users:read", "users:read.email", "usergroups:read")
			s.slack.SetGroup("S0LEADS", slacktest.Ada)
			s.slack.Break(slacktest.Fault{Method: "chat.deleteScheduledMessage", Status: 503, AfterEffect: name == "sqlite", Times: 1})
			p := start(t, s.env(url(t), "CANCEL_POLICY=people-on-task", "ALLOWED_USERS=U0ADA", "ALLOWED_USERGROUPS=S0LEADS", "AUDIT_CHANNEL=G0DEALS", "ALLOWED_CHANNELS=C0GENERAL"), "check")
			if code := p.exit(t); code != 0 {
				t.Fatalf("exit code %d\n%s", code, p.output)
			}
			for _, want := range []string{"✓ bot token      workspace Acme (T012ACME), as @cancelbot", "✓ app token", "✓ API key        organisation Acme Corporation", "✓ journal        " + name + " at ", "✓ audit channel", "✓ who may cancel Only full members", "✓ scopes", "Ready to run."} {
				if !strings.Contains(p.output.String(), want) {
					t.Errorf("it lacks %q:\n%s", want, p.output)
				}
			}
			if n := s.slack.Scheduled() + len(s.slack.All()); n != 0 {
				t.Errorf("it left %d messages behind", n)
			}
		})
	}
}

// TestCheckFindsMistakes breaks one thing at a time.
func TestCheckFindsMistakes(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	scopes := func(granted ...string) func(*fakes) {
		return func(s *fakes) { s.slack.SetScopes(granted...) }
	}
	refuse := func(token, answer string) func(*fakes) {
		return func(s *fakes) { s.slack.RefuseToken(token, answer) }
	}
	key := func(detail string) func(*fakes) { return func(s *fakes) { s.api.RefuseKey(detail) } }
	docs, err := os.ReadFile("docs/troubleshoot.md")
	if err != nil {
		t.Fatal(err)
	}
	said := regexp.MustCompile(`(?m)^✗ (.{14}) .*?(?:: ([a-z]+(?:_[a-z]+)+))?$`)
	type test struct {
		name, env     string
		prepare       func(*fakes)
		found, remedy string
	}
	tests := []test{
		{"no app token", "SLACK_APP_TOKEN", nil, "SLACK_APP_TOKEN is missing", "Generate an app-level token"},
		{"no bot token", "SLACK_BOT_TOKEN", nil, "SLACK_BOT_TOKEN is missing", "Copy the Bot User OAuth Token"},
		{"no key", "CHAMELIO_API_KEY", nil, "CHAMELIO_API_KEY is missing", "Ask an administrator"},
		{"tokens swapped", "SLACK_BOT_TOKEN=" + slacktest.AppToken, nil, `SLACK_BOT_TOKEN must be a bot token: it starts with "xoxb-"`, "Copy the Bot User OAuth Token"},
		{"wrong app token", "SLACK_APP_TOKEN=xapp-wrong", nil, "✗ app token      Slack refuses the app token: invalid_auth", "Copy the app-level token"},
		{"wrong bot token", "SLACK_BOT_TOKEN=xoxb-wrong", nil, "✗ bot token      Slack refuses the bot token: invalid_auth", "Copy the Bot User OAuth Token"},
		{"bot token revoked", "", refuse(slacktest.BotToken, "token_revoked"), "token_revoked", "Install the app again"},
		{"app uninstalled", "", refuse(slacktest.BotToken, "account_inactive"), "account_inactive", "Install the app again"},
		{"app token without its scope", "", refuse(slacktest.AppToken, "missing_scope"), "missing_scope", "with the scope connections:write"},
		{"Socket Mode off", "", func(s *fakes) { s.slack.SwitchOff() }, "link_disabled", "Switch Socket Mode on"},
		{"a scope is missing", "", scopes("commands", "chat:write.public", "users:read"), "✗ scopes         missing: chat:write", "Add under OAuth & Permissions"},
		{"no scope for e-mails", "CANCEL_POLICY=people-on-task", nil, "missing: users:read.email", "then install the app again"},
		{"no scope for usergroups", "CANCEL_POLICY=listed ALLOWED_USERGROUPS=S0LEADS", nil, "missing: usergroups:read", "then install the app again"},
		{"key invalid", "", key("Invalid API key"), "Chamelio refuses the key: Invalid API key", "Ask an administrator"},
		{"key expired", "", key("API key has expired"), "Chamelio refuses the key: API key has expired", "Ask an administrator"},
		{"key in quotes", `CHAMELIO_API_KEY="ca_abc"`, nil, "is in quotation marks", "without quotes or blanks"},
		{"plain http", "CHAMELIO_API_URL=http://platform.chamelio.ai", nil, "CHAMELIO_API_URL must be https", "Remove CHAMELIO_API_URL, or set it"},
		{"Chamelio away", "", func(s *fakes) { s.api.Refuse() }, "⚠ API key        Chamelio does not answer", "Check the machine's network"},
		{"Slack away", "SLACK_API_URL=http://127.0.0.1:1/api/", nil, "✗ bot token", "Slack cannot be reached"},
		{"Slack silent", "", func(s *fakes) { s.slack.Break(slacktest.Fault{Method: "auth.test", Hang: true}) }, "nothing came within 10s", "Slack cannot be reached"},
		{"Slack in trouble", "", func(s *fakes) { s.slack.Break(slacktest.Fault{Method: "auth.test", Status: 503}) }, "✗ bot token", "Slack is busy or in trouble"},
		{"Chamelio silent", "", func(s *fakes) { s.api.Break(chameliotest.Fault{Hang: true}) }, "Chamelio does not answer: nothing came within", "Check the machine's network"},
		{"a path that is none", "DATABASE_URL=sqlite:" + file + "/journal.db", nil, "✗ journal", "Check DATABASE_URL"},
		{"Postgres away", "DATABASE_URL=postgres://u:hidden@127.0.0.1:1/db", nil, "✗ journal", "Check DATABASE_URL"},
		{"no such scheme", "DATABASE_URL=mysql://x", nil, "DATABASE_URL must start with sqlite: or postgres://", "Set DATABASE_URL to sqlite:PATH"},
		{"audit channel without the bot", "AUDIT_CHANNEL=" + slacktest.Legal, nil, "✗ audit channel  posting in G0LEGAL: channel_not_found", "Invite the bot"},
		{"audit channel by name", "AUDIT_CHANNEL=#audit", nil, "AUDIT_CHANNEL isn't a channel ID", "Set AUDIT_CHANNEL to an ID"},
		{"somebody unknown", "CANCEL_POLICY=listed ALLOWED_USERS=U0ADA,U0NOBODY", nil, "ALLOWED_USERS has U0NOBODY: user_not_found", "Correct or remove the ID"},
		{"somebody gone", "CANCEL_POLICY=listed ALLOWED_USERS=" + slacktest.Gone, nil, "ALLOWED_USERS has U0GONE: deactivated", "Correct or remove"},
		{"a usergroup unknown", "CANCEL_POLICY=listed ALLOWED_USERGROUPS=S0NOSUCH", scopes("commands", "chat:write", "chat:write.public", "users:read", "usergroups:read"), "ALLOWED_USERGROUPS has S0NOSUCH: no_such_subteam", "Correct or remove"},
		{"nobody listed", "CANCEL_POLICY=listed", nil, "CANCEL_POLICY lets only listed people cancel, and none are listed", "Set CANCEL_POLICY to members"},
		{"too long a time", "CONFIRM_TIMEOUT=2h", nil, "CONFIRM_TIMEOUT must be 10s to 30m", "Remove CONFIRM_TIMEOUT"},
		{"no duration", "CHAMELIO_TIMEOUT=ten", nil, "CHAMELIO_TIMEOUT is not a duration", "Remove CHAMELIO_TIMEOUT"},
		{"no address", "HTTP_ADDR=here", nil, "HTTP_ADDR must be an address", "Set HTTP_ADDR to an address"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newFakes(t)
			if tt.prepare != nil {
				tt.prepare(s)
			}
			env := s.env(sqlite(t))
			for change := range strings.FieldsSeq(tt.env) {
				env = changed(env, change)
			}
			p := start(t, env, "check")
			code, last := 1, "problem"
			if strings.HasPrefix(tt.name, "Chamelio ") { // it comes back, and the bot waits
				code, last = 0, "Ready to run. "
			}
			if got := p.exit(t); got != code {
				t.Errorf("exit code %d", got)
			}
			for _, want := range []string{tt.found, tt.remedy, last} {
				if !strings.Contains(p.output.String(), want) {
					t.Errorf("it lacks %q:\n%s", want, p.output)
				}
			}
			for _, found := range said.FindAllStringSubmatch(p.output.String(), -1) {
				for _, word := range found[1:] {
					if !strings.Contains(string(docs), strings.TrimSpace(word)) {
						t.Errorf("docs/troubleshoot.md does not explain %q of %q", word, found[0])
					}
				}
			}
			for _, hidden := range append(s.slack.Secrets(), slacktest.AppToken, slacktest.BotToken, chameliotest.Key, "hidden") {
				if strings.Contains(p.output.String(), hidden) {
					t.Errorf("it shows %q:\n%s", hidden, p.output)
				}
			}
		})
	}
}

// changed returns an environment with one variable set, or without it if there
// is only a name.
func changed(env []string, change string) []string {
	name, _, set := strings.Cut(change, "=")
	env = slices.DeleteFunc(slices.Clone(env), func(pair string) bool { return strings.HasPrefix(pair, name+"=") })
	if set {
		env = append(env, change)
	}
	return env
}

// A problem with the token or the network isn't blamed on the setting that was
// checked with it.
func TestCheckBlamesTheCause(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		prepare func(*fakes)
		remedy  string
	}{
		"revoked":    {func(s *fakes) { s.slack.RefuseToken(slacktest.BotToken, "token_revoked") }, "Install the app again"},
		"no network": {func(s *fakes) { s.slack.Break(slacktest.Fault{Cut: true}) }, "Slack cannot be reached"},
		"no scope":   {func(s *fakes) { s.slack.SetScopes("commands") }, "Add under OAuth & Permissions"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newFakes(t)
			tt.prepare(s)
			p := start(t, s.env(sqlite(t), "AUDIT_CHANNEL="+slacktest.General, "CANCEL_POLICY=listed", "ALLOWED_USERS="+slacktest.Ada), "check")
			p.exit(t)
			said := regexp.MustCompile(`(?m)^✗ (bot token|scopes).*not checked for the same reason: .*audit channel, who may cancel\n +→ ` + regexp.QuoteMeta(tt.remedy))
			if !said.MatchString(p.output.String()) || strings.Count(p.output.String(), "✗") != 1 {
				t.Errorf("one line with the remedy %q was to name what depends on it:\n%s", tt.remedy, p.output)
			}
			if maybe := strings.Contains(p.output.String(), "may appear in "+slacktest.General+" in a week"); maybe != (name == "no network") {
				t.Errorf("that the test message may be posted is said: %t\n%s", maybe, p.output)
			}
		})
	}
}

func TestCheckAsJSON(t *testing.T) {
	t.Parallel()
	s := newFakes(t)
	s.api.RefuseKey("API key is inactive")
	p := start(t, s.env(sqlite(t)), "check", "--json")
	code := p.exit(t)
	text := p.output.String() // and nothing else: machines read it
	var results []struct {
		Name, Level, Remedy string
	}
	if err := json.Unmarshal([]byte(text), &results); err != nil || code != 1 {
		t.Fatalf("exit code %d, %v\n%s", code, err, p.output)
	}
	for _, r := range results {
		if (r.Level == "problem") != (r.Name == "API key") || (r.Level == "ok") != (r.Remedy == "") {
			t.Errorf("%+v", r)
		}
	}
}
