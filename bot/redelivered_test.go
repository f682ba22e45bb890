package bot_test

import (
	"strings"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/slacktest"
)

// redelivers keeps the next click, and returns a function that delivers it so often
// again that each replica gets it.
func (w *world) redelivers() (again func()) {
	var click map[string]any
	w.slack.AmendPayloads(func(_ string, payload map[string]any) {
		if click == nil {
			click = payload
		}
	})
	return func() {
		for range 8 {
			w.slack.Deliver("interactive", click)
		}
	}
}

// Another replica gets the same click again, or a second one, and refuses it while
// the first is still being judged, and then counts. No one reads that it didn't.
func TestRefusalElsewhereLeavesOpenWhatIsBeingJudged(t *testing.T) {
	for name, tt := range map[string]struct{ again, paused bool }{
		"redelivered, facts fail":  {true, false},
		"redelivered, paused":      {true, true},
		"second press, facts fail": {false, false},
	} {
		t.Run(name, func(t *testing.T) {
			both(t, func(t *testing.T, public bool, change ...func(*options)) {
				w, _, o := withHook(t, append(change, alwaysFresh)...)
				w.replica(o)
				prompt := w.prompts(public, ada, "/cancel-task 12345")
				by, value, lookups := ada, prompt.Button("cancel_task").Value, 1
				if public {
					by, lookups = grace, 2
				}
				redeliver := w.redelivers()
				w.slack.Break(slacktest.Fault{Method: "users.info", Delay: 2500 * time.Millisecond, Times: lookups})
				w.acked(w.slack.Click(by, prompt, "cancel_task"))
				time.Sleep(300 * time.Millisecond)
				if tt.paused {
					w.must(w.journal.Pause(w.Context(), ""))
				} else {
					w.slack.Break(slacktest.Fault{Method: "users.info", Error: "internal_error"})
				}
				if tt.again {
					redeliver()
				} else {
					for range 6 {
						w.acked(w.slack.Forge(by, prompt, "cancel_task", value))
					}
				}
				time.Sleep(10 * time.Minute)
				said := w.said(by)
				if strings.Contains(said, "didn't count") || !strings.Contains(said, "If no result appears in <#"+general+">") {
					t.Errorf("they read %q", said)
				}
				if n := w.api.Effects(12345); n != 1 || !settled(w.now(prompt)) {
					t.Errorf("%d effects; the prompt says %s", n, w.now(prompt).Text)
				}
			})
		})
	}
}
