package bot_test

import (
	"strings"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/slacktest"
)

// oddRetryAfters returns forms of Retry-After that aren't Slack's whole seconds.
func oddRetryAfters() map[string]string {
	return map[string]string{
		"fraction": "1.5", "date": "Sat, 01 Jan 2000 00:01:00 GMT", "malformed": "2 ; x", "negative": "-1", "none": "",
	}
}

// Status 429 means that Slack hasn't done anything, in whatever form it asks to wait. So
// what may appear only once is posted later, and isn't given up as possibly posted.
func TestOddRetryAfterOnlyDelays(t *testing.T) {
	for name, form := range oddRetryAfters() {
		limited := slacktest.Fault{Method: "chat.postMessage", Status: 429, RetryAfter: form, Times: 1}
		t.Run("request and reminder, "+name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				w := newWorld(t, secondPerson, func(o *options) { o.bot.RemindBefore = 3 * time.Minute })
				w.slack.Break(limited)
				w.acked(w.slack.Slash(ada, general, "/cancel-task 12345"))
				time.Sleep(3 * time.Minute)
				if posted := w.slack.History(general); len(posted) != 1 || strings.Contains(w.said(ada), "I don't know whether") {
					t.Fatalf("%d requests; Ada reads %q", len(posted), w.said(ada))
				}
				w.slack.Break(limited)
				time.Sleep(8 * time.Minute)
				if posted := w.slack.History(general); len(posted) != 2 {
					t.Errorf("in the channel: %q", texts(posted))
				}
			})
		})
		t.Run("audit copy, "+name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				w := newWorld(t, func(o *options) { o.bot.AuditChannel = slacktest.Deals })
				prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
				w.slack.Break(slacktest.Fault{Method: "chat.postMessage", Channel: slacktest.Deals, Status: 429, RetryAfter: form, Times: 2})
				w.confirm(ada, prompt)
				time.Sleep(time.Hour)
				if copies := w.slack.History(slacktest.Deals); len(copies) != 1 {
					t.Errorf("%d copies", len(copies))
				}
			})
		})
	}
}

// A response_url that asks to wait until a time is called again then.
func TestAnswerWaitsUntilTheTimeThatSlackNames(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w := newWorld(t)
		w.slack.Break(slacktest.Fault{Method: "response_url", Status: 429, RetryAfter: "Sat, 01 Jan 2000 00:01:00 GMT"})
		w.acked(w.slack.Slash(ada, general, "/cancel-task 12345"))
		time.Sleep(50 * time.Second)
		w.slack.ClearFaults()
		time.Sleep(time.Minute)
		if got := w.slack.Private(ada, general); len(got) != 1 {
			t.Errorf("Ada reads %q", texts(got))
		}
	})
}
