package bot_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/cancelbot/cancelbot/bot/slacktest"
	"github.com/cancelbot/cancelbot/chamelio/chameliotest"
)

// forgeAnnounced inserts an announced decision by Linus about a task, as
// someone with access to the database could. id is the confirmation's.
func (w *world) forgeAnnounced(id string, task int64) {
	w.Helper()
	w.statement(fmt.Sprintf(`INSERT INTO tasks (confirmation_id, position, task_id, outcome, detail, finished_at) VALUES ('%s', 0, %d, 'cancelled', '{}', '2026-11-28 10:00:00+00:00');
		INSERT INTO decisions (confirmation_id, team_id, channel_id, requester, confirmer, reason, requested_at, decided_at, announced_at, epoch)
		VALUES ('%[1]s', 'T012ACME', '%[3]s', '%[4]s', '%[4]s', 'forged', '2026-11-28 10:00:00+00:00', '2026-11-28 10:00:00+00:00', '2026-11-28 10:00:00+00:00', 1)`,
		id, task, general, linus))
}

// idOf returns the ID of a prompt's confirmation.
func (w *world) idOf(prompt slacktest.Message) string {
	return string(w.recordOf(prompt, time.Now()).ID)
}

// nothingOf fails if a word was ever shown to anyone.
func (w *world) nothingOf(word string) {
	w.Helper()
	for _, m := range w.slack.All() {
		if strings.Contains(fmt.Sprint(m), word) {
			w.Errorf("it says: %s", m.Text)
		}
	}
	for _, c := range w.slack.Calls() {
		if strings.Contains(fmt.Sprint(c.Args), word) {
			w.Errorf("it said: %v", c.Args)
		}
	}
}

