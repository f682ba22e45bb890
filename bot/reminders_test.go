package bot_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/slacktest"
)

// reminded counts the requests whose thread has exactly one message.
func (w *world) reminded(requests []slacktest.Message) (n int) {
	for _, m := range requests {
		if len(w.slack.Thread(m.Channel, m.TS)) == 1 {
			n++
		}
	}
	return n
}

func (w *world) askMany(n int) (all []slacktest.Message) {
	w.api.Add(1000, n)
	for i := range n {
		all = append(all, w.ask(ada, general, fmt.Sprintf("/cancel-task %d", 1000+i)))
	}
	return all
}

// remindsOfAll asks for the approval of n tasks in one channel, lets something
// happen, and waits for the reminders.
func remindsOfAll(t *testing.T, n int, happen func(*world)) {
	t.Helper()
	virtual(t, func(t *testing.T) {
		w := newWorld(t, secondPerson, reminding)
		all := w.askMany(n)
		happen(w)
		time.Sleep(9 * time.Minute)
		if got := w.reminded(all); got != n {
			t.Errorf("%d of %d were reminded of", got, n)
		}
	})
}

// More reminders are due in one channel than its lane takes.
func TestFullLaneLosesNoReminder(t *testing.T) { remindsOfAll(t, 40, func(*world) {}) }

// Slack takes one message a second in a channel.
func TestRateLimitLosesNoReminder(t *testing.T) {
	remindsOfAll(t, 20, func(w *world) { w.slack.LimitPosts(time.Second) })
}

func TestReminderWaitsAsLongAsSlackAsks(t *testing.T) {
	remindsOfAll(t, 1, func(w *world) {
		w.slack.Break(slacktest.Fault{Method: "chat.postMessage", Status: 429, RetryAfter: "30", Times: 1})
	})
}

// Slack asks to wait and doesn't say for how long: a reminder isn't tried in quick
// succession. It is posted once Slack takes it.
func TestReminderIsPutOffIfSlackDoesNotSayHowLong(t *testing.T) {
	for name, fault := range map[string]slacktest.Fault{
		"429": {Method: "chat.postMessage", Status: 429}, "ratelimited": {Method: "chat.postMessage", Error: "ratelimited"},
	} {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				w := newWorld(t, secondPerson, reminding)
				prompt := w.ask(ada, general, "/cancel-task 12345")
				time.Sleep(time.Until(w.endOf(prompt)) - 3*time.Minute - time.Second)
				before := w.posts()
				w.slack.Break(fault)
				time.Sleep(90 * time.Second)
				if n := w.posts() - before; n < 2 || n > 7 {
					t.Errorf("%d tries in a minute and a half", n)
				}
				w.slack.ClearFaults()
				time.Sleep(80 * time.Second)
				if said := w.slack.Thread(general, prompt.TS); len(said) != 1 {
					t.Errorf("%d reminders", len(said))
				}
			})
		})
	}
}

// The journal is away between taking a reminder and its post.
func TestReminderIsTakenAgain(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w, h, _ := withHook(t, secondPerson, reminding)
		all := w.askMany(1)
		failed := 0
		h.set(func(op string, do func() error) error {
			if op == "Became" && failed < 20 {
				failed++
				return errCut
			}
			return do()
		})
		time.Sleep(9 * time.Minute)
		if n := w.reminded(all); n != 1 || failed != 20 {
			t.Errorf("the reminder is lost after %d failures", failed)
		}
	})
}

// occupied withdraws requests in the channel while each update takes nine seconds: these
// take all the calls that are made to a channel at once.
func (w *world) occupied(updates int) {
	w.Helper()
	all := w.askMany(updates)
	w.slack.Break(slacktest.Fault{Method: "response_url", Channel: general, Error: "used_url", Times: updates})
	w.slack.Break(slacktest.Fault{Method: "chat.update", Channel: general, Delay: 9 * time.Second, Times: updates})
	for _, request := range all {
		w.acked(w.slack.Click(ada, request, "keep_task"))
	}
	time.Sleep(time.Second) // all wait
}

// The request is approved while its reminder waits for a slot: all calls about the
// channel hang.
func TestNoReminderAfterTheApproval(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w := newWorld(t, secondPerson, reminding)
		prompt := w.ask(ada, general, "/cancel-task 12345")
		value := prompt.Button("cancel_task").Value
		time.Sleep(time.Until(w.endOf(prompt)) - 3*time.Minute - 2*time.Second)
		w.occupied(2 * 16)
		time.Sleep(5 * time.Second) // the reminder is due
		before := len(w.slack.Thread(general, prompt.TS))
		w.must(w.claim(grace, value, time.Now(), true)) // by another process
		time.Sleep(time.Minute)
		if said := w.slack.Thread(general, prompt.TS); before != 0 || len(said) != 0 {
			t.Errorf("%d reminders before; then the channel reads: %v", before, texts(said))
		}
	})
}

// The reminder is due while an approval is being judged, which takes seconds.
func TestNoReminderWhileAnApprovalIsJudged(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w := newWorld(t, secondPerson, reminding, alwaysFresh)
		prompt := w.ask(ada, general, "/cancel-task 12345")
		time.Sleep(time.Until(w.endOf(prompt)) - 3*time.Minute - time.Second)
		w.slack.Break(slacktest.Fault{Method: "users.info", Delay: 4 * time.Second})
		w.acked(w.slack.Click(grace, prompt, "cancel_task"))
		time.Sleep(time.Minute)
		if said := w.slack.Thread(general, prompt.TS); len(said) != 0 || w.api.Effects(12345) != 1 {
			t.Errorf("the thread reads: %v", texts(said))
		}
	})
}

