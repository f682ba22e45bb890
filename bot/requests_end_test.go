package bot_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/journal"
	"github.com/cancelbot/cancelbot/bot/internal/signed"
	"github.com/cancelbot/cancelbot/bot/internal/work"
	"github.com/cancelbot/cancelbot/bot/slacktest"
	"github.com/cancelbot/cancelbot/chamelio/chameliotest"
)

// TestNothingExpiresWhileClickIsJudged clicks just before the end of a
// request, with facts that take longer than the request has left.
func TestNothingExpiresWhileClickIsJudged(t *testing.T) {
	for name, tt := range map[string]struct {
		before, facts time.Duration
		fault         slacktest.Fault
	}{
		"slow":                            {1400 * time.Millisecond, 4 * time.Second, slacktest.Fault{}},
		"at the last moment, very slow":   {time.Millisecond, 4500 * time.Millisecond, slacktest.Fault{}},
		"and the click's answers refused": {1400 * time.Millisecond, 4 * time.Second, slacktest.Fault{Method: "response_url", Error: "used_url"}},
	} {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				w := newWorld(t, secondPerson)
				prompt := w.ask(ada, general, "/cancel-task 12345")
				time.Sleep(time.Until(w.endOf(prompt)) - tt.before)
				w.slack.Break(slacktest.Fault{Method: "users.info", Delay: tt.facts, Times: 1})
				if tt.fault.Method != "" {
					w.slack.Break(tt.fault)
				}
				w.acked(w.slack.Click(grace, prompt, "cancel_task"))
				for range 300 {
					time.Sleep(time.Second)
					if now := w.now(prompt); ranOut(now.Text) {
						t.Fatalf("it says: %s", now.Text)
					}
				}
				if now := w.now(prompt); !settled(now) || w.api.Effects(12345) != 1 || w.row().Outcome() != decision.Cancelled {
					t.Errorf("in the end: %s; %+v", now.Text, w.row())
				}
			})
		})
	}
}

// ranOut reports whether a message says that a request has expired.
func ranOut(text string) bool { return strings.Contains(text, "has expired. To see how things stand") }

// endOf returns when a request expires, to the second.
func (w *world) endOf(prompt slacktest.Message) time.Time {
	w.Helper()
	s, err := signed.NewSigner(slacktest.BotToken, w.api.URL(), nil, time.Now)
	w.must(err)
	c, err := s.Decode(prompt.Button("cancel_task").Value, time.Now())
	w.must(err)
	return c.ExpiresAt
}

