package bot_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/journal"
	"github.com/cancelbot/cancelbot/bot/internal/signed"
	"github.com/cancelbot/cancelbot/bot/slacktest"
	"github.com/cancelbot/cancelbot/chamelio"
	"github.com/cancelbot/cancelbot/chamelio/chameliotest"
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

// clickBy returns a decision of Linus's that only the holder of keys has signed.
func clickBy(s signed.Signer, task decision.Named, at time.Time) decision.Record {
	at = at.UTC().Truncate(time.Millisecond)
	c := decision.Confirmation{
		ID: signed.NewID(at), Tasks: []decision.Named{task}, Team: "T012ACME", Channel: general, Requester: linus,
		Reason: "forged", RequestedAt: at.Add(-time.Minute).Truncate(time.Second), ExpiresAt: at.Add(9 * time.Minute).Truncate(time.Second),
	}
	d := decision.Record{
		ID: decision.ID(c.ID), Tasks: []decision.Item{c.Tasks[0].Item()}, Team: c.Team, Channel: c.Channel, Requester: linus, Confirmer: linus,
		Reason: c.Reason, RequestedAt: c.RequestedAt, DecidedAt: at, Confirmation: s.Encode(c),
	}
	d.MAC = s.SignClick(d)
	return d
}

// The new token's keys don't stay in the database for a holder of the old one.
func TestKeysLentToAReplacedTokenAreDeleted(t *testing.T) {
	virtual(t, func(t *testing.T) {
		var o options
		w := newWorld(t, func(w *options) { o = *w })
		stop := monthLater(t, w, &o)
		defer func() { _ = stop() }()
		time.Sleep(10 * time.Second)
		if n := w.count(`SELECT count(*) FROM signing_keys`); n != 1 {
			t.Errorf("%d rows with keys: one has the old keys, for history", n)
		}
	})
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
		old, err := signed.NewSigner(slacktest.BotToken, w.api.URL(), db, time.Now)
		w.must(err)
		w.must(old.Rotate(t.Context(), "evil"))
		evil, err := signed.NewSigner("evil", w.api.URL(), db, time.Now)
		w.must(err)
		db.Trust(evil, func(journal.Unverified) {})
		d := clickBy(evil, decision.Named{ID: 12345, Title: "Payroll"}, time.Now())
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

// They introduce no keys, and write refusals, alerts and decisions of long ago that
// were never announced, sealed with the old token's keys: of today, and of back then.
func TestTokenReplacedAMonthAgoSaysNothing(t *testing.T) {
	virtual(t, func(t *testing.T) {
		var o options
		w := newWorld(t, func(w *options) { w.bot.AuditChannel = slacktest.Deals; o = *w })
		then := time.Now()
		stop := monthLater(t, w, &o)
		defer func() { _ = stop() }()
		time.Sleep(5 * time.Minute)
		before := len(w.slack.All())
		db := w.open(o)
		old, err := signed.NewSigner(slacktest.BotToken, w.api.URL(), db, time.Now)
		w.must(err)
		db.Trust(old, func(journal.Unverified) {})
		for i, at := range []time.Time{then, time.Now()} {
			w.must(db.Refused(t.Context(), decision.Note{ConfirmationID: decision.ID(signed.NewID(at)), Tasks: []chamelio.TaskID{12345}, Team: "T012ACME", Channel: general, Person: linus, Code: "guest", At: at}))
			d := clickBy(old, decision.Named{ID: chamelio.TaskID(12345 - i), Title: "Payroll"}, at)
			_, err := db.Claim(t.Context(), d)
			w.must(err)
			d = clickBy(old, decision.Named{ID: 12343}, at)
			w.must(db.Opened(t.Context(), journal.Request{ID: d.ID, MessageTS: "1.2", Confirmation: d.Confirmation}, 0, 0))
		}
		w.must(db.CredentialTried(t.Context(), "api_key", "expired", true))
		w.statement(`UPDATE decisions SET owner = '', leased_until = 1`)
		time.Sleep(15 * time.Minute) // the token might come back
		for _, m := range w.slack.All()[before:] {
			t.Errorf("it says: %s", m.Text)
		}
		for kind, want := range map[journal.Table]int{journal.Decisions: 2, journal.Notes: 3, journal.Requests: 2} {
			if n := w.count(fmt.Sprintf(`SELECT count(*) FROM set_aside WHERE kind = '%s'`, kind)); n != want {
				t.Errorf("%d rows of %s were set aside, not %d", n, kind, want)
			}
		}
	})
}

// They change the outcome of a genuine decision of today before it is announced.
func TestTokenReplacedAMonthAgoMakesNoOutcome(t *testing.T) {
	virtual(t, func(t *testing.T) {
		var o options
		w := newWorld(t, func(w *options) { o = *w })
		then := time.Now().UTC().Truncate(time.Millisecond)
		stop := monthLater(t, w, &o)
		old, err := signed.NewSigner(slacktest.BotToken, w.api.URL(), w.open(o), time.Now)
		w.must(err)
		prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
		w.api.Break(chameliotest.Fault{Method: http.MethodPost, Status: 400, Body: `{"detail":"no"}`})
		w.slack.Break(slacktest.Fault{Method: "response_url", Status: 503})
		w.slack.Break(slacktest.Fault{Method: "chat.postMessage", Status: 503})
		w.acked(w.slack.Click(ada, prompt, "cancel_task"))
		time.Sleep(20 * time.Second)
		_ = stop()
		recent, err := w.journal.Recent(t.Context(), journal.Query{Task: 12345})
		w.must(err)
		id, detail := string(recent[0].ID), decision.Result{Outcome: decision.Cancelled, Cause: decision.CauseSeen}.Encode()
		w.statement(fmt.Sprintf(`UPDATE tasks SET outcome = 'cancelled', detail = '%s', finished_at = '%s', outcome_mac = '%s' WHERE confirmation_id = '%s'`,
			detail, then.Format("2006-01-02 15:04:05.999999999-07:00"), old.Seal("outcome", id, "0", "cancelled", detail, fmt.Sprint(then.UnixMilli())), id))
		w.slack.ClearFaults()
		stop = w.start(o)
		defer func() { _ = stop() }()
		time.Sleep(15 * time.Minute) // the token might come back
		for _, m := range w.slack.History(general) {
			t.Errorf("it says: %s", m.Text)
		}
		if n := w.count(`SELECT count(*) FROM set_aside`); n != 1 {
			t.Errorf("%d rows were set aside", n)
		}
	})
}

// asOf returns the journal as someone writes it who has the token of before, at the time then.
func (w *world) asOf(o options, then time.Time) (*journal.Journal, signed.Signer) {
	w.Helper()
	db := w.open(o)
	old, err := signed.NewSigner(slacktest.BotToken, w.api.URL(), db, func() time.Time { return then })
	w.must(err)
	db.Trust(old, func(journal.Unverified) {})
	return db, old
}

// makeUp writes a decision that was announced as a message, with a result.
func (w *world) makeUp(db *journal.Journal, d decision.Record, res decision.Result, ts string) {
	w.Helper()
	claim, err := db.Claim(w.Context(), d)
	w.must(err)
	_, err = db.Finish(w.Context(), claim.Lease, 0, res, true)
	w.must(err)
	w.must(db.MarkAnnounced(w.Context(), decision.Record{ID: d.ID}, ts))
}

// They date a decision back to when the token was in use, announced as unknown in place
// of Ada's announcement of today: its final result would be posted.
func TestTokenReplacedAMonthAgoMakesNoFinalResult(t *testing.T) {
	virtual(t, func(t *testing.T) {
		var o options
		w := newWorld(t, func(w *options) { w.bot.AuditChannel = slacktest.Deals; o = *w })
		then := time.Now()
		stop := monthLater(t, w, &o)
		defer func() { _ = stop() }()
		hers, _ := w.confirm(ada, w.wantPrompt(w.slash(ada, general, "/cancel-task 12344")))
		time.Sleep(time.Minute)
		before := len(w.slack.All())
		db, old := w.asOf(o, then)
		w.makeUp(db, clickBy(old, decision.Named{ID: 12345, Title: "Payroll"}, then), decision.Result{Outcome: decision.Unknown}, hers.TS)
		w.api.SetStatus(12345, "cancelled")
		time.Sleep(15 * time.Minute)
		if now := w.now(hers); now.Text != hers.Text {
			t.Errorf("Ada's announcement says: %s", now.Text)
		}
		for _, m := range w.slack.All()[before:] {
			t.Errorf("in %s it says: %s", m.Channel, m.Text)
		}
	})
}

// They date the end of a request of today back to when the token was in use: with its
// buttons' value, or with one of their own that has its ID.
func TestTokenReplacedAMonthAgoEndsNoRequest(t *testing.T) {
	for name, tt := range map[string]struct{ approved, own bool }{
		"withdrawn": {}, "approved": {approved: true}, "withdrawn with their own value": {own: true}, "approved with their own value": {true, true},
	} {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				var o options
				w := newWorld(t, secondPerson, func(w *options) { o = *w })
				then := time.Now().UTC().Truncate(time.Millisecond)
				stop := monthLater(t, w, &o)
				defer func() { _ = stop() }()
				request := w.ask(ada, general, "/cancel-task 12345")
				db, old := w.asOf(o, then)
				value := request.Button("cancel_task").Value
				now, err := signed.NewSigner(newBotToken.Reveal(), w.api.URL(), nil, time.Now) // reads what anyone can read
				w.must(err)
				c, err := now.Decode(value, time.Now())
				w.must(err)
				if tt.own {
					c.RequestedAt, c.ExpiresAt = then.Truncate(time.Second), then.Add(10*time.Minute).Truncate(time.Second)
					value = old.Encode(c)
				}
				d := decision.Record{
					ID: decision.ID(c.ID), Tasks: itemsOf(c), Team: c.Team, Channel: c.Channel, Requester: ada, Confirmer: ada,
					RequestedAt: c.RequestedAt, DecidedAt: then, Confirmation: value,
				}
				if tt.approved {
					d.Confirmer = linus
					d.MAC = old.SignClick(d)
					w.makeUp(db, d, decision.Result{Outcome: decision.Cancelled}, "")
				} else if _, ended, err := db.Withdraw(t.Context(), d); err != nil || !ended {
					t.Fatal(ended, err)
				}
				w.statement(`UPDATE requests SET decided_mac = ''`)
				w.acked(w.slack.Click(grace, request, "cancel_task"))
				time.Sleep(time.Minute)
				if w.api.Effects(12345) == 0 {
					t.Errorf("Grace's approval doesn't count; the request says: %s", w.now(request).Text)
				}
			})
		})
	}
}

