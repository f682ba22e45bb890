package bot_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/cancelbot/cancelbot/bot"
	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/journal"
	"github.com/cancelbot/cancelbot/bot/internal/policy"
	"github.com/cancelbot/cancelbot/bot/slacktest"
)

// answer presses a button and returns what the person reads.
func (w *world) answer(user string, prompt slacktest.Message, action string) slacktest.Message {
	w.Helper()
	before := len(w.slack.Private(user, prompt.Channel))
	w.acked(w.slack.Click(user, prompt, action))
	w.eventually("an answer", func() bool { return len(w.slack.Private(user, prompt.Channel)) > before })
	return w.slack.Private(user, prompt.Channel)[before]
}

// A pause applies from the next command and click on, in every process, and
// the same button works once it is over.
func TestPauseStopsCancellingAndNothingElse(t *testing.T) {
	registry := prometheus.NewRegistry()
	w := newWorld(t, func(o *options) { o.bot.Metrics = registry })
	other := w.open(options{url: w.url}) // as "cancelbot pause" opens it
	prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
	kept := w.wantPrompt(w.slash(grace, general, "/cancel-task 12345"))
	w.must(other.Pause(t.Context(), "until noon"))
	w.api.Add(500, 2)
	w.api.SetStatus(501, "cancelled")
	if m := w.slash(ada, general, "/cancel-task 500 501"); !strings.Contains(m.Text, "type `/cancel-task 500`") {
		t.Errorf("one task of two: %s", m.Text)
	}

	for what, m := range map[string]slacktest.Message{
		"command": w.slash(ada, general, "/cancel-task 12345"), "click": w.answer(ada, prompt, "cancel_task"),
	} {
		if !strings.Contains(m.Text, "paused") || !strings.Contains(m.Text, "until noon") || len(m.Buttons()) > 0 {
			t.Errorf("%s: %s", what, m.Text)
		}
	}
	w.wantPrompt(w.now(prompt))
	w.acked(w.slack.Click(grace, kept, "keep_task"))
	w.eventually("a prompt is given up all the same", func() bool { return settled(w.now(kept)) })
	w.noCancel()
	if err := w.bot.Ready(t.Context()); err != nil {
		t.Errorf("not ready: %v", err)
	}
	if n, err := testutil.GatherAndCount(registry, "cancelbot_paused_timestamp_seconds"); n != 1 || err != nil {
		t.Errorf("%d gauges, %v", n, err)
	}

	_, err := other.Resume(t.Context())
	w.must(err)
	w.confirm(ada, prompt)
	if w.api.Effects(12345) != 1 {
		t.Error("not cancelled after the pause")
	}
}

// A decision that was claimed before the pause is carried out and announced,
// even by a process that takes it over.
func TestPauseDoesNotStopClaimedDecisions(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w := newWorld(t, func(o *options) { o.bot.Metrics = prometheus.NewRegistry() })
		prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
		value := prompt.Button("cancel_task").Value
		w.must(w.stop())
		w.must(w.claim(ada, value, time.Now(), false))
		w.must(w.journal.Pause(t.Context(), ""))
		w.replica(options{url: w.url, timeout: 5 * time.Second, bot: bot.Config{Connections: 1}})
		w.toldOnce(general)
		if w.api.Effects(12345) != 1 {
			t.Error("not cancelled")
		}
	})
}

// unsure is a journal that doesn't say whether cancelling is paused.
type unsure struct {
	bot.Journal
	down atomic.Bool
}

func (j *unsure) Paused(ctx context.Context) (journal.Pause, error) {
	if j.down.Load() {
		return journal.Pause{}, errors.New("connection refused")
	}
	return j.Journal.Paused(ctx)
}

// Nothing is decided while it isn't known whether cancelling is paused, and
// the person reads that within three seconds.
func TestNothingIsDecidedWhileThePauseIsUnknown(t *testing.T) {
	virtual(t, func(t *testing.T) {
		j := &unsure{}
		w := newWorld(t, func(o *options) {
			o.prepare = func(w *world) { j.Journal = w.journal }
			o.journal = j
		})
		prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
		j.down.Store(true)
		clicked := time.Now()
		w.acked(w.slack.Click(ada, prompt, "cancel_task"))
		w.eventually("she reads why", func() bool { // in the prompt, if that said that it is checking
			said := w.said(ada) + w.now(prompt).Text
			return strings.Contains(said, "so your click") && strings.Contains(said, "If no result appears")
		})
		if took := time.Since(clicked); took > 3*time.Second {
			t.Errorf("answered after %s", took)
		}
		w.noCancel()
		j.down.Store(false)
		w.eventually("the prompt is there again", func() bool { return len(w.now(prompt).Buttons()) == 2 })
		w.confirm(ada, w.wantPrompt(w.now(prompt)))
	})
}

