package bot_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot"
	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/journal"
	"github.com/cancelbot/cancelbot/bot/internal/journal/journaltest"
	"github.com/cancelbot/cancelbot/bot/slacktest"
	"github.com/cancelbot/cancelbot/chamelio/chameliotest"
)

// Regression tests for the answers to second clicks, late clicks, Keep and
// Withdraw: runs in which people once read something false, or nothing.

// both runs a test with a prompt for one person, and with a request.
func both(t *testing.T, test func(t *testing.T, public bool, change ...func(*options))) {
	t.Run("private", func(t *testing.T) { virtual(t, func(t *testing.T) { test(t, false) }) })
	t.Run("public", func(t *testing.T) { virtual(t, func(t *testing.T) { test(t, true, secondPerson) }) })
}

// prompts returns the prompt of a command, for one person or for two.
func (w *world) prompts(public bool, user, text string) slacktest.Message {
	if public {
		return w.ask(user, general, text)
	}
	return w.wantPrompt(w.slash(user, general, text))
}

// said returns everything that a person reads alone, as one text.
func (w *world) said(user string) string {
	return strings.Join(texts(w.slack.Private(user, general)), "\n")
}

// failing makes operations fail, until it is replaced.
func failing(ops ...string) func(string, func() error) error {
	return func(op string, do func() error) error {
		for _, failing := range ops {
			if op == failing {
				return errCut
			}
		}
		return do()
	}
}

// An approval can't be saved, and another replica carries out someone else's. The
// request shows that one's outcome, and no trouble saving (law 4).
func TestApprovalInDoubtLeavesTheRequestAlone(t *testing.T) {
	for _, command := range []string{"/cancel-task 500", "/cancel-task 500 501"} {
		t.Run(command, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				w, h, o := withHook(t, secondPerson)
				w.api.Add(500, 2)
				prompt := w.ask(ada, general, command)
				value := prompt.Button("cancel_task").Value
				h.set(failing("Claim", "Abandon"))
				w.acked(w.slack.Click(grace, prompt, "cancel_task"))
				time.Sleep(5 * time.Second)
				if now := w.now(prompt); now.Text != prompt.Text || !strings.Contains(w.said(grace), "trouble saving your approval") {
					t.Errorf("the request says %s; Grace reads %s", now.Text, w.said(grace))
				}
				w.must(w.claim(linus, value, time.Now(), false))
				w.replica(o)
				time.Sleep(12 * time.Minute)
				if now := w.now(prompt); strings.Contains(now.Text+w.said(grace), "started") || w.api.Effects(500) != 1 {
					t.Errorf("in the end: %s; Grace reads %s", now.Text, w.said(grace))
				}
			})
		})
	}
}

// The journal doesn't answer a claim, and has another replica's decision about the same
// prompt. The prompt is left to that one: it doesn't say that this click cancels.
func TestHangingClaimLeavesThePrompt(t *testing.T) {
	for _, command := range []string{"/cancel-task 500", "/cancel-task 500 501"} {
		t.Run(command, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				w, h, _ := withHook(t)
				w.api.Add(500, 2)
				prompt := w.prompts(false, ada, command)
				h.set(func(op string, do func() error) error {
					if op == "Claim" {
						time.Sleep(5 * time.Second)
						return errCut
					}
					return do()
				})
				w.acked(w.slack.Click(ada, prompt, "cancel_task"))
				w.must(w.claim(ada, prompt.Button("cancel_task").Value, time.Now().Add(-time.Second), true))
				time.Sleep(10 * time.Second)
				if now := w.now(prompt); now.Text != prompt.Text {
					t.Errorf("Ada reads: %s", now.Text)
				}
			})
		})
	}
}

// Ada presses on her own request while Grace's approval is being saved, and then that
// isn't saved, because cancelling was paused. Ada reads why she can't approve.
func TestRefusalAfterAnApprovalThatIsNotSaved(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w, h, _ := withHook(t, secondPerson)
		prompt := w.ask(ada, general, "/cancel-task 12345")
		h.set(slow("Claim", 3*time.Second))
		w.acked(w.slack.Click(grace, prompt, "cancel_task"))
		time.Sleep(time.Second)
		w.acked(w.slack.Click(ada, prompt, "cancel_task"))
		w.must(w.journal.Pause(t.Context(), ""))
		time.Sleep(10 * time.Minute)
		if said := w.said(ada); !strings.Contains(said, "can't approve your own request") || strings.Contains(said, "can't tell") {
			t.Errorf("Ada reads %q", said)
		}
		if said := w.said(grace); !strings.Contains(said, "Cancelling was paused") {
			t.Errorf("Grace reads %q", said)
		}
		w.noCancel()
	})
}

