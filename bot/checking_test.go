package bot_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/slacktest"
	"github.com/cancelbot/cancelbot/chamelio/chameliotest"
)

// TestSlowFactsShowProgress delays the policy's facts: the clicker sees
// within three seconds that the click was noticed, and never after the verdict.
func TestSlowFactsShowProgress(t *testing.T) {
	checking := func(m slacktest.Message) bool { return strings.Contains(m.Text, "checking whether you can cancel") }
	slow := slacktest.Fault{Method: "users.info", Delay: 4500 * time.Millisecond, Times: 1}
	t.Run("in place of a prompt", func(t *testing.T) {
		virtual(t, func(t *testing.T) {
			w := newWorld(t, alwaysFresh)
			prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
			w.slack.Break(slow)
			w.api.Break(chameliotest.Fault{Method: "POST", Delay: 4 * time.Second}) // a line of progress
			w.acked(w.slack.Click(ada, prompt, "cancel_task"))
			time.Sleep(3 * time.Second)
			if now := w.now(prompt); !checking(now) || len(now.Buttons()) > 0 {
				t.Errorf("after 3 s: %s", now.Text)
			}
			w.eventually("the outcome", func() bool { return settled(w.now(prompt)) && len(w.slack.History(general)) == 1 })
			time.Sleep(time.Minute)
			if !settled(w.now(prompt)) || w.api.Effects(12345) != 1 {
				t.Errorf("in the end: %s", w.now(prompt).Text)
			}
		})
	})
	t.Run("a request", func(t *testing.T) {
		virtual(t, func(t *testing.T) {
			w := newWorld(t, secondPerson)
			prompt := w.ask(ada, general, "/cancel-task 12345")
			w.slack.Break(slow)
			w.acked(w.slack.Click(grace, prompt, "cancel_task"))
			time.Sleep(3 * time.Second)
			if said := w.slack.Private(grace, general); len(said) != 1 || !checking(said[0]) {
				t.Errorf("after 3 s: %v", texts(said))
			}
			w.wantPrompt(w.now(prompt)) // everyone's
			w.eventually("the outcome", func() bool { return settled(w.now(prompt)) })
		})
	})
	t.Run("the message is slow itself", func(t *testing.T) {
		virtual(t, func(t *testing.T) {
			w := newWorld(t, alwaysFresh)
			prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
			w.slack.Break(slacktest.Fault{Method: "users.info", Delay: 2 * time.Second, Times: 1})
			w.slack.Break(slacktest.Fault{Method: "response_url", Delay: 6 * time.Second, Times: 1})
			w.acked(w.slack.Click(ada, prompt, "cancel_task"))
			w.eventually("the announcement", func() bool { return len(w.slack.History(general)) == 1 })
			time.Sleep(time.Minute)
			if now := w.now(prompt); checking(now) || !settled(now) {
				t.Errorf("after the verdict: %s", now.Text)
			}
		})
	})
	t.Run("quick facts", func(t *testing.T) {
		virtual(t, func(t *testing.T) {
			w := newWorld(t, alwaysFresh)
			prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
			w.slack.Break(slacktest.Fault{Method: "users.info", Delay: 1400 * time.Millisecond, Times: 1})
			before := w.uses()
			w.confirm(ada, prompt)
			time.Sleep(time.Minute)
			if n := w.uses() - before; n != 1 {
				t.Errorf("%d uses of the response_url", n)
			}
		})
	})
	t.Run("refused for now", func(t *testing.T) {
		virtual(t, func(t *testing.T) {
			w := newWorld(t, alwaysFresh)
			prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
			w.slack.Break(slacktest.Fault{Method: "users.info", Hang: true})
			w.acked(w.slack.Click(ada, prompt, "cancel_task"))
			time.Sleep(2 * time.Second)
			w.eventually("the prompt is there again", func() bool { return len(w.now(prompt).Buttons()) == 2 })
			w.slack.ClearFaults()
			if was, is := written(prompt), written(w.now(prompt)); len(was) < 5 || !slices.Equal(was, is[1:]) || !strings.Contains(is[0], "couldn't check") {
				t.Errorf("it said %q, and says %q", was, is)
			}
			if n := w.uses(); n != 3 { // the prompt, the progress message, and the restored prompt with the answer
				t.Errorf("%d uses of response_urls", n)
			}
			w.confirm(ada, w.wantPrompt(w.now(prompt)))
		})
	})
	t.Run("decided elsewhere in the meantime", func(t *testing.T) {
		virtual(t, func(t *testing.T) {
			w := newWorld(t, alwaysFresh)
			prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
			value := prompt.Button("cancel_task").Value
			w.slack.Break(slacktest.Fault{Method: "users.info", Hang: true})
			w.acked(w.slack.Click(ada, prompt, "cancel_task"))
			time.Sleep(2 * time.Second)
			w.must(w.claim(ada, value, time.Now(), false)) // by another replica
			time.Sleep(time.Minute)
			if now := w.now(prompt); !settled(now) || w.api.Effects(12345) != 1 {
				t.Errorf("in the end: %s", now.Text)
			}
		})
	})
	t.Run("a reason is missing", func(t *testing.T) {
		virtual(t, func(t *testing.T) {
			w := newWorld(t, requireReason, alwaysFresh)
			prompt := w.wantPrompt(w.slash(ada, slacktest.Legal, "/cancel-task 12345"))
			w.slack.Break(slacktest.Fault{Method: "users.info", Delay: 2 * time.Second, Times: 1})
			modal := w.askedForReason(ada, prompt)
			w.eventually("the prompt is there again", func() bool { return len(w.now(prompt).Buttons()) == 2 })
			w.slack.Break(slacktest.Fault{Method: "users.info", Delay: 2 * time.Second, Times: 1})
			w.api.Break(chameliotest.Fault{Method: "POST", Delay: 4 * time.Second})
			w.submitted(ada, modal, "duplicate")
			w.eventually("the outcome", func() bool { return settled(w.now(prompt)) && len(w.slack.History(slacktest.Legal)) == 1 })
			if n := w.uses(); n > 6 { // one for the command, five for the click
				t.Errorf("%d uses", n)
			}
		})
	})
}

