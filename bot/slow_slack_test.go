package bot_test

import (
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/slacktest"
)

// Slack asks to wait for a minute before the answer to a command. The person gets it
// then.
func TestAnswerWaitsAsLongAsSlackAsks(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w := newWorld(t)
		w.slack.Break(slacktest.Fault{Method: "response_url", Status: 429, RetryAfter: "60", Times: 1})
		w.acked(w.slack.Slash(ada, general, "/cancel-task 12345"))
		time.Sleep(2 * time.Minute)
		if got := w.slack.Private(ada, general); len(got) != 1 || len(got[0].Buttons()) == 0 {
			t.Errorf("answered: %v", texts(got))
		}
	})
}

// Slack asks to wait for ten seconds before a request is posted. It is posted by the
// bot then, not through the response_url, so its message changes when it expires.
func TestRequestWaitsAsLongAsSlackAsks(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w := newWorld(t, secondPerson)
		w.slack.Break(slacktest.Fault{Method: "chat.postMessage", Status: 429, RetryAfter: "10", Times: 1})
		prompt := w.ask(ada, general, "/cancel-task 12345")
		time.Sleep(time.Until(w.endOf(prompt)) + time.Minute)
		if now := w.now(prompt); len(now.Buttons()) > 0 {
			t.Errorf("it still has its buttons: %s", now.Text)
		}
	})
}

// The journal is away for twenty seconds when a request was posted. Its message
// changes when it expires.
func TestRequestIsListedAfterAnOutage(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w, h, _ := withHook(t, secondPerson)
		h.set(failing("Opened"))
		prompt := w.ask(ada, general, "/cancel-task 12345")
		time.Sleep(20 * time.Second)
		h.set(nil)
		time.Sleep(time.Until(w.endOf(prompt)) + time.Minute)
		if now := w.now(prompt); len(now.Buttons()) > 0 {
			t.Errorf("it still has its buttons: %s", now.Text)
		}
	})
}

// The process stops while it waits for Slack to take a reminder. The next one posts
// it.
func TestReminderThatWaitsSurvivesAStop(t *testing.T) {
	virtual(t, func(t *testing.T) {
		var next options
		w := newWorld(t, secondPerson, reminding, func(o *options) { next = *o })
		prompt := w.ask(ada, general, "/cancel-task 12345")
		time.Sleep(time.Until(w.endOf(prompt)) - 3*time.Minute - 5*time.Second)
		w.slack.Break(slacktest.Fault{Method: "chat.postMessage", Status: 429, RetryAfter: "3", Times: 1})
		w.eventually("the first try", func() bool { return w.posts() == 2 })
		w.must(w.stop())
		w.restart(next, 1)
		time.Sleep(30 * time.Second)
		if n := len(w.slack.Thread(general, prompt.TS)); n != 1 {
			t.Errorf("%d reminders", n)
		}
	})
}