// A prompt whose click was refused for now is restored late. A newer outcome stays
// (law 13).
func TestLateRestoreLeavesTheOutcome(t *testing.T) {
	for _, action := range []string{"cancel_task", "keep_task"} {
		t.Run(action, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				w := newWorld(t, alwaysFresh)
				prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
				value := prompt.Button(action).Value
				time.Sleep(5 * time.Millisecond)
				w.slack.Break(slacktest.Fault{Method: "users.info", Delay: 2 * time.Second, Error: "internal_error", Times: 1})
				w.acked(w.slack.Click(ada, prompt, "cancel_task"))
				time.Sleep(1900 * time.Millisecond) // the prompt says that the click is being checked
				w.slack.Break(slacktest.Fault{Method: "response_url", Status: 429, RetryAfter: "8", Times: 1})
				time.Sleep(time.Second)
				w.acked(w.slack.Forge(ada, prompt, action, value))
				time.Sleep(5 * time.Minute)
				if now := w.now(prompt); !settled(now) {
					t.Errorf("in the end: %s (%d buttons)", now.Text, len(now.Buttons()))
				}
			})
		})
	}
}

// An approval that can't be saved ends the request, and no one reads that its
// requester withdrew it.
func TestUnsavedApprovalIsNoWithdrawal(t *testing.T) {
	for name, deaf := range map[string]bool{"shown": false, "Slack takes no update": true} {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				w, h, _ := withHook(t, secondPerson)
				prompt := w.ask(ada, general, "/cancel-task 12345")
				value := prompt.Button("cancel_task").Value
				h.set(failing("Claim"))
				if deaf {
					w.slack.Break(slacktest.Fault{Method: "response_url", Status: 503})
				}
				w.acked(w.slack.Click(grace, prompt, "cancel_task"))
				time.Sleep(9 * time.Minute)
				h.set(nil)
				w.slack.ClearFaults()
				if w.row().Outcome() != decision.NotSaved {
					t.Errorf("on record: %s", w.row().Outcome())
				}
				if !deaf {
					w.acked(w.slack.Forge(linus, prompt, "cancel_task", value))
				}
				time.Sleep(time.Hour)
				now := w.now(prompt)
				if all := now.Text + w.said(linus); len(now.Buttons()) > 0 || strings.Contains(all, "withdrew") || !strings.Contains(now.Text, "couldn't save the approval") {
					t.Errorf("the request says %s (%d buttons); Linus reads %s", now.Text, len(now.Buttons()), w.said(linus))
				}
				if !deaf && !strings.Contains(w.said(linus), "This request has ended") {
					t.Errorf("Linus reads %q", w.said(linus))
				}
				w.noCancel()
			})
		})
	}
}

// The answer to a withdrawal is lost. The journal is asked again (law 7).
func TestLostAnswerToWithdrawal(t *testing.T) {
	both(t, func(t *testing.T, public bool, change ...func(*options)) {
		w, h, _ := withHook(t, change...)
		prompt := w.prompts(public, ada, "/cancel-task 12345")
		h.set(lostAnswers("Withdraw", 3))
		w.acked(w.slack.Click(ada, prompt, "keep_task"))
		time.Sleep(time.Minute)
		if now := w.now(prompt); meaning(now) != "kept" || strings.Contains(w.said(ada), "still be cancelled") {
			t.Errorf("the prompt says %s; Ada reads %s", now.Text, w.said(ada))
		}
	})
}

// Someone else presses Withdraw on a request that is approved, or cancelled.
func TestForeignWithdrawalAfterApproval(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w := newWorld(t, secondPerson)
		prompt := w.ask(ada, general, "/cancel-task 12345")
		value := prompt.Button("keep_task").Value
		w.api.Break(chameliotest.Fault{Method: "POST", Delay: 4 * time.Second})
		w.acked(w.slack.Click(grace, prompt, "cancel_task"))
		for _, after := range []time.Duration{300 * time.Millisecond, time.Minute} {
			time.Sleep(after)
			w.acked(w.slack.Forge(linus, prompt, "keep_task", value))
		}
		time.Sleep(time.Second)
		if said := texts(w.slack.Private(linus, general)); len(said) != 2 || !strings.HasPrefix(said[0], "Too late") || !strings.HasPrefix(said[1], "Too late") {
			t.Errorf("Linus reads %v", said)
		}
	})
}