// Announcements and refusals under the old token are verified a month later.
func TestHistoryOfAnEarlierTokenVerifies(t *testing.T) {
	virtual(t, func(t *testing.T) {
		var o options
		w := newWorld(t, func(w *options) { w.bot.AuditChannel = slacktest.Deals; o = *w })
		w.confirm(ada, w.wantPrompt(w.slash(ada, general, "/cancel-task 12345")))
		w.must(w.journal.Refused(t.Context(), decision.Note{Tasks: []chamelio.TaskID{12345}, Team: "T012ACME", Channel: general, Person: linus, Code: "guest", At: time.Now()}))
		time.Sleep(time.Minute)
		stop := monthLater(t, w, &o)
		defer func() { _ = stop() }()
		db := w.open(o)
		now, err := signed.NewSigner(newBotToken.Reveal(), w.api.URL(), db, time.Now)
		w.must(err)
		w.must(now.Load(t.Context()))
		db.Trust(now, func(journal.Unverified) {})
		decisions, err := db.Recent(t.Context(), journal.Query{})
		w.must(err)
		refusals, err := db.Refusals(t.Context(), journal.Query{})
		w.must(err)
		if len(decisions) != 1 || decisions[0].Unverified != nil || decisions[0].Outcome() != decision.Cancelled {
			t.Errorf("decisions: %+v", decisions)
		}
		if len(refusals) != 1 || refusals[0].Unverified != nil {
			t.Errorf("refusals: %+v", refusals)
		}
	})
}
