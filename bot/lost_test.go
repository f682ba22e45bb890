package bot_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/carry"
	"github.com/cancelbot/cancelbot/bot/slacktest"
	"github.com/cancelbot/cancelbot/chamelio/chameliotest"
)

// says checks what a prompt says in the end, and what it doesn't mention.
func (w *world) says(prompt slacktest.Message, want, not []string) {
	w.Helper()
	text := w.now(prompt).Text
	for _, s := range want {
		if strings.Count(text, s) != 1 {
			w.Errorf("%q isn't there once: %s", s, text)
		}
	}
	for _, s := range not {
		if strings.Contains(text, s) {
			w.Errorf("%q is there: %s", s, text)
		}
	}
}

// Someone whose tasks other decisions have reads about these tasks, and about
// everyone who confirmed them.
func TestLoserReadsAboutTheirOwnTasks(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w := newWorld(t)
		w.api.Add(500, 4)
		both := w.wantPrompt(w.slash(grace, general, "/cancel-task 501 502"))
		one := w.wantPrompt(w.slash(grace, general, "/cancel-task 501"))
		first := w.wantPrompt(w.slash(ada, general, "/cancel-task 501 503"))
		second := w.wantPrompt(w.slash(linus, general, "/cancel-task 502"))
		w.api.SetStatus(503, "completed")
		w.confirm(ada, first)
		w.confirm(linus, second)
		w.acked(w.slack.Click(grace, both, "cancel_task"))
		w.acked(w.slack.Click(grace, one, "cancel_task"))
		time.Sleep(time.Minute)
		w.says(both, []string{mention(ada), mention(linus), "Cancelled 2 of 2 tasks (501 and 502)", "See <#" + general + "> for the results"}, []string{"503"})
		w.says(one, []string{mention(ada) + " already cancelled", "(task 501)"}, []string{mention(linus), "502", "503"})
		if len(w.slack.History(general)) != 2 {
			t.Error("the loser's decisions were announced")
		}
	})
}

// One decision has the tasks of the prompt and others.
func TestLoserReadsNothingAboutTheWinnersOtherTasks(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w := newWorld(t)
		w.api.Add(500, 4)
		both := w.wantPrompt(w.slash(grace, general, "/cancel-task 502 501"))
		w.api.SetStatus(503, "in_progress")
		first := w.wantPrompt(w.slash(ada, general, "/cancel-task 500 501 502 503"))
		w.api.SetStatus(503, "completed")
		w.confirm(ada, first)
		w.acked(w.slack.Click(grace, both, "cancel_task"))
		time.Sleep(time.Minute)
		w.says(both, []string{mention(ada), "Cancelled 2 of 2 tasks (502 and 501)"}, []string{"500", "503", "not"})
	})
}

// Two decisions have the tasks, and end at different times. Before both have
// ended, the prompt says nothing about outcomes.
func TestLoserReadsTheResultsOnceAllAreKnown(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w := newWorld(t)
		w.api.Add(500, 3)
		both := w.wantPrompt(w.slash(grace, general, "/cancel-task 501 502"))
		first := w.wantPrompt(w.slash(ada, general, "/cancel-task 501 500"))
		second := w.wantPrompt(w.slash(linus, general, "/cancel-task 502"))
		w.api.Break(chameliotest.Fault{Method: "POST", Task: 501, Delay: 2 * time.Second})
		w.api.Break(chameliotest.Fault{Method: "POST", Task: 502, Delay: 4 * time.Second, Status: 403, Body: `{"detail":"Task is locked"}`})
		w.acked(w.slack.Click(ada, first, "cancel_task"))
		w.acked(w.slack.Click(linus, second, "cancel_task"))
		time.Sleep(time.Second)
		w.acked(w.slack.Click(grace, both, "cancel_task"))
		for range 2 {
			time.Sleep(time.Second)
			w.says(both, []string{"already confirmed cancelling 2 tasks (501 and 502), and I'm working on them"}, []string{"Cancelled"})
		}
		time.Sleep(time.Minute)
		w.says(both, []string{mention(ada), mention(linus), "Cancelled 1 of 2 tasks (501 and 502)"}, []string{"working", "500"})
	})
}

