package bot_test

import (
	"strings"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/journal"
)

// undecide deletes the rows of decisions, in spite of the triggers.
func (w *world) undecide() {
	w.Helper()
	w.statement(`DROP TRIGGER decisions_announced_delete; DROP TRIGGER tasks_announced_delete; DELETE FROM decisions`)
}

// TestDecidedRequestStaysDecided deletes the row of a request that was approved
// or withdrawn, or makes it unverifiable. The request is neither reminded of nor
// said to be approved by no one, and no click on it counts.
func TestDecidedRequestStaysDecided(t *testing.T) {
	for name, tt := range map[string]struct {
		button string
		lose   func(*world)
	}{
		"approved and deleted":  {"cancel_task", (*world).undecide},
		"withdrawn and deleted": {"keep_task", (*world).undecide},
		"approved and forged": {"cancel_task", func(w *world) {
			w.statement(`DROP TRIGGER decisions_announced_change; UPDATE decisions SET confirmer = 'U9'`)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				w := newWorld(t, secondPerson, reminding)
				prompt := w.ask(ada, general, "/cancel-task 12345")
				value := prompt.Button("cancel_task").Value
				person := grace
				if tt.button == "keep_task" {
					person = ada
				}
				w.acked(w.slack.Click(person, prompt, tt.button))
				w.eventually("it is decided", func() bool { return settled(w.now(prompt)) })
				time.Sleep(time.Second)
				effects := w.api.Effects(12345)
				tt.lose(w)
				w.acked(w.slack.Forge(grace, prompt, "cancel_task", value))
				time.Sleep(20 * time.Minute)
				if n := w.api.Effects(12345); n != effects {
					t.Errorf("cancelled again")
				}
				for _, m := range append(w.slack.All(), w.now(prompt)) {
					if strings.Contains(m.Text, "No approval") || strings.Contains(m.Text, "Still needs approval") {
						t.Errorf("it says: %s", m.Text)
					}
				}
				if now := w.now(prompt); !strings.Contains(now.Text, "I can't tell what became of this prompt") {
					t.Errorf("it ends with: %s", now.Text)
				}
				if n := w.count(`SELECT count(*) FROM requests`); n != 0 {
					t.Errorf("%d requests are left", n)
				}
			})
		})
	}
}

// TestForgedMarkDecidesNothing marks an open request as decided. A click on it
// counts.
func TestForgedMarkDecidesNothing(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w := newWorld(t, secondPerson)
		prompt := w.ask(ada, general, "/cancel-task 12345")
		w.eventually("it is listed", func() bool { return w.count(`SELECT count(*) FROM requests`) == 1 })
		w.statement(`UPDATE requests SET decided_mac = 'forged'`)
		w.confirm(grace, prompt)
		if w.api.Effects(12345) != 1 {
			t.Error("not cancelled")
		}
		if all, err := w.journal.SetAsides(t.Context(), journal.Query{}); err != nil || len(all) != 1 || all[0].Table != journal.Requests {
			t.Errorf("set aside: %+v %v", all, err)
		}
	})
}
