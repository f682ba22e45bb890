package bot_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot"
	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/journal"
	"github.com/cancelbot/cancelbot/bot/internal/signed"
	"github.com/cancelbot/cancelbot/bot/slacktest"
	"github.com/cancelbot/cancelbot/chamelio/chameliotest"
)

func reminding(o *options) {
	o.bot.RemindBefore, o.bot.Policy.Approvers = 3*time.Minute, []string{grace}
}

// restart starts so many replicas, and stops them at the end.
func (w *world) restart(o options, replicas int) {
	w.Helper()
	o.journal = w.journal
	for range replicas {
		stop := w.start(o)
		w.Cleanup(func() { _ = stop() })
	}
	w.eventually("the bot is back", func() bool { return w.slack.Connections() == replicas*o.bot.Connections })
}

// slowToSay says late, once, that a prompt has come to nothing.
type slowToSay struct {
	bot.Journal
	once sync.Once
}

func (j *slowToSay) Became(ctx context.Context, prompt decision.ID, task int64) (decision.Record, error) {
	d, err := j.Journal.Became(ctx, prompt, task)
	if errors.Is(err, journal.ErrGone) {
		j.once.Do(func() { time.Sleep(6 * time.Second) })
	}
	return d, err
}

// updates counts the calls that replaced a message.
func (w *world) updates() (n int) {
	for _, call := range w.slack.Calls() {
		if call.Method == "chat.update" {
			n++
		}
	}
	return n
}

// count asks the journal behind the bot's back.
func (w *world) count(query string) (n int) {
	w.Helper()
	db, err := sql.Open("sqlite", strings.TrimPrefix(w.url, "sqlite:"))
	w.must(err)
	defer db.Close()
	w.must(db.QueryRowContext(w.Context(), query).Scan(&n))
	return n
}

