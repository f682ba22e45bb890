package e2e

import (
	"strings"
	"testing"

	"github.com/cancelbot/cancelbot/bot/slacktest"
)

// check --messages sends every message, at its longest, through Slack's own
// validation, and posts nothing.
func TestCheckTriesEveryMessageAtSlack(t *testing.T) {
	t.Parallel()
	s := newStandIns(t)
	p := start(t, s.env(sqlite(t)), "check", "--messages")
	if code := p.exit(t); code != 0 || !strings.Contains(p.output.String(), "Slack takes all ") {
		t.Errorf("exit code %d\n%s", code, p.output)
	}
	if n := len(s.slack.All()); n != 0 {
		t.Errorf("it posted %d messages", n)
	}
	s.slack.Break(slacktest.Fault{Method: "blocks.validate", Error: "unknown_method"})
	p = start(t, s.env(sqlite(t)), "check", "--messages")
	if code := p.exit(t); code != 1 || !strings.Contains(p.output.String(), "doesn't know blocks.validate") {
		t.Errorf("where Slack does not know the method: exit code %d\n%s", code, p.output)
	}
}