// Ada withdraws a request while it isn't known whether its approval is saved, and
// another replica carries it out. She reads that it was too late.
func TestWithdrawalWhileApprovalIsInDoubt(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w, h, o := withHook(t, secondPerson)
		prompt := w.ask(ada, general, "/cancel-task 12345")
		value := prompt.Button("keep_task").Value
		claims := 0
		h.set(func(op string, do func() error) error {
			switch op {
			case "Claim":
				if claims++; claims == 1 {
					_ = do()
				}
				return errCut
			case "Withdraw", "GiveUp", "RenewAll":
				return errCut
			}
			return do()
		})
		w.acked(w.slack.Click(grace, prompt, "cancel_task"))
		time.Sleep(2 * time.Second)
		w.acked(w.slack.Forge(ada, prompt, "keep_task", value))
		time.Sleep(3 * time.Second)
		if !strings.Contains(w.said(ada), "checking whether it's too late") {
			t.Errorf("after 3 s Ada reads %q", w.said(ada))
		}
		o.journal = nil
		w.replica(o)
		time.Sleep(2 * time.Minute)
		h.set(nil)
		time.Sleep(10 * time.Minute)
		if !strings.Contains(w.said(ada), "Too late") || w.api.Effects(12345) != 1 {
			t.Errorf("Ada reads %q", w.said(ada))
		}
	})
}

// A person closes a modal after submitting it. The answer goes to where the modal
// was opened.
func TestClosedModalIsAnsweredWhereItWasOpened(t *testing.T) {
	for _, what := range []string{"not saved", "another was first"} {
		t.Run(what, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				w, h, _ := withHook(t, alwaysFresh)
				modal := w.modal(ada, w.say(grace, general, "stop <"+taskLink+"12345|this>?"))
				other := w.wantPrompt(w.slash(linus, general, "/cancel-task 12345"))
				time.Sleep(5 * time.Millisecond)
				want := "already cancelled"
				if what == "not saved" {
					h.set(failing("Claim"))
					want = "couldn't save your decision"
				} else {
					w.slack.Break(slacktest.Fault{Method: "users.info", Delay: 2 * time.Second, Times: 1})
				}
				w.submits(ada, modal, map[string]string{"reason": "dup"})
				time.Sleep(100 * time.Millisecond)
				w.slack.CloseView(ada, w.slack.Modals(ada)[0])
				if what != "not saved" {
					w.acked(w.slack.Click(linus, other, "cancel_task"))
				}
				time.Sleep(10 * time.Minute)
				if !strings.Contains(w.said(ada), want) {
					t.Errorf("Ada reads %q", w.said(ada))
				}
			})
		})
	}
}

// A click that came in time is judged slowly, at this replica or at another. A
// later press doesn't make anyone read that the prompt has expired.
func TestNothingSaysExpiredWhileClickIsJudged(t *testing.T) {
	both(t, func(t *testing.T, public bool, change ...func(*options)) {
		w, _, o := withHook(t, append(change, alwaysFresh)...)
		w.replica(o)
		prompt := w.prompts(public, ada, "/cancel-task 12345")
		value, by := prompt.Button("cancel_task").Value, ada
		if public {
			by = grace
		}
		time.Sleep(time.Until(w.endOf(prompt)) - 200*time.Millisecond)
		w.slack.Break(slacktest.Fault{Method: "users.info", Delay: 4 * time.Second})
		w.acked(w.slack.Forge(by, prompt, "cancel_task", value))
		time.Sleep(400 * time.Millisecond)
		for range 6 {
			w.acked(w.slack.Forge(by, prompt, "cancel_task", value))
			w.acked(w.slack.Forge(ada, prompt, "keep_task", value))
			time.Sleep(200 * time.Millisecond)
		}
		time.Sleep(time.Minute)
		if all := w.said(ada) + w.said(grace) + w.now(prompt).Text; strings.Contains(all, "expired") || w.api.Effects(12345) != 1 {
			t.Errorf("people read %s", all)
		}
	})
}

// slowSwitch is a journal that takes long to say whether cancelling is paused.
type slowSwitch struct {
	bot.Journal
	slow atomic.Bool
}

func (j *slowSwitch) Paused(ctx context.Context) (journal.Pause, error) {
	if j.slow.Load() {
		time.Sleep(1900 * time.Millisecond)
	}
	return j.Journal.Paused(ctx)
}