// written returns what the blocks of a message say.
func written(m slacktest.Message) (all []string) {
	for _, b := range m.Blocks {
		if b.Text != nil {
			all = append(all, b.Text.Text)
		}
		for _, e := range b.Elements {
			all = append(all, e.Content.Text)
		}
	}
	return all
}

// uses counts the answers to commands and clicks.
func (w *world) uses() (n int) {
	for _, call := range w.slack.Calls() {
		if call.Method == "response_url" {
			n++
		}
	}
	return n
}

// TestPromptFollowsAnAcceptedClick reads a prompt while its click is checked or saved
// slowly, and then carried out slowly: it says that the click isn't saved yet, and that the
// task is being cancelled once the click is in the journal, and not before.
func TestPromptFollowsAnAcceptedClick(t *testing.T) {
	const slow, slower = 2 * time.Second, 4 * time.Second
	for name, tt := range map[string]struct {
		check, save time.Duration
		others      string // other tasks
		reason      bool   // it is given in a dialog
	}{
		"slowly checked": {check: slow}, "slowly saved": {save: slower}, "slowly checked and saved": {check: slow, save: slower},
		"several tasks, checked": {check: slow, others: " 12344"}, "several tasks, saved": {save: slower, others: " 12344"},
		"several, checked and saved":  {check: slow, save: slower, others: " 12344"},
		"slowly saved after a reason": {save: slower, reason: true},
	} {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				w, h, _ := withHook(t, alwaysFresh, func(o *options) { o.bot.RequireReason = tt.reason })
				w.api.Add(500, 1)
				w.confirm(ada, w.wantPrompt(w.slash(ada, general, "/cancel-task 500 dup"))) // the channel takes posts
				w.followClick(h, tt.check, tt.save, "/cancel-task 12345"+tt.others, tt.reason)
			})
		})
	}
}

// followClick presses Cancel task and reads the prompt meanwhile.
func (w *world) followClick(h *hooked, check, save time.Duration, command string, reason bool) {
	w.Helper()
	prompt := w.wantPrompt(w.slash(ada, general, command))
	h.set(slow("Claim", save))
	w.slack.Break(slacktest.Fault{Method: "users.info", Delay: check, Times: 1})
	w.api.Break(chameliotest.Fault{Method: "POST", Task: 12345, Delay: 9 * time.Second})
	if reason {
		w.submitted(ada, w.askedForReason(ada, prompt), "dup")
	} else {
		w.acked(w.slack.Click(ada, prompt, "cancel_task"))
	}
	says := func(what string) bool { return strings.Contains(w.now(prompt).Text, what) }
	time.Sleep(check + save - 100*time.Millisecond)
	if says("Cancelling") || says("trouble saving") != (save > 0) || len(w.now(prompt).Buttons()) > 0 {
		w.Errorf("before it is saved: %s", w.now(prompt).Text)
	}
	time.Sleep(2 * time.Second)
	if !says("Cancelling") {
		w.Errorf("once it is saved: %s", w.now(prompt).Text)
	}
	w.eventually("the outcome", func() bool { return settled(w.now(prompt)) })
}

// TestSlowCheckInANewChannel has no announcement in the channel yet, which may need all
// the uses of the response_url that are left: the prompt says what it said, until the
// outcome.
func TestSlowCheckInANewChannel(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w := newWorld(t, alwaysFresh)
		prompt := w.wantPrompt(w.slash(ada, slacktest.Legal, "/cancel-task 12345"))
		w.slack.Break(slacktest.Fault{Method: "users.info", Delay: 2 * time.Second, Times: 1})
		w.api.Break(chameliotest.Fault{Method: "POST", Delay: 9 * time.Second})
		w.acked(w.slack.Click(ada, prompt, "cancel_task"))
		time.Sleep(5 * time.Second)
		if now := w.now(prompt); !strings.Contains(now.Text, "checking whether you can cancel") {
			t.Errorf("the prompt says: %s", now.Text)
		}
		w.eventually("the outcome", func() bool { return settled(w.now(prompt)) && len(w.slack.History(slacktest.Legal)) == 1 })
	})
}

// A process may die while it is checking a click. The text that it leaves stays true, and
// says what to do.
func TestCheckingEndsWithAdvice(t *testing.T) {
	both(t, func(t *testing.T, public bool, change ...func(*options)) {
		w := newWorld(t, append(change, alwaysFresh)...)
		prompt, by := w.prompts(public, ada, "/cancel-task 12345"), map[bool]string{false: ada, true: grace}[public]
		w.slack.Break(slacktest.Fault{Method: "users.info", Delay: 8 * time.Second})
		w.slack.Click(by, prompt, "cancel_task")
		time.Sleep(4 * time.Second)
		read := w.now(prompt).Text + w.said(by)
		for _, part := range []string{"I'm checking", "If nothing changes within a few minutes, press the button again if it's still there"} {
			if !strings.Contains(read, part) {
				t.Errorf("%q isn't in %q", part, read)
			}
		}
	})
}