// TestThePlaceOfARequest is the second person's whole life, as the channel
// reads it in the place of the request.
func TestThePlaceOfARequest(t *testing.T) {
	t.Run("run out", func(t *testing.T) {
		virtual(t, func(t *testing.T) {
			w := newWorld(t, secondPerson)
			prompt := w.ask(ada, general, "/cancel-task 12345 duplicate of 12346")
			value := prompt.Button("cancel_task").Value
			time.Sleep(11 * time.Minute)
			shown := w.now(prompt)
			golden(t, "second person ran out", shown)
			// A click that was on its way changes nothing for the others.
			w.acked(w.slack.Forge(grace, prompt, "cancel_task", value))
			time.Sleep(time.Minute)
			if now := w.now(prompt); now.Text != shown.Text {
				t.Errorf("a late click made of it: %s", now.Text)
			}
			w.noCancel()
		})
	})
	t.Run("run out where the bot may not post", func(t *testing.T) {
		virtual(t, func(t *testing.T) {
			w := newWorld(t, secondPerson)
			prompt := w.ask(ada, slacktest.Legal, "/cancel-task 12345 duplicate of 12346")
			time.Sleep(11 * time.Minute)
			w.acked(w.slack.Click(grace, prompt, "cancel_task")) // nothing turns it but a click
			w.eventually("it ran out", func() bool { return settled(w.now(prompt)) })
			w.noCancel()
		})
	})
	t.Run("run out while the bot was away", func(t *testing.T) {
		virtual(t, func(t *testing.T) {
			var o options
			w := newWorld(t, secondPerson, func(all *options) { o = *all })
			prompt := w.ask(ada, general, "/cancel-task 12345 duplicate of 12346")
			w.must(w.stop())
			time.Sleep(11 * time.Minute)
			w.wantPrompt(w.now(prompt)) // nobody is there
			w.restart(o, 2)
			w.eventually("it ran out", func() bool { return settled(w.now(prompt)) })
			golden(t, "second person ran out", w.now(prompt))
			turned := w.updates()
			time.Sleep(5 * time.Minute)
			if n := w.updates(); turned != 1 || n != 1 {
				t.Errorf("it was turned by %d calls, then by %d, of two replicas", turned, n)
			}
			if n := w.count(`SELECT count(*) FROM requests`); n != 0 {
				t.Errorf("%d requests are still listed", n)
			}
		})
	})
	t.Run("run out, and the list is lost", func(t *testing.T) {
		virtual(t, func(t *testing.T) {
			w := newWorld(t, secondPerson)
			first, second := w.ask(ada, general, "/cancel-task 12345"), w.ask(ada, general, "/cancel-task 12344")
			w.eventually("the list", func() bool { return w.count(`SELECT count(*) FROM requests`) == 2 })
			w.statement(`DELETE FROM requests`)
			w.confirm(grace, first) // it counts by what its button carries
			time.Sleep(11 * time.Minute)
			w.acked(w.slack.Click(grace, second, "cancel_task"))
			w.eventually("it ran out", func() bool { return settled(w.now(second)) })
			if w.api.Effects(12345) != 1 || w.api.Effects(12344) != 0 {
				t.Error("the list decided something")
			}
		})
	})
	t.Run("a row that is not ours", func(t *testing.T) {
		virtual(t, func(t *testing.T) {
			w := newWorld(t, secondPerson)
			prompt := w.ask(ada, general, "/cancel-task 12345")
			w.eventually("the list", func() bool { return w.count(`SELECT count(*) FROM requests`) == 1 })
			w.statement(`UPDATE requests SET confirmation = '2.' || 'x' || substr(confirmation, 4)`)
			time.Sleep(11 * time.Minute)
			w.wantPrompt(w.now(prompt))
			if n := w.count(`SELECT count(*) FROM requests`); n != 0 {
				t.Errorf("%d requests are still listed", n)
			}
		})
	})
	t.Run("decided while its end was told", func(t *testing.T) {
		virtual(t, func(t *testing.T) {
			w := newWorld(t, secondPerson, func(o *options) {
				o.prepare = func(w *world) { o.journal = &slowToSay{Journal: w.journal} }
			})
			prompt := w.ask(ada, general, "/cancel-task 12345 duplicate of 12346")
			// Slack is slow to say who Grace is: her click came in time, and is
			// decided when the journal has said that there is no decision.
			time.Sleep(10*time.Minute - 500*time.Millisecond)
			w.slack.Break(slacktest.Fault{Method: "users.info", Delay: 4500 * time.Millisecond, Times: 1})
			w.acked(w.slack.Click(grace, prompt, "cancel_task"))
			w.eventually("the outcome", func() bool { return strings.Contains(w.now(prompt).Text, "confirmed by") })
			time.Sleep(5 * time.Minute)
			golden(t, "second person decided at the end", w.now(prompt))
			if w.api.Effects(12345) != 1 || w.updates() > 1 {
				t.Errorf("%d effects, %d calls", w.api.Effects(12345), w.updates())
			}
		})
	})
	t.Run("reminded", func(t *testing.T) {
		virtual(t, func(t *testing.T) {
			var o options
			w := newWorld(t, secondPerson, reminding, func(all *options) { o = *all })
			open, decided := w.ask(ada, general, "/cancel-task 12345 duplicate of 12346"), w.ask(ada, general, "/cancel-task 12344")
			w.confirm(grace, decided)
			w.must(w.stop())
			w.restart(o, 2)
			time.Sleep(7*time.Minute + 10*time.Second)
			thread := w.slack.Thread(general, open.TS)
			if len(thread) != 1 || !thread[0].Broadcast || len(w.slack.Thread(general, decided.TS)) > 0 {
				t.Fatalf("%d messages in the thread", len(thread))
			}
			golden(t, "second person reminded", thread[0])
			w.wantPrompt(w.now(open))
			w.confirm(grace, open) // it counts as before
			time.Sleep(5 * time.Minute)
			if n := len(w.slack.Thread(general, open.TS)); n != 1 {
				t.Errorf("%d messages in the thread", n)
			}
		})
	})
	t.Run("withdrawn", func(t *testing.T) {
		virtual(t, func(t *testing.T) {
			w := newWorld(t, secondPerson, reminding)
			prompt := w.ask(ada, general, "/cancel-task 12345 duplicate of 12346")
			w.acked(w.slack.Click(ada, prompt, "keep_task"))
			w.eventually("it is withdrawn", func() bool { return settled(w.now(prompt)) })
			time.Sleep(11 * time.Minute) // no reminder, and it did not run out
			golden(t, "second person withdrawn for long", w.now(prompt))
			if n := len(w.slack.Thread(general, prompt.TS)); n != 0 {
				t.Errorf("%d messages in the thread", n)
			}
		})
	})
	t.Run("late, but decided", func(t *testing.T) {
		virtual(t, func(t *testing.T) {
			w := newWorld(t, secondPerson)
			prompt := w.ask(ada, general, "/cancel-task 12345 duplicate of 12346")
			value := prompt.Button("cancel_task").Value
			w.confirm(grace, prompt)
			shown := w.now(prompt).Text
			time.Sleep(11 * time.Minute)
			before := len(w.slack.Private(linus, general))
			w.acked(w.slack.Forge(linus, prompt, "cancel_task", value))
			w.eventually("a word to Linus", func() bool { return len(w.slack.Private(linus, general)) > before })
			golden(t, "second person late", w.slack.Private(linus, general)[before])
			if now := w.now(prompt).Text; now != shown {
				t.Errorf("the request was overwritten: %s", now)
			}
		})
	})
	t.Run("overtaken", func(t *testing.T) {
		w := newWorld(t, secondPerson)
		first := w.ask(ada, general, "/cancel-task 12345 duplicate of 12346")
		second := w.ask(linus, general, "/cancel-task 12345 not needed")
		w.confirm(grace, first)
		before := len(w.slack.Private(grace, general))
		w.acked(w.slack.Click(grace, second, "cancel_task"))
		w.eventually("a word to Grace", func() bool { return len(w.slack.Private(grace, general)) > before && settled(w.now(second)) })
		golden(t, "second person overtaken", w.now(second), w.slack.Private(grace, general)[before])
	})
	t.Run("slow", func(t *testing.T) {
		virtual(t, func(t *testing.T) {
			w := newWorld(t, secondPerson)
			prompt := w.ask(ada, general, "/cancel-task 12345 duplicate of 12346")
			w.api.Break(chameliotest.Fault{Method: "POST", Delay: 4 * time.Second})
			w.acked(w.slack.Click(grace, prompt, "cancel_task"))
			w.eventually("it is under way", func() bool { return strings.Contains(w.now(prompt).Text, "hourglass") })
			golden(t, "second person under way", w.now(prompt))
			w.eventually("the outcome", func() bool { return settled(w.now(prompt)) })
		})
	})
	t.Run("approvers", func(t *testing.T) {
		w := newWorld(t, secondPerson, func(o *options) { o.bot.Policy.Approvers = []string{grace, leads} })
		w.slack.SetScopes(allScopes...)
		w.slack.SetGroup(leads, linus)
		prompt := w.ask(ada, general, "/cancel-task 12345 duplicate of 12346")
		golden(t, "second person approvers", prompt)
		w.confirm(linus, prompt)
	})
}

