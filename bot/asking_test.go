package bot_test

import (
	"strings"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/slacktest"
)

// A command asks for a second person, and Slack asks to wait. The request is posted
// when Slack takes it, while it is open. Otherwise its requester reads that it wasn't.
func TestRequestIsPostedOrItsRequesterReadsWhyNot(t *testing.T) {
	later := func(method, wait string) slacktest.Fault {
		return slacktest.Fault{Method: method, Status: 429, RetryAfter: wait, Times: 1}
	}
	for name, tt := range map[string]struct {
		channel string
		faults  []slacktest.Fault
		posted  bool
	}{
		"after 40 s":                       {slacktest.Legal, []slacktest.Fault{later("response_url", "40")}, true},
		"after 9 min":                      {slacktest.Legal, []slacktest.Fault{later("response_url", "540")}, true},
		"after a minute, by both":          {general, []slacktest.Fault{later("chat.postMessage", "60"), later("response_url", "60")}, true},
		"asked to wait until it has ended": {slacktest.Legal, []slacktest.Fault{later("response_url", "700")}, false},
		"refused":                          {slacktest.Legal, []slacktest.Fault{{Method: "response_url", Error: "invalid_blocks", Times: 1}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				w := newWorld(t, secondPerson)
				for _, f := range tt.faults {
					w.slack.Break(f)
				}
				w.acked(w.slack.Slash(ada, tt.channel, "/cancel-task 12345"))
				time.Sleep(30 * time.Minute)
				posted, said := w.slack.History(tt.channel), w.slack.Private(ada, tt.channel)
				switch {
				case tt.posted && (len(posted) != 1 || len(said) > 0):
					t.Errorf("%d requests; Ada reads %q", len(posted), texts(said))
				case !tt.posted && (len(posted) > 0 || len(said) != 1 || !strings.Contains(said[0].Text, "couldn't post your request")):
					t.Errorf("%d requests; Ada reads %q", len(posted), texts(said))
				}
			})
		})
	}
}

// The process stops while a request waits until Slack takes it.
func TestStopWhileRequestWaits(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w, _ := stoppable(t, secondPerson)
		w.slack.Break(slacktest.Fault{Method: "response_url", Status: 429, RetryAfter: "60", Times: 1})
		w.acked(w.slack.Slash(ada, slacktest.Legal, "/cancel-task 12345"))
		time.Sleep(time.Second)
		w.must(w.stop())
		said := w.slack.Private(ada, slacktest.Legal)
		if len(w.slack.History(slacktest.Legal)) > 0 || len(said) != 1 || !strings.Contains(said[0].Text, "couldn't post your request") {
			t.Errorf("Ada reads %q", texts(said))
		}
	})
}