// TestRequestEndsOnce lets the expiry of a request and a click that came in
// time compete in the journal.
func TestRequestEndsOnce(t *testing.T) {
	t.Run("the click's claim comes first", func(t *testing.T) {
		virtual(t, func(t *testing.T) {
			w, h, _ := withHook(t, secondPerson)
			prompt := w.ask(ada, general, "/cancel-task 12345")
			value, end := prompt.Button("cancel_task").Value, w.endOf(prompt)
			claimed := false
			h.set(func(op string, do func() error) error {
				if op == "Expire" && !claimed {
					claimed = true
					w.must(w.claim(grace, value, end.Add(-time.Second), false)) // by another process
				}
				return do()
			})
			time.Sleep(time.Until(end) + 5*time.Minute)
			if now := w.now(prompt); !claimed || ranOut(now.Text) || w.api.Effects(12345) != 1 {
				t.Errorf("it says: %s", now.Text)
			}
		})
	})
	t.Run("the expiry comes first", func(t *testing.T) {
		virtual(t, func(t *testing.T) {
			w, h, _ := withHook(t, secondPerson)
			prompt := w.ask(ada, general, "/cancel-task 12345")
			end := w.endOf(prompt)
			h.set(slow("Claim", 3*time.Minute)) // a stalled process
			row := w.recordOf(prompt, end.Add(time.Minute))
			time.Sleep(time.Until(end) - time.Second)
			before := len(w.slack.Private(grace, general))
			w.acked(w.slack.Click(grace, prompt, "cancel_task"))
			time.Sleep(time.Minute)
			if _, expired, err := w.journal.Expire(t.Context(), row); err != nil || !expired { // by another process
				t.Fatal(expired, err)
			}
			time.Sleep(10 * time.Minute)
			w.noCancel()
			said := w.slack.Private(grace, general)[before:]
			if now := w.now(prompt); len(said) == 0 || !strings.Contains(said[len(said)-1].Text, "has expired") || !ranOut(now.Text) {
				t.Errorf("it says: %s; Grace reads %v", now.Text, texts(said))
			}
		})
	})
	t.Run("the click is being saved", func(t *testing.T) {
		virtual(t, func(t *testing.T) {
			w, h, _ := withHook(t, secondPerson)
			prompt := w.ask(ada, general, "/cancel-task 12345")
			end := w.endOf(prompt)
			h.set(func(op string, do func() error) error {
				if op == "Claim" && time.Since(end) < 80*time.Second {
					return errCut
				}
				return do()
			})
			time.Sleep(time.Until(end) - time.Second)
			w.acked(w.slack.Click(grace, prompt, "cancel_task"))
			time.Sleep(5 * time.Minute)
			if now := w.now(prompt); !settled(now) || w.api.Effects(12345) != 1 {
				t.Errorf("it says: %s", now.Text)
			}
		})
	})
	t.Run("nothing is said that isn't recorded", func(t *testing.T) {
		virtual(t, func(t *testing.T) {
			w, h, _ := withHook(t, secondPerson)
			prompt := w.ask(ada, general, "/cancel-task 12345")
			value := prompt.Button("cancel_task").Value
			h.set(func(op string, do func() error) error {
				if op == "Expire" {
					return errCut
				}
				return do()
			})
			time.Sleep(time.Until(w.endOf(prompt)) + time.Second)
			w.acked(w.slack.Click(grace, prompt, "cancel_task"))
			time.Sleep(10 * time.Minute)
			w.acked(w.slack.Click(grace, prompt, "cancel_task"))
			time.Sleep(time.Minute)
			if now := w.now(prompt); len(now.Buttons()) != 2 {
				t.Errorf("it says: %s", now.Text)
			}
			if said := texts(w.slack.Private(grace, general)); len(said) < 2 || strings.Contains(strings.Join(said, "|"), "expired") {
				t.Errorf("Grace reads %v", said)
			}
			h.set(func(_ string, do func() error) error { return do() })
			w.eventually("it ran out", func() bool { return ranOut(w.now(prompt).Text) })
			_ = value
		})
	})
}

// recordOf returns the row of a request without a click.
func (w *world) recordOf(prompt slacktest.Message, at time.Time) decision.Record {
	w.Helper()
	s, err := signed.NewSigner(slacktest.BotToken, w.api.URL(), nil, time.Now)
	w.must(err)
	value := prompt.Button("cancel_task").Value
	c, err := s.Decode(value, time.Now())
	w.must(err)
	return decision.Record{
		ID: decision.ID(c.ID), Tasks: itemsOf(c), Team: c.Team, Channel: c.Channel, Requester: c.Requester,
		RequestedAt: c.RequestedAt, DecidedAt: at.UTC(), Confirmation: value,
	}
}

func itemsOf(c decision.Confirmation) []decision.Item {
	var items []decision.Item
	for _, t := range c.Tasks {
		items = append(items, t.Item())
	}
	return items
}

