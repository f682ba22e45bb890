package bot_test

import (
	"strings"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/chamelio/chameliotest"
)

// TestFollowersOfOtherRowsAreServed follows a decision whose row is gone or can't be
// verified. Someone who follows another decision sees its outcome, and the process stays
// ready.
func TestFollowersOfOtherRowsAreServed(t *testing.T) {
	for _, change := range []string{`DELETE FROM decisions`, `UPDATE decisions SET mac = 'AAAAAAAA' || substr(mac, 9)`} {
		t.Run(change[:6], func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				w := newWorld(t)
				w.api.Add(500, 3)
				lost := w.wantPrompt(w.slash(ada, general, "/cancel-task 501"))
				second := w.wantPrompt(w.slash(grace, general, "/cancel-task 502"))
				other := w.wantPrompt(w.slash(grace, general, "/cancel-task 502"))
				w.must(w.claim(ada, lost.Button("cancel_task").Value, time.Now(), true)) // at a process that is gone
				w.acked(w.slack.Click(ada, lost, "cancel_task"))
				time.Sleep(2 * time.Second)
				w.statement(change)
				w.api.Break(chameliotest.Fault{Method: "POST", Delay: 3 * time.Second, Times: 1})
				w.acked(w.slack.Click(grace, second, "cancel_task"))
				time.Sleep(500 * time.Millisecond)
				w.acked(w.slack.Click(grace, other, "cancel_task")) // loses to it
				time.Sleep(30 * time.Second)
				if now := w.now(other); !settled(now) || strings.Contains(now.Text, "Already on it") {
					t.Errorf("after 30 s, the other prompt says %q", now.Text)
				}
				time.Sleep(5 * time.Minute)
				w.must(w.bot.Ready(t.Context()))
			})
		})
	}
}
