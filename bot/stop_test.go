package bot_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/slacktest"
	"github.com/cancelbot/cancelbot/chamelio/chameliotest"
)

// The process stops at any moment, with too little time to finish, and another
// one continues: one effect, one announcement, and the outcome in the prompt.
func TestStopAtAnyMoment(t *testing.T) {
	for _, ms := range []int{0, 10, 30, 60, 90, 120, 160, 200, 250, 300, 400, 500, 600, 650, 700, 750, 800, 850, 900, 950, 1000, 1050, 1100, 1200, 1300, 1400, 1600, 2000, 2500} {
		t.Run(fmt.Sprint(ms), func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				w, h, o := withHook(t, func(o *options) { o.bot.Grace = 50 * time.Millisecond })
				prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
				h.set(func(op string, do func() error) error {
					if op != "Release" && op != "Leave" {
						time.Sleep(20 * time.Millisecond)
						defer time.Sleep(20 * time.Millisecond)
					}
					return do()
				})
				w.slack.Break(slacktest.Fault{Method: "response_url", Delay: 250 * time.Millisecond})
				w.slack.Break(slacktest.Fault{Method: "chat.postMessage", Delay: 200 * time.Millisecond})
				w.api.Break(chameliotest.Fault{Method: "POST", Delay: 400 * time.Millisecond})
				w.acked(w.slack.Click(ada, prompt, "cancel_task"))
				time.Sleep(time.Duration(ms) * time.Millisecond)
				_ = w.stop()
				w.slack.ClearFaults()
				claimed := w.row().ID != ""
				w.replica(o)
				time.Sleep(10 * time.Minute)
				now := w.now(prompt)
				n := len(w.slack.History(general))
				if claimed && (n < 1 || w.api.Effects(12345) != 1) {
					t.Errorf("announced %d times, effects %d", n, w.api.Effects(12345))
				}
				if claimed && (!settled(now) || meaning(now) != "cancelled") {
					t.Errorf("the prompt's last state: %s", now.Text)
				}
				if !claimed && now.Text == prompt.Text && len(w.slack.Private(ada, general)) == 1 {
					t.Errorf("nothing was claimed, nothing was said")
				}
			})
		})
	}
}

// A hanging check of an unknown outcome doesn't delay the stop.
func TestFollowUpDoesNotDelayStop(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w := newWorld(t, func(o *options) { o.bot.Grace = 25 * time.Second; o.timeout = 29 * time.Second })
		prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
		w.api.Break(chameliotest.Fault{Status: 502})
		w.acked(w.slack.Click(ada, prompt, "cancel_task"))
		w.eventually("told", func() bool { return len(w.slack.History(general)) > 0 })
		w.api.ClearFaults()
		w.api.Break(chameliotest.Fault{Method: "GET", Hang: true})
		gets := len(w.api.Requests())
		w.eventually("a check", func() bool { return len(w.api.Requests()) > gets })
		began := time.Now()
		_ = w.stop()
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("the shutdown took %s", took)
		}
		if strings.Contains(w.log.String(), "stopped with work left") {
			t.Error("it says that something was cut off")
		}
	})
}

// The process stops while Slack takes some seconds for an audit copy, or for a reminder.
// Everyone sees each once.
func TestStopCutsOffNoPost(t *testing.T) {
	t.Run("audit copy", func(t *testing.T) {
		virtual(t, func(t *testing.T) {
			var next options
			w := newWorld(t, func(o *options) { o.bot.AuditChannel = slacktest.Deals; next = *o })
			w.slack.After("chat.postMessage", func(c slacktest.Call) {
				if c.Channel == slacktest.Deals {
					time.Sleep(3 * time.Second)
				}
			})
			w.stopsWhilePosting(next, slacktest.Deals, func() {
				w.confirm(ada, w.wantPrompt(w.slash(ada, general, "/cancel-task 12345")))
			})
			if n := len(w.slack.History(slacktest.Deals)); n != 1 {
				t.Errorf("%d copies", n)
			}
		})
	})
	t.Run("reminder", func(t *testing.T) {
		virtual(t, func(t *testing.T) {
			var next options
			w := newWorld(t, secondPerson, reminding, func(o *options) { next = *o })
			prompt := w.ask(ada, general, "/cancel-task 12345")
			w.slack.Break(slacktest.Fault{Method: "chat.postMessage", Delay: 3 * time.Second, Times: 1})
			w.stopsWhilePosting(next, general, func() {
				time.Sleep(time.Until(w.endOf(prompt)) - 3*time.Minute - 5*time.Second)
			})
			if n := len(w.slack.Thread(general, prompt.TS)); n != 1 {
				t.Errorf("%d reminders", n)
			}
		})
	})
}

