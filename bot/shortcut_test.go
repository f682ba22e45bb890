package bot_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/slacktest"
	"github.com/cancelbot/cancelbot/chamelio/chameliotest"
)

const (
	shortcut = "cancel_task_of_message"
	taskLink = "https://app.chamelio.ai/workflows/tasks/"
)

// say posts a message as a person.
func (w *world) say(user, channel, text string) slacktest.Message {
	return w.slack.Say(user, channel, text)
}

// modal uses the shortcut on a message, and returns the modal once it shows
// the tasks.
func (w *world) modal(user string, m slacktest.Message) slacktest.Modal {
	w.Helper()
	w.acked(w.slack.Shortcut(user, m, shortcut))
	return w.modalNow(user)
}

// modalNow returns a person's open modal, once it has stopped loading.
func (w *world) modalNow(user string) slacktest.Modal {
	w.Helper()
	var open slacktest.Modal
	w.eventually("a modal", func() bool {
		all := w.slack.Modals(user)
		if len(all) == 0 {
			return false
		}
		open = all[len(all)-1]
		return !strings.Contains(modalText(open), "hourglass")
	})
	return open
}

func modalText(m slacktest.Modal) string {
	text := m.Title + " [" + m.Submit + "]"
	for _, b := range m.Blocks {
		if b.Text != nil {
			text += "\n" + b.Text.Text
		}
		if b.Element != nil {
			for _, o := range b.Element.Options {
				text += "\n☑ " + o.Text.Text
			}
		}
		for _, e := range b.Elements {
			text += "\n" + e.Label + e.Content.Text
		}
	}
	return text
}

// submits submits a modal, which must be accepted.
func (w *world) submits(user string, m slacktest.Modal, values map[string]string) {
	w.Helper()
	w.acked(w.slack.SubmitView(user, m, values))
}

func TestCancelFromAMessageInAThread(t *testing.T) {
	w := newWorld(t)
	parent := w.say(grace, general, "The Globex contract again")
	reply := w.slack.Reply(grace, parent, "can someone stop <"+taskLink+"12345|this>?")
	modal := w.modal(ada, reply)
	if text := modalText(modal); !strings.Contains(text, "Master agreement with Globex") || modal.Submit != "Cancel task" {
		t.Fatalf("the modal shows %s", text)
	}
	w.noCancel()
	w.submits(ada, modal, map[string]string{"reason": "a duplicate"})
	w.eventually("the announcement", func() bool { return w.announcedIn(parent.TS) != nil })
	announced := *w.announcedIn(parent.TS)
	if !announced.Broadcast || !strings.Contains(announced.Text, "a duplicate") {
		t.Errorf("announced: %+v", announced)
	}
	w.eventually("the modal's last state", func() bool { return strings.Contains(modalText(w.slack.Modals(ada)[0]), "is cancelled") })
	w.must(w.stop())
	if got := w.row(); got.Outcome() != decision.Cancelled || got.Thread != parent.TS || got.Confirmer != ada {
		t.Errorf("on record: %+v", got)
	}
}

// announcedIn returns the bot's first message in a thread.
func (w *world) announcedIn(thread string) *slacktest.Message {
	for _, m := range w.slack.All() {
		if m.Author == slacktest.BotUser && m.ThreadTS == thread && m.Only == "" {
			return &m
		}
	}
	return nil
}

func TestCancelFromAMessageOutsideOfThreads(t *testing.T) {
	w := newWorld(t)
	modal := w.modal(ada, w.say(grace, general, "task 12345 is a duplicate"))
	w.submits(ada, modal, nil)
	w.eventually("the announcement", func() bool { return len(w.slack.History(general)) == 2 })
	if got := w.slack.History(general)[1]; got.ThreadTS != "" || !strings.Contains(got.Text, "cancelled") {
		t.Errorf("announced: %+v", got)
	}
}

func TestCancelSomeOfTheTasksInAMessage(t *testing.T) {
	w := newWorld(t)
	w.api.Add(500, 12)
	var text strings.Builder
	for i := range 14 {
		fmt.Fprintf(&text, "<%s%d|one> ", taskLink, 500+i)
	}
	modal := w.modal(ada, w.say(grace, general, text.String()))
	shown := modalText(modal)
	if !strings.Contains(shown, "names 4 more") || strings.Count(shown, "☑") != 10 || modal.Submit != "Cancel tasks" {
		t.Errorf("the modal shows %s", shown)
	}
	w.acked(w.slack.SubmitView(ada, modal, map[string]string{"tasks": ""})) // none
	if got := w.modalNow(ada); !strings.Contains(fmt.Sprint(got.Errors), "No task is selected") {
		t.Errorf("none was chosen, and the modal shows %+v", got)
	}
	w.submits(ada, modal, map[string]string{"tasks": "501,503"})
	w.eventually("the announcement", func() bool { return len(w.slack.History(general)) == 2 })
	for task := int64(500); task < 512; task++ {
		want := 0
		if task == 501 || task == 503 {
			want = 1
		}
		if got := w.api.Cancels(task); got != want {
			t.Errorf("task %d: %d cancels", task, got)
		}
	}
}

