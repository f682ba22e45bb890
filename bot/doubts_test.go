package bot_test

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/policy"
	"github.com/cancelbot/cancelbot/bot/slacktest"
	"github.com/cancelbot/cancelbot/chamelio/chameliotest"
)

// The clock is set forward, past the end of a prompt, while a click that came in
// time is judged. A press after that doesn't end the prompt (law 10).
func TestClockStepDoesNotExpireAPromptWhoseClickIsJudged(t *testing.T) {
	virtual(t, func(t *testing.T) {
		var ahead atomic.Int64
		w := newWorld(t, alwaysFresh, func(o *options) {
			o.bot.Now = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
		})
		prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
		value := prompt.Button("cancel_task").Value
		w.slack.Break(slacktest.Fault{Method: "users.info", Delay: 3 * time.Second})
		w.acked(w.slack.Forge(ada, prompt, "cancel_task", value))
		time.Sleep(500 * time.Millisecond)
		ahead.Store(int64(15 * time.Minute))
		w.acked(w.slack.Forge(ada, prompt, "cancel_task", value))
		time.Sleep(time.Minute)
		if w.api.Effects(12345) != 1 {
			t.Errorf("the click that came in time didn't count: %s", w.now(prompt).Text)
		}
	})
}

// A prompt is restored late, while another click on it is being saved. Its buttons
// don't come back (law 13).
func TestRestoreGivesWayToAClickThatIsBeingSaved(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w, h, _ := withHook(t, alwaysFresh)
		prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
		value := prompt.Button("cancel_task").Value
		time.Sleep(5 * time.Millisecond)
		w.slack.Break(slacktest.Fault{Method: "users.info", Delay: 2 * time.Second, Error: "internal_error", Times: 1})
		w.acked(w.slack.Click(ada, prompt, "cancel_task"))
		time.Sleep(1900 * time.Millisecond)                                                            // the prompt says that the click is being checked
		w.slack.Break(slacktest.Fault{Method: "response_url", Status: 429, RetryAfter: "8", Times: 2}) // the refusal and the prompt
		time.Sleep(time.Second)
		h.set(failing("Claim"))
		w.acked(w.slack.Forge(ada, prompt, "cancel_task", value))
		for range 40 {
			time.Sleep(500 * time.Millisecond)
			if now := w.now(prompt); len(now.Buttons()) > 0 {
				t.Fatalf("it has its buttons again: %s", now.Text)
			}
		}
		h.set(nil)
		w.eventually("the outcome", func() bool { return settled(w.now(prompt)) })
	})
}

// While Slack takes seconds to show a prompt again, another click on it is carried
// out. Its outcome stays in the prompt (law 13).
func TestSlowRestoreDoesNotReplaceTheOutcome(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w := newWorld(t, alwaysFresh)
		prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
		value := prompt.Button("cancel_task").Value
		w.slack.Break(slacktest.Fault{Method: "users.info", Delay: 2 * time.Second, Error: "internal_error", Times: 1})
		w.acked(w.slack.Click(ada, prompt, "cancel_task"))
		time.Sleep(1900 * time.Millisecond)                                                      // the prompt says that the click is being checked
		w.slack.Break(slacktest.Fault{Method: "response_url", Delay: 6 * time.Second, Times: 2}) // the refusal and the prompt
		time.Sleep(time.Second)
		w.acked(w.slack.Forge(ada, prompt, "cancel_task", value))
		w.eventually("the outcome", func() bool { return w.api.Effects(12345) == 1 })
		time.Sleep(time.Minute)
		if now := w.now(prompt); !settled(now) || len(now.Buttons()) > 0 {
			t.Errorf("the prompt shows %s", now.Text)
		}
	})
}

// Between the modal and its submission, a task moves to a workflow that needs no
// second person. What the modal said holds: someone else is asked.
func TestModalThatAsksForASecondPersonAsks(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w := newWorld(t, func(o *options) {
			o.bot.Policy.SecondPerson = policy.SecondPerson{Workflows: []string{"Contract review"}}
		})
		modal := w.modal(ada, w.say(grace, general, taskLink+"12345"))
		moved := chameliotest.NewTask(12345, "in_progress", "Globex", time.Now())
		moved.Workflow = new("Renewal")
		w.api.Put(moved)
		time.Sleep(time.Minute)
		w.submits(ada, modal, map[string]string{"reason": "twice"})
		w.eventually("a request", func() bool { return len(w.slack.History(general)) == 2 })
		w.noCancel()
		w.acked(w.slack.Click(grace, w.slack.History(general)[1], "cancel_task"))
		w.eventually("the announcement", func() bool { return len(w.slack.History(general)) == 3 })
		if w.api.Effects(12345) != 1 {
			t.Errorf("the approval didn't count: %v", texts(w.slack.Private(grace, general)))
		}
	})
}