// Slack hangs. The end of the grace period ends a post.
func TestHangingPostEndsWithTheGracePeriod(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w := newWorld(t, func(o *options) { o.bot.AuditChannel, o.bot.Grace = slacktest.Deals, 2*time.Second })
		w.slack.Break(slacktest.Fault{Method: "chat.postMessage", Channel: slacktest.Deals, Hang: true})
		w.confirm(ada, w.wantPrompt(w.slash(ada, general, "/cancel-task 12345")))
		time.Sleep(3 * time.Second) // the copy is being posted
		began := time.Now()
		w.must(w.stop())
		if took := time.Since(began); took > 3*time.Second {
			t.Errorf("the stop took %s", took)
		}
	})
}

// stopsWhilePosting stops the process while it posts in a channel what cause makes it
// post there. Another process continues for four hours.
func (w *world) stopsWhilePosting(next options, channel string, cause func()) {
	w.Helper()
	var posting atomic.Bool
	w.slack.Before("chat.postMessage", func(c slacktest.Call) {
		if c.Channel == channel {
			posting.Store(true)
		}
	})
	cause()
	w.eventually("it is being posted", posting.Load)
	w.must(w.stop())
	w.restart(next, 1)
	time.Sleep(4 * time.Hour)
}

// Slack's rate limit delays the last update while the process stops (law 13).
func TestStopUpdatesPrompt(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w := newWorld(t, func(o *options) { o.bot.Grace = 25 * time.Second })
		prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
		w.slack.Break(slacktest.Fault{Method: "response_url", Status: 429, RetryAfter: "5", Times: 1})
		w.acked(w.slack.Click(ada, prompt, "cancel_task"))
		time.Sleep(500 * time.Millisecond)
		_ = w.stop()
		time.Sleep(time.Minute)
		if !settled(w.now(prompt)) {
			t.Errorf("announced %d times; the prompt still has %d buttons", len(w.slack.History(general)), len(w.now(prompt).Buttons()))
		}
	})
}

// The process stops while a prompt waits for the outcome of another one's decision,
// which ends in time.
func TestStopUpdatesPromptOfALoser(t *testing.T) {
	both(t, func(t *testing.T, public bool, change ...func(*options)) {
		w := newWorld(t, append(change, func(o *options) { o.bot.Grace = 25 * time.Second })...)
		first, second := w.prompts(public, ada, "/cancel-task 12345"), w.prompts(public, linus, "/cancel-task 12345")
		winner, loser := ada, linus
		if public {
			winner, loser = grace, grace
		}
		w.api.Break(chameliotest.Fault{Method: "POST", Delay: 4*time.Second + 300*time.Millisecond})
		w.acked(w.slack.Click(winner, first, "cancel_task"))
		time.Sleep(time.Second)
		w.acked(w.slack.Click(loser, second, "cancel_task"))
		time.Sleep(time.Second)
		if public && !strings.Contains(w.now(second).Text, "Cancelling <") {
			t.Errorf("at first it says: %s", w.now(second).Text)
		}
		w.must(w.stop())
		time.Sleep(time.Minute)
		if now := w.now(second); !strings.Contains(now.Text, "cancelled") {
			t.Errorf("then it says: %s", now.Text)
		}
	})
}

