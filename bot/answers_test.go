package bot_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/slacktest"
)

// The process stops while a click is being judged. Its person reads that it
// may not count, and another click does.
func TestStopWhileClickIsJudged(t *testing.T) {
	for _, after := range []time.Duration{100 * time.Millisecond, 2500 * time.Millisecond} {
		t.Run(fmt.Sprintf("approval, after %s", after), func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				w, o := stoppable(t, secondPerson)
				prompt := w.ask(ada, general, "/cancel-task 12345")
				w.stopsWhileJudging(grace, prompt, after)
				if !strings.Contains(w.said(grace), "your click to cancel") || !strings.Contains(w.said(grace), "If no result appears") {
					t.Errorf("Grace reads %q", w.said(grace))
				}
				w.noCancel()
				w.restart(o, 1)
				w.confirm(grace, w.wantPrompt(w.now(prompt)))
			})
		})
		t.Run(fmt.Sprintf("decision, after %s", after), func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				w, o := stoppable(t)
				prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
				w.stopsWhileJudging(ada, prompt, after)
				if !strings.Contains(w.said(ada), "your click to cancel") || !strings.Contains(w.said(ada), "If no result appears") {
					t.Errorf("Ada reads %q", w.said(ada))
				}
				w.noCancel()
				w.restart(o, 1)
				w.confirm(ada, w.wantPrompt(w.now(prompt)))
			})
		})
	}
}

// stoppable returns a world whose bot stops soon, and what starts another one.
func stoppable(t *testing.T, change ...func(*options)) (*world, options) {
	var next options
	w := newWorld(t, append(change, alwaysFresh, func(o *options) { o.bot.Grace = 300 * time.Millisecond; next = *o })...)
	return w, next
}

// stopsWhileJudging clicks while Slack doesn't answer the policy, and stops the bot.
func (w *world) stopsWhileJudging(user string, prompt slacktest.Message, after time.Duration) {
	w.Helper()
	w.slack.Break(slacktest.Fault{Method: "users.info", Hang: true})
	w.acked(w.slack.Click(user, prompt, "cancel_task"))
	time.Sleep(after)
	w.must(w.stop())
	w.slack.ClearFaults()
	time.Sleep(time.Minute)
}

// A second approver clicks while it isn't known whether the first approval was
// saved, and the process stops.
func TestStopWhileSecondApprovalWaits(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w, h, _ := withHook(t, secondPerson, func(o *options) { o.bot.Grace = 300 * time.Millisecond })
		prompt := w.ask(ada, general, "/cancel-task 12345")
		h.set(func(op string, do func() error) error {
			if op == "Claim" {
				time.Sleep(3 * time.Second)
				return errCut
			}
			return do()
		})
		w.acked(w.slack.Click(grace, prompt, "cancel_task"))
		time.Sleep(100 * time.Millisecond)
		w.acked(w.slack.Click(linus, prompt, "cancel_task"))
		time.Sleep(100 * time.Millisecond)
		_ = w.stop()
		time.Sleep(time.Minute)
		if w.said(grace) == "" || w.said(linus) == "" {
			t.Errorf("Grace reads %q, Linus %q", w.said(grace), w.said(linus))
		}
	})
}

// Slack takes the answer to a click that doesn't count only after a minute. By
// then another click on the prompt has its result there, and it stays.
func TestLateAnswerLeavesTheOutcome(t *testing.T) {
	guest, member := slacktest.User{ID: ada, Name: "ada", IsRestricted: true}, slacktest.User{ID: ada, Name: "ada"}
	for name, refused := range map[string]func(w *world, prompt slacktest.Message){
		"refused": func(w *world, prompt slacktest.Message) {
			w.slack.AddUser(guest)
			w.acked(w.slack.Click(ada, prompt, "cancel_task"))
			time.Sleep(15 * time.Second)
			w.slack.AddUser(member)
		},
	} {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				w := newWorld(t, alwaysFresh)
				prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
				w.slack.Break(slacktest.Fault{Method: "response_url", Status: 429, RetryAfter: "60", Times: 1})
				refused(w, prompt)
				w.acked(w.slack.Forge(ada, prompt, "cancel_task", prompt.Button("cancel_task").Value))
				time.Sleep(10 * time.Minute)
				if now := w.now(prompt); !settled(now) || meaning(now) != "cancelled" {
					t.Errorf("in the end: %s, %d effects", now.Text, w.api.Effects(12345))
				}
			})
		})
	}
}

// The journal is slow when someone presses Keep task, so they read below the prompt
// that it's being checked. The answer is there, too.
func TestSlowKeepIsAnsweredWhereItWasChecked(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w, h, _ := withHook(t)
		prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
		h.set(func(op string, do func() error) error {
			switch op {
			case "Get":
				return errCut
			case "Withdraw":
				time.Sleep(4500 * time.Millisecond)
			}
			return do()
		})
		w.acked(w.slack.Click(ada, prompt, "keep_task"))
		time.Sleep(time.Minute)
		said := w.slack.Private(ada, general)
		if len(said) != 3 || !settled(w.now(prompt)) || meaning(said[1]) != "checking" || meaning(said[2]) != "kept" {
			t.Errorf("Ada reads %q", texts(said))
		}
	})
}
