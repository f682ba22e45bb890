package bot_test

import (
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/slacktest"
)

// TestRefusedAuditChannelDelaysNothingElse makes Slack refuse the audit
// channel: the process stays ready, and the copies follow later.
func TestRefusedAuditChannelDelaysNothingElse(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w := newWorld(t, func(o *options) { o.bot.AuditChannel = slacktest.Deals })
		w.slack.Break(slacktest.Fault{Method: "chat.postMessage", Channel: slacktest.Deals, Error: "is_archived"})
		w.confirm(ada, w.wantPrompt(w.slash(ada, general, "/cancel-task 12345")))
		for range 30 { // a copy each
			w.slash(slacktest.Guest, general, "/cancel-task 12345")
		}
		for range 120 {
			time.Sleep(time.Second)
			if err := w.bot.Ready(t.Context()); err != nil {
				t.Fatalf("not ready: %v", err)
			}
		}
		w.slack.ClearFaults()
		w.eventually("the copies", func() bool { return len(w.slack.History(slacktest.Deals)) == 31 })
	})
}