// The process stops right after giving up a late claim: the prompt says so.
func TestStopAfterGivingUpUpdatesPrompt(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w, h, _ := withHook(t, func(o *options) { o.bot.Grace = 500 * time.Millisecond })
		prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
		clicked := time.Now()
		gone := make(chan struct{})
		var once bool
		h.set(func(op string, do func() error) error {
			if op == "GiveUp" && !once {
				once = true
				err := do()
				close(gone)
				time.Sleep(time.Second) // the answer is on its way while the process stops
				return err
			}
			err := do()
			if op == "Claim" && time.Since(clicked) < 2*time.Minute {
				return errCut
			}
			return err
		})
		w.acked(w.slack.Click(ada, prompt, "cancel_task"))
		<-gone
		_ = w.stop()
		time.Sleep(10 * time.Minute)
		if w.row().Outcome() != decision.NotSaved || !settled(w.now(prompt)) {
			t.Errorf("row %s, prompt: %s", w.row().Outcome(), w.now(prompt).Text)
		}
	})
}

// TestRollingRestartTurnsNoOneAway stops a replica as soon as another one is
// connected, with commands all the time.
func TestRollingRestartTurnsNoOneAway(t *testing.T) {
	for _, after := range []time.Duration{0, 50 * time.Millisecond, time.Second, 3 * time.Second, 8 * time.Second} {
		t.Run(after.String(), func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				var o options
				w := newWorld(t, func(all *options) { o = *all })
				time.Sleep(time.Minute)
				o.journal = w.open(o)
				stop := w.start(o)
				defer func() { w.must(stop()) }()
				w.eventually("both serve", func() bool { return w.slack.Connections() == 4 })
				time.Sleep(after)
				stopped := make(chan error, 1)
				go func() { stopped <- w.stop() }()
				before := len(w.slack.Private(ada, general))
				for range 40 {
					time.Sleep(50 * time.Millisecond) // a command that crosses the Close frame can't be acknowledged (see HandBack)
					w.slack.Slash(ada, general, "/cancel-task 12345")
				}
				w.must(<-stopped)
				time.Sleep(5 * time.Second)
				said := w.slack.Private(ada, general)[before:]
				for _, m := range said {
					if m.Button("cancel_task") == nil {
						t.Errorf("Ada reads: %s", m.Text)
					}
				}
				if len(said) != 40 || len(w.slack.Failed()) > 0 {
					t.Errorf("%d answers, %d failed", len(said), len(w.slack.Failed()))
				}
			})
		})
	}
}

// TestWaitingRefusalsSilenceNoOthers presses buttons while the process stops, first in a
// channel in which Slack asks to wait. Elsewhere, people read that the bot is
// restarting.
func TestWaitingRefusalsSilenceNoOthers(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w := newWorld(t, func(o *options) { o.bot.Grace = time.Minute })
		w.place("C0OTHER")
		w.api.Add(500, 1)
		carried := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
		elsewhere := w.wantPrompt(w.slash(grace, "C0OTHER", "/cancel-task 500"))
		w.api.Break(chameliotest.Fault{Method: "POST", Task: 12345, Hang: true})
		w.slack.Break(slacktest.Fault{Method: "response_url", Channel: general, Status: 429, RetryAfter: "1500"})
		w.acked(w.slack.Click(ada, carried, "cancel_task"))
		time.Sleep(time.Second)
		stopped := make(chan error, 1)
		go func() { stopped <- w.stop() }()
		time.Sleep(time.Second)
		for range 20 {
			w.slack.Click(ada, carried, "cancel_task")
		}
		w.slack.Click(grace, elsewhere, "cancel_task")
		time.Sleep(time.Second)
		if said := texts(w.slack.Private(grace, "C0OTHER")); len(said) != 2 || !strings.Contains(said[1], "restarting") {
			t.Errorf("Grace reads %q", said)
		}
		w.must(<-stopped)
	})
}