// The list of open requests is no authority: what does not carry its own
// confirmation changes no message.
func TestARequestThatIsNotOursTurnsNothing(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w := newWorld(t, secondPerson)
		prompt := w.ask(ada, general, "/cancel-task 12345 duplicate of 12346")
		value := prompt.Button("cancel_task").Value
		w.confirm(grace, prompt)
		time.Sleep(11 * time.Minute) // its own end
		before := w.updates()
		for id, value := range map[decision.ID]string{"junk": "junk", "forged": "2" + value[1:len(value)-4] + "AAAA", "another's": value} {
			w.must(w.journal.Opened(t.Context(), journal.Request{ID: id, MessageTS: prompt.TS, Confirmation: value}, time.Millisecond, time.Second))
		}
		time.Sleep(time.Hour)
		if n := w.updates() - before; n != 0 {
			t.Errorf("%d messages were replaced: %s", n, w.now(prompt).Text)
		}
		if n := w.count(`SELECT count(*) FROM requests`); n != 0 {
			t.Errorf("%d are kept", n)
		}
	})
}

// TestNothingRunsOutWhileAClickIsJudged clicks just before the end of a
// request, with facts that take longer than the request has left.
func TestNothingRunsOutWhileAClickIsJudged(t *testing.T) {
	ranOut := func(m slacktest.Message) bool { return strings.Contains(m.Text, "ran out") }
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
					if now := w.now(prompt); ranOut(now) {
						t.Fatalf("it says: %s", now.Text)
					}
				}
				if now := w.now(prompt); !settled(now) || w.api.Effects(12345) != 1 || w.row().Outcome != decision.Cancelled {
					t.Errorf("in the end: %s; %+v", now.Text, w.row())
				}
			})
		})
	}
}

// endOf returns when a request expires, to the second.
func (w *world) endOf(prompt slacktest.Message) time.Time {
	w.Helper()
	s, err := signed.NewSigner(slacktest.BotToken, nil, time.Now)
	w.must(err)
	c, err := s.Decode(prompt.Button("cancel_task").Value, time.Now())
	w.must(err)
	return c.ExpiresAt
}