// The switch that pauses cancelling is read slowly while a click that came in time
// is judged.
func TestNothingSaysExpiredWhilePauseIsRead(t *testing.T) {
	virtual(t, func(t *testing.T) {
		j := &slowSwitch{}
		w := newWorld(t, func(o *options) {
			o.journal = j
			o.prepare = func(w *world) { j.Journal = w.journal }
		})
		prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
		value := prompt.Button("cancel_task").Value
		time.Sleep(time.Until(w.endOf(prompt)) - 200*time.Millisecond)
		j.slow.Store(true)
		w.acked(w.slack.Forge(ada, prompt, "cancel_task", value))
		time.Sleep(400 * time.Millisecond)
		w.acked(w.slack.Forge(ada, prompt, "cancel_task", value))
		for range 200 {
			time.Sleep(100 * time.Millisecond)
			if now := w.now(prompt); strings.Contains(now.Text, "has expired") {
				t.Fatalf("the prompt says: %s", now.Text)
			}
		}
	})
}

// Linus loses to Ada's decision, which she then takes back.
func TestLoserReadsThatTheWinnerWasTakenBack(t *testing.T) {
	both(t, func(t *testing.T, public bool, change ...func(*options)) {
		w, h, _ := withHook(t, change...)
		mine, theirs := w.prompts(public, ada, "/cancel-task 12345"), w.prompts(public, linus, "/cancel-task 12345")
		keep, approver, reader := mine.Button("keep_task").Value, ada, linus
		if public {
			approver, reader = grace, grace
		}
		claims, until := 0, time.Now().Add(7*time.Second)
		h.set(func(op string, do func() error) error {
			if op == "Claim" && time.Now().Before(until) {
				if claims++; claims != 2 { // 2 is Linus'
					_ = do()
					return errCut
				}
			}
			return do()
		})
		w.acked(w.slack.Click(approver, mine, "cancel_task"))
		time.Sleep(50 * time.Millisecond)
		w.acked(w.slack.Click(map[bool]string{true: grace, false: linus}[public], theirs, "cancel_task"))
		time.Sleep(time.Second)
		w.acked(w.slack.Forge(ada, mine, "keep_task", keep))
		time.Sleep(15 * time.Minute)
		w.noCancel()
		all := w.now(theirs).Text + "\n" + w.said(reader)
		if !strings.Contains(all, "withdrawn before I sent anything") || strings.Contains(all, "couldn't tell") || ranOut(all) {
			t.Errorf("Linus' prompt says %s; they read %s", w.now(theirs).Text, w.said(reader))
		}
	})
}

// Two people give a reason for a request that was withdrawn in the meantime. The
// channel doesn't read their reasons, and each gets an answer.
func TestReasonAfterWithdrawal(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w, prompt, _ := askWithoutReason(t)
		for _, user := range []string{grace, linus} {
			w.acked(w.slack.Click(user, prompt, "cancel_task"))
			w.eventually("a modal", func() bool { return len(w.slack.Modals(user)) == 1 })
		}
		w.acked(w.slack.Click(ada, prompt, "keep_task"))
		time.Sleep(time.Second)
		for _, user := range []string{grace, linus} {
			w.submitted(user, w.slack.Modals(user)[0], "reason of "+user)
		}
		time.Sleep(time.Minute)
		w.noCancel()
		if strings.Contains(w.now(prompt).Text, "reason of") {
			t.Errorf("the channel reads %s", w.now(prompt).Text)
		}
		for _, user := range []string{grace, linus} {
			if !strings.Contains(w.said(user), "withdrew this request") {
				t.Errorf("%s reads %q", user, w.said(user))
			}
		}
	})
}

// The journal takes long. Each press shows a sign of life within three seconds,
// and ends with an answer (law 13).
func TestSlowJournalShowsSignOfLife(t *testing.T) {
	for name, tt := range map[string]struct {
		op, user, action string
		late             bool
	}{
		"keep":             {"Withdraw", ada, "keep_task", false},
		"foreign withdraw": {"Get", linus, "keep_task", false},
		"late click":       {"Get", grace, "cancel_task", true},
		"approval":         {"Claim", grace, "cancel_task", false},
	} {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				j := &journaltest.Journal{}
				var slow atomic.Bool
				j.Around = func(ctx context.Context, op string, _ decision.ID, call func(context.Context) error) error {
					if slow.Load() && op == tt.op {
						select {
						case <-time.After(4500 * time.Millisecond):
						case <-ctx.Done():
							return ctx.Err()
						}
					}
					return call(ctx)
				}
				w := newWorld(t, secondPerson, func(o *options) {
					o.journal = j
					o.prepare = func(w *world) { j.Journal = w.journal }
				})
				prompt := w.ask(ada, general, "/cancel-task 12345")
				if tt.late {
					time.Sleep(time.Until(w.endOf(prompt)) + 2*time.Second)
				}
				slow.Store(true)
				w.acked(w.slack.Click(tt.user, prompt, tt.action))
				time.Sleep(3 * time.Second)
				if n := len(w.slack.Private(tt.user, general)); n != 1 {
					t.Errorf("%d signs of life after 3 s", n)
				}
				time.Sleep(time.Minute)
				said := w.slack.Private(tt.user, general)
				if len(said) < 2 || meaning(said[len(said)-1]) == "checking" {
					t.Errorf("in the end: %v", texts(said))
				}
			})
		})
	}
}

