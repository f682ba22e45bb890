package bot_test

import (
	"strings"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/slacktest"
	"github.com/cancelbot/cancelbot/chamelio/chameliotest"
)

// Slack shows what it's sent next to a dialog, but its answers are lost until the dialog
// is submitted. The result still gets into a channel without the bot, where only the
// response_url that the dialog carries can post.
func TestDialogLeavesUsesForTheResult(t *testing.T) {
	slowly := slacktest.Fault{Method: "users.info", Delay: 2 * time.Second, Times: 1}
	lost := func(method string) slacktest.Fault {
		return slacktest.Fault{Method: method, Status: 500, AfterEffect: true}
	}
	for name, faults := range map[string][]slacktest.Fault{
		"slow facts":                 {slowly, lost("response_url")},
		"lost views.open":            {lost("views.open"), lost("response_url")},
		"slow facts, and views.open": {slowly, lost("views.open"), lost("response_url")},
	} {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				w := newWorld(t, requireReason, alwaysFresh)
				prompt := w.wantPrompt(w.slash(ada, slacktest.Legal, "/cancel-task 12345"))
				for _, f := range faults {
					w.slack.Break(f)
				}
				modal := w.askedForReason(ada, prompt)
				time.Sleep(20 * time.Second)
				w.slack.ClearFaults()
				w.api.Break(chameliotest.Fault{Method: "POST", Delay: 8 * time.Second})
				w.submitted(ada, modal, "a duplicate")
				time.Sleep(time.Minute)
				if posted, now := w.slack.History(slacktest.Legal), w.now(prompt); len(posted) != 1 || !settled(now) {
					t.Errorf("posted: %q; the prompt says %q; Ada reads %q", texts(posted), now.Text, texts(w.slack.Private(ada, slacktest.Legal)))
				}
			})
		})
	}
	t.Run("unknown at first", func(t *testing.T) {
		virtual(t, func(t *testing.T) {
			w := newWorld(t, requireReason, alwaysFresh)
			prompt := w.wantPrompt(w.slash(ada, slacktest.Legal, "/cancel-task 12345"))
			w.slack.Break(slacktest.Fault{Method: "users.info", Delay: 2 * time.Second})
			modal := w.askedForReason(ada, prompt)
			time.Sleep(20 * time.Second)
			w.api.Break(chameliotest.Fault{Method: "POST", Status: 500, AfterEffect: true, Delay: 8 * time.Second, Times: 1})
			w.api.Break(chameliotest.Fault{Method: "GET", Task: 12345, Status: 200, Body: `{"task":{"task_id":12345,"status":"archived"}}`})
			w.submitted(ada, modal, "a duplicate")
			time.Sleep(time.Minute)
			w.api.ClearFaults()
			time.Sleep(time.Minute)
			if posted := w.slack.History(slacktest.Legal); len(posted) != 2 || !strings.Contains(posted[1].Text, "is cancelled") {
				t.Errorf("posted: %q; Ada reads %q", texts(posted), texts(w.slack.Private(ada, slacktest.Legal)))
			}
		})
	})
	t.Run("refused sign", func(t *testing.T) {
		virtual(t, func(t *testing.T) {
			w := newWorld(t, requireReason, alwaysFresh)
			prompt := w.wantPrompt(w.slash(ada, slacktest.Legal, "/cancel-task 12345"))
			w.slack.Break(slowly)
			w.slack.Break(slacktest.Fault{Method: "response_url", Status: 429, RetryAfter: "3", Times: 1})
			w.slack.Break(slacktest.Fault{Method: "views.open", Status: 500})
			w.acked(w.slack.Click(ada, prompt, "cancel_task"))
			time.Sleep(time.Minute)
			if said := w.slack.Private(ada, slacktest.Legal); !strings.Contains(said[len(said)-1].Text, "If no dialog has asked you") {
				t.Errorf("no dialog has opened, and Ada reads %q", texts(said))
			}
		})
	})
	t.Run("shortcut", func(t *testing.T) {
		virtual(t, func(t *testing.T) {
			w := newWorld(t)
			w.slack.Break(lost("views.update"))
			w.slack.Break(lost("response_url"))
			w.acked(w.slack.Shortcut(ada, w.say(grace, slacktest.Legal, "see chamelio"), shortcut))
			time.Sleep(time.Minute)
			w.slack.ClearFaults()
			w.slack.Break(slacktest.Fault{Method: "views.update", Delay: time.Millisecond, Times: 1}) // says that the tasks are being read
			w.slack.Break(lost("views.update"))
			w.slack.Break(lost("response_url"))
			w.acked(w.slack.SubmitView(ada, w.modalNow(ada), map[string]string{"task": "12345"}))
			time.Sleep(time.Minute)
			w.slack.ClearFaults()
			modal := w.modalNow(ada)
			w.acked(w.slack.SubmitView(ada, modal, nil))
			w.slack.CloseView(ada, modal)
			time.Sleep(time.Minute)
			said := w.slack.Private(ada, slacktest.Legal)
			if posted := w.slack.History(slacktest.Legal); len(posted) != 2 || !strings.Contains(posted[1].Text, "cancelled") {
				t.Errorf("posted: %q; Ada reads %q", texts(posted), texts(said))
			}
		})
	})
}
