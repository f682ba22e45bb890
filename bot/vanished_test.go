package bot_test

import (
	"strings"
	"testing"
	"time"

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
