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
	t.Helper()
	resubmitsTo(t, message, func(w *world, modal slacktest.Modal, _ bool, again func()) { test(w, modal, again) }, change...)
}

// resubmitsTo is resubmits for a test that needs to know whether another replica may get
// the submission.
func resubmitsTo(t *testing.T, message string, test func(w *world, modal slacktest.Modal, elsewhere bool, again func()), change ...func(*options)) {
	t.Helper()
	for name, replicas := range map[string]int{"the same process": 1, "another replica": 2} {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				w, _, o := withHook(t, change...)
				modal := w.modal(ada, w.say(grace, general, message))
				sent := w.records()
				test(w, modal, replicas == 2, func() {
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
		w.api.Break(chameliotest.Fault{Method: "POST", Delay: time.Second}) // it is closed before the outcome
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
// modal still says where that is, or that this isn't known.
func TestResubmittedRequestSaysWhereItIs(t *testing.T) {
	resubmitsTo(t, taskLink+"12345", func(w *world, modal slacktest.Modal, elsewhere bool, again func()) {
		w.submits(ada, modal, map[string]string{"reason": "dup"})
		time.Sleep(3 * time.Second)
		w.modalSays("before", "I asked in")
		for range 4 {
			again()
		}
		time.Sleep(time.Hour)
		w.modalRepeats(elsewhere, "I asked in")
		if n := len(w.slack.History(general)); n != 2 {
			w.Errorf("%d messages, with the one that the shortcut was used on", n)
		}
	}, secondPerson)
}

// A form that asks a second person is refused, and delivered again. The refusal stays, or
// gives way to a text that claims nothing.
func TestResubmittedRequestStaysRefused(t *testing.T) {
	resubmitsTo(t, taskLink+"12345", func(w *world, modal slacktest.Modal, elsewhere bool, again func()) {
		time.Sleep(2 * time.Minute)
		u, _ := w.slack.User(ada)
		u.IsRestricted = true
		w.slack.AddUser(u)
		w.submits(ada, modal, map[string]string{"reason": "dup"})
		time.Sleep(3 * time.Second)
		w.modalSays("before", "Guests can't")
		again()
		time.Sleep(time.Minute)
		w.modalRepeats(elsewhere, "Guests can't")
		if n := w.count(`SELECT count(*) FROM audit`); n != 1 {
			w.Errorf("%d refusals on record", n)
		}
	}, secondPerson)
}

// A form is delivered again while its request is being posted. Both deliveries end with
// the same answer.
func TestResubmissionWhileAsking(t *testing.T) {
	resubmitsTo(t, taskLink+"12345", func(w *world, modal slacktest.Modal, elsewhere bool, again func()) {
		w.slack.Break(slacktest.Fault{Method: "chat.postMessage", Status: 429, RetryAfter: "30", Times: 1})
		w.submits(ada, modal, map[string]string{"reason": "dup"})
		time.Sleep(3 * time.Second)
		again()
		time.Sleep(time.Second)
		w.modalRepeats(elsewhere, "Got it")
		time.Sleep(5 * time.Minute)
		w.modalSays("in the end", "I asked in")
	}, secondPerson)
}

// modalRepeats fails the test unless Ada's modal has the text. If another replica may
// have got the submission, the modal may also say that the answer isn't known.
func (w *world) modalRepeats(elsewhere bool, text string) {
	w.Helper()
	if got := modalText(w.slack.Modals(ada)[0]); !strings.Contains(got, text) && (!elsewhere || !strings.Contains(got, "I can't tell from here how I answered")) {
		w.Errorf("after another delivery, the modal says %s", got)
	}
}