// Other requests got all tasks of a request about several.
func TestRequestForTasksCancelledElsewhere(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w := newWorld(t, secondPerson, reminding)
		w.api.Add(700, 2)
		both := w.ask(ada, general, "/cancel-task 700 701")
		one, other := w.ask(linus, general, "/cancel-task 700"), w.ask(linus, general, "/cancel-task 701")
		w.confirm(grace, one)
		w.confirm(grace, other)
		time.Sleep(12 * time.Minute)
		if said := w.slack.Thread(general, both.TS); len(said) != 0 {
			t.Errorf("both tasks are cancelled, and the channel reads: %v", texts(said))
		}
		if said := w.now(both).Text; !strings.Contains(said, "confirmed other requests") {
			t.Errorf("both tasks are cancelled, and the request says: %s", said)
		}
	})
}

// Another request cancels one of two tasks. The reminder, and what everyone reads
// when no one has approved the rest, are about the other one.
func TestRequestIsAboutTheTasksThatAreLeft(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w := newWorld(t, secondPerson, reminding)
		w.api.Add(500, 2)
		both, one := w.ask(ada, general, "/cancel-task 500 501"), w.ask(linus, general, "/cancel-task 501")
		w.confirm(grace, one)
		time.Sleep(time.Until(w.endOf(both)) + time.Minute)
		reminder := w.slack.Thread(general, both.TS)
		if len(reminder) != 1 {
			t.Fatalf("%d reminders", len(reminder))
		}
		for _, said := range []string{reminder[0].Text, w.now(both).Text} {
			if !strings.Contains(said, "500") || strings.Contains(said, "501") {
				t.Errorf("it says: %s", said)
			}
		}
	})
}

// Cancelling is paused when the reminder is due. It comes once that is over, if the
// request is still open then.
func TestNoReminderWhileCancellingIsPaused(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w := newWorld(t, secondPerson, reminding)
		prompt := w.ask(ada, general, "/cancel-task 12345")
		w.must(w.journal.Pause(t.Context(), "migration"))
		time.Sleep(time.Until(w.endOf(prompt)) - 90*time.Second)
		if said := w.slack.Thread(general, prompt.TS); len(said) != 0 {
			t.Errorf("while cancelling is paused, the channel reads: %s", said[0].Text)
		}
		_, err := w.journal.Resume(t.Context())
		w.must(err)
		time.Sleep(time.Minute)
		if n := w.reminded([]slacktest.Message{prompt}); n != 1 {
			t.Error("no reminder after the pause")
		}
	})
}

// The answer to noting that a reminder is about to be posted is lost.
func TestLostAnswerLosesNoReminder(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w, h, _ := withHook(t, secondPerson, reminding)
		all := w.askMany(1)
		h.set(lostAnswers("BeginReminding", 2))
		time.Sleep(9 * time.Minute)
		if w.reminded(all) != 1 {
			t.Error("the reminder is lost")
		}
	})
}

// Slack asks to wait, and the journal is away when the reminder is to be due again.
func TestReminderIsPutOffOnceTheJournalAnswers(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w, h, _ := withHook(t, secondPerson, reminding)
		all := w.askMany(1)
		w.slack.Break(slacktest.Fault{Method: "chat.postMessage", Status: 429, RetryAfter: "30", Times: 1})
		failed := 0
		h.set(func(op string, do func() error) error {
			if op == "RemindLater" && failed < 5 {
				failed++
				return errCut
			}
			return do()
		})
		time.Sleep(9 * time.Minute)
		if w.reminded(all) != 1 || failed != 5 {
			t.Errorf("the reminder is lost after %d failures", failed)
		}
	})
}

// cutFrom carries an operation out, once, and loses its answer: no call reaches the
// journal for a while.
func cutFrom(op string, outage time.Duration) func(string, func() error) error {
	var until atomic.Pointer[time.Time]
	return func(called string, do func() error) error {
		err := errCut
		if end := until.Load(); end == nil || time.Now().After(*end) {
			err = do()
		}
		if called == op && err == nil && until.CompareAndSwap(nil, new(time.Now().Add(outage))) {
			return errCut
		}
		return err
	}
}

// Slack asks to wait. The answer to putting the reminder off is lost, and another
// process reminds before this one can ask the journal again.
func TestReminderPutOffByOneIsPostedOnceByAnother(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w, h, kept := withHook(t, secondPerson, reminding)
		prompt := w.ask(ada, general, "/cancel-task 12345")
		h.set(cutFrom("RemindLater", 14*time.Second))
		w.slack.Break(slacktest.Fault{Method: "chat.postMessage", Status: 429, RetryAfter: "6", Times: 1})
		time.Sleep(time.Until(w.endOf(prompt)) - 3*time.Minute + 5*time.Second)
		w.replica(kept)
		time.Sleep(2 * time.Minute)
		if said := w.slack.Thread(general, prompt.TS); len(said) != 1 {
			t.Errorf("%d reminders", len(said))
		}
	})
}

// The journal notes that a reminder is about to be posted, and is away before it says so.
func TestOutageLosesNoReminder(t *testing.T) {
	for _, outage := range []time.Duration{10 * time.Second, time.Minute} {
		t.Run(outage.String(), func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				w, h, _ := withHook(t, secondPerson, reminding)
				all := w.askMany(1)
				h.set(cutFrom("BeginReminding", outage))
				time.Sleep(9 * time.Minute)
				if w.reminded(all) != 1 {
					t.Error("the reminder is lost")
				}
			})
		})
	}
}