// claim claims the decision of a click, as another process would,
// and lets that process live, or die at once.
func (w *world) claim(user, value string, at time.Time, lives bool) error {
	w.Helper()
	s, err := signed.NewSigner(slacktest.BotToken, w.api.URL(), nil, time.Now)
	w.must(err)
	c, err := s.Decode(value, at)
	w.must(err)
	d := decision.Record{
		ID: decision.ID(c.ID), Tasks: itemsOf(c), Team: c.Team, Channel: c.Channel, Requester: c.Requester,
		Confirmer: user, RequestedAt: c.RequestedAt, DecidedAt: at.UTC().Truncate(time.Millisecond), Confirmation: value,
	}
	d.MAC = s.SignClick(d)
	other, err := journal.Open(w.Context(), w.url, journal.Options{Now: time.Now})
	w.must(err)
	w.Cleanup(func() { _ = other.Close() })
	claim, err := other.Claim(w.Context(), d)
	if err != nil || !lives {
		return errors.Join(err, other.Close())
	}
	go func() {
		for ctx := w.Context(); work.Sleep(ctx, other.Lease()/3); {
			_, _ = other.RenewAll(ctx, []journal.Lease{claim.Lease})
		}
	}()
	return nil
}

// TestUnclearRequestIsNotPostedAgain posts a request with an answer that
// leaves open whether it was posted.
func TestUnclearRequestIsNotPostedAgain(t *testing.T) {
	for name, fault := range map[string]slacktest.Fault{"no answer": {Cut: true}, "fatal_error": {Error: "fatal_error"}} {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				w := newWorld(t, secondPerson)
				fault.Method, fault.AfterEffect = "chat.postMessage", true
				w.slack.Break(fault)
				said := w.slash(ada, general, "/cancel-task 12345")
				time.Sleep(time.Minute)
				if n := len(w.slack.History(general)); n != 1 || !strings.Contains(said.Text, "don't know whether your request") {
					t.Errorf("%d requests; Ada reads: %s", n, said.Text)
				}
			})
		})
	}
}

// TestTroubledChannelDelaysOnlyItsRequests makes Slack hang on every call
// about one channel, where 40 requests end or are reminded of.
func TestTroubledChannelDelaysOnlyItsRequests(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w := newWorld(t, secondPerson, reminding)
		w.api.Add(1000, 41)
		for id := range 40 {
			w.ask(ada, general, fmt.Sprintf("/cancel-task %d", 1000+id))
		}
		other := w.ask(ada, slacktest.Random, "/cancel-task 1040")
		end := w.endOf(other)
		for _, method := range []string{"chat.update", "chat.postMessage"} {
			w.slack.Break(slacktest.Fault{Method: method, Channel: general, Hang: true})
		}
		ready := func(when string) {
			if err := w.bot.Ready(t.Context()); err != nil {
				t.Errorf("%s: not ready: %v", when, err)
			}
		}
		time.Sleep(time.Until(end) - 3*time.Minute + 10*time.Second)
		if n := len(w.slack.Thread(slacktest.Random, other.TS)); n != 1 {
			t.Errorf("%d reminders in the other channel", n)
		}
		ready("reminding")
		time.Sleep(time.Until(end) + 55*time.Second)
		if now := w.now(other); !ranOut(now.Text) {
			t.Errorf("the other channel's request: %s", now.Text)
		}
		for range 60 {
			ready("ending")
			time.Sleep(time.Second)
		}
		w.slack.ClearFaults()
		w.eventually("all have ended", func() bool { return w.count(`SELECT count(*) FROM requests`) == 0 })
	})
}

// TestReminderIsNotPostedAfterDecision decides a request while Slack delays
// its reminder.
func TestReminderIsNotPostedAfterDecision(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w := newWorld(t, secondPerson, reminding)
		prompt := w.ask(ada, general, "/cancel-task 12345")
		time.Sleep(time.Until(w.endOf(prompt)) - 3*time.Minute - 5*time.Second)
		w.slack.Break(slacktest.Fault{Method: "chat.postMessage", Status: 429, RetryAfter: "3", Times: 1})
		w.eventually("the first try", func() bool { return w.posts() == 2 })
		w.acked(w.slack.Click(ada, prompt, "keep_task"))
		time.Sleep(time.Minute)
		if n := len(w.slack.Thread(general, prompt.TS)); n != 0 || w.posts() != 2 {
			t.Errorf("%d reminders, %d posts", n, w.posts())
		}
	})
}

