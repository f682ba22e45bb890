package bot_test

import (
	"strings"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/slacktest"
	"github.com/cancelbot/cancelbot/chamelio/chameliotest"
)

// submitsInGoneThread cancels a task by the shortcut, in a thread that is gone by then.
// The response_url doesn't work any more.
func (w *world) submitsInGoneThread() {
	w.Helper()
	w.slack.AmendPayloads(func(_ string, p map[string]any) {
		if m, is := p["message"].(map[string]any); is && p["type"] == "message_action" {
			m["thread_ts"] = "1000000000.000100"
		}
	})
	reply := w.slack.Reply(grace, w.say(grace, general, "the Globex contract"), taskLink+"12345")
	modal := w.modal(ada, reply)
	w.slack.Break(slacktest.Fault{Method: "response_url", Error: "expired_url"})
	w.submits(ada, modal, nil)
}

// readsOnce fails the test unless the channel's last message says something, the bot
// posted n there, and no one got one alone.
func (w *world) readsOnce(n int, what string) {
	w.Helper()
	var said []string
	for _, m := range w.slack.All() {
		if m.Author == slacktest.BotUser && m.Only == "" {
			said = append(said, m.Channel+": "+m.Text)
		}
	}
	if len(said) != n || !strings.HasPrefix(said[n-1], general+": ") || !strings.Contains(said[n-1], what) {
		w.Errorf("posted: %q", said)
	}
}

func TestChannelReadsTheOutcomeIfItsThreadIsGone(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w := newWorld(t)
		w.submitsInGoneThread()
		time.Sleep(time.Minute)
		w.readsOnce(1, "cancelled")
	})
}

func TestChannelReadsTheFinalResultIfItsThreadIsGone(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w := newWorld(t)
		w.api.Break(chameliotest.Fault{Status: 500})
		w.submitsInGoneThread()
		time.Sleep(time.Hour)
		w.readsOnce(1, "Not confirmed yet")
		w.api.ClearFaults()
		w.api.SetStatus(12345, "cancelled")
		time.Sleep(20 * time.Minute)
		w.readsOnce(2, "is cancelled")
	})
}