// Cancelling is paused while a click is being judged, or saved without an answer. Once
// the operator has paused, nothing more is cancelled than what is on record by then.
func TestNothingIsClaimedAfterAPause(t *testing.T) {
	t.Run("facts are slow", func(t *testing.T) {
		both(t, func(t *testing.T, public bool, change ...func(*options)) {
			w := newWorld(t, append(change, alwaysFresh)...)
			prompt := w.prompts(public, ada, "/cancel-task 12345")
			by := map[bool]string{false: ada, true: grace}[public]
			w.slack.Break(slacktest.Fault{Method: "users.info", Delay: 4 * time.Second, Times: 2})
			w.acked(w.slack.Click(by, prompt, "cancel_task"))
			time.Sleep(500 * time.Millisecond)
			w.must(w.journal.Pause(t.Context(), "Chamelio is being upgraded"))
			time.Sleep(3 * time.Minute)
			now := w.now(prompt)
			if said := w.said(by) + now.Text; !strings.Contains(said, "Cancelling was paused") || len(now.Buttons()) != 2 || meaning(now) == "checking" {
				t.Errorf("they read %s", said)
			}
			w.noCancel()
			_, err := w.journal.Resume(t.Context())
			w.must(err)
			w.confirm(by, w.wantPrompt(w.now(prompt)))
		})
	})
	t.Run("the claim is in doubt", func(t *testing.T) {
		both(t, func(t *testing.T, public bool, change ...func(*options)) {
			w, h, _ := withHook(t, change...)
			prompt := w.prompts(public, ada, "/cancel-task 12345")
			by := map[bool]string{false: ada, true: grace}[public]
			h.set(failing("Claim")) // nothing is saved
			w.acked(w.slack.Click(by, prompt, "cancel_task"))
			time.Sleep(5 * time.Second)
			w.must(w.journal.Pause(t.Context(), ""))
			time.Sleep(30 * time.Second)
			h.set(nil)
			time.Sleep(10 * time.Minute)
			w.noCancel()
			if now := w.now(prompt); meaning(now) != "not_saved" {
				t.Errorf("the prompt shows %s", now.Text)
			}
		})
	})
}

// With a retention, the bot deletes old, finished rows; without one, nothing.
func TestRetentionIsOffByDefault(t *testing.T) {
	for name, c := range map[string]struct {
		keep time.Duration
		left int
	}{"off": {0, 2}, "a year": {365 * 24 * time.Hour, 1}} {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				w := newWorld(t, func(o *options) {
					o.bot.Retention = c.keep
					o.prepare = func(w *world) {
						for id, age := range map[decision.ID]time.Duration{"old": 400 * 24 * time.Hour, "young": time.Hour} {
							_, _, err := w.journal.Withdraw(w.Context(), decision.Record{ID: id, Tasks: []decision.Item{{ID: 1}}, DecidedAt: time.Now().Add(-age)})
							w.must(err)
						}
					}
				})
				time.Sleep(2 * time.Minute)
				if n := w.count("SELECT count(*) FROM decisions"); n != c.left {
					t.Errorf("%d rows are left, want %d", n, c.left)
				}
			})
		})
	}
}

// No one whom the policy refuses reads the operator's note, wherever they ask: at a
// command, a click, a message, or in a modal.
func TestPauseNoteIsForThoseWhoMayCancel(t *testing.T) {
	const note = "key leaked, rotating"
	guest := func(w *world) {
		u, _ := w.slack.User(ada)
		u.IsRestricted = true
		w.slack.AddUser(u)
	}
	offTask := func(w *world) {
		task, _ := w.api.Task(12345)
		task.Owner, task.Assignee, task.Collaborators = new("linus@acme.example"), nil, nil
		w.api.Put(task)
	}
	onTask := func(o *options) {
		o.bot.Policy.Mode = policy.PeopleOnTask
		o.prepare = func(w *world) { w.slack.SetScopes(allScopes...) }
	}
	for name, c := range map[string]struct {
		lose   func(*world)
		change func(*options)
	}{"guest": {guest, alwaysFresh}, "off the task": {offTask, onTask}} {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				w := newWorld(t, c.change, alwaysFresh)
				prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
				message := w.say(grace, general, taskLink+"12345")
				modal := w.modal(ada, message)
				time.Sleep(time.Minute)
				w.must(w.journal.Pause(t.Context(), note))
				c.lose(w)
				w.acked(w.slack.Click(ada, prompt, "cancel_task"))
				w.submits(ada, modal, map[string]string{"reason": "dup"})
				w.modal(ada, message)
				w.slash(ada, general, "/cancel-task 12345")
				time.Sleep(time.Minute)
				for _, m := range w.slack.Modals(ada) {
					if said := modalText(m); strings.Contains(said, note) || !strings.Contains(said, "can cancel") && !strings.Contains(said, "can't cancel") {
						t.Errorf("a modal says %s", said)
					}
				}
				if said := w.said(ada) + w.now(prompt).Text; strings.Contains(said, note) || strings.Contains(said, "paused") {
					t.Errorf("she reads %s", said)
				}
				w.noCancel()
			})
		})
	}
}

// A submitted modal is a click like any other.
func TestPauseStopsSubmittedReasons(t *testing.T) {
	w := newWorld(t, requireReason)
	prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
	modal := w.askedForReason(ada, prompt)
	w.must(w.journal.Pause(t.Context(), ""))
	before := len(w.slack.Private(ada, general))
	w.submitted(ada, modal, "duplicate")
	w.eventually("an answer", func() bool { return len(w.slack.Private(ada, general)) > before })
	if said := w.slack.Private(ada, general)[before].Text; !strings.Contains(said, "Cancelling was paused") {
		t.Errorf("said %s", said)
	}
	w.noCancel()
}

// A request stays in the channel during a pause, and can be approved after it.
func TestPauseKeepsRequestsOpen(t *testing.T) {
	w := newWorld(t, secondPerson)
	request := w.ask(ada, general, "/cancel-task 12345")
	w.must(w.journal.Pause(t.Context(), ""))
	if m := w.answer(grace, request, "cancel_task"); !strings.Contains(m.Text, "Cancelling was paused") {
		t.Errorf("said %s", m.Text)
	}
	w.wantPrompt(w.now(request))
	_, err := w.journal.Resume(t.Context())
	w.must(err)
	w.confirm(grace, request)
}
