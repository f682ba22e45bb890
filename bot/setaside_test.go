package bot_test

import (
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/chamelio/chameliotest"
)

// TestAnnouncesDecisionThatReturnsWithItsKey lets a replica with another bot
// token take over a decision in progress. It can't verify the decision, and
// sets it aside. A replica with the right token announces it.
func TestAnnouncesDecisionThatReturnsWithItsKey(t *testing.T) {
	virtual(t, func(t *testing.T) {
		var o options
		w := newWorld(t, func(all *options) { o = *all })
		w.slack.AddToken(newBotToken.Reveal())
		prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
		w.api.Break(chameliotest.Fault{Method: "POST", Hang: true, AfterEffect: true})
		w.api.Break(chameliotest.Fault{Method: "GET", Hang: true})
		w.acked(w.slack.Click(ada, prompt, "cancel_task"))
		time.Sleep(time.Second)
		_ = w.stop()
		w.api.ClearFaults()
		other := o
		other.bot.BotToken = newBotToken
		other.journal = w.open(o)
		stop := w.start(other)
		time.Sleep(15 * time.Minute)
		_ = stop()
		if n := w.count(`SELECT count(*) FROM set_aside WHERE unknown_key = 1 AND why <> ''`); n != 1 {
			t.Errorf("%d rows are set aside for an unknown key", n)
		}
		o.journal = w.open(o)
		stop = w.start(o)
		defer func() { _ = stop() }()
		w.eventually("the announcement", func() bool { return len(w.slack.History(general)) == 1 })
		if n := w.count(`SELECT count(*) FROM set_aside`); n != 0 {
			t.Errorf("%d rows are still aside", n)
		}
	})
}
