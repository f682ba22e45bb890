package bot_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/slacktest"
	"github.com/cancelbot/cancelbot/chamelio/chameliotest"
)

// TestRestoresDecisionWithoutItsTasks deletes rows of a decision that is in
// progress. A decision without all of its tasks counts as gone: it is
// restored, reported and announced.
func TestRestoresDecisionWithoutItsTasks(t *testing.T) {
	for name, deletion := range map[string]string{
		"all tasks":       `DELETE FROM tasks`,
		"the first task":  `DELETE FROM tasks WHERE position = 0`,
		"the second task": `DELETE FROM tasks WHERE position = 1`,
		"the decision":    `DROP TRIGGER decisions_delete; DELETE FROM decisions`,
		"everything":      `DELETE FROM decisions`,
	} {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				w := newWorld(t)
				w.api.Add(500, 3)
				prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 501 502"))
				w.api.Break(chameliotest.Fault{Method: "POST", Delay: 2 * time.Second})
				w.acked(w.slack.Click(ada, prompt, "cancel_task"))
				time.Sleep(time.Second)
				w.statement(deletion)
				w.eventually("the announcement", func() bool { return len(w.slack.History(general)) == 1 })
				time.Sleep(10 * time.Minute)
				if n := len(w.slack.History(general)); n != 1 {
					t.Errorf("announced %d times", n)
				}
				if said := w.slack.History(general)[0]; meaning(said) != "cancelled" {
					t.Errorf("it says: %s", said.Text)
				}
				if !strings.Contains(w.log.String(), "decision missing from the journal") {
					t.Error("not reported")
				}
			})
		})
	}
}

// TestKeepAfterTheRowVanished presses Keep task while the decision is being carried
// out, and its rows are gone: it is too late, whatever the journal has.
func TestKeepAfterTheRowVanished(t *testing.T) {
	busy := chameliotest.Busy("20")
	busy.Method, busy.Times = "POST", 1
	for name, prevent := range map[string]func(*world){
		"in flight": func(w *world) { w.api.Break(chameliotest.Fault{Method: "POST", Delay: 2 * time.Second}) },
		"waiting":   func(w *world) { w.api.Break(busy) },
		"posting": func(w *world) {
			w.slack.Break(slacktest.Fault{Method: "chat.postMessage", Status: 429, RetryAfter: "8", Times: 1})
			w.slack.Break(slacktest.Fault{Method: "response_url", Delay: 3 * time.Second, Times: 1})
		},
	} {
		for _, table := range []string{"decisions", "tasks"} {
			t.Run(name+", without "+table, func(t *testing.T) {
				virtual(t, func(t *testing.T) {
					w := newWorld(t)
					prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
					prevent(w)
					w.acked(w.slack.Click(ada, prompt, "cancel_task"))
					time.Sleep(500 * time.Millisecond)
					w.statement("DELETE FROM " + table)
					w.acked(w.slack.Forge(ada, prompt, "keep_task", prompt.Button("keep_task").Value))
					w.toldOnce(general)
					if said := w.said(ada) + w.now(prompt).Text; w.api.Effects(12345) != 1 || strings.Contains(said, "closed this prompt") {
						t.Errorf("%d effects; Ada reads %q", w.api.Effects(12345), said)
					}
				})
			})
		}
	}
}

// TestClosedPromptGivesWayToItsDecision closes a prompt in another process after its
// decision's row has vanished. The decision is announced all the same.
func TestClosedPromptGivesWayToItsDecision(t *testing.T) {
	for _, at := range []string{"Finish", "BeginAnnouncing", "MarkAnnounced"} {
		t.Run(at, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				w, h, _ := withHook(t)
				prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
				row := w.recordOf(prompt, time.Now())
				if at == "BeginAnnouncing" { // a second round of tries asks for it
					w.slack.Break(slacktest.Fault{Method: "chat.postMessage", Error: "ratelimited"})
					w.slack.Break(slacktest.Fault{Method: "response_url", Error: "ratelimited", InBody: true})
				}
				var once sync.Once
				closed := false
				h.set(func(op string, do func() error) error {
					if op == at {
						once.Do(func() {
							w.statement("DELETE FROM decisions")
							_, withdrawn, err := w.journal.Withdraw(w.Context(), row)
							w.must(err)
							closed = withdrawn
							w.slack.ClearFaults()
						})
					}
					return do()
				})
				w.acked(w.slack.Click(ada, prompt, "cancel_task"))
				w.toldOnce(general)
				if got := w.row(); !closed || w.api.Effects(12345) != 1 || got.Outcome() != decision.Cancelled || got.AnnouncedAt.IsZero() {
					t.Errorf("closed %t, %d effects; on record: %+v", closed, w.api.Effects(12345), got)
				}
			})
		})
	}
}

// A row vanishes after its outcome was posted, and another process restores it without
// the outcome before the first one can record the post.
func TestAnnouncementOfARestoredRowIsRecorded(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w, h, _ := withHook(t)
		prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
		var once sync.Once
		h.set(func(op string, do func() error) error {
			if op == "MarkAnnounced" {
				once.Do(func() {
					lost := w.row()
					task := lost.Tasks[0]
					lost.Tasks[0] = decision.Item{ID: task.ID, Title: task.Title, URL: task.URL, Step: task.Step}
					w.statement("DELETE FROM decisions")
					_, _, err := w.journal.Restore(w.Context(), lost)
					w.must(err)
				})
			}
			return do()
		})
		w.acked(w.slack.Click(ada, prompt, "cancel_task"))
		w.toldOnce(general)
		if got := w.row(); got.Outcome() != decision.Cancelled || got.AnnouncedAt.IsZero() {
			t.Errorf("on record: %+v", got)
		}
	})
}

// The journal is away for longer than a lease and loses a row. The process that restores
// it may have had a successor, which has posted the outcome and is about to record that.
func TestRestoredAfterAnOutageGivesItsSuccessorTime(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w, h, _ := withHook(t)
		prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
		var once sync.Once
		gone := make(chan struct{})
		h.set(func(op string, do func() error) error {
			if op == "Finish" {
				once.Do(func() { h.set(away); close(gone) })
				return errCut
			}
			return do()
		})
		w.acked(w.slack.Click(ada, prompt, "cancel_task"))
		<-gone
		time.Sleep(3 * time.Minute)
		id := w.row().ID
		w.statement("DELETE FROM decisions")
		h.set(nil)
		w.eventually("it is restored", func() bool { return w.row().ID == id })
		time.Sleep(5 * time.Second) // the longest pause before the successor tries again
		w.must(w.journal.MarkAnnounced(w.Context(), decision.Record{ID: id}, "1.2"))
		time.Sleep(10 * time.Minute)
		if told := w.slack.History(general); len(told) != 0 {
			t.Errorf("announced again: %+v", told)
		}
	})
}