// An approver who read that the click is being checked reads that it counts.
func TestCheckedApprovalIsAnswered(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w := newWorld(t, secondPerson, alwaysFresh)
		prompt := w.ask(ada, general, "/cancel-task 12345")
		time.Sleep(5 * time.Millisecond)
		w.slack.Break(slacktest.Fault{Method: "users.info", Delay: 2500 * time.Millisecond})
		w.acked(w.slack.Click(grace, prompt, "cancel_task"))
		time.Sleep(time.Minute)
		if said := texts(w.slack.Private(grace, general)); len(said) != 2 || !strings.HasPrefix(said[1], "Your approval counts") {
			t.Errorf("Grace reads %v", said)
		}
	})
}

// An approver has read below a request that the click is being checked, and that it counts.
// While Chamelio is slow, the request shows progress instead of its buttons. If Slack refuses
// that, it shows the outcome at the end.
func TestApprovedRequestShowsProgress(t *testing.T) {
	for name, allowed := range map[string]bool{"the bot can update it": true, "the bot can't": false} {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				w := newWorld(t, secondPerson, alwaysFresh)
				prompt := w.ask(ada, general, "/cancel-task 12345")
				time.Sleep(5 * time.Millisecond)
				w.slack.Break(slacktest.Fault{Method: "users.info", Delay: 2500 * time.Millisecond, Times: 1})
				if !allowed {
					w.slack.Break(slacktest.Fault{Method: "chat.update", Error: "cant_update_message"})
				}
				w.api.Break(chameliotest.Fault{Method: "POST", Delay: 4 * time.Second, Times: 1})
				w.acked(w.slack.Click(grace, prompt, "cancel_task"))
				time.Sleep(5 * time.Second)
				if now := w.now(prompt); allowed == (len(now.Buttons()) > 0) {
					t.Errorf("meanwhile, the request says: %s", now.Text)
				}
				time.Sleep(time.Minute)
				if now := w.now(prompt); meaning(now) != "cancelled" || len(w.slack.History(general)) != 2 {
					t.Errorf("the channel reads %v", texts(w.slack.History(general)))
				}
			})
		})
	}
}

// The requester withdraws a request, and the journal can't save that for a while.
// Someone who approves it later doesn't overtake them.
func TestApprovalDoesNotOvertakeAWithdrawal(t *testing.T) {
	for name, fails := range map[string]time.Duration{"briefly": time.Minute, "for long": 5 * time.Minute} {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				w, h, _ := withHook(t, secondPerson)
				prompt := w.ask(ada, general, "/cancel-task 12345")
				h.set(failing("Withdraw"))
				w.acked(w.slack.Click(ada, prompt, "keep_task"))
				time.Sleep(20 * time.Second)
				w.acked(w.slack.Forge(grace, prompt, "cancel_task", prompt.Button("cancel_task").Value))
				time.Sleep(fails)
				h.set(nil)
				time.Sleep(5 * time.Minute)
				if w.noCancel(); w.said(grace) == "" || w.said(ada) == "" {
					t.Errorf("Ada reads %q, Grace %q", w.said(ada), w.said(grace))
				}
			})
		})
	}
	t.Run("behind a forged row", func(t *testing.T) {
		virtual(t, func(t *testing.T) {
			w := newWorld(t, secondPerson)
			prompt := w.ask(ada, general, "/cancel-task 12345")
			w.forgeAnnounced(w.idOf(prompt), chameliotest.InProgressTask+7)
			w.statement(`DROP TRIGGER decisions_announced_change; UPDATE decisions SET mac = 'aaaaaaaa.b.c.d'`)
			w.acked(w.slack.Click(ada, prompt, "keep_task"))
			time.Sleep(15 * time.Second)
			w.acked(w.slack.Forge(grace, prompt, "cancel_task", prompt.Button("cancel_task").Value))
			time.Sleep(5 * time.Minute)
			if w.noCancel(); w.row().Outcome() != decision.Withdrawn {
				t.Errorf("on record: %s", w.row().Outcome())
			}
		})
	})
}