// Another decision had one of a request's tasks. Someone who presses second reads only
// about the task that is under way.
func TestSecondPressReadsAboutTheTaskUnderWay(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w := newWorld(t, secondPerson)
		w.api.Add(501, 2)
		both, one := w.ask(ada, general, "/cancel-task 501 502"), w.ask(ada, slacktest.Random, "/cancel-task 501")
		w.confirm(linus, one)
		w.api.Break(chameliotest.Fault{Method: "POST", Delay: 3 * time.Second})
		w.acked(w.slack.Click(grace, both, "cancel_task"))
		time.Sleep(500 * time.Millisecond)
		w.acked(w.slack.Click(linus, both, "cancel_task"))
		time.Sleep(500 * time.Millisecond)
		answers := w.slack.Private(linus, general)
		if len(answers) != 1 || !strings.Contains(answers[0].Text, "502") || strings.Contains(answers[0].Text, "501") {
			t.Errorf("answers: %v", answers)
		}
	})
}

// Three people confirm the same tasks at once, in different orders. Each task is
// cancelled once, and each prompt ends with its own tasks.
func TestThreePeopleConfirmInDifferentOrders(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w := newWorld(t)
		w.api.Add(500, 4)
		people, lists := []string{ada, grace, linus}, []string{"500 501 502", "502 501 503", "503 500 501"}
		var prompts []slacktest.Message
		for i, list := range lists {
			prompts = append(prompts, w.wantPrompt(w.slash(people[i], general, "/cancel-task "+list)))
		}
		for i := range prompts {
			w.slack.Click(people[i], prompts[i], "cancel_task")
			w.slack.Click(people[i], prompts[i], "cancel_task")
		}
		time.Sleep(5 * time.Minute)
		for task := int64(500); task < 504; task++ {
			if w.api.Cancels(task) != 1 {
				t.Errorf("%d was cancelled %d times", task, w.api.Cancels(task))
			}
		}
		for i, list := range lists {
			id := strings.Fields(list)
			other := []string{"500", "501", "502", "503"}
			other = slices.DeleteFunc(other, func(task string) bool { return slices.Contains(id, task) })
			w.says(prompts[i], []string{"for the results"}, append(other, "working"))
			if text := w.now(prompts[i]).Text; strings.Contains(text, "already confirmed cancelling these") && !strings.Contains(text, ". Cancelled 3 of 3 tasks") {
				t.Errorf("lost to others: %s", text)
			}
		}
	})
}

// A request in the channel says to everyone what became of its own tasks.
func TestRequestWhoseTasksOthersHaveShowsTheirResults(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w := newWorld(t, secondPerson)
		w.api.Add(500, 3)
		both := w.ask(ada, general, "/cancel-task 501 502")
		first, second := w.ask(linus, general, "/cancel-task 501 500"), w.ask(ada, general, "/cancel-task 502")
		for _, request := range []slacktest.Message{first, second} {
			w.acked(w.slack.Click(grace, request, "cancel_task"))
			w.eventually("the last line", func() bool { return settled(w.now(request)) })
		}
		w.acked(w.slack.Click(grace, both, "cancel_task"))
		time.Sleep(time.Minute)
		w.says(both, []string{"Cancelled 2 of 2 tasks (501 and 502)", mention(grace) + " confirmed other requests"}, []string{"500"})
	})
}

// A request whose time is over has no buttons, although another request's decision about
// its task is still under way. It shows the outcome of that one.
func TestRequestEndsWhileItsTaskIsBeingCancelled(t *testing.T) {
	for name, tt := range map[string]struct {
		fault chameliotest.Fault
		last  string
	}{
		"cancelled": {chameliotest.Fault{Method: http.MethodPost, Status: http.StatusTooManyRequests, RetryAfter: "45", Times: 1}, "is cancelled"},
		"unknown":   {chameliotest.Fault{Hang: true}, "couldn't tell right away"},
	} {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				w := newWorld(t, secondPerson)
				first, second := w.ask(ada, general, "/cancel-task 12345"), w.ask(linus, general, "/cancel-task 12345")
				end := w.endOf(second).Add(carry.RequestGrace)
				time.Sleep(time.Until(w.endOf(first)) - time.Second)
				w.api.Break(tt.fault)
				w.acked(w.slack.Click(grace, first, "cancel_task"))
				time.Sleep(time.Until(end) + 5*time.Second)
				if n := w.count(`SELECT count(*) FROM tasks WHERE outcome IS NULL`); n != 1 {
					t.Fatalf("%d tasks are being cancelled", n)
				}
				if now := w.now(second); now.Button("cancel_task") != nil || !strings.Contains(now.Text, "Cancelling") {
					t.Errorf("its time is over, and it says: %s", now.Text)
				}
				time.Sleep(10 * time.Minute)
				if now := w.now(second); !strings.Contains(now.Text, tt.last) || w.count(`SELECT count(*) FROM requests`) != 0 {
					t.Errorf("at last, it says: %s", now.Text)
				}
			})
		})
	}
}

func mention(user string) string { return "<@" + user + ">" }
