package cli_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/cli/internal/doctor"
	"github.com/cancelbot/cancelbot/bot/internal/journal"
	"github.com/cancelbot/cancelbot/bot/slacktest"
)

// broken has a mistake for each precondition.
var broken = map[doctor.Name][]misconfigured{
	doctor.Environment: {
		{name: "a variable", change: "LOG_FORMAT=xml"}, {name: "an address", change: "HTTP_ADDR=192.0.2.1:8080"},
	},
	doctor.Journal: {
		{name: "a file below a file", change: "DATABASE_URL=sqlite:/etc/hostname/j.db"},
		{name: "a server that is down", change: "DATABASE_URL=postgres://u@127.0.0.1:1/db"},
	},
	doctor.BotToken: {
		{name: "another token", change: "SLACK_BOT_TOKEN=xoxb-wrong-token"},
		{name: "of another app", change: "SLACK_APP_TOKEN=" + otherApp, prepare: slackIs(func(s *slacktest.Server) { s.AddToken(otherApp) })},
	},
	doctor.AppToken: {{name: "another token", change: "SLACK_APP_TOKEN=xapp-wrong-token"}},
	doctor.Scopes:   {{name: "one missing", change: "CANCEL_POLICY=people-on-task"}},
	doctor.APIKey: {
		{name: "another key", change: "CHAMELIO_API_KEY=ca_unknown"},
		{name: "of another organisation", change: "DATABASE_URL=OTHERS"},
	},
	doctor.AuditChannel: {{name: "without the bot", change: "AUDIT_CHANNEL=" + slacktest.Legal}},
	doctor.WhoMayCancel: {{name: "unknown", change: "CANCEL_POLICY=listed|ALLOWED_USERS=U0NOBODY"}},
	doctor.Clock:        {{name: "behind", change: "SLACK_API_URL=SKEWED"}},
}

// TestPreconditionsAreCheckedAndEnforcedAtStart breaks each precondition. check
// fails, and the start says the same: it doesn't run, or it reports it.
func TestPreconditionsAreCheckedAndEnforcedAtStart(t *testing.T) {
	t.Parallel()
	for _, p := range doctor.Preconditions() {
		if len(broken[p.Name]) == 0 || p.Proves == "" {
			t.Errorf("%s is never broken, or proves nothing", p.Name)
		}
		for _, m := range broken[p.Name] {
			t.Run(string(p.Name)+"/"+m.name, func(t *testing.T) {
				t.Parallel()
				s := newFakes(t)
				if m.prepare != nil {
					m.prepare(s)
				}
				env := s.env(t, strings.NewReplacer("SKEWED", skewed(t, s.slack.URL(), 10*time.Minute), "OTHERS", others(t)).Replace(m.change))
				want := failureOf(t, p.Name, run(t, env, nil, "check", "--json"))
				var line logLine
				start := run(t, env, func(said string) bool {
					line = lineAbout(said, p.Name)
					return line.Error != "" && p.AtStart == doctor.Reports
				})
				if line = lineAbout(start.said, p.Name); line.Remedy != want.Remedy || !sameWords(line.Error, want.Found) {
					t.Errorf("check says\n%s → %s\nthe start\n%s → %s\n%s", want.Found, want.Remedy, line.Error, line.Remedy, start.said)
				}
				if p.AtStart == doctor.Ends && start.code <= 0 {
					t.Errorf("the start goes on: %d", start.code)
				}
			})
		}
	}
}

// sameWords compares texts that may contain a measured time.
func sameWords(a, b string) bool {
	const clock = "behind Slack's"
	return a == b || strings.Contains(a, clock) && strings.Contains(b, clock)
}

type logLine struct {
	Precondition doctor.Name `json:"precondition"`
	Error        string      `json:"error"`
	Remedy       string      `json:"remedy"`
}

// lineAbout returns the log's line about a precondition.
func lineAbout(said string, name doctor.Name) (found logLine) {
	for text := range strings.Lines(said) {
		var line logLine
		if json.Unmarshal([]byte(text), &line) == nil && line.Precondition == name && found.Error == "" {
			found = line
		}
	}
	return found
}

// failureOf returns the failed result of check for a precondition.
func failureOf(t *testing.T, name doctor.Name, check ran) doctor.Result {
	t.Helper()
	var results []doctor.Result
	if err := json.Unmarshal([]byte(check.said), &results); err != nil {
		t.Fatalf("%v\n%s", err, check.said)
	}
	for _, r := range results {
		if r.Name == name && r.Level == doctor.Failed {
			if check.code != 1 {
				t.Errorf("check exits with %d", check.code)
			}
			r.Found, _, _ = strings.Cut(r.Found, "; not checked for the same reason")
			return r
		}
	}
	t.Fatalf("check finds nothing about the %s:\n%s", name, check.said)
	return doctor.Result{}
}

// skewed is a Slack whose clock is ahead of this machine's.
func skewed(t *testing.T, api string, by time.Duration) string {
	t.Helper()
	target, err := url.Parse(api)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: target.Scheme, Host: target.Host})
	proxy.ModifyResponse = func(r *http.Response) error {
		r.Header.Set("Date", time.Now().Add(by).UTC().Format(http.TimeFormat))
		return nil
	}
	server := httptest.NewServer(proxy)
	t.Cleanup(server.Close)
	return server.URL + target.Path
}

// others is a journal about the tasks of another organisation.
func others(t *testing.T) (url string) {
	t.Helper()
	url = "sqlite:" + filepath.Join(t.TempDir(), "journal.db")
	j, err := journal.Open(t.Context(), url, journal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := j.Bind(t.Context(), journal.Organisation{Name: "Initech", KeyID: 7}); err != nil {
		t.Error(err)
	}
	if err := j.Close(); err != nil {
		t.Error(err)
	}
	return url
}
