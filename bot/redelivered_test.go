package bot_test

import (
	"strings"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/slacktest"
	"github.com/cancelbot/cancelbot/chamelio/chameliotest"
)

// records records the next payload of a click or a submission, and returns a function
// that returns it.
func (w *world) records() (payload func() map[string]any) {
	var first map[string]any
	w.slack.AmendPayloads(func(_ string, payload map[string]any) {
		if first == nil {
			first = payload
		}
	})
	return func() map[string]any { return first }
}

// redelivers records the next click, and returns a function that delivers it again,
// often enough to reach every replica.
func (w *world) redelivers() (again func()) {
	click := w.records()
	return func() {
		for range 16 {
			w.slack.Deliver("interactive", click())
		}
	}
}

// Another replica refuses a redelivered or second click before the first one is in
// the journal. The first one counts, and no answer says that it didn't.
func TestRefusalElsewhereDoesNotDenyFirstClick(t *testing.T) {
	for name, again := range map[string]bool{"redelivered": true, "second press": false} {
		t.Run(name, func(t *testing.T) {
			both(t, func(t *testing.T, public bool, change ...func(*options)) {
				w, h, o := withHook(t, append(change, alwaysFresh)...)
				prompt := w.prompts(public, ada, "/cancel-task 12345")
				by, value := ada, prompt.Button("cancel_task").Value
				if public {
					by = grace
				}
				redeliver := w.redelivers()
				h.set(slow("Claim", 4*time.Second))
				w.acked(w.slack.Click(by, prompt, "cancel_task"))
				time.Sleep(100 * time.Millisecond)
				w.replica(o)
				w.slack.Break(slacktest.Fault{Method: "users.info", Error: "internal_error"})
				if again {
					redeliver()
				} else {
					for range 16 {
						w.acked(w.slack.Forge(by, prompt, "cancel_task", value))
					}
				}
				time.Sleep(10 * time.Minute)
				said := w.said(by)
				if strings.Contains(said, "didn't count") || !strings.Contains(said, "If no result appears in <#"+general+">") {
					t.Errorf("they read %q", said)
				}
				if n := w.api.Effects(12345); n != 1 || !settled(w.now(prompt)) {
					t.Errorf("%d effects; the prompt says %s", n, w.now(prompt).Text)
				}
			})
		})
	}
}

// A click is delivered to several replicas, in a channel with the bot and in one
// without it, where the announcement needs the click's response_url. Its uses suffice
// for the announcement and the prompt's outcome.
func TestRedeliveredClickLeavesResponseURLToItsDecision(t *testing.T) {
	slow := func(d time.Duration) slacktest.Fault { return slacktest.Fault{Method: "users.info", Delay: d} }
	for name, tt := range map[string]struct {
		replicas int
		first    time.Duration // that the first delivery's facts take
		after    time.Duration
		again    slacktest.Fault // of the other deliveries' facts
	}{
		"refused while it is carried out":    {2, 0, 4 * time.Second, slacktest.Fault{Method: "users.info", Delay: 1800 * time.Millisecond, Error: "internal_error"}},
		"allowed while it is carried out":    {2, 0, 4 * time.Second, slow(2 * time.Second)},
		"allowed at the same time, by two":   {2, 2 * time.Second, 0, slow(2100 * time.Millisecond)},
		"allowed at the same time, by three": {3, 2 * time.Second, 0, slow(2100 * time.Millisecond)},
	} {
		for _, channel := range []string{general, slacktest.Legal} {
			t.Run(name+" in "+channel, func(t *testing.T) {
				virtual(t, func(t *testing.T) {
					w, _, o := withHook(t, alwaysFresh)
					for range tt.replicas - 1 {
						w.replica(o)
					}
					prompt := w.wantPrompt(w.slash(ada, channel, "/cancel-task 12345"))
					redeliver := w.redelivers()
					w.api.Break(chameliotest.Fault{Method: "POST", Hang: true, Times: 1})
					first := slow(tt.first)
					first.Times = 1
					w.slack.Break(first)
					w.acked(w.slack.Click(ada, prompt, "cancel_task"))
					time.Sleep(tt.after)
					w.slack.Break(tt.again)
					redeliver()
					time.Sleep(10 * time.Minute)
					if now := w.now(prompt); !settled(now) || !strings.Contains(now.Text, "is cancelled") || w.api.Effects(12345) != 1 {
						t.Errorf("the prompt says %s", now.Text)
					}
					if n := len(w.slack.History(channel)); n != 1 {
						t.Errorf("%d announcements", n)
					}
				})
			})
		}
	}
}