// TestARequestHasOneEnd lets the expiry of a request and a click that came in
// time compete in the journal.
func TestARequestHasOneEnd(t *testing.T) {
	t.Run("the click's claim comes first", func(t *testing.T) {
		virtual(t, func(t *testing.T) {
			w, h, _ := withHook(t, secondPerson)
			prompt := w.ask(ada, general, "/cancel-task 12345")
			value, end := prompt.Button("cancel_task").Value, w.endOf(prompt)
			claimed := false
			h.set(func(op string, do func() error) error {
				if op == "Expire" && !claimed {
					claimed = true
					w.must(w.claim(grace, value, end.Add(-time.Second))) // by another process
				}
				return do()
			})
			time.Sleep(time.Until(end) + 5*time.Minute)
			if now := w.now(prompt); !claimed || strings.Contains(now.Text, "ran out") || w.api.Effects(12345) != 1 {
				t.Errorf("it says: %s", now.Text)
			}
		})
	})
	t.Run("the expiry comes first", func(t *testing.T) {
		virtual(t, func(t *testing.T) {
			w, h, _ := withHook(t, secondPerson)
			prompt := w.ask(ada, general, "/cancel-task 12345")
			end := w.endOf(prompt)
			h.set(func(op string, do func() error) error {
				if op == "Claim" {
					time.Sleep(3 * time.Minute) // a stalled process
				}
				return do()
			})
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
			if now := w.now(prompt); len(said) == 0 || !strings.Contains(said[len(said)-1].Text, "didn't count") || !strings.Contains(now.Text, "ran out") {
				t.Errorf("it says: %s; Grace reads %v", now.Text, texts(said))
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
			if now := w.now(prompt); len(now.Buttons()) != 2 || len(w.slack.Private(grace, general)) != 2 {
				t.Errorf("it says: %s", now.Text)
			}
			h.set(func(_ string, do func() error) error { return do() })
			w.eventually("it ran out", func() bool { return strings.Contains(w.now(prompt).Text, "ran out") })
			_ = value
		})
	})
}

// recordOf returns the row of a request without a click.
func (w *world) recordOf(prompt slacktest.Message, at time.Time) decision.Record {
	w.Helper()
	s, err := signed.NewSigner(slacktest.BotToken, nil, time.Now)
	w.must(err)
	value := prompt.Button("cancel_task").Value
	c, err := s.Decode(value, time.Now())
	w.must(err)
	return decision.Record{
		ID: decision.ID(c.ID), TaskID: int64(c.Task), Title: c.Title, URL: c.URL, Team: c.Team, Channel: c.Channel, Requester: c.Requester,
		RequestedAt: c.RequestedAt, DecidedAt: at.UTC(), Confirmation: value,
	}
}

// claim claims the decision of a click, as another process would.
func (w *world) claim(user, value string, at time.Time) error {
	w.Helper()
	s, err := signed.NewSigner(slacktest.BotToken, nil, time.Now)
	w.must(err)
	c, err := s.Decode(value, at)
	w.must(err)
	d := decision.Record{
		ID: decision.ID(c.ID), TaskID: int64(c.Task), Title: c.Title, URL: c.URL, Team: c.Team, Channel: c.Channel, Requester: c.Requester,
		Confirmer: user, RequestedAt: c.RequestedAt, DecidedAt: at.UTC().Truncate(time.Millisecond), Confirmation: value,
	}
	d.MAC = s.SignClick(d)
	other := w.open(options{url: w.url})
	defer other.Close()
	_, err = other.Claim(w.Context(), d)
	return err
}

// TestAnUnclearRequestIsNotPostedAgain posts a request whose answer leaves open
// whether Slack has it.
func TestAnUnclearRequestIsNotPostedAgain(t *testing.T) {
	for name, fault := range map[string]slacktest.Fault{"no answer": {Cut: true}, "fatal_error": {Error: "fatal_error"}} {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				w := newWorld(t, secondPerson)
				fault.Method, fault.AfterEffect = "chat.postMessage", true
				w.slack.Break(fault)
				said := w.slash(ada, general, "/cancel-task 12345")
				time.Sleep(time.Minute)
				if n := len(w.slack.History(general)); n != 1 || !strings.Contains(said.Text, "didn't tell me") {
					t.Errorf("%d requests; Ada reads: %s", n, said.Text)
				}
			})
		})
	}
}

// TestATroubledChannelDelaysOnlyItsRequests makes Slack hang on everything that
// is said in one channel, where 40 requests end or are reminded of.
func TestATroubledChannelDelaysOnlyItsRequests(t *testing.T) {
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
		if now := w.now(other); !strings.Contains(now.Text, "ran out") {
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

// TestAReminderIsNotPostedAfterTheDecision decides a request while Slack asks to
// wait with its reminder.
func TestAReminderIsNotPostedAfterTheDecision(t *testing.T) {
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

// TestAnUnclearReminderIsNotPostedAgain reminds with an answer that leaves open
// whether Slack has it.
func TestAnUnclearReminderIsNotPostedAgain(t *testing.T) {
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
