package bot_test

import (
	"strings"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/slacktest"
	"github.com/cancelbot/cancelbot/chamelio/chameliotest"
)

// whereToRead is what a modal says that nothing may update any more.
const whereToRead = "I'll post the result in <#" + general + ">"

// openModal opens a modal that cancels a task. Chamelio takes the first cancel
// request only after a pause.
func (w *world) openModal(pause string) slacktest.Modal {
	w.Helper()
	busy := chameliotest.Busy(pause)
	busy.Method, busy.Times = "POST", 1
	w.api.Break(busy)
	return w.modal(ada, w.say(grace, general, "stop <"+taskLink+"12345|this>?"))
}

// Another process takes the decision of a modal over. The one that opened the
// modal says there where the result is posted, and then shows the outcome, as
// soon as Slack accepts it.
func TestModalShowsTheOutcomeAfterATakeover(t *testing.T) {
	for name, fault := range map[string]slacktest.Fault{
		"at once":      {},
		"rate limited": {Method: "views.update", Status: 429, RetryAfter: "30", Times: 1},
		"unavailable":  {Method: "views.update", Status: 503, Times: 2},
	} {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				w, h, o := withHook(t)
				modal := w.openModal("20")
				w.submits(ada, modal, map[string]string{"reason": "dup"})
				w.eventually("the request", func() bool { return w.api.Cancels(12345) == 1 })
				time.Sleep(time.Second)
				h.set(away)
				w.replica(o)
				time.Sleep(90 * time.Second)
				h.set(func(op string, do func() error) error {
					if op == "Get" { // the first process can't read the outcome
						return errCut
					}
					return do()
				})
				time.Sleep(10 * time.Second)
				if text := modalText(w.slack.Modals(ada)[0]); !strings.Contains(text, whereToRead) {
					t.Errorf("after the takeover, the modal shows %s", text)
				}
				if fault.Method != "" {
					w.slack.Break(fault)
				}
				h.set(nil)
				time.Sleep(5 * time.Minute)
				if text := modalText(w.slack.Modals(ada)[0]); !strings.Contains(text, "is cancelled") {
					t.Errorf("the modal shows %s", text)
				}
			})
		})
	}
}

// A click was saved though the journal's answer was lost, and another process
// carries it out when the one that opened the modal stops.
func TestModalOfAClickThatWasSavedAfterAll(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w, h, o := withHook(t)
		modal := w.openModal("240")
		claimed := false
		h.set(func(op string, do func() error) error {
			if op == "Claim" && !claimed {
				claimed = true
				_ = do()
				w.replica(o)
				time.Sleep(70 * time.Second)
				return errCut
			}
			return do()
		})
		w.submits(ada, modal, map[string]string{"reason": "dup"})
		time.Sleep(90 * time.Second)
		_ = w.stop()
		if text := modalText(w.slack.Modals(ada)[0]); !strings.Contains(text, whereToRead) {
			t.Errorf("the modal shows %s", text)
		}
	})
}

// The process that opened a modal stops with too little time to finish. The modal
// shows the outcome if it is recorded, or says where to read it.
func TestModalOfAStoppedProcess(t *testing.T) {
	for _, ms := range []int{0, 50, 100, 300, 500, 800, 1200, 1600, 1700, 2000, 4000} {
		after := time.Duration(ms) * time.Millisecond
		t.Run(after.String(), func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				w, h, o := withHook(t, func(o *options) { o.bot.Grace = 50 * time.Millisecond })
				h.set(func(op string, do func() error) error {
					if op != "Release" && op != "Leave" {
						time.Sleep(20 * time.Millisecond)
						defer time.Sleep(20 * time.Millisecond)
					}
					return do()
				})
				modal := w.modal(ada, w.say(grace, general, "stop <"+taskLink+"12345|this>?"))
				w.api.Break(chameliotest.Fault{Method: "POST", Delay: 1500 * time.Millisecond})
				w.slack.Break(slacktest.Fault{Method: "chat.postMessage", Delay: time.Second})
				w.submits(ada, modal, map[string]string{"reason": "dup"})
				time.Sleep(after)
				_ = w.stop()
				recorded, text := w.row().Outcome() != "", modalText(w.slack.Modals(ada)[0])
				if shows := strings.Contains(text, "is cancelled"); shows != recorded || !shows && !strings.Contains(text, general) {
					t.Errorf("recorded: %t; the modal shows %s", recorded, text)
				}
				o.journal = nil
				w.replica(o)
				time.Sleep(10 * time.Minute)
				if now := modalText(w.slack.Modals(ada)[0]); now != text || w.api.Effects(12345) != 1 {
					t.Errorf("%d effects; in the end, the modal shows %s", w.api.Effects(12345), now)
				}
			})
		})
	}
}
