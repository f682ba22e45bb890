package bot_test

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot"
	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/journal"
	"github.com/cancelbot/cancelbot/bot/slacktest"
	"github.com/cancelbot/cancelbot/chamelio"
	"github.com/cancelbot/cancelbot/chamelio/chameliotest"
)

func reminding(o *options) {
	o.bot.RemindBefore, o.bot.Policy.Approvers = 3*time.Minute, []string{grace}
}

// restart starts a number of replicas, and stops them at the end.
func (w *world) restart(o options, replicas int) {
	w.Helper()
	o.journal = w.journal
	for range replicas {
		stop := w.start(o)
		w.Cleanup(func() { _ = stop() })
	}
	w.eventually("the bot is back", func() bool { return w.slack.Connections() == replicas*o.bot.Connections })
}

// slowToSay returns late, once, that a prompt has no row.
type slowToSay struct {
	bot.Journal
	once sync.Once
}

func (j *slowToSay) Became(ctx context.Context, prompt decision.ID, tasks []chamelio.TaskID) ([]decision.Record, error) {
	d, err := j.Journal.Became(ctx, prompt, tasks)
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

// count queries the journal directly.
func (w *world) count(query string) (n int) {
	w.Helper()
	db, err := sql.Open("sqlite", strings.TrimPrefix(w.url, "sqlite:"))
	w.must(err)
	defer db.Close()
	w.must(db.QueryRowContext(w.Context(), query).Scan(&n))
	return n
}

// TestRequestLifecycle follows a request for a second person, as the channel
// sees it.
func TestRequestLifecycle(t *testing.T) {
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
			w.wantPrompt(w.now(prompt)) // no bot is running
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
			// Slack is slow to return Grace's profile: her click came in time,
			// and is decided when the journal has answered that there is no
			// decision.
			time.Sleep(10*time.Minute - 500*time.Millisecond)
			w.slack.Break(slacktest.Fault{Method: "users.info", Delay: 4500 * time.Millisecond, Times: 1})
			w.acked(w.slack.Click(grace, prompt, "cancel_task"))
			w.eventually("the outcome", func() bool { return strings.Contains(w.now(prompt).Text, "approved by") })
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

// The list of open requests has no authority: an entry without its own
// confirmation changes no message.
func TestForgedRequestChangesNoMessage(t *testing.T) {
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

// A request names those who can approve it, without its requester. If that leaves no one,
// it isn't posted.
func TestRequesterIsNotAskedToApprove(t *testing.T) {
	for name, c := range map[string]struct {
		approvers []string
		only      bool
	}{"one of two": {[]string{ada, grace}, false}, "the only one": {[]string{grace}, true}} {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				w := newWorld(t, secondPerson, func(o *options) { o.bot.Policy.Approvers = c.approvers })
				if c.only {
					answer := w.slash(grace, general, "/cancel-task 12345")
					if !strings.Contains(answer.Text, "you're the only approver") || len(w.slack.History(general)) > 0 {
						t.Errorf("she reads %s; the channel reads %q", answer.Text, texts(w.slack.History(general)))
					}
					w.modal(grace, w.say(ada, general, taskLink+"12345"))
					time.Sleep(time.Minute)
					if said := modalText(w.slack.Modals(grace)[0]); !strings.Contains(said, "you're the only approver") {
						t.Errorf("the modal says %s", said)
					}
					return
				}
				request := w.ask(grace, general, "/cancel-task 12345")
				w.acked(w.slack.Click(grace, request, "cancel_task"))
				time.Sleep(time.Minute)
				for said, times := range map[string]int{request.Text: 1, w.said(grace): 0} { // she wants to cancel it
					if strings.Count(said, mention(grace)) != times || !strings.Contains(said, mention(ada)) {
						t.Errorf("it says %s", said)
					}
				}
			})
		})
	}
}
