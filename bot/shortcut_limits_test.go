package bot_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/policy"
	"github.com/cancelbot/cancelbot/bot/slacktest"
	"github.com/cancelbot/cancelbot/chamelio/chameliotest"
)

// A request that is submitted in a modal is judged like a command: what is posted
// for everyone shows nothing that its requester may not see any more.
func TestSubmittedRequestIsJudged(t *testing.T) {
	ask := func(t *testing.T, change func(*world)) (*world, string) {
		w := newWorld(t, secondPerson, func(o *options) { o.bot.Policy.Mode = policy.PeopleOnTask }, alwaysFresh)
		w.slack.SetScopes(allScopes...)
		modal := w.modal(ada, w.say(grace, general, taskLink+"12345"))
		time.Sleep(5 * time.Second)
		change(w)
		time.Sleep(2 * time.Minute)
		w.submits(ada, modal, map[string]string{"reason": "x"})
		time.Sleep(time.Minute)
		return w, modalText(w.slack.Modals(ada)[0])
	}
	for name, c := range map[string]struct {
		change func(*world)
		says   string
	}{
		"not on the task any more": {func(w *world) {
			theirs := chameliotest.NewTask(12345, "in_progress", "Top secret", time.Now())
			theirs.Owner, theirs.Assignee, theirs.Collaborators = new("linus@acme.example"), nil, nil
			w.api.Put(theirs)
		}, "owner, assignee and collaborators"},
		"a guest by now": {func(w *world) {
			w.slack.AddUser(slacktest.User{ID: ada, Name: "ada", IsRestricted: true})
		}, "Guests"},
		"paused": {func(w *world) { w.must(w.journal.Pause(w.Context(), "maintenance")) }, "paused"},
		"over":   {func(w *world) { w.api.SetStatus(12345, "completed") }, "completed"},
	} {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				w, said := ask(t, c.change)
				if got := w.slack.History(general); len(got) != 1 || !strings.Contains(said, c.says) {
					t.Errorf("%d messages; the modal says %s", len(got), said)
				}
			})
		})
	}
	t.Run("as it was", func(t *testing.T) {
		virtual(t, func(t *testing.T) {
			w, said := ask(t, func(*world) {})
			if got := w.slack.History(general); len(got) != 2 || !strings.Contains(said, "I asked") {
				t.Errorf("%d messages; the modal says %s", len(got), said)
			}
		})
	})
}

func TestSubmissionDeliveredTwiceAsksOnce(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w := newWorld(t, secondPerson)
		modal := w.modal(ada, w.say(grace, general, taskLink+"12345"))
		for range 2 {
			w.acked(w.slack.Deliver("interactive", w.submission(ada, modal, modal.PrivateMetadata)))
		}
		time.Sleep(time.Minute)
		if got := len(w.slack.History(general)); got != 2 {
			t.Errorf("%d messages, with the one that the shortcut was used on", got)
		}
	})
}