// Two replicas get the same click, and both show that they are checking. One refuses
// it, and then the other one saves it. The remaining uses of the response_url suffice
// for the announcement and the prompt's outcome.
func TestSlowRefusalElsewhereLeavesUsesOfResponseURL(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w, _, o := withHook(t, alwaysFresh)
		prompt := w.wantPrompt(w.slash(ada, slacktest.Legal, "/cancel-task 12345"))
		redeliver := w.redelivers()
		w.slack.Break(slacktest.Fault{Method: "users.info", Delay: 3 * time.Second, Times: 1})
		w.api.Break(chameliotest.Fault{Method: "POST", Hang: true, Times: 1})
		w.acked(w.slack.Click(ada, prompt, "cancel_task"))
		time.Sleep(100 * time.Millisecond)
		w.replica(o)
		w.slack.Break(slacktest.Fault{Method: "users.info", Delay: 1800 * time.Millisecond, Error: "internal_error"})
		redeliver()
		time.Sleep(10 * time.Minute)
		if now := w.now(prompt); !settled(now) || len(w.slack.History(slacktest.Legal)) != 1 {
			t.Errorf("%d announcements; the prompt says %s", len(w.slack.History(slacktest.Legal)), now.Text)
		}
	})
}

// An approver reads that their approval is being checked, and then another replica,
// which got it as well, carries it out. They read the result.
func TestRedeliveredApprovalIsAnswered(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w, h, o := withHook(t, secondPerson, alwaysFresh)
		prompt := w.ask(ada, general, "/cancel-task 12345")
		redeliver := w.redelivers()
		h.set(slow("Claim", 3*time.Second))
		w.api.Break(chameliotest.Fault{Method: "POST", Delay: 4 * time.Second})
		pressed := time.Now()
		w.acked(w.slack.Click(grace, prompt, "cancel_task"))
		time.Sleep(100 * time.Millisecond)
		w.replica(o)
		time.Sleep(time.Until(pressed.Add(1450 * time.Millisecond)))
		w.slack.Break(slacktest.Fault{Method: "users.info", Delay: 300 * time.Millisecond})
		redeliver()
		time.Sleep(10 * time.Minute)
		said := w.slack.Private(grace, general)
		if len(said) != 2 || meaning(said[0]) != "checking" || !strings.Contains(said[1].Text, "is cancelled") {
			t.Errorf("Grace reads %q", texts(said))
		}
	})
}

// An approval that is delivered again while it is carried out shows no second
// progress message.
func TestRedeliveredApprovalShowsNothingWhileItIsCarriedOut(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w, _, o := withHook(t, secondPerson, alwaysFresh)
		w.replica(o)
		prompt := w.ask(ada, general, "/cancel-task 12345")
		redeliver := w.redelivers()
		w.api.Break(chameliotest.Fault{Method: "POST", Delay: 4 * time.Second})
		w.acked(w.slack.Click(grace, prompt, "cancel_task"))
		time.Sleep(time.Second)
		w.slack.Break(slacktest.Fault{Method: "users.info", Delay: 2 * time.Second})
		redeliver()
		time.Sleep(10 * time.Minute)
		if said := w.slack.Private(grace, general); len(said) > 0 || w.api.Effects(12345) != 1 {
			t.Errorf("Grace reads %q", texts(said))
		}
	})
}

// A click in the last second is judged at one replica, which takes seconds. Another
// replica, to which it was delivered again, refuses it when the time is over. It says
// that the prompt has expired only if a row does.
func TestRefusalDoesNotSayExpiredWithoutARow(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w, _, o := withHook(t, alwaysFresh)
		prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
		end := w.endOf(prompt)
		redeliver := w.redelivers()
		w.replica(o)
		time.Sleep(time.Until(end) - time.Second)
		w.slack.Break(slacktest.Fault{Method: "users.info", Delay: 4500 * time.Millisecond, Times: 1})
		w.acked(w.slack.Click(ada, prompt, "cancel_task"))
		time.Sleep(100 * time.Millisecond)
		w.slack.Break(slacktest.Fault{Method: "users.info", Delay: 2 * time.Second, Times: 1, Error: "internal_error"})
		redeliver()
		for range 300 {
			time.Sleep(100 * time.Millisecond)
			if now := w.now(prompt).Text; strings.Contains(now, "has expired") && w.count(`SELECT count(*) FROM decisions`) == 0 {
				t.Fatalf("without a row it says %s", now)
			}
		}
		if now := w.now(prompt); w.api.Effects(12345) != 1 || meaning(now) != "cancelled" {
			t.Errorf("%d effects; the prompt says %s", w.api.Effects(12345), now.Text)
		}
	})
}
