package bot_test

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/slacktest"
	"github.com/cancelbot/cancelbot/chamelio/chameliotest"
)

// A second press is refused while the first one's request is on its way, and the
// journal doesn't answer. Its person reads what becomes of the first.
func TestRefusedPressKnowsWhatIsBeingCarriedOut(t *testing.T) {
	both(t, func(t *testing.T, public bool, change ...func(*options)) {
		w, h, _ := withHook(t, append(change, alwaysFresh)...)
		prompt := w.prompts(public, ada, "/cancel-task 12345")
		by, value := ada, prompt.Button("cancel_task").Value
		if public {
			by = grace
		}
		w.api.Break(chameliotest.Fault{Method: "POST", Delay: 4 * time.Second})
		w.acked(w.slack.Click(by, prompt, "cancel_task"))
		time.Sleep(1200 * time.Millisecond)
		w.slack.Break(slacktest.Fault{Method: "users.info", Error: "internal_error"})
		h.set(failing("Get"))
		w.acked(w.slack.Forge(by, prompt, "cancel_task", value))
		time.Sleep(2 * time.Second)
		h.set(nil)
		time.Sleep(10 * time.Minute)
		if said := w.said(by); strings.Contains(said, "If no result appears") || w.api.Effects(12345) != 1 {
			t.Errorf("%d effects; the person reads %q", w.api.Effects(12345), said)
		}
	})
}

// Someone's click loses to one that is in doubt, and that is given up much later.
// They learn that, also if Slack asks to wait then.
func TestLoserLearnsLateThatTheWinnerWasTakenBack(t *testing.T) {
	both(t, func(t *testing.T, public bool, change ...func(*options)) {
		w, h, _ := withHook(t, change...)
		mine, theirs := w.prompts(public, ada, "/cancel-task 12345"), w.prompts(public, linus, "/cancel-task 12345")
		keep := mine.Button("keep_task").Value
		approver, second := ada, linus
		if public {
			approver, second = grace, grace
		}
		var claims atomic.Int32
		var works atomic.Bool
		h.set(func(op string, do func() error) error {
			if op == "Claim" && !works.Load() {
				if claims.Add(1) != 2 {
					_ = do()
					return errCut
				}
			}
			return do()
		})
		w.acked(w.slack.Click(approver, mine, "cancel_task"))
		time.Sleep(50 * time.Millisecond)
		w.acked(w.slack.Click(second, theirs, "cancel_task"))
		time.Sleep(330 * time.Second)
		w.acked(w.slack.Forge(ada, mine, "keep_task", keep))
		time.Sleep(20 * time.Second)
		works.Store(true)
		w.slack.Break(slacktest.Fault{Method: "response_url", Status: 429, RetryAfter: "30", Times: 2})
		time.Sleep(4 * time.Minute)
		w.noCancel()
		if all := w.now(theirs).Text; !strings.Contains(all, "act on it") || strings.Contains(all, "post the result") {
			t.Errorf("the prompt shows %s", all)
		}
	})
}

// A second press is refused while the first one is still being judged. Its person
// reads what becomes of the first.
func TestRefusedPressWaitsForTheOneThatIsJudged(t *testing.T) {
	both(t, func(t *testing.T, public bool, change ...func(*options)) {
		w := newWorld(t, append(change, alwaysFresh)...)
		prompt := w.prompts(public, ada, "/cancel-task 12345")
		by, value, lookups := ada, prompt.Button("cancel_task").Value, 1
		if public {
			by, lookups = grace, 2
		}
		w.slack.Break(slacktest.Fault{Method: "users.info", Delay: 2500 * time.Millisecond, Times: lookups})
		before := w.tried("users.info")
		w.acked(w.slack.Click(by, prompt, "cancel_task"))
		w.eventually("all its lookups have begun", func() bool { return w.tried("users.info") >= before+lookups })
		w.slack.Break(slacktest.Fault{Method: "users.info", Error: "internal_error"})
		w.acked(w.slack.Forge(by, prompt, "cancel_task", value))
		time.Sleep(10 * time.Minute)
		if said := w.said(by); strings.Contains(said, "If no result appears") || w.api.Effects(12345) != 1 {
			t.Errorf("%d effects; the person reads %q", w.api.Effects(12345), said)
		}
	})
}

// A request is approved after another one about its task, which is then taken back.
// Everyone reads why it ended, also after its time is up and at a further press: not
// that its approval couldn't be saved.
func TestRequestThatLostToWithdrawnOneIsSuperseded(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w, h, o := withHook(t, secondPerson)
		first, second := w.prompts(true, ada, "/cancel-task 12345"), w.prompts(true, linus, "/cancel-task 12345")
		keep, value, id := first.Button("keep_task").Value, second.Button("cancel_task").Value, w.idOf(second)
		var claims atomic.Int32
		until := time.Now().Add(7 * time.Second)
		h.set(func(op string, do func() error) error {
			if op == "Claim" && time.Now().Before(until) {
				if claims.Add(1) != 2 {
					_ = do()
					return errCut
				}
			}
			return do()
		})
		w.acked(w.slack.Click(grace, first, "cancel_task"))
		time.Sleep(50 * time.Millisecond)
		w.acked(w.slack.Click(grace, second, "cancel_task"))
		time.Sleep(time.Second)
		w.acked(w.slack.Forge(ada, first, "keep_task", keep))
		time.Sleep(time.Minute)
		if now := w.now(second); !strings.Contains(now.Text, "withdrawn before I sent anything") {
			t.Errorf("a minute later it says %s", now.Text)
		}
		w.replica(o)
		for range 16 { // both replicas
			w.acked(w.slack.Forge(grace, second, "cancel_task", value))
		}
		time.Sleep(time.Hour)
		w.noCancel()
		if now := w.now(second); !strings.Contains(now.Text, "was confirmed") {
			t.Errorf("in the end it says %s", now.Text)
		}
		if said := w.said(grace); strings.Contains(said, "couldn't save") || !strings.Contains(said, "was confirmed") {
			t.Errorf("Grace reads %q", said)
		}
		d, err := w.journal.Get(t.Context(), decision.ID(id))
		if w.must(err); d.Outcome() != decision.Superseded {
			t.Errorf("on record: %s", d.Outcome())
		}
	})
}