// TestUnclearReminderIsNotPostedAgain posts a reminder with an answer that
// leaves open whether it was posted.
func TestUnclearReminderIsNotPostedAgain(t *testing.T) {
	for name, fault := range map[string]slacktest.Fault{"no answer": {Cut: true}, "fatal_error": {Error: "fatal_error"}} {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				w := newWorld(t, secondPerson, reminding)
				prompt := w.ask(ada, general, "/cancel-task 12345")
				fault.Method, fault.AfterEffect = "chat.postMessage", true
				w.slack.Break(fault)
				time.Sleep(8 * time.Minute)
				if n := len(w.slack.Thread(general, prompt.TS)); n != 1 {
					t.Errorf("%d reminders", n)
				}
			})
		})
	}
}

// posts counts the calls that posted a message.
func (w *world) posts() (n int) {
	for _, call := range w.slack.Calls() {
		if call.Method == "chat.postMessage" {
			n++
		}
	}
	return n
}

// TestOvertakenRequestShowsOutcome presses a request whose task is being
// cancelled by another one: it shows that one's outcome.
func TestOvertakenRequestShowsOutcome(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w := newWorld(t, secondPerson)
		first, second := w.ask(ada, general, "/cancel-task 12345"), w.ask(linus, general, "/cancel-task 12345")
		w.api.Break(chameliotest.Fault{Method: "POST", Delay: 4 * time.Second})
		w.acked(w.slack.Click(grace, first, "cancel_task"))
		time.Sleep(time.Second)
		w.acked(w.slack.Click(grace, second, "cancel_task"))
		time.Sleep(time.Second)
		if now := w.now(second); !strings.Contains(now.Text, "Cancelling <") || !strings.Contains(now.Text, "I'll post the result in <#"+general) {
			t.Errorf("at first it says: %s", now.Text)
		}
		time.Sleep(30 * time.Second)
		if now := w.now(second); !strings.Contains(now.Text, "is cancelled") {
			t.Errorf("then it says: %s", now.Text)
		}
	})
}

// A prompt has expired, and another one's decision has cancelled its task. After late
// presses, too, the prompt shows what became of the task.
func TestLatePressesShowWhatOthersDecided(t *testing.T) {
	for name, one := range map[string]struct {
		channel string
		change  []func(*options)
	}{
		"private prompt":     {general, nil},
		"request":            {general, []func(*options){secondPerson}},
		"request in a reply": {slacktest.Legal, []func(*options){secondPerson}},
	} {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				w := newWorld(t, one.change...)
				ask := func(user, channel string) slacktest.Message {
					if len(one.change) == 0 {
						return w.wantPrompt(w.slash(user, channel, "/cancel-task 12345"))
					}
					return w.ask(user, channel, "/cancel-task 12345")
				}
				late, other := ask(ada, one.channel), ask(grace, slacktest.Random)
				if len(one.change) == 0 {
					w.confirm(grace, other)
				} else {
					w.confirm(linus, other)
				}
				time.Sleep(11 * time.Minute)
				for range 2 {
					w.slack.Click(ada, late, "keep_task")
					time.Sleep(5 * time.Second)
					w.slack.Click(ada, late, "cancel_task")
					time.Sleep(time.Minute)
					w.says(late, []string{"cancelled"}, []string{"expired"})
				}
			})
		})
	}
}