func TestMessageWithoutATaskAsksForOne(t *testing.T) {
	w := newWorld(t)
	modal := w.modal(ada, w.say(grace, general, ""))
	if modal.Submit != "Find task" {
		t.Fatalf("the modal shows %s", modalText(modal))
	}
	w.acked(w.slack.SubmitView(ada, modal, map[string]string{"task": "globex"}))
	if got := w.modalNow(ada); !strings.Contains(fmt.Sprint(got.Errors), "isn't a task ID") {
		t.Errorf("errors: %v", got.Errors)
	}
	w.submits(ada, modal, map[string]string{"task": "12345"})
	w.eventually("the task", func() bool { return w.modalNow(ada).Submit == "Cancel task" })
	w.submits(ada, w.modalNow(ada), nil)
	w.eventually("the outcome", func() bool { return w.api.Effects(12345) == 1 })
}

func TestModalExplainsRefusals(t *testing.T) {
	w := newWorld(t)
	modal := w.modal(ada, w.say(grace, general, fmt.Sprintf("%s%d", taskLink, chameliotest.CompletedTask)))
	if modal.Submit != "" || !strings.Contains(modalText(modal), "has already completed") {
		t.Errorf("the modal shows %s", modalText(modal))
	}
	guest := w.modal(slacktest.Guest, w.say(grace, general, taskLink+"12345"))
	if guest.Submit != "" || strings.Contains(modalText(guest), "Globex") {
		t.Errorf("a guest sees %s", modalText(guest))
	}
}

// A modal is a confirmation like any other: only its user can submit it, it
// expires, and it is checked again.
func TestSubmittedModalIsCheckedLikeAClick(t *testing.T) {
	t.Run("in other hands, or changed", func(t *testing.T) {
		w := newWorld(t)
		modal := w.modal(ada, w.say(grace, general, taskLink+"12345"))
		for _, forged := range []map[string]any{
			w.submission(grace, modal, modal.PrivateMetadata), w.submission(ada, modal, strings.Replace(modal.PrivateMetadata, "3.", "4.", 1)),
			w.submission(ada, modal, "{}"), w.submission(ada, modal, ""),
		} {
			w.acked(w.slack.Deliver("interactive", forged))
		}
		w.must(w.stop())
		w.noCancel()
	})
	t.Run("expired", func(t *testing.T) {
		virtual(t, func(t *testing.T) {
			w := newWorld(t)
			modal := w.modal(ada, w.say(grace, general, taskLink+"12345"))
			time.Sleep(11 * time.Minute)
			w.acked(w.slack.SubmitView(ada, modal, nil))
			if got := w.slack.Modals(ada)[0]; !strings.Contains(fmt.Sprint(got.Errors), "too late") {
				t.Errorf("the modal shows %+v", got)
			}
			w.noCancel()
		})
	})
	t.Run("expired, with tasks that aren't chosen", func(t *testing.T) {
		virtual(t, func(t *testing.T) {
			w := newWorld(t)
			modal := w.modal(ada, w.longMessage())
			time.Sleep(11 * time.Minute)
			w.acked(w.slack.SubmitView(ada, modal, map[string]string{"tasks": "501,503"}))
			if got := fmt.Sprint(w.slack.Modals(ada)[0].Errors); !strings.Contains(got, "type /cancel-task 501 503.") {
				t.Errorf("the modal shows %s", got)
			}
		})
	})
	t.Run("a guest by then", func(t *testing.T) {
		virtual(t, func(t *testing.T) {
			w := newWorld(t)
			modal := w.modal(ada, w.say(grace, general, taskLink+"12345"))
			time.Sleep(2 * time.Minute)
			u, _ := w.slack.User(ada)
			u.IsRestricted = true
			w.slack.AddUser(u)
			w.submits(ada, modal, nil)
			w.eventually("the refusal", func() bool { return strings.Contains(modalText(w.modalNow(ada)), "Guests can't") })
			w.noCancel()
		})
	})
	t.Run("cancelled by someone else meanwhile", func(t *testing.T) {
		w := newWorld(t)
		modal := w.modal(ada, w.say(grace, general, taskLink+"12345"))
		w.confirm(grace, w.wantPrompt(w.slash(grace, general, "/cancel-task 12345")))
		w.submits(ada, modal, nil)
		w.eventually("the answer", func() bool { return strings.Contains(modalText(w.modalNow(ada)), "already") })
		if w.api.Cancels(12345) != 1 {
			t.Error("cancelled twice")
		}
	})
	t.Run("twice at once", func(t *testing.T) {
		w := newWorld(t)
		modal := w.modal(ada, w.say(grace, general, taskLink+"12345"))
		for range 2 {
			w.acked(w.slack.Deliver("interactive", w.submission(ada, modal, modal.PrivateMetadata)))
		}
		w.eventually("the announcement", func() bool { return len(w.slack.History(general)) == 2 })
		w.must(w.stop())
		if w.api.Cancels(12345) != 1 || len(w.slack.History(general)) != 2 {
			t.Errorf("%d cancels, told: %v", w.api.Cancels(12345), texts(w.slack.History(general)))
		}
	})
}

