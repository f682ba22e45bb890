package bot_test

import (
	"strings"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/journal"
	"github.com/cancelbot/cancelbot/bot/internal/signed"
	"github.com/cancelbot/cancelbot/bot/internal/work"
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

// A replica that was started with a new bot token carries out a decision. A click on its
// task here waits until that one has an outcome, and then counts.
func TestClickWaitsForAReplicaWithAnotherToken(t *testing.T) {
	virtual(t, func(t *testing.T) {
		var o options
		w := newWorld(t, func(all *options) { o = *all })
		prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
		other := w.open(o)
		s, err := signed.NewSigner(newBotToken.Reveal(), w.api.URL(), other, time.Now)
		w.must(err)
		other.Trust(s, func(journal.Unverified) {})
		claim, err := other.Claim(t.Context(), clickBy(s, decision.Named{ID: 12345, Title: "Payroll"}, time.Now()))
		w.must(err)
		go func() {
			for ctx := t.Context(); work.Sleep(ctx, other.Lease()/3); {
				_, _, _ = other.Beat(ctx, true)
				_, _ = other.RenewAll(ctx, []journal.Lease{claim.Lease})
			}
		}()
		time.Sleep(5 * time.Second)
		w.acked(w.slack.Click(ada, prompt, "cancel_task"))
		time.Sleep(time.Minute)
		if said := w.said(ada); !strings.Contains(said, "can't say yet whether it counts") || w.api.Effects(12345) != 0 {
			t.Errorf("%d cancelled; Ada reads %s", w.api.Effects(12345), said)
		}
		if n := w.count(`SELECT count(*) FROM set_aside`); n != 0 {
			t.Errorf("%d rows were set aside", n)
		}
		_, err = other.Finish(t.Context(), claim.Lease, 0, decision.Result{Outcome: decision.Failed}, false)
		w.must(err)
		if told := w.toldOnce(general); !strings.Contains(told.Text, "cancelled") || w.api.Effects(12345) != 1 {
			t.Errorf("%d cancelled: %s", w.api.Effects(12345), told.Text)
		}
	})
}