// A prompt's task was cancelled by another decision, which the prompt shows. Someone whose
// client hasn't redrawn it presses again while the journal fails for a few seconds: the
// prompt says no less than before.
func TestLatePressLeavesTheResult(t *testing.T) {
	for name, change := range map[string][]func(*options){"private prompt": nil, "request": {secondPerson}} {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				w, h, _ := withHook(t, change...)
				ask, by := w.ask, linus
				if change == nil {
					ask = func(user, channel, text string) slacktest.Message { return w.wantPrompt(w.slash(user, channel, text)) }
					by = ada
				}
				late, other := ask(ada, general, "/cancel-task 12345"), ask(grace, slacktest.Random, "/cancel-task 12345")
				value := late.Button("cancel_task").Value
				if change == nil {
					w.confirm(grace, other)
				} else {
					w.confirm(linus, other)
				}
				w.acked(w.slack.Click(by, late, "cancel_task"))
				time.Sleep(time.Second)
				fails := time.Now().Add(5 * time.Second)
				h.set(func(op string, do func() error) error {
					if op == "Became" && time.Now().Before(fails) {
						return errCut
					}
					return do()
				})
				for range 12 {
					w.says(late, []string{"cancelled"}, []string{"To see how things stand"})
					w.slack.Forge(by, late, "cancel_task", value)
					time.Sleep(time.Second)
				}
				time.Sleep(time.Minute)
				w.says(late, []string{"cancelled"}, []string{"To see how things stand"})
			})
		})
	}
}

// Another decision about a request's task has an unknown outcome. When the request's time is
// over, it says so, and not only that it has expired.
func TestEndOfARequestSaysThatAnOutcomeIsUnknown(t *testing.T) {
	for _, pressed := range []bool{false, true} {
		t.Run(fmt.Sprint("pressed ", pressed), func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				w := newWorld(t, secondPerson)
				late, other := w.ask(ada, general, "/cancel-task 12345"), w.ask(grace, slacktest.Random, "/cancel-task 12345")
				w.api.Break(chameliotest.Fault{Method: http.MethodPost, Hang: true})
				w.api.Break(chameliotest.Fault{Method: http.MethodGet, Status: http.StatusBadGateway})
				w.acked(w.slack.Click(linus, other, "cancel_task"))
				time.Sleep(time.Second)
				if pressed {
					w.acked(w.slack.Click(grace, late, "cancel_task"))
				}
				time.Sleep(12 * time.Minute)
				w.says(late, []string{"couldn't tell right away", "wasn't used", mention(linus)}, []string{"expired", "try again"})
			})
		})
	}
}

// The parent of the thread in which a request is asked for is deleted before the request
// is posted. It is posted in the channel, is reminded of below it, and ends by itself.
func TestRequestFromADeletedThreadEnds(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w := newWorld(t, secondPerson, reminding)
		parent := w.say(grace, general, "about "+taskLink+"12345")
		modal := w.modal(ada, w.slack.Reply(grace, parent, "stop "+taskLink+"12345"))
		w.slack.Break(slacktest.Fault{Method: "chat.postMessage", Error: "thread_not_found", Times: 1})
		w.submits(ada, modal, map[string]string{"reason": "twice"})
		time.Sleep(30 * time.Minute)
		posted := slices.DeleteFunc(w.slack.History(general), func(m slacktest.Message) bool { return m.Author != slacktest.BotUser })
		if len(posted) != 2 || posted[0].ThreadTS != "" || posted[1].ThreadTS != posted[0].TS || len(posted[0].Buttons()) > 0 || !ranOut(posted[0].Text) {
			t.Errorf("half an hour later, everyone reads %v", texts(posted))
		}
	})
}

// The journal is away for a while when a request was posted. The request is listed once
// it is back, and so is reminded of, and ends.
func TestRequestPostedDuringAnOutageEnds(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w, h, _ := withHook(t, secondPerson, reminding)
		h.set(failing("Opened"))
		prompt := w.ask(ada, general, "/cancel-task 12345")
		time.Sleep(2 * time.Minute)
		h.set(nil)
		time.Sleep(3 * time.Hour)
		if now := w.now(prompt); !ranOut(now.Text) || len(now.Buttons()) > 0 {
			t.Errorf("three hours later it says: %s", now.Text)
		}
		if n := len(w.slack.Thread(general, prompt.TS)); n != 1 {
			t.Errorf("%d reminders", n)
		}
	})
}

