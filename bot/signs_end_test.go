package bot_test

import (
	"strings"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/slacktest"
	"github.com/cancelbot/cancelbot/chamelio/chameliotest"
)

// Someone reads below a request that their approval is being checked. It counts, and they
// read that, too: when Slack takes it, or when the process stops.
func TestCheckingBelowARequestEnds(t *testing.T) {
	for name, stops := range map[string]bool{"Slack asks to wait": false, "the process stops": true} {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				w, _, o := withHook(t, secondPerson, alwaysFresh)
				prompt := w.ask(ada, general, "/cancel-task 12345")
				w.slack.Break(slacktest.Fault{Method: "users.info", Delay: 2 * time.Second, Times: 1})
				if stops {
					w.api.Break(chameliotest.Fault{Method: "POST", Hang: true, Times: 1})
				}
				w.acked(w.slack.Click(grace, prompt, "cancel_task"))
				time.Sleep(1700 * time.Millisecond)
				w.slack.Break(slacktest.Fault{Method: "response_url", Status: 429, RetryAfter: "15", Times: 1})
				if stops {
					w.replica(o)
					time.Sleep(500 * time.Millisecond)
					go func() { _ = w.stop() }()
				}
				time.Sleep(20 * time.Minute)
				said := w.slack.Private(grace, general)
				if last := said[len(said)-1]; len(said) != 2 || meaning(last) == "checking" {
					t.Errorf("effects %d; the last that Grace reads: %s", w.api.Effects(12345), last.Text)
				}
			})
		})
	}
}

// Ada presses again on a prompt, so she reads below it that her press is being checked.
// However the press ends, she reads that there, too, and not only in the prompt.
func TestCheckingBelowAPromptEnds(t *testing.T) {
	for name, end := range map[string]func(w *world, h *hooked, other slacktest.Message){
		"refused": func(w *world, _ *hooked, _ slacktest.Message) {
			w.slack.AddUser(slacktest.User{ID: ada, Name: "ada", IsRestricted: true})
		},
		"cancelled by another prompt": func(w *world, _ *hooked, other slacktest.Message) {
			w.acked(w.slack.Click(linus, other, "cancel_task"))
		},
		"being cancelled by another prompt": func(w *world, _ *hooked, other slacktest.Message) {
			w.api.Break(chameliotest.Fault{Method: "POST", Hang: true})
			w.acked(w.slack.Click(linus, other, "cancel_task"))
		},
		"paused while it is checked": func(w *world, _ *hooked, _ slacktest.Message) {
			time.AfterFunc(2*time.Second, func() { w.must(w.journal.Pause(w.Context(), "")) })
		},
		"not saved": func(_ *world, h *hooked, _ slacktest.Message) { h.set(failing("Claim")) },
		"not known whether it is saved": func(w *world, h *hooked, _ slacktest.Message) {
			h.set(failing("Claim"))
			time.AfterFunc(8*time.Second, func() { _ = w.stop() })
		},
		"it counts": func(*world, *hooked, slacktest.Message) {},
	} {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				w, h, _ := withHook(t, alwaysFresh)
				prompt := w.prompts(false, ada, "/cancel-task 12345")
				other := w.wantPrompt(w.slash(linus, slacktest.Random, "/cancel-task 12345"))
				time.Sleep(time.Second) // nothing is asked for the prompts any more
				w.slack.Break(slacktest.Fault{Method: "users.info", Error: "internal_error"})
				w.acked(w.slack.Click(ada, prompt, "cancel_task"))
				time.Sleep(10 * time.Second)
				w.slack.ClearFaults()
				end(w, h, other)
				time.Sleep(time.Second)
				w.slack.Break(slacktest.Fault{Method: "users.info", Delay: 4 * time.Second, Times: 1})
				w.acked(w.slack.Click(ada, prompt, "cancel_task"))
				time.Sleep(25 * time.Minute)
				said := w.slack.Private(ada, general) // the prompt, the first answer, and those to the second press
				if last := said[len(said)-1]; len(said) != 4 || meaning(last) == "checking" {
					t.Errorf("Ada reads:\n%s", strings.Join(texts(said), "\n"))
				}
			})
		})
	}
}

// Ada keeps her task, and presses *Cancel task* before Slack has replaced the buttons. She
// reads below the prompt how that press ends.
func TestCheckingBelowAKeptPromptEnds(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w := newWorld(t, alwaysFresh)
		prompt := w.prompts(false, ada, "/cancel-task 12345")
		w.slack.Break(slacktest.Fault{Method: "response_url", Status: 429, RetryAfter: "4", Times: 1})
		w.acked(w.slack.Click(ada, prompt, "keep_task"))
		time.Sleep(2 * time.Second)
		w.slack.Break(slacktest.Fault{Method: "users.info", Delay: 4 * time.Second, Times: 1})
		w.acked(w.slack.Click(ada, prompt, "cancel_task"))
		time.Sleep(20 * time.Minute)
		said := w.slack.Private(ada, general)
		if last := said[len(said)-1]; len(said) != 3 || meaning(last) != "kept" {
			t.Errorf("Ada reads:\n%s", strings.Join(texts(said), "\n"))
		}
	})
}

// Slack asks to wait for 45 seconds before it takes a request. It takes it then, and the
// request ends like any other.
func TestDelayedRequestEnds(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w := newWorld(t, secondPerson, reminding)
		w.slack.Break(slacktest.Fault{Method: "chat.postMessage", Channel: general, Status: 429, RetryAfter: "45", Times: 1})
		prompt := w.ask(ada, general, "/cancel-task 12345")
		time.Sleep(time.Hour)
		if now := w.now(prompt); len(now.Buttons()) > 0 || w.reminded([]slacktest.Message{prompt}) != 1 {
			t.Errorf("an hour later: %s", now.Text)
		}
	})
}

// A prompt that is kept, or not saved, says nothing about the task: another prompt has
// cancelled it.
func TestClosedPromptSpeaksOfItself(t *testing.T) {
	for _, action := range []string{"keep_task", "cancel_task"} {
		t.Run(action, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				w, h, _ := withHook(t)
				one, two := w.prompts(false, ada, "/cancel-task 12345"), w.prompts(false, ada, "/cancel-task 12345")
				w.confirm(ada, one)
				h.set(failing("Claim"))
				w.acked(w.slack.Click(ada, two, action))
				time.Sleep(10 * time.Minute)
				if now := w.now(two).Text; !strings.Contains(now, "closed this prompt") && !strings.Contains(now, "act on it") {
					t.Errorf("the bot has cancelled the task by Ada's other prompt, and says: %s", now)
				}
			})
		})
	}
}

// Slack delivers an approver's click to two replicas. One asks for a reason, while the
// other shows below the request that it is checking, and what to do if no dialog opens.
// She closes the dialog.
func TestCheckingElsewhereWhileAReasonIsAsked(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w, prompt, o := askWithoutReason(t)
		redeliver := w.redelivers()
		modal := w.askedForReason(grace, prompt)
		w.replica(o)
		w.slack.Break(slacktest.Fault{Method: "users.info", Delay: 1900 * time.Millisecond, Times: 1})
		redeliver()
		time.Sleep(6 * time.Second)
		w.slack.CloseView(grace, modal)
		said := w.slack.Private(grace, general)
		if len(said) != 1 || !strings.HasSuffix(said[0].Text, "press the button again.") {
			t.Errorf("Grace reads %v", texts(said))
		}
	})
}
