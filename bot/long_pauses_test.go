package bot_test

import (
	"strings"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/slacktest"
)

// longPause is close to the life of a response_url.
var longPause = slacktest.Fault{Method: "response_url", Status: 429, RetryAfter: "1500", Times: 1}

// Slack asks to wait for 25 minutes before it takes the answer to a press. The answer
// comes then.
func TestAnswerToPressWaitsForHalfAnHour(t *testing.T) {
	for name, slow := range map[string]time.Duration{"at once": 0, "after a sign of life": 2 * time.Second} {
		t.Run("Keep task, "+name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				w, h, _ := withHook(t)
				prompt := w.prompts(false, ada, "/cancel-task 12345")
				h.set(func(op string, do func() error) error {
					if op == "Withdraw" {
						time.Sleep(slow)
						w.slack.Break(longPause)
					}
					return do()
				})
				w.acked(w.slack.Click(ada, prompt, "keep_task"))
				time.Sleep(26 * time.Minute)
				if now := w.now(prompt); meaning(now) != "kept" {
					t.Errorf("the prompt: %s", now.Text)
				}
			})
		})
	}
	t.Run("a click that is refused for now", func(t *testing.T) {
		virtual(t, func(t *testing.T) {
			w := newWorld(t, alwaysFresh, func(o *options) { o.bot.ConfirmTTL = 30 * time.Minute })
			prompt := w.prompts(false, ada, "/cancel-task 12345")
			w.slack.Break(slacktest.Fault{Method: "users.info", Hang: true})
			w.acked(w.slack.Click(ada, prompt, "cancel_task"))
			time.Sleep(3 * time.Second)
			w.slack.Break(longPause)
			time.Sleep(26 * time.Minute)
			if is := written(w.now(prompt)); len(is) < 5 || !strings.Contains(is[0], "couldn't check") || len(w.now(prompt).Buttons()) != 2 {
				t.Errorf("the prompt: %q", is)
			}
		})
	})
}

// Slack takes the answer to Keep task only after a long time. A click on Cancel task
// is answered all the same.
func TestClickAfterKeepDoesNotWaitForItsAnswer(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w := newWorld(t)
		prompt := w.prompts(false, ada, "/cancel-task 12345")
		w.slack.Break(slacktest.Fault{Method: "response_url", Status: 429, RetryAfter: "300", Times: 1})
		w.acked(w.slack.Click(ada, prompt, "keep_task"))
		time.Sleep(time.Second)
		w.acked(w.slack.Click(ada, prompt, "cancel_task"))
		time.Sleep(10 * time.Second)
		if now := w.now(prompt); meaning(now) != "kept" {
			t.Errorf("the prompt: %s", now.Text)
		}
		w.noCancel()
	})
}

// Slack takes a prompt only after it has expired. Its person reads how to start again.
func TestPromptThatArrivesTooLateHasNoButtons(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w := newWorld(t)
		w.slack.Break(longPause)
		w.acked(w.slack.Slash(ada, general, "/cancel-task 12345"))
		time.Sleep(26 * time.Minute)
		got := w.slack.Private(ada, general)
		if len(got) != 1 || len(got[0].Buttons()) > 0 || !strings.Contains(got[0].Text, "/cancel-task 12345") {
			t.Errorf("answered: %v", texts(got))
		}
	})
}