// A modal never stays on a text that says to wait.
func TestModalAlwaysEndsWithAnAnswer(t *testing.T) {
	waits := func(w *world) bool { return strings.Contains(modalText(w.slack.Modals(ada)[0]), "hourglass") }
	t.Run("one update fails", func(t *testing.T) {
		virtual(t, func(t *testing.T) {
			w := newWorld(t)
			w.slack.Break(slacktest.Fault{Method: "views.update", Status: 429, RetryAfter: "1", Times: 1})
			w.acked(w.slack.Shortcut(ada, w.say(grace, general, taskLink+"12345"), shortcut))
			time.Sleep(time.Minute)
			if waits(w) {
				t.Error("it still waits")
			}
		})
	})
	t.Run("no update works", func(t *testing.T) {
		virtual(t, func(t *testing.T) {
			w := newWorld(t)
			w.slack.Break(slacktest.Fault{Method: "views.update", Error: "internal_error"})
			w.acked(w.slack.Shortcut(ada, w.say(grace, general, taskLink+"12345"), shortcut))
			time.Sleep(time.Minute)
			if got := w.slack.Private(ada, general); len(got) != 1 || !strings.Contains(got[0].Text, "/cancel-task") {
				t.Errorf("told: %v", got)
			}
		})
	})
	t.Run("a request where the bot can't post", func(t *testing.T) {
		virtual(t, func(t *testing.T) {
			w := newWorld(t, secondPerson)
			modal := w.modal(ada, w.say(grace, slacktest.Legal, taskLink+"12345"))
			time.Sleep(5 * time.Second)
			w.submits(ada, modal, map[string]string{"reason": "twice"})
			time.Sleep(time.Minute)
			if waits(w) || len(w.slack.History(slacktest.Legal)) != 2 {
				t.Errorf("it shows %s", modalText(w.slack.Modals(ada)[0]))
			}
		})
	})
	t.Run("too many clicks", func(t *testing.T) {
		virtual(t, func(t *testing.T) {
			w := newWorld(t, func(o *options) { o.bot.CommandsPerMinute = 4 })
			modal := w.modal(ada, w.say(grace, general, taskLink+"12345"))
			p := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
			time.Sleep(5 * time.Second)
			for range 40 {
				w.acked(w.slack.Forge(ada, p, "cancel_task", p.Button("cancel_task").Value+"x"))
			}
			w.submits(ada, modal, nil)
			time.Sleep(time.Minute)
			if waits(w) {
				t.Error("it still waits")
			}
		})
	})
	t.Run("closed after it was submitted", func(t *testing.T) {
		virtual(t, func(t *testing.T) {
			w := newWorld(t)
			modal := w.modal(ada, w.say(grace, general, taskLink+"12345"))
			time.Sleep(5 * time.Second)
			w.must(w.journal.Pause(w.Context(), "maintenance"))
			time.Sleep(10 * time.Second)
			w.slack.Before("views.update", func(slacktest.Call) {
				for _, m := range w.slack.Modals(ada) {
					w.slack.CloseView(ada, m)
				}
			})
			w.submits(ada, modal, nil)
			time.Sleep(time.Minute)
			if got := w.slack.Private(ada, general); len(got) != 1 || !strings.Contains(got[0].Text, "paused") {
				t.Errorf("told: %v", got)
			}
		})
	})
}

func TestShortcutWorksForAWholeOrganisation(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w := newWorld(t, func(o *options) {
			o.prepare = func(w *world) {
				w.slack.SetInstallation(slacktest.Installation{EnterpriseID: "E0ORG", EnterpriseName: "org", OrgWide: true})
			}
		})
		if m := w.modal(ada, w.say(grace, general, taskLink+"12345")); m.Submit != "Cancel task" {
			t.Error(modalText(m))
		}
	})
}

// The tasks that can be cancelled are found behind those that can't.
func TestRestOfALongMessageIsReached(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w := newWorld(t)
		w.api.Add(500, 14)
		text := ""
		for i := range 14 {
			text += fmt.Sprintf("<%s%d|one> ", taskLink, 500+i)
			if i < 10 {
				w.api.SetStatus(int64(500+i), "cancelled")
			}
		}
		if got := modalText(w.modal(ada, w.say(grace, general, text))); !strings.Contains(got, "510") || strings.Contains(got, "509") {
			t.Error(got)
		}
	})
}

func TestFindModalKeepsTheReason(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w := newWorld(t)
		modal := w.modal(ada, w.say(grace, general, "stop it please"))
		w.submits(ada, modal, map[string]string{"task": "12345 a duplicate"})
		w.eventually("the task", func() bool { return w.modalNow(ada).Submit == "Cancel task" })
		w.submits(ada, w.modalNow(ada), nil)
		w.eventually("the announcement", func() bool { return len(w.slack.History(general)) == 2 })
		if got := w.slack.History(general)[1].Text; !strings.Contains(got, "a duplicate") {
			t.Error(got)
		}
	})
}

// The modal that asks for a task expires like a prompt: its response_url would be
// too old for the announcement.
func TestFindModalExpires(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w := newWorld(t)
		modal := w.modal(ada, w.say(grace, general, "stop it please"))
		time.Sleep(11 * time.Minute)
		w.submits(ada, modal, map[string]string{"task": "12345"})
		if got := w.slack.Modals(ada)[0]; !strings.Contains(got.Errors["task"], "expired") {
			t.Errorf("%+v", got.Errors)
		}
	})
}

// Prompts may be valid for half an hour, which starts again when a modal has found the
// task. The response_url, by which a channel without the bot reads the result, doesn't.
func TestModalEndsBeforeItsResponseURL(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w := newWorld(t, func(o *options) { o.bot.ConfirmTTL = 30 * time.Minute })
		opened := time.Now()
		w.submits(ada, w.modal(ada, w.say(grace, slacktest.Legal, "stop it please")), map[string]string{"task": "12345"})
		time.Sleep(10 * time.Second)
		confirm := w.modalNow(ada)
		if end := fmt.Sprintf("Confirm by <!date^%d^", opened.Add(25*time.Minute).Unix()); !strings.Contains(modalText(confirm), end) {
			t.Errorf("the form doesn't say %q: %s", end, modalText(confirm))
		}
		time.Sleep(26 * time.Minute)
		w.submits(ada, confirm, nil)
		time.Sleep(time.Minute)
		if got := w.slack.Modals(ada)[0]; !strings.Contains(got.Errors["reason"], "no longer valid") {
			t.Errorf("%+v: %s", got.Errors, modalText(got))
		}
		w.noCancel()
	})
}

