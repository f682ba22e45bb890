package bot_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/slacktest"
	"github.com/cancelbot/cancelbot/chamelio/chameliotest"
)

// TestPromptThatWasNotUsedStaysUnused presses a prompt while another prompt's decision has
// the task, and once more, with facts that take longer or after the answer. The other
// decision fails. No one meant to cancel by the prompt any more: everyone has read, or
// reads, that it wasn't used.
func TestPromptThatWasNotUsedStaysUnused(t *testing.T) {
	for _, pause := range []string{"", "60", "1400"} {
		for _, doubled := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s s, doubled %t", pause, doubled), func(t *testing.T) {
				both(t, func(t *testing.T, public bool, change ...func(*options)) {
					w := newWorld(t, append(change, alwaysFresh, func(o *options) { o.bot.ConfirmTTL = 30 * time.Minute })...)
					first, second := w.prompts(public, ada, "/cancel-task 12345"), w.prompts(public, ada, "/cancel-task 12345")
					value, by := second.Button("cancel_task").Value, map[bool]string{false: ada, true: grace}[public]
					w.api.Break(chameliotest.Fault{Method: "POST", Status: 403, Body: `{"detail":"Task is locked"}`, Delay: 3 * time.Second, Times: 1})
					w.acked(w.slack.Click(by, first, "cancel_task"))
					time.Sleep(1200 * time.Millisecond) // the first prompt shows that it is in progress
					if pause != "" {
						w.slack.Break(slacktest.Fault{Method: "response_url", Status: 429, RetryAfter: pause, Times: 1})
					}
					w.acked(w.slack.Click(by, second, "cancel_task"))
					time.Sleep(100 * time.Millisecond)
					if doubled {
						w.slack.Break(slacktest.Fault{Method: "users.info", Delay: 4 * time.Second, Times: 1})
						w.acked(w.slack.Forge(by, second, "cancel_task", value))
					}
					w.eventually("the first outcome", func() bool { return w.row().Outcome() == decision.Failed })
					time.Sleep(50 * time.Millisecond)
					if !doubled {
						w.acked(w.slack.Forge(by, second, "cancel_task", value))
					}
					time.Sleep(29 * time.Minute)
					if now := w.now(second); w.api.Effects(12345) != 0 || len(now.Buttons()) > 0 || meaning(now) == "under_way" || meaning(now) == "checking" {
						t.Errorf("%d effects; the prompt says %s", w.api.Effects(12345), now.Text)
					}
				})
			})
		}
	}
}

// TestUnusedClickDoesNotCountWhenDeliveredAgain has Slack deliver a click that lost to
// another prompt's decision again, to another replica, after that decision has failed.
func TestUnusedClickDoesNotCountWhenDeliveredAgain(t *testing.T) {
	both(t, func(t *testing.T, public bool, change ...func(*options)) {
		w, _, o := withHook(t, change...)
		first, second := w.prompts(public, ada, "/cancel-task 12345"), w.prompts(public, ada, "/cancel-task 12345")
		by := map[bool]string{false: ada, true: grace}[public]
		w.api.Break(chameliotest.Fault{Method: "POST", Status: 403, Body: `{"detail":"Task is locked"}`, Delay: 3 * time.Second, Times: 1})
		w.acked(w.slack.Click(by, first, "cancel_task"))
		time.Sleep(500 * time.Millisecond)
		redeliver := w.redelivers()
		w.acked(w.slack.Click(by, second, "cancel_task"))
		w.eventually("the first outcome", func() bool { return w.row().Outcome() == decision.Failed })
		w.replica(o)
		redeliver()
		time.Sleep(10 * time.Minute)
		if now := w.now(second); w.api.Effects(12345) != 0 || len(now.Buttons()) > 0 {
			t.Errorf("%d effects; the prompt says %s", w.api.Effects(12345), now.Text)
		}
	})
}

// TestSecondPressReadsWhatIsKnown has someone press while the outcome is recorded, and
// not yet announced: no one reads that the task is being cancelled now.
func TestSecondPressReadsWhatIsKnown(t *testing.T) {
	for _, action := range []string{"cancel_task", "keep_task"} {
		for _, public := range []bool{false, true} {
			t.Run(fmt.Sprint(action, public), func(t *testing.T) {
				virtual(t, func(t *testing.T) {
					w := newWorld(t, func(o *options) {
						if public {
							secondPerson(o)
						}
					})
					prompt := w.prompts(public, ada, "/cancel-task 12345")
					w.slack.Break(slacktest.Fault{Method: "chat.postMessage", Status: 429, RetryAfter: "10"})
					presser := map[bool]string{false: ada, true: grace}[public]
					w.acked(w.slack.Click(presser, prompt, "cancel_task"))
					w.eventually("the outcome", func() bool { return w.row().Outcome() != "" })
					time.Sleep(100 * time.Millisecond)
					again := map[string]string{"cancel_task": presser, "keep_task": ada}[action]
					w.acked(w.slack.Forge(again, prompt, action, prompt.Button(action).Value))
					time.Sleep(3 * time.Second)
					all := w.said(again) + w.now(prompt).Text
					if strings.Contains(all, "cancelling") || !strings.Contains(all, "cancelled") {
						t.Errorf("they read %s", all)
					}
				})
			})
		}
	}
}

// TestWaitingAnswerSaysWhatIsTrueThen has Slack ask to wait before it takes the private
// answer to someone who was second. The task is cancelled by then.
func TestWaitingAnswerSaysWhatIsTrueThen(t *testing.T) {
	for _, action := range []string{"cancel_task", "keep_task"} {
		t.Run(action, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				w := newWorld(t, secondPerson)
				prompt := w.ask(ada, general, "/cancel-task 12345")
				w.api.Break(chameliotest.Fault{Method: "POST", Delay: 3 * time.Second})
				w.acked(w.slack.Click(grace, prompt, "cancel_task"))
				time.Sleep(time.Second)
				w.slack.Break(slacktest.Fault{Method: "response_url", Status: 429, RetryAfter: "60", Times: 1})
				w.acked(w.slack.Forge(ada, prompt, action, prompt.Button(action).Value))
				time.Sleep(2 * time.Minute)
				if said := w.said(ada); strings.Contains(said, "I'm cancelling") || !strings.Contains(said, "cancelled") {
					t.Errorf("Ada reads %q", said)
				}
			})
		})
	}
}
