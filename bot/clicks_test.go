package bot_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/journal/journaltest"
	"github.com/cancelbot/cancelbot/bot/slacktest"
	"github.com/cancelbot/cancelbot/chamelio/chameliotest"
)

// After several failed claims, the prompt must not say that nothing was sent
// once a request is (law 4).
func TestPromptUpdatesAfterRequestIsSent(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w, h, _ := withHook(t)
		prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
		claims := 0
		h.set(func(op string, do func() error) error {
			if op == "Claim" {
				if claims++; claims <= 3 {
					return errCut
				}
			}
			return do()
		})
		w.api.Break(chameliotest.Fault{Method: "POST", LandAfter: 20 * time.Second, Hang: true})
		w.acked(w.slack.Click(ada, prompt, "cancel_task"))
		w.eventually("a request is out", func() bool { return w.api.Cancels(12345) > 0 })
		for _, after := range []time.Duration{5 * time.Second, 20 * time.Second, 60 * time.Second} {
			time.Sleep(after)
			if strings.Contains(w.now(prompt).Text, "trouble saving") {
				t.Errorf("a request is out, and the prompt says: %s", w.now(prompt).Text)
			}
		}
	})
}

// A double click on a second prompt, while the first decision about the task
// is in progress, must not say that the prompt has expired.
func TestDoubleClickOnSecondPrompt(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w, h, _ := withHook(t)
		first := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
		second := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
		w.api.Break(chameliotest.Fault{Method: "POST", Delay: 4 * time.Second})
		w.acked(w.slack.Click(ada, first, "cancel_task"))
		time.Sleep(200 * time.Millisecond)
		h.set(slow("Claim", 300*time.Millisecond)) // an ordinary database
		w.slack.Click(ada, second, "cancel_task")
		time.Sleep(50 * time.Millisecond)
		w.slack.Click(ada, second, "cancel_task")
		time.Sleep(2 * time.Second)
		if strings.Contains(w.now(second).Text, "expired") {
			t.Errorf("the prompt hasn't expired, and reads: %s", w.now(second).Text)
		}
		time.Sleep(time.Minute)
	})
}

// The same after the first decision has its outcome.
func TestDoubleClickOnSecondPromptAfterOutcome(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w, h, _ := withHook(t)
		first := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
		second := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
		w.confirm(ada, first)
		h.set(slow("Claim", 300*time.Millisecond))
		w.slack.Click(ada, second, "cancel_task")
		time.Sleep(50 * time.Millisecond)
		w.slack.Click(ada, second, "cancel_task")
		time.Sleep(time.Minute)
		if strings.Contains(w.now(second).Text, "expired") {
			t.Errorf("the task is cancelled, the prompt hasn't expired, and reads: %s", w.now(second).Text)
		}
	})
}

// Saving takes nearly two minutes. An unclear answer after that is still
// checked for two minutes.
func TestCheckTimeStartsAfterSaving(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w, h, _ := withHook(t)
		prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
		clicked := time.Now()
		h.set(func(op string, do func() error) error {
			if op == "Claim" && time.Since(clicked) < 113*time.Second {
				return errCut
			}
			return do()
		})
		gone := chameliotest.ProxyError()
		gone.Method, gone.Times = "POST", 1
		w.api.Break(gone)
		w.acked(w.slack.Click(ada, prompt, "cancel_task"))
		w.eventually("told", func() bool { return len(w.slack.History(general)) > 0 })
		if strings.Contains(w.slack.History(general)[0].Text, "Not confirmed yet") {
			t.Error("one 502, and the outcome is unknown within seconds of the request")
		}
	})
}

// The process stops during the first claim. The person reads that it isn't
// known whether the click was saved (law 7).
func TestStopDuringFirstClaimIsReported(t *testing.T) {
	virtual(t, func(t *testing.T) {
		j := &journaltest.Journal{}
		var hang atomic.Bool
		j.Around = func(ctx context.Context, op string, _ decision.ID, call func(context.Context) error) error {
			if op == "Claim" && hang.Load() {
				ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
				defer cancel()
				<-ctx.Done()
				return ctx.Err()
			}
			return call(ctx)
		}
		w := newWorld(t, func(o *options) {
			o.bot.Grace = time.Second
			o.journal = j
			o.prepare = func(w *world) { j.Journal = w.journal }
		})
		prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
		hang.Store(true)
		w.acked(w.slack.Click(ada, prompt, "cancel_task"))
		time.Sleep(100 * time.Millisecond)
		_ = w.stop()
		time.Sleep(time.Minute)
		now := w.now(prompt)
		if now.Text == prompt.Text && len(w.slack.Private(ada, general)) == 1 {
			t.Errorf("a click was accepted, nobody knows whether it was saved, and Ada reads nothing: %q", now.Text)
		}
	})
}