// submission is a submission of a modal, with any metadata.
func (w *world) submission(user string, m slacktest.Modal, metadata string) map[string]any {
	return map[string]any{
		"type": "view_submission", "api_app_id": slacktest.AppID, "team": map[string]any{"id": slacktest.TeamID}, "user": map[string]any{"id": user},
		"view": map[string]any{"id": m.ID, "callback_id": m.CallbackID, "private_metadata": metadata, "state": map[string]any{"values": map[string]any{}}},
	}
}

func TestLateShortcutIsAnswered(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w := newWorld(t)
		w.slack.Break(slacktest.Fault{Method: "views.open", Error: "expired_trigger_id"})
		w.acked(w.slack.Shortcut(ada, w.say(grace, general, taskLink+"12345"), shortcut))
		w.eventually("an answer", func() bool { return len(w.slack.Private(ada, general)) == 1 })
		if got := w.slack.Private(ada, general)[0].Text; !strings.Contains(got, "/cancel-task") {
			t.Errorf("told: %s", got)
		}
	})
}

func TestRequestFromAMessage(t *testing.T) {
	w := newWorld(t, secondPerson)
	parent := w.say(grace, general, "about "+taskLink+"12345")
	reply := w.slack.Reply(grace, parent, "stop "+taskLink+"12345")
	modal := w.modal(ada, reply)
	if modal.Submit != "Ask to cancel" {
		t.Fatalf("the modal shows %s", modalText(modal))
	}
	w.submits(ada, modal, map[string]string{"reason": "twice"})
	w.eventually("the request", func() bool { return w.announcedIn(parent.TS) != nil })
	request := w.wantPrompt(*w.announcedIn(parent.TS))
	w.acked(w.slack.Click(grace, request, "cancel_task"))
	w.eventually("the outcome", func() bool { return w.api.Effects(12345) == 1 && settled(w.now(request)) })
}

// The shortcut on one of the bot's own messages offers the tasks that the message is
// about: not those that it quotes, in a reason or a title, or says it leaves out.
func TestShortcutOnTheBotsOwnMessages(t *testing.T) {
	fails := chameliotest.Fault{Method: "POST", Status: 500, Body: `{"detail":"Failed to cancel task"}`}
	t.Run("announcement", func(t *testing.T) {
		virtual(t, func(t *testing.T) {
			w := newWorld(t)
			w.api.Add(50000, 3)
			w.api.Break(fails)
			said, _ := w.confirm(ada, w.wantPrompt(w.slash(ada, general, "/cancel-task 50000 50001: duplicates of task 50002, which must stay")))
			if shown := modalText(w.modal(grace, said)); strings.Count(shown, "☑") != 2 || strings.Contains(shown, "50002") {
				t.Errorf("the modal for %s shows %s", said.Text, shown)
			}
		})
	})
	t.Run("request", func(t *testing.T) {
		virtual(t, func(t *testing.T) {
			w := newWorld(t, secondPerson)
			w.api.Add(50000, 2)
			w.move(12345, "Copy of task 50000", "")
			w.api.SetStatus(50001, "completed")
			request := w.ask(ada, general, "/cancel-task 12345 50001")
			if shown := modalText(w.modal(grace, request)); !strings.Contains(shown, "Copy of") || strings.Contains(shown, "☑") || strings.Contains(shown, "Task 50001") {
				t.Errorf("the modal for %s shows %s", request.Text, shown)
			}
		})
	})
	t.Run("request that was withdrawn", func(t *testing.T) {
		virtual(t, func(t *testing.T) {
			w := newWorld(t, secondPerson)
			w.api.Add(50000, 1)
			request := w.ask(ada, general, "/cancel-task 12345 duplicate of task 50000")
			w.acked(w.slack.Click(ada, request, "keep_task"))
			w.eventually("withdrawn", func() bool { return strings.Contains(w.now(request).Text, "withdrew") })
			if shown := modalText(w.modal(grace, w.now(request))); !strings.Contains(shown, "Globex") || strings.Contains(shown, "☑") {
				t.Errorf("the modal shows %s", shown)
			}
		})
	})
}
