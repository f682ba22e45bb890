package e2e

import (
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/pgtest"
	"github.com/cancelbot/cancelbot/bot/slacktest"
)

// served starts a bot that serves health and metrics, and returns where.
func (s *fakes) served(database string, more ...string) (p *process, base string) {
	s.Helper()
	p = start(s, s.env(database, append(more, "HTTP_ADDR=127.0.0.1:0")...))
	at := regexp.MustCompile(`"addr":"([^"]+)"`)
	s.eventually("the bot serves", 20*time.Second, func() bool { return at.MatchString(p.output.String()) && s.slack.Connections() == 2 })
	return p, "http://" + at.FindStringSubmatch(p.output.String())[1]
}

func (s *fakes) fetch(url string) (int, string) {
	s.Helper()
	resp, err := http.Get(url)
	if err != nil {
		s.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		s.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

// turns waits for /readyz to answer a status and a text.
func (s *fakes) turns(base string, status int, text string) {
	s.Helper()
	var got int
	var body string
	for range 400 {
		if got, body = s.fetch(base + "/readyz"); got == status && strings.Contains(body, text) {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	s.Fatalf("/readyz is %d %q, want %d %q", got, body, status, text)
}

func TestReadinessNamesTheMissingPart(t *testing.T) {
	t.Parallel()
	database := pgtest.Start(t)
	s := newFakes(t)
	p, base := s.served(database)
	s.turns(base, 200, "ready")
	if status, _ := s.fetch(base + "/healthz"); status != 200 {
		t.Errorf("/healthz: %d", status)
	}
	check := start(t, []string{"HTTP_ADDR=" + strings.TrimPrefix(base, "http://")}, "healthcheck")
	if code := check.exit(t); code != 0 || check.output.String() != "ready\n" {
		t.Errorf("healthcheck: %d, %s", code, check.output)
	}

	// A refresh changes nothing.
	s.slack.Disconnect("refresh_requested", time.Second)
	s.eventually("a fresh connection", 10*time.Second, func() bool { return s.slack.Opened() == 3 })
	s.turns(base, 200, "ready")

	// The network is cut.
	s.slack.Break(slacktest.Fault{Method: "apps.connections.open", Cut: true})
	s.slack.Cut()
	s.turns(base, 503, "slack: no connection")
	check = start(t, []string{"HTTP_ADDR=" + strings.TrimPrefix(base, "http://")}, "healthcheck")
	if code := check.exit(t); code != 1 || !strings.Contains(check.output.String(), "not ready: slack: no connection") {
		t.Errorf("healthcheck: %d, %s", code, check.output)
	}
	s.slack.ClearFaults()
	s.turns(base, 200, "ready")

	// The journal goes away.
	pgtest.Exec(t, database, `ALTER TABLE decisions RENAME TO gone`)
	s.turns(base, 503, "journal: ")
	pgtest.Exec(t, database, `ALTER TABLE gone RENAME TO decisions`)
	s.turns(base, 200, "ready")
	p.kill()
	check = start(t, []string{"HTTP_ADDR=" + strings.TrimPrefix(base, "http://")}, "healthcheck")
	if code := check.exit(t); code != 1 || !strings.Contains(check.output.String(), "does not answer") {
		t.Errorf("healthcheck: %d, %s", code, check.output)
	}
}

func TestMetricsCountAFlow(t *testing.T) {
	t.Parallel()
	s := newFakes(t)
	_, base := s.served(sqlite(t))
	s.slack.Click(slacktest.Ada, s.prompt(slacktest.Ada, slacktest.General, 12345), "cancel_task")
	s.eventually("the outcome", 20*time.Second, func() bool { return len(s.slack.History(slacktest.General)) == 1 })
	other := s.prompt(slacktest.Ada, slacktest.General, 12344)
	s.api.RefuseKey("API key has been revoked")
	s.slack.Click(slacktest.Ada, other, "cancel_task")
	s.eventually("the second outcome", 20*time.Second, func() bool { return len(s.slack.History(slacktest.General)) == 2 })
	before := len(s.slack.Private(slacktest.Guest, slacktest.General))
	s.slack.Slash(slacktest.Guest, slacktest.General, "/cancel-task 12344")
	s.eventually("the refusal", 20*time.Second, func() bool { return len(s.slack.Private(slacktest.Guest, slacktest.General)) > before })
	s.slack.Cut()
	s.eventually("back again", 20*time.Second, func() bool { return s.slack.Opened() == 4 && s.slack.Connections() == 2 })

	want := []string{
		`cancelbot_build_info{version="`, "\ncancelbot_ready 1\n", "\ncancelbot_slack_connections 2\n", `cancelbot_queue_items{kind="command"} 0`, `cancelbot_queue_items{kind="click"} 0`,
		`cancelbot_commands_total{result="prompted"} 2`, `cancelbot_commands_total{result="refused"} 1`,
		`cancelbot_clicks_total{action="cancel_task"} 2`, `cancelbot_refusals_total{reason="guest",stage="command"} 1`,
		`cancelbot_decisions_total{outcome="cancelled"} 1`, `cancelbot_decisions_total{outcome="rejected_key"} 1`,
		`cancelbot_announcements_total{transport="chat_post_message"} 2`, "\ncancelbot_backlog_up 1\n", "\ncancelbot_announcements_pending 0\n", "\ncancelbot_announcements_oldest_pending_timestamp_seconds 0\n",
		`cancelbot_ack_duration_seconds_count 5`, `cancelbot_click_to_outcome_seconds_count 2`, `cancelbot_click_to_announcement_seconds_count 2`,
		`cancelbot_chamelio_requests_total{code="200",endpoint="cancel"} 1`, `cancelbot_chamelio_requests_total{code="401",endpoint="cancel"} 1`,
		`cancelbot_slack_requests_total{code="200",method="chat.postMessage"} 2`, `cancelbot_slack_requests_total{code="200",method="apps.connections.open"} 4`,
		`cancelbot_slack_requests_total{code="200",method="response_url"}`,
		`cancelbot_slack_reconnects_total{reason="lost"} 2`, `cancelbot_decisions_total{outcome="unknown"} 0`,
	}
	var missing []string
	for range 100 { // the last things are counted a moment after people see them
		_, all := s.fetch(base + "/metrics")
		missing = missing[:0]
		for _, series := range want {
			if !strings.Contains(all, series) {
				missing = append(missing, series)
			}
		}
		if len(missing) == 0 {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	_, all := s.fetch(base + "/metrics")
	t.Errorf("missing: %q in\n%s", missing, regexp.MustCompile(`(?m)^(# .*|go_.*|process_.*|.*_bucket.*)\n`).ReplaceAllString(all, ""))
}

func TestDocsListEveryMetric(t *testing.T) {
	docs, err := os.ReadFile("docs/operate.md")
	if err != nil {
		t.Fatal(err)
	}
	described := map[string]bool{}
	for _, name := range regexp.MustCompile("(?m)^\\| `(cancelbot_[a-z_]+)`").FindAllStringSubmatch(string(docs), -1) {
		described[name[1]] = true
	}
	var named []string
	for _, file := range sources(t, "bot/internal/observe/*.go", "bot/cli/*.go") {
		for _, name := range regexp.MustCompile(`(?:counter|vector|gauge|histogram|plain)\("([a-z_]+)"|"cancelbot_([a-z_]+)"`).FindAllStringSubmatch(read(t, file), -1) {
			if name[1] != "" || name[2] != "" {
				named = append(named, "cancelbot_"+name[1]+name[2])
			}
		}
	}
	for _, name := range named {
		if !described[name] {
			t.Errorf("docs/operate.md lacks %s", name)
		}
		delete(described, name)
	}
	for name := range described {
		t.Errorf("docs/operate.md describes %s, which there is none of", name)
	}
}
