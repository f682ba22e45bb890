package bot_test

import (
	"strings"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/slacktest"
	"github.com/cancelbot/cancelbot/chamelio/chameliotest"
)

// resubmits runs a test in which the submission of a form for task 12345 is delivered
// again, with and without another replica that may get it. The test submits the form,
// and calls again any number of times.
func resubmits(t *testing.T, message string, test func(w *world, modal slacktest.Modal, again func()), change ...func(*options)) {
	for name, replicas := range map[string]int{"the same process": 1, "another replica": 2} {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				w, _, o := withHook(t, change...)
				modal := w.modal(ada, w.say(grace, general, message))
				sent := w.records()
				test(w, modal, func() {
					if replicas == 2 {
						w.replica(o)
						replicas = 1
					}
					w.acked(w.slack.Resubmit(modal, sent()))
				})
			})
		})
	}
}

// modalSays fails the test unless Ada's modal has the text.
func (w *world) modalSays(when, text string) {
	w.Helper()
	if got := modalText(w.slack.Modals(ada)[0]); !strings.Contains(got, text) {
		w.Errorf("%s, the modal says %s", when, got)
	}
}

// Slack delivers a submission again, because it didn't get the acknowledgement. That of
// the second delivery replaces the outcome, so the outcome is shown again.
func TestResubmissionEndsWithTheOutcome(t *testing.T) {
	resubmits(t, taskLink+"12345", func(w *world, modal slacktest.Modal, again func()) {
		w.submits(ada, modal, map[string]string{"reason": "dup"})
		time.Sleep(3 * time.Second)
		w.modalSays("before", "is cancelled")
		for range 4 {
			again()
			time.Sleep(3 * time.Second)
			w.modalSays("afterwards", "cancelled")
		}
		if w.api.Cancels(12345) != 1 || len(w.slack.History(general)) != 2 {
			w.Errorf("%d cancels; the channel reads %v", w.api.Cancels(12345), texts(w.slack.History(general)))
		}
	})
}

// A submission is delivered again while it is carried out.
func TestResubmissionWhileCancelling(t *testing.T) {
	resubmits(t, taskLink+"12345", func(w *world, modal slacktest.Modal, again func()) {
		w.api.Break(chameliotest.Fault{Method: "POST", Delay: 10 * time.Second})
		w.submits(ada, modal, map[string]string{"reason": "dup"})
		time.Sleep(3 * time.Second)
		for range 4 {
			again()
		}
		time.Sleep(3 * time.Second)
		w.modalSays("meanwhile", "I'll post the result in")
		time.Sleep(time.Minute)
		w.modalSays("in the end", "cancelled")
	})
}

// A closed modal can't show what a second delivery of its submission changes. The uses
// of the response_url are left to the first.
func TestResubmissionOfAClosedModal(t *testing.T) {
	resubmits(t, taskLink+"12345", func(w *world, modal slacktest.Modal, again func()) {
		w.submits(ada, modal, map[string]string{"reason": "dup"})
		w.slack.CloseView(ada, modal)
		time.Sleep(3 * time.Second)
		for range 4 {
			again()
			time.Sleep(3 * time.Second)
		}
		if said := w.slack.Private(ada, general); len(said) != 1 {
			w.Errorf("Ada reads %q", texts(said))
		}
	})
}

// The form that asks for a task is delivered again after its task was cancelled.
func TestResubmittedFindEndsWithAnAnswer(t *testing.T) {
	resubmits(t, "stop this?", func(w *world, modal slacktest.Modal, again func()) {
		w.submits(ada, modal, map[string]string{"task": "12345"})
		time.Sleep(3 * time.Second)
		w.submits(ada, w.modalNow(ada), map[string]string{"reason": "dup"})
		time.Sleep(3 * time.Second)
		w.modalSays("before", "is cancelled")
		again()
		time.Sleep(time.Minute)
		w.modalSays("in the end", "cancelled")
	})
}

// A form that asks a second person is delivered again. It posts one request, and the
// modal says where that is.
func TestResubmittedRequestSaysWhereItIs(t *testing.T) {
	resubmits(t, taskLink+"12345", func(w *world, modal slacktest.Modal, again func()) {
		w.submits(ada, modal, map[string]string{"reason": "dup"})
		time.Sleep(3 * time.Second)
		w.modalSays("before", "I asked in")
		for range 4 {
			again()
		}
		time.Sleep(time.Hour)
		w.modalSays("in the end", "I already have your request")
		if n := len(w.slack.History(general)); n != 2 {
			w.Errorf("%d messages, with the one that the shortcut was used on", n)
		}
	}, secondPerson)
}
