package bot_test

import (
	"strings"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/slacktest"
	"github.com/cancelbot/cancelbot/chamelio/chameliotest"
)

// A press that doesn't count, of a prompt that is decided already, is answered
// with the decision.
func TestRefusedSecondPressReadsTheDecision(t *testing.T) {
	for name, refuse := range map[string]func(*world){
		"paused":             func(w *world) { w.must(w.journal.Pause(w.Context(), "")) },
		"facts fail":         func(w *world) { w.slack.Break(slacktest.Fault{Method: "users.info", Error: "internal_error"}) },
		"no longer a member": func(w *world) { w.slack.AddUser(slacktest.User{ID: ada, Name: "ada", IsRestricted: true}) },
	} {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				w := newWorld(t, alwaysFresh)
				prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
				w.api.Break(chameliotest.Fault{Method: "POST", Delay: 8 * time.Second})
				w.acked(w.slack.Click(ada, prompt, "cancel_task"))
				time.Sleep(3 * time.Second)
				refuse(w)
				before := len(w.slack.Private(ada, general))
				w.acked(w.slack.Forge(ada, prompt, "cancel_task", prompt.Button("cancel_task").Value))
				time.Sleep(4 * time.Second)
				for _, m := range w.slack.Private(ada, general)[before:] {
					if strings.Contains(m.Text, "If no result appears") || strings.Contains(m.Text, "can't cancel") {
						t.Errorf("they read %q", m.Text)
					}
				}
				w.eventually("the announcement", func() bool { return len(w.slack.History(general)) == 1 })
			})
		})
	}
}