// A request lost to a decision that failed, and later another one cancels the task. The end
// of the request doesn't say that this one was first.
func TestEndOfARequestClaimsNoOrder(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w := newWorld(t, secondPerson)
		one, two := w.ask(ada, general, "/cancel-task 12345"), w.ask(ada, general, "/cancel-task 12345")
		w.api.Break(chameliotest.Fault{Method: http.MethodPost, Status: http.StatusTooManyRequests, RetryAfter: "45", Times: 2})
		w.acked(w.slack.Click(grace, one, "cancel_task"))
		time.Sleep(2 * time.Second)
		w.acked(w.slack.Click(linus, two, "cancel_task"))
		time.Sleep(2 * time.Minute)
		w.confirm(linus, w.ask(grace, slacktest.Random, "/cancel-task 12345"))
		time.Sleep(time.Hour)
		if said := w.now(two).Text; !strings.Contains(said, "wasn't used: "+mention(linus)+" confirmed another one.") {
			t.Errorf("the request says: %s", said)
		}
	})
}

// TestCommandSaysThatItsRequestWaits lets a request wait for Slack, or for the journal.
func TestCommandSaysThatItsRequestWaits(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w, h, _ := withHook(t, secondPerson)
		w.slack.Break(slacktest.Fault{Method: "chat.postMessage", Status: 429, RetryAfter: "30", Times: 1})
		h.set(slow("BeginAsking", 4*time.Second))
		w.acked(w.slack.Slash(ada, general, "/cancel-task 12345"))
		time.Sleep(3 * time.Second)
		if said := w.said(ada); strings.Count(said, "I'm still posting your request") != 1 {
			t.Errorf("after three seconds, Ada reads %q", said)
		}
		time.Sleep(time.Minute)
		if n := len(w.slack.History(general)); n != 1 || strings.Count(w.said(ada), "\n") > 0 {
			t.Errorf("%d requests; Ada reads %q", n, w.said(ada))
		}
	})
}

// Slack's answer to the post of a request is lost. A press on the request shows
// that it was posted: its requester reads nothing else after that.
func TestPressedRequestIsPosted(t *testing.T) {
	for method, channel := range map[string]string{"chat.postMessage": general, "response_url": slacktest.Legal} {
		for action, user := range map[string]string{"cancel_task": grace, "keep_task": ada} {
			t.Run(method+", "+action, func(t *testing.T) {
				virtual(t, func(t *testing.T) {
					w, h, _ := withHook(t, secondPerson)
					w.slack.Break(slacktest.Fault{Method: method, Channel: channel, Hang: true, AfterEffect: true, Times: 1})
					h.set(slow("Withdraw", time.Second))
					w.slack.Slash(ada, channel, "/cancel-task 12345")
					w.eventually("the request", func() bool { return len(w.slack.History(channel)) == 1 })
					time.Sleep(1500 * time.Millisecond)
					w.acked(w.slack.Click(user, w.slack.History(channel)[0], action))
					time.Sleep(time.Minute)
					if said := w.slack.Private(ada, channel); len(said) > 0 {
						t.Errorf("Ada reads %q", said[0].Text)
					}
				})
			})
		}
	}
}

// Slack asks to wait before it takes a request. Before that is over, someone cancels the
// task by another one. So the first isn't posted any more.
func TestRequestThatWaitedTooLongIsNotPosted(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w := newWorld(t, secondPerson)
		w.slack.Break(slacktest.Fault{Method: "chat.postMessage", Channel: general, Status: 429, RetryAfter: "30", Times: 1})
		w.acked(w.slack.Slash(ada, general, "/cancel-task 12345"))
		time.Sleep(time.Second)
		w.confirm(grace, w.ask(linus, slacktest.Random, "/cancel-task 12345"))
		time.Sleep(time.Minute)
		if posted := w.slack.History(general); len(posted) != 0 {
			t.Errorf("the channel reads: %s", posted[0].Text)
		}
		if said := w.said(ada); !strings.Contains(said, "another confirmation came first") {
			t.Errorf("Ada reads %q", said)
		}
	})
}
