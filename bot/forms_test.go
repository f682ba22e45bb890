package bot_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/slacktest"
	"github.com/cancelbot/cancelbot/chamelio/chameliotest"
)

// Once a form is submitted, it doesn't come back: not from the replica that showed it
// when another one gets the submission, and not though Slack's answer to its first
// showing is lost.
func TestSubmittedFormStaysAway(t *testing.T) {
	lost := slacktest.Fault{Method: "views.update", Status: 503, AfterEffect: true, Times: 1}
	for name, tt := range map[string]struct {
		message  string
		answer   slacktest.Fault // to the showing of the form
		replicas int
	}{
		"one replica":                 {message: taskLink + "500 " + taskLink + "501", replicas: 1},
		"another replica":             {message: taskLink + "500", replicas: 2},
		"the answer is lost":          {message: taskLink + "500", answer: lost, replicas: 2},
		"found first":                 {message: "stop this", replicas: 2},
		"found first, answer is lost": {message: "stop this", answer: lost, replicas: 2},
	} {
		for turn := range 2 * tt.replicas { // Slack chooses the replica of each event
			t.Run(fmt.Sprint(name, turn), func(t *testing.T) {
				virtual(t, func(t *testing.T) {
					w, _, o := withHook(t)
					w.api.Add(500, 2)
					if tt.replicas == 2 {
						w.replica(o)
					}
					for range turn {
						w.slack.Deliver("interactive", map[string]any{"type": "nothing"})
					}
					w.submits(ada, w.formFor(tt.message, tt.answer), map[string]string{"tasks": "500"})
					for i := range 40 {
						if m := w.slack.Modals(ada)[0]; m.Submit != "" {
							t.Fatalf("after %d ms the form is back", i*200)
						}
						time.Sleep(200 * time.Millisecond)
					}
				})
			})
		}
	}
}

// formFor returns the form that Ada confirms, at once. Slack
// answers its showing as the fault says, and Chamelio takes 20 seconds to cancel.
func (w *world) formFor(message string, answer slacktest.Fault) slacktest.Modal {
	w.Helper()
	fails := func() {
		if answer.Method != "" {
			w.slack.Break(answer)
		}
	}
	w.api.Break(chameliotest.Fault{Method: "POST", Delay: 20 * time.Second})
	m := w.say(grace, general, message)
	if find := message == "stop this"; find {
		modal := w.modal(ada, m)
		w.submits(ada, modal, map[string]string{"task": "500"})
		w.slack.After("views.update", func(slacktest.Call) { fails(); answer.Method = "" }) // the form is next
	} else {
		fails()
		w.acked(w.slack.Shortcut(ada, m, shortcut))
	}
	return w.modalNow(ada)
}
