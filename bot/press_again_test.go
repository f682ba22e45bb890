package bot_test

import (
	"strings"
	"testing"
	"time"
)

// Keep task isn't saved, and the answer says so. If it asks to press again, the
// buttons are there, and work.
func TestUnsavedKeepRestoresTheButtons(t *testing.T) {
	for name, test := range map[string]struct {
		later func(string, func() error) error // what fails after the first seconds
		stop  bool
		want  string
	}{
		"for minutes":                                    {failing("Withdraw"), false, "Press *Keep task* again"},
		"until the process stops":                        {failing("Withdraw"), true, "Press *Keep task* again"},
		"and no one can read the journal":                {away, false, "If that happens, I'll post"},
		"and no one can read it until the process stops": {away, true, "If that happens, I'll post"},
	} {
		t.Run(name, func(t *testing.T) {
			both(t, func(t *testing.T, public bool, change ...func(*options)) {
				w, h, o := withHook(t, append(change, func(o *options) { o.bot.Grace = 3 * time.Second })...)
				prompt := w.prompts(public, ada, "/cancel-task 12345")
				h.set(failing("Withdraw"))
				w.acked(w.slack.Click(ada, prompt, "keep_task"))
				time.Sleep(2 * time.Second)
				h.set(test.later)
				if test.stop {
					_ = w.stop()
					w.replica(o)
				}
				time.Sleep(200 * time.Second)
				h.set(nil)
				now := w.now(prompt)
				said := strings.Join(written(now), "\n") + now.Text + w.said(ada)
				if asked := strings.Contains(said, "Press *"); asked && len(now.Buttons()) != 2 || meaning(now) == "checking" {
					t.Errorf("%d buttons; Ada reads %q", len(now.Buttons()), said)
				}
				if !strings.Contains(said, "I'm not sure I saved your click") || !public && !strings.Contains(said, test.want) {
					t.Errorf("Ada reads %q", said)
				}
				if len(now.Buttons()) == 0 {
					return
				}
				w.acked(w.slack.Click(ada, now, "keep_task"))
				w.eventually("it is kept", func() bool { return meaning(w.now(prompt)) == "kept" })
			})
		})
	}
}

// Keep task is saved in the end, but the answers to that are lost. The prompt ends
// as kept, and no one is asked to press again.
func TestKeepSavedWithoutAnAnswerEndsThePrompt(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w, h, _ := withHook(t)
		prompt := w.prompts(false, ada, "/cancel-task 12345")
		h.set(failing("Withdraw"))
		w.acked(w.slack.Click(ada, prompt, "keep_task"))
		time.Sleep(2 * time.Second)
		h.set(lostAnswers("Withdraw", 1<<20))
		time.Sleep(5 * time.Minute)
		if now := w.now(prompt); meaning(now) != "kept" || strings.Contains(w.said(ada), "Press *") {
			t.Errorf("it says %s; Ada reads %q", now.Text, w.said(ada))
		}
	})
}

// A prompt is shown again with what it warned of; but not once it has expired.
func TestRestoredPromptIsTheSame(t *testing.T) {
	for _, expired := range []bool{false, true} {
		t.Run(map[bool]string{true: "expired", false: "open"}[expired], func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				w, h, _ := withHook(t, func(o *options) {
					if expired {
						o.bot.ConfirmTTL = time.Minute
					}
				})
				prompt := w.prompts(false, ada, "/cancel-task 12345 2nd copy")
				h.set(failing("Withdraw"))
				w.acked(w.slack.Click(ada, prompt, "keep_task"))
				time.Sleep(200 * time.Second)
				now := w.now(prompt)
				said := strings.Join(written(now), "\n")
				if warned := strings.Contains(said, "and the rest as the reason"); warned == expired || expired && (len(now.Buttons()) > 0 || !strings.Contains(now.Text, "has expired")) {
					t.Errorf("%d buttons; it says %s", len(now.Buttons()), said)
				}
			})
		})
	}
}
