package bot_test

import (
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/journal"
	"github.com/cancelbot/cancelbot/bot/internal/signed"
	"github.com/cancelbot/cancelbot/bot/slacktest"
)

// monthLater replaces the bot token and starts the bot again a month later, with
// the options o. It returns what stops it.
func monthLater(t *testing.T, w *world, o *options) (stop func() error) {
	w.slack.AddToken(newBotToken.Reveal())
	w.must(w.bot.UseBotToken(t.Context(), newBotToken))
	w.slack.RefuseToken(slacktest.BotToken, "token_revoked")
	time.Sleep(time.Minute)
	w.must(w.stop())
	time.Sleep(30 * 24 * time.Hour)
	o.journal, o.bot.BotToken = w.journal, newBotToken
	stop = w.start(*o)
	w.eventually("the bot connects", func() bool { return w.slack.Connections() == 2 })
	return stop
}

// Someone has the bot token that was replaced 30 days ago, and can write to the
// database. They introduce keys of their own, and insert a decision of Linus's, who
// didn't click.
func TestTokenReplacedAMonthAgoCancelsNothing(t *testing.T) {
	virtual(t, func(t *testing.T) {
		var o options
		w := newWorld(t, func(w *options) { o = *w })
		stop := monthLater(t, w, &o)
		defer func() { _ = stop() }()
		db := w.open(o) // only to write rows
		old, err := signed.NewSigner(slacktest.BotToken, db, time.Now)
		w.must(err)
		w.must(old.Rotate(t.Context(), "evil"))
		evil, err := signed.NewSigner("evil", db, time.Now)
		w.must(err)
		db.Trust(evil, func(journal.Unverified) {})
		at := time.Now().UTC().Truncate(time.Millisecond)
		c := decision.Confirmation{
			ID: signed.NewID(), Tasks: []decision.Named{{ID: 12345, Title: "Payroll"}}, Team: "T012ACME", Channel: general, Requester: linus,
			Reason: "forged", RequestedAt: at.Add(-time.Minute).Truncate(time.Second), ExpiresAt: at.Add(9 * time.Minute).Truncate(time.Second),
		}
		d := decision.Record{
			ID: decision.ID(c.ID), Tasks: []decision.Item{c.Tasks[0].Item()}, Team: c.Team, Channel: c.Channel, Requester: linus, Confirmer: linus,
			Reason: c.Reason, RequestedAt: c.RequestedAt, DecidedAt: at, Confirmation: evil.Encode(c),
		}
		d.MAC = evil.SignClick(d)
		_, err = db.Claim(t.Context(), d)
		w.must(err)
		w.statement(`UPDATE decisions SET owner = '', leased_until = 1`)
		time.Sleep(3 * time.Minute)
		if n := w.api.Effects(12345); n != 0 {
			t.Errorf("%d cancelled", n)
		}
		w.nothingOf(linus)
		w.noCancel()
	})
}
