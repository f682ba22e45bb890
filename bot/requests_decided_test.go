package bot_test

import (
	"strings"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/carry"
	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/journal"
	"github.com/cancelbot/cancelbot/chamelio/chameliotest"
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
					if ranOut(m.Text) || strings.Contains(m.Text, "Still needs approval") {
						t.Errorf("it says: %s", m.Text)
					}
				}
				if now := w.now(prompt); !strings.Contains(now.Text, "I can't tell what became of this request") {
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

// TestVanishedDecisionEndsItsRequestOnce deletes the row of a request that was approved,
// and has another request cancel the task. The first one ends once, and its message says
// that the bot can't tell whether it was carried out.
func TestVanishedDecisionEndsItsRequestOnce(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w := newWorld(t, secondPerson)
		lost, other := w.ask(ada, general, "/cancel-task 12345"), w.ask(linus, general, "/cancel-task 12345")
		w.api.Break(chameliotest.Fault{Method: "POST", Status: 403, Body: `{"detail":"Task is locked"}`, Times: 1})
		w.confirm(grace, lost)
		w.eventually("its record", func() bool { return !w.row().AnnouncedAt.IsZero() })
		w.undecide()
		w.confirm(grace, other)
		time.Sleep(time.Until(w.endOf(lost)) + carry.RequestGrace + time.Minute)
		if now := w.now(lost); !strings.Contains(now.Text, "I can't tell what became of this request") {
			t.Errorf("it ends with: %s", now.Text)
		}
		if n := w.count(`SELECT count(*) FROM requests`); n != 0 || strings.Contains(w.log.String(), "can't end a request now") {
			t.Errorf("%d requests are left:\n%s", n, w.log.String())
		}
	})
}

// TestLostApprovalIsNotDenied approves a request while the task is being cancelled by
// another one, which fails. It ends without saying that no one approved it.
func TestLostApprovalIsNotDenied(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w := newWorld(t, secondPerson)
		first, second := w.ask(ada, general, "/cancel-task 12345"), w.ask(linus, general, "/cancel-task 12345")
		w.api.Break(chameliotest.Fault{Method: "POST", Status: 403, Body: `{"detail":"Task is locked"}`, Delay: 4 * time.Second})
		w.acked(w.slack.Click(grace, first, "cancel_task"))
		time.Sleep(time.Second)
		w.acked(w.slack.Click(grace, second, "cancel_task"))
		time.Sleep(30 * time.Second)
		if n := w.api.Effects(12345); n != 0 || w.row().Outcome() != decision.Failed {
			t.Fatalf("%d effects: %+v", n, w.row())
		}
		time.Sleep(time.Until(w.endOf(second)) + carry.RequestGrace + time.Minute)
		now := w.now(second)
		if ranOut(now.Text) || !strings.Contains(now.Text, "wasn't used: another request was confirmed") {
			t.Errorf("it says: %s", now.Text)
		}
	})
}