// A second click while the journal is away: this process carries the first, so it needn't
// ask.
func TestSecondClickDuringJournalOutage(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w, h, _ := withHook(t)
		prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
		w.api.Break(chameliotest.Fault{Method: "POST", Delay: 3 * time.Second})
		w.slack.Click(ada, prompt, "cancel_task")
		time.Sleep(300 * time.Millisecond)
		h.set(away)
		w.slack.Click(ada, prompt, "cancel_task")
		time.Sleep(time.Second)
		for _, m := range w.slack.Private(ada, general) {
			if strings.Contains(w.now(m).Text, "expired") {
				t.Errorf("the prompt hasn't expired; its task is being cancelled: %s", w.now(m).Text)
			}
		}
	})
}

// Keep task is pressed while a claim that was saved too late is given up. It
// isn't too late.
func TestKeepTaskDuringGiveUp(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w, h, _ := withHook(t)
		prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
		value := prompt.Button("keep_task").Value
		clicked := time.Now()
		once := false
		h.set(func(op string, do func() error) error {
			if op == "GiveUp" && !once {
				once = true
				w.slack.Forge(ada, prompt, "keep_task", value)
				time.Sleep(2 * time.Second)
			}
			err := do()
			if op == "Claim" && time.Since(clicked) < 2*time.Minute {
				return errCut
			}
			return err
		})
		w.acked(w.slack.Click(ada, prompt, "cancel_task"))
		time.Sleep(4 * time.Minute)
		for _, m := range w.slack.Private(ada, general) {
			if strings.Contains(w.now(m).Text, "cancelling it now") {
				t.Errorf("nothing is and will be sent, and Ada reads: %s", w.now(m).Text)
			}
		}
		w.noCancel()
	})
}

// A claim takes nearly five seconds. The prompt shows progress within three
// (law 13).
func TestProgressWhileClaimHangs(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w, h, _ := withHook(t)
		prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
		h.set(slow("Claim", 4900*time.Millisecond))
		w.acked(w.slack.Click(ada, prompt, "cancel_task"))
		time.Sleep(3 * time.Second)
		if w.now(prompt).Text == prompt.Text {
			t.Errorf("3 s after the click the prompt still has its buttons: %d", len(w.now(prompt).Buttons()))
		}
		time.Sleep(time.Minute)
	})
}

// A process that has lost its decision leaves the last use of the response_url to its
// successor's announcement (law 12).
func TestLastResponseURLUseIsLeftForSuccessor(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w, h, o := withHook(t)
		prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
		w.slack.Break(slacktest.Fault{Method: "chat.postMessage", Channel: general, Status: 503})
		w.slack.Break(slacktest.Fault{Method: "response_url", Cut: true, AfterEffect: true, Times: 4})
		w.slack.Break(slacktest.Fault{Method: "response_url", Status: 429, RetryAfter: "1"})
		clicked := time.Now()
		h.set(func(op string, do func() error) error {
			if time.Since(clicked) > 2*time.Second {
				return errCut
			}
			return do()
		})
		w.acked(w.slack.Click(ada, prompt, "cancel_task"))
		time.Sleep(30 * time.Second)
		o.journal = nil
		w.replica(o)
		w.eventually("the replica has it", func() bool { return w.row().Epoch == 2 })
		w.slack.ClearFaults()
		w.slack.Break(slacktest.Fault{Method: "chat.postMessage", Channel: general, Status: 503})
		h.set(nil)
		time.Sleep(10 * time.Minute)
		if len(w.slack.History(general)) == 0 {
			t.Errorf("the channel was never told; in person: %v", texts(w.slack.History("D"+ada)))
		}
	})
}

// A slow "still saving" isn't shown after the text that follows it.
func TestPromptUpdatesStayInOrder(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w, h, _ := withHook(t)
		first := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
		second := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
		w.confirm(ada, first)
		time.Sleep(time.Minute)
		claims := 0
		h.set(func(op string, do func() error) error {
			if op == "Claim" {
				if claims++; claims == 1 {
					return errCut
				}
			}
			return do()
		})
		w.slack.Break(slacktest.Fault{Method: "response_url", Delay: 500 * time.Millisecond, Times: 1})
		w.acked(w.slack.Click(ada, second, "cancel_task"))
		time.Sleep(10 * time.Minute)
		if text := w.now(second).Text; strings.Contains(text, "trouble saving") {
			t.Errorf("ten minutes later: %s", text)
		}
	})
}

// The same if another process carries the click out in the meantime (law 4).
func TestPromptUpdatesStayInOrderAfterTakeover(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w, h, o := withHook(t)
		prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
		claims := 0
		h.set(func(op string, do func() error) error {
			if op != "Claim" {
				return do()
			}
			if claims++; claims == 1 { // it is saved, this process is suspended, another one takes over
				_ = do()
				w.replica(o)
				time.Sleep(70 * time.Second)
				w.slack.Break(slacktest.Fault{Method: "response_url", Delay: 500 * time.Millisecond, Times: 1})
				return errCut
			}
			return do()
		})
		w.acked(w.slack.Click(ada, prompt, "cancel_task"))
		time.Sleep(10 * time.Minute)
		if text := w.now(prompt).Text; strings.Contains(text, "trouble saving") {
			t.Errorf("announced %d times, effects %d, and ten minutes later: %s", len(w.slack.History(general)), w.api.Effects(12345), text)
		}
	})
}