// A submission that Slack delivers again, and that is refused then, doesn't hide
// what the first delivery decided.
func TestRefusedRedeliveryShowsTheOutcome(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w := newWorld(t, alwaysFresh)
		modal := w.modal(ada, w.say(grace, general, taskLink+"12345"))
		payload := w.submission(ada, modal, modal.PrivateMetadata)
		w.acked(w.slack.Deliver("interactive", payload))
		time.Sleep(time.Minute)
		w.slack.AddUser(slacktest.User{ID: ada, Name: "ada", IsRestricted: true})
		time.Sleep(time.Minute)
		w.acked(w.slack.Deliver("interactive", payload))
		time.Sleep(time.Minute)
		if said := modalText(w.slack.Modals(ada)[0]); !strings.Contains(said, "cancelled") || w.api.Cancels(12345) != 1 {
			t.Errorf("%d cancels; the modal says %s", w.api.Cancels(12345), said)
		}
	})
}

// longMessage says a message about tasks 500 to 514, all of which are running.
func (w *world) longMessage() slacktest.Message {
	w.Helper()
	const n = 15
	w.api.Add(500, n)
	text := ""
	for i := range n {
		text += fmt.Sprintf("<%s%d|one> ", taskLink, 500+i)
	}
	return w.say(grace, general, text)
}

// The shortcut shows the first tasks of a long message, unless they are certainly over.
// For everything else, it says why it doesn't offer them, instead of offering later ones.
func TestLongMessageSkipsOnlyTasksThatAreOver(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*options)
		before func(*world)
		says   []string
	}{
		"over": {nil, func(w *world) {
			for i := range 10 {
				w.api.SetStatus(int64(500+i), "completed")
			}
		}, []string{"None of the first 10 tasks", "510"}},
		"paused": {nil, func(w *world) {
			w.must(w.journal.Pause(w.Context(), "maintenance"))
		}, []string{"paused", "500 501", "names 10 more"}},
		"over and paused": {nil, func(w *world) {
			for i := range 15 {
				w.api.SetStatus(int64(500+i), "completed")
			}
			w.must(w.journal.Pause(w.Context(), "maintenance"))
		}, []string{"completed"}},
		"no one else can approve": {func(o *options) {
			secondPerson(o)
			o.bot.Policy.Approvers = []string{ada}
		}, func(*world) {}, []string{"only approver", "500", "names 10 more"}},
		"the rate limit is used up": {func(o *options) { o.rateLimit = 6 }, func(w *world) {
			w.api.Add(900, 15)
			for i := range 15 {
				w.acked(w.slack.Slash(grace, general, fmt.Sprintf("/cancel-task %d", 900+i)))
			}
		}, []string{"Task 500: I couldn't get its details", "names 10 more"}},
	} {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				w := newWorld(t, func(o *options) {
					o.bot.MaxTasks = 5
					if c.change != nil {
						c.change(o)
					}
				})
				m := w.longMessage()
				c.before(w)
				w.acked(w.slack.Shortcut(ada, m, shortcut))
				time.Sleep(20 * time.Second)
				shown := modalText(w.slack.Modals(ada)[0])
				for _, part := range c.says {
					if !strings.Contains(shown, part) {
						t.Errorf("%q is missing: %s", part, shown)
					}
				}
			})
		})
	}
}

// Someone uses the shortcut far too often. They read that twice a minute, and nothing else
// happens.
func TestShortcutBeyondTheLimit(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w := newWorld(t, func(o *options) { o.bot.CommandsPerMinute = 3 })
		for range 30 {
			w.acked(w.slack.Shortcut(ada, w.say(grace, general, taskLink+"12345"), shortcut))
		}
		time.Sleep(10 * time.Second)
		said := w.slack.Private(ada, general)
		if len(said) != 2 || !strings.Contains(said[0].Text, "more than 3 commands") || len(w.slack.Modals(ada)) > 3 {
			t.Errorf("%d dialogs; Ada reads %q", len(w.slack.Modals(ada)), texts(said))
		}
	})
}