// TestForgerCanOnlyDeleteAndDelay inserts rows into every table. Their
// contents are shown to no one, and genuine decisions continue.
func TestForgerCanOnlyDeleteAndDelay(t *testing.T) {
	t.Run("a click on a prompt with a forged row", func(t *testing.T) {
		virtual(t, func(t *testing.T) {
			registry := prometheus.NewRegistry()
			w := newWorld(t, func(o *options) { o.bot.Metrics = registry })
			prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
			w.forgeAnnounced(w.idOf(prompt), chameliotest.InProgressTask)
			w.confirm(ada, prompt)
			if w.api.Effects(12345) != 1 {
				t.Error("it was not cancelled")
			}
			w.nothingOf(linus)
			if n := counted(t, registry, "cancelbot_journal_unverified_rows_total", "decisions", "set_aside"); n != 1 {
				t.Errorf("%v were counted", n)
			}
		})
	})
	t.Run("a click about a task with a forged row", func(t *testing.T) {
		virtual(t, func(t *testing.T) {
			w := newWorld(t)
			prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
			w.forgeAnnounced("forged", chameliotest.InProgressTask)
			w.confirm(ada, prompt)
			w.nothingOf(linus)
		})
	})
	t.Run("Keep task on a prompt with a forged row", func(t *testing.T) {
		virtual(t, func(t *testing.T) {
			w := newWorld(t)
			prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
			w.forgeAnnounced(w.idOf(prompt), chameliotest.InProgressTask)
			w.acked(w.slack.Click(ada, prompt, "keep_task"))
			w.eventually("it is kept", func() bool { return len(w.now(prompt).Buttons()) == 0 })
			w.nothingOf(linus)
			w.noCancel()
		})
	})
	t.Run("a late click", func(t *testing.T) {
		virtual(t, func(t *testing.T) {
			w := newWorld(t)
			prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
			w.forgeAnnounced(w.idOf(prompt), chameliotest.InProgressTask)
			time.Sleep(11 * time.Minute)
			w.acked(w.slack.Click(ada, prompt, "cancel_task"))
			w.eventually("it has expired", func() bool { return len(w.now(prompt).Buttons()) == 0 })
			w.nothingOf(linus)
			w.noCancel()
		})
	})
	t.Run("a request with a forged row", func(t *testing.T) {
		virtual(t, func(t *testing.T) {
			w := newWorld(t, secondPerson, reminding)
			prompt := w.ask(ada, general, "/cancel-task 12345")
			w.forgeAnnounced(w.idOf(prompt), chameliotest.InProgressTask)
			w.forgeAnnounced("other", chameliotest.PendingTask)
			time.Sleep(8 * time.Minute)
			if n := len(w.slack.Thread(general, prompt.TS)); n != 1 {
				t.Errorf("%d reminders", n)
			}
			time.Sleep(3 * time.Minute)
			if now := w.now(prompt); !ranOut(now.Text) {
				t.Errorf("it says: %s", now.Text)
			}
			w.nothingOf(linus)
		})
	})
	t.Run("the outcome of a genuine row", func(t *testing.T) {
		virtual(t, func(t *testing.T) {
			w := newWorld(t)
			prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
			value := prompt.Button("cancel_task").Value
			w.api.Break(chameliotest.Fault{Method: "POST", Status: 400, Body: `{"detail":"no"}`})
			w.confirm(ada, prompt)
			w.statement(`DROP TRIGGER tasks_announced_change; UPDATE tasks SET outcome = 'cancelled', detail = '{"title":"forged"}'`)
			before := len(w.slack.All())
			w.acked(w.slack.Forge(ada, prompt, "cancel_task", value))
			time.Sleep(time.Minute)
			w.nothingOf("forged")
			for _, m := range w.slack.All()[min(before, len(w.slack.All())):] {
				if meaning(m) == "cancelled" && w.api.Effects(12345) == 0 {
					t.Errorf("it says: %s", m.Text)
				}
			}
		})
	})
	t.Run("notes for the audit channel", func(t *testing.T) {
		virtual(t, func(t *testing.T) {
			w := newWorld(t, func(o *options) { o.bot.AuditChannel = slacktest.Deals })
			w.forgeAnnounced("forged", chameliotest.PendingTask)
			for i, kind := range []string{"announcement", "settled", "refusal", "credential"} {
				w.statement(fmt.Sprintf(`INSERT INTO audit (id, kind, noted_at, confirmation_id, task_ids, team_id, channel_id, person, code)
					VALUES ('f%d', '%s', '2020-01-01 00:00:00+00:00', 'forged', '1', 'T012ACME', '%s', '%s', 'guest')`, i, kind, general, linus))
			}
			prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
			w.confirm(ada, prompt)
			w.eventually("the copy", func() bool { return len(w.slack.History(slacktest.Deals)) == 1 })
			time.Sleep(10 * time.Minute)
			if n := len(w.slack.History(slacktest.Deals)); n != 1 {
				t.Errorf("%d copies", n)
			}
			w.nothingOf(linus)
		})
	})
	t.Run("keys", func(t *testing.T) {
		virtual(t, func(t *testing.T) {
			w := newWorld(t)
			w.statement(`INSERT INTO signing_keys (id, sealed, kept_until) VALUES ('f', 'QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFB', 99999999999999)`)
			time.Sleep(time.Minute)
			w.confirm(ada, w.wantPrompt(w.slash(ada, general, "/cancel-task 12345")))
		})
	})
}

// TestReplicasRotateTokensMinutesApart makes one replica use the new bot
// token, decide and die long before the other gets the token.
func TestReplicasRotateTokensMinutesApart(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w, h, o := withHook(t)
		w.slack.AddToken(newBotToken.Reveal())
		w.api.Add(1000, 1)
		prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345")) // before
		w.must(w.bot.UseBotToken(t.Context(), newBotToken))
		time.Sleep(140 * time.Second)
		later := w.wantPrompt(w.slash(ada, general, "/cancel-task 12344")) // by the new token
		after := w.wantPrompt(w.slash(ada, general, "/cancel-task 1000"))
		h.set(func(op string, do func() error) error {
			if op == "Finish" {
				return errCut // until it dies
			}
			return do()
		})
		w.acked(w.slack.Click(ada, later, "cancel_task"))
		time.Sleep(time.Second)
		_ = w.stop()
		h.set(nil)
		w.replica(o) // with the old token
		w.eventually("the announcement", func() bool { return len(w.slack.History(general)) == 1 })
		w.confirm(ada, prompt)
		w.acked(w.slack.Click(ada, after, "cancel_task"))
		w.eventually("all announcements", func() bool { return len(w.slack.History(general)) == 3 })
		time.Sleep(time.Minute)
		if n := w.count(`SELECT count(*) FROM set_aside`); n != 0 || strings.Contains(w.log.String(), "isn't genuine") {
			t.Errorf("%d rows were set aside", n)
		}
	})
}
