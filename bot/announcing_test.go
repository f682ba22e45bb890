package bot_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/slacktest"
)

// Slack accepts about one message a second in a channel: simultaneous outcomes
// are posted one after the other.
func TestAnnouncementsRespectChannelRateLimit(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w := newWorld(t, func(o *options) { o.bot.AnnounceGap = time.Second })
		w.api.Add(1000, 4)
		var prompts []slacktest.Message
		for id := range 4 {
			prompts = append(prompts, w.wantPrompt(w.slash(ada, general, fmt.Sprintf("/cancel-task %d", 1000+id))))
		}
		for _, p := range prompts {
			w.slack.Click(ada, p, "cancel_task")
		}
		w.eventually("all are told", func() bool { return len(w.slack.History(general)) == 4 })
		var last time.Time
		for _, c := range w.slack.Calls() {
			if c.Method != "chat.postMessage" {
				continue
			}
			if gap := c.At.Sub(last); gap < time.Second {
				t.Errorf("two messages are %s apart", gap)
			}
			last = c.At
		}
	})
}

// A post without an answer may have been posted: the journal keeps the mark,
// so that no successor posts it at once. A clear no removes the mark.
func TestNotAnnouncedOnlyAfterDefiniteRefusal(t *testing.T) {
	for name, fault := range map[string]slacktest.Fault{
		"no answer": {Cut: true}, "an answer that leaves it open": {Error: "fatal_error", InBody: true}, "a clear no": {Error: "ratelimited", InBody: true},
	} {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				w, h, _ := withHook(t)
				var mu sync.Mutex
				takenBack := 0
				h.set(func(op string, do func() error) error {
					if op == "NotAnnounced" {
						mu.Lock()
						takenBack++
						mu.Unlock()
					}
					return do()
				})
				prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
				for _, method := range []string{"chat.postMessage", "response_url"} {
					f := fault
					f.Method = method
					w.slack.Break(f)
				}
				w.acked(w.slack.Click(ada, prompt, "cancel_task"))
				time.Sleep(time.Minute)
				mu.Lock()
				defer mu.Unlock()
				if (takenBack > 0) != (name == "a clear no") {
					t.Errorf("taken back %d times", takenBack)
				}
			})
		})
	}
}

// Keep task is pressed while a repeated claim is in progress: the decision is
// saved then, and not carried out.
func TestKeepTaskDuringClaimGivesUp(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w, h, _ := withHook(t)
		prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
		value := prompt.Button("keep_task").Value
		claims := 0
		h.set(func(op string, do func() error) error {
			if op != "Claim" {
				return do()
			}
			switch claims++; claims {
			case 1:
				return errCut
			case 2:
				w.slack.Forge(ada, prompt, "keep_task", value)
				time.Sleep(time.Second)
			}
			return do()
		})
		w.acked(w.slack.Click(ada, prompt, "cancel_task"))
		w.eventually("Ada knows", func() bool { return meaning(w.now(prompt)) == "kept" })
		time.Sleep(10 * time.Minute)
		w.noCancel()
		if got := w.row(); got.Outcome() != decision.Withdrawn {
			t.Errorf("on record: %+v", got)
		}
	})
}

// If the click can't be answered any more, the bot tries the channel for a
// while before it sends the requester a direct message.
func TestFallsBackToChannelWhenResponseURLFails(t *testing.T) {
	for name, tt := range map[string]struct {
		away     time.Duration // chat.postMessage, in the channel
		inPerson int
	}{
		"it works again in time": {4 * time.Minute, 0},
		"it does not":            {time.Hour, 1},
	} {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				w := newWorld(t)
				prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
				w.slack.Break(slacktest.Fault{Method: "response_url", Error: "used_url"})
				w.slack.Break(slacktest.Fault{Method: "chat.postMessage", Channel: general, Error: "ratelimited"})
				clicked := time.Now()
				w.acked(w.slack.Click(ada, prompt, "cancel_task"))
				time.Sleep(tt.away)
				w.slack.ClearFaults()
				time.Sleep(10 * time.Minute)
				inPerson := w.slack.History("D" + ada)
				if len(inPerson) != tt.inPerson || len(w.slack.History(general)) != 1-tt.inPerson {
					t.Errorf("told in person: %v; in the channel: %v", texts(inPerson), texts(w.slack.History(general)))
				}
				for _, c := range w.slack.Calls() {
					if c.Channel != ada && c.Channel != "D"+ada {
						continue
					}
					if waited := c.At.Sub(clicked); waited < 5*time.Minute || waited > 6*time.Minute {
						t.Errorf("told in person after %s", waited)
					}
				}
			})
		})
	}
}

// A click can be answered for half an hour. After that it isn't tried, and
// nothing waits for it.
func TestResponseURLIsNotUsedAfterHalfAnHour(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w := newWorld(t)
		prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
		w.slack.Break(slacktest.Fault{Method: "response_url", Error: "ratelimited", InBody: true})
		w.slack.Break(slacktest.Fault{Method: "chat.postMessage", Channel: general, Error: "ratelimited"})
		clicked := time.Now()
		w.acked(w.slack.Click(ada, prompt, "cancel_task"))
		time.Sleep(time.Hour)
		answers := 0
		for _, c := range w.slack.Calls() {
			if c.Method != "response_url" || c.At.Before(clicked) {
				continue
			}
			answers++
			if age := c.At.Sub(clicked); age > 30*time.Minute {
				t.Errorf("the click was answered after %s", age)
			}
		}
		if n := len(w.slack.History("D" + ada)); n != 1 || answers < 10 {
			t.Errorf("told in person %d times after %d tries to answer the click", n, answers)
		}
	})
}

// TestLostDecisionIsNotPostedInPerson takes a decision over while its owner
// waits for the response_url: the owner posts nothing after that.
func TestLostDecisionIsNotPostedInPerson(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w := newWorld(t)
		prompt := w.wantPrompt(w.slash(ada, slacktest.Legal, "/cancel-task 12345"))
		w.slack.Break(slacktest.Fault{Method: "response_url", Delay: 9 * time.Second, Error: "used_url"})
		w.acked(w.slack.Click(ada, prompt, "cancel_task"))
		w.eventually("the response_url is tried", func() bool { return w.api.Effects(12345) == 1 && w.row().Outcome() != "" })
		time.Sleep(time.Second)
		w.statement(`UPDATE decisions SET owner = 'another', epoch = epoch + 1, leased_until = leased_until + 50000`)
		time.Sleep(2 * time.Minute)
		if n := len(w.slack.History("D" + ada)); n != 0 {
			t.Errorf("told in person %d times", n)
		}
	})
}
