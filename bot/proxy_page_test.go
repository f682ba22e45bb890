package bot_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/slacktest"
)

// A proxy in front of Slack answers one call with its own page. Slack hasn't refused it,
// so it's made again.
func TestPageOfAProxyIsNoRefusal(t *testing.T) {
	page := func(method string) slacktest.Fault {
		return slacktest.Fault{Method: method, Status: http.StatusForbidden, Times: 1}
	}
	for part, method := range map[string]string{"announcement": "chat.postMessage", "prompt": "response_url"} {
		t.Run(part, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				w := newWorld(t)
				prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
				w.slack.Break(page(method))
				w.acked(w.slack.Click(ada, prompt, "cancel_task"))
				time.Sleep(5 * time.Minute)
				if n := len(w.slack.History(general)); n != 1 {
					t.Errorf("%d announcements in the channel", n)
				}
				if now := w.now(prompt); len(now.Buttons()) != 0 {
					t.Errorf("the prompt of a cancelled task still says: %s", now.Text)
				}
			})
		})
	}
	t.Run("command", func(t *testing.T) {
		virtual(t, func(t *testing.T) {
			w := newWorld(t)
			w.slack.Break(page("response_url"))
			w.acked(w.slack.Slash(ada, general, "/cancel-task 12345"))
			time.Sleep(5 * time.Minute)
			if n := len(w.slack.Private(ada, general)); n != 1 {
				t.Errorf("%d answers to a command", n)
			}
		})
	})
	t.Run("request", func(t *testing.T) {
		virtual(t, func(t *testing.T) {
			w := newWorld(t, secondPerson)
			prompt := w.ask(ada, general, "/cancel-task 12345")
			w.eventually("it is listed", func() bool { return w.count(`SELECT count(*) FROM requests`) == 1 })
			w.slack.Break(page("chat.update"))
			time.Sleep(time.Until(w.endOf(prompt)) + 10*time.Minute)
			if now := w.now(prompt); len(now.Buttons()) != 0 {
				t.Errorf("after its end a request still says: %s", now.Text)
			}
		})
	})
}
