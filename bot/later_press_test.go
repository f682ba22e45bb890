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

// TestLostPressDoesNotOverwriteLaterOne presses a prompt while another prompt's decision
// has the task. Slack rate-limits the answer to that press. The other decision fails, and
// a second press on the prompt counts. The prompt keeps the outcome of that second press.
func TestLostPressDoesNotOverwriteLaterOne(t *testing.T) {
	for _, public := range []bool{false, true} {
		for _, pause := range []string{"", "60", "1400"} {
			t.Run(fmt.Sprintf("public %t, %s s", public, pause), func(t *testing.T) {
				virtual(t, func(t *testing.T) {
					w := newWorld(t, func(o *options) {
						if o.bot.ConfirmTTL = 30 * time.Minute; public {
							secondPerson(o)
						}
					})
					first := w.prompts(public, ada, "/cancel-task 12345")
					second := w.prompts(public, linus, "/cancel-task 12345")
					presser := map[bool][2]string{false: {ada, linus}, true: {grace, grace}}[public]
					w.api.Break(chameliotest.Fault{Method: "POST", Status: 403, Body: `{"detail":"Task is locked"}`, Delay: 3 * time.Second})
					w.acked(w.slack.Click(presser[0], first, "cancel_task"))
					time.Sleep(1200 * time.Millisecond) // the first prompt shows that it is in progress
					if pause != "" {
						w.slack.Break(slacktest.Fault{Method: "response_url", Status: 429, RetryAfter: pause, Times: 1})
					}
					w.acked(w.slack.Click(presser[1], second, "cancel_task"))
					w.eventually("the first outcome", func() bool { return w.row().Outcome() == decision.Failed })
					time.Sleep(50 * time.Millisecond)
					w.api.ClearFaults()
					w.acked(w.slack.Forge(presser[1], second, "cancel_task", second.Button("cancel_task").Value))
					time.Sleep(28 * time.Minute)
					if now := w.now(second); w.api.Effects(12345) != 1 || meaning(now) != "cancelled" {
						t.Errorf("%d effects; the prompt says %s", w.api.Effects(12345), now.Text)
					}
				})
			})
		}
	}
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
