package bot_test

import (
	"strings"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/slacktest"
)

// A reason is required since a request was posted, and Slack's user lookup takes two seconds. The
// approver reads below the request that the press is being checked and that there is no need to press
// again. Then the modal that asks for the reason opens, and they close it. They read
// that, too.
func TestCheckingEndsWhenReasonIsAsked(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w, prompt, _ := askWithoutReason(t)
		w.slack.Break(slacktest.Fault{Method: "users.info", Delay: 2 * time.Second, Times: 1})
		modal := w.askedForReason(grace, prompt)
		w.slack.ClearFaults()
		time.Sleep(5 * time.Second)
		w.slack.CloseView(grace, modal)
		time.Sleep(30 * time.Minute)
		said := w.slack.Private(grace, general)
		if n := len(said); n > 0 && meaning(said[n-1]) == "checking" {
			t.Errorf("the last that Grace reads, half an hour after she closed the modal: %s", said[n-1].Text)
		}
	})
}

// Ada presses Cancel task, and Keep task while Slack's user lookup takes 2.5 seconds. The
// prompt is closed, and no modal asks for a reason.
func TestNoReasonIsAskedAfterKeep(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w := newWorld(t, requireReason, alwaysFresh)
		prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
		w.slack.Break(slacktest.Fault{Method: "users.info", Delay: 2500 * time.Millisecond})
		w.acked(w.slack.Click(ada, prompt, "cancel_task"))
		time.Sleep(600 * time.Millisecond)
		w.acked(w.slack.Click(ada, prompt, "keep_task"))
		time.Sleep(500 * time.Millisecond)
		kept := w.now(prompt).Text
		time.Sleep(10 * time.Second)
		for _, m := range w.slack.Modals(ada) {
			t.Errorf("the prompt says %q, and then a modal opens: %s", kept, strings.ReplaceAll(modalText(m), "\n", " / "))
		}
		if said := w.slack.Private(ada, general); meaning(said[len(said)-1]) == "checking" {
			t.Errorf("the last that she reads: %s", said[len(said)-1].Text)
		}
	})
}

// Slack asks to wait before it takes the tasks that a shortcut's modal shows. It shows
// them then.
func TestModalWaitsAsLongAsSlackAsks(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w := newWorld(t)
		w.slack.Break(slacktest.Fault{Method: "views.update", Status: 429, RetryAfter: "15", Times: 1})
		w.acked(w.slack.Shortcut(ada, w.say(grace, general, taskLink+"12345"), shortcut))
		time.Sleep(time.Minute)
		if m := w.modalNow(ada); !strings.Contains(modalText(m), "Master agreement") {
			t.Errorf("the modal says %q; Ada reads %q", modalText(m), w.said(ada))
		}
	})
}

// A reason is required. Someone who clicked too fast and was warned twice submits the
// reason that they were asked for. It counts.
func TestSubmittedReasonIsAnswered(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w := newWorld(t, requireReason, func(o *options) { o.bot.CommandsPerMinute = 4 })
		prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
		other := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
		modal := w.askedForReason(ada, prompt)
		for range 15 {
			w.acked(w.slack.Forge(ada, other, "cancel_task", other.Button("cancel_task").Value+"x"))
		}
		time.Sleep(time.Second)
		w.acked(w.slack.SubmitView(ada, modal, map[string]string{"reason": "a duplicate"}))
		w.eventually("the task is cancelled", func() bool { return w.api.Effects(12345) == 1 })
	})
}

// Slack asks to wait before a request is posted, and the request expires in the meantime.
// It isn't posted, and its requester reads that.
func TestExpiredRequestIsNotPosted(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w := newWorld(t, secondPerson, func(o *options) { o.bot.ConfirmTTL = 20 * time.Second })
		w.slack.Break(slacktest.Fault{Channel: general, Status: 429, RetryAfter: "25", Times: 2}) // chat.postMessage and the response_url
		w.acked(w.slack.Slash(ada, general, "/cancel-task 12345"))
		time.Sleep(26 * time.Second)
		if posted := w.slack.History(general); len(posted) > 0 || !strings.Contains(w.said(ada), "couldn't post") {
			t.Errorf("posted: %v; Ada reads %q", texts(posted), w.said(ada))
		}
	})
}

// Slack delivers a click again, five seconds later, to another replica. The first delivery
// opened the modal, in which Ada is typing. She doesn't read that it didn't open.
func TestRedeliveredClickDoesNotDenyTheModal(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w, _, o := withHook(t, requireReason)
		prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
		redeliver := w.redelivers()
		_ = w.askedForReason(ada, prompt)
		w.replica(o)
		time.Sleep(5 * time.Second)
		redeliver()
		time.Sleep(5 * time.Second)
		if said := w.said(ada); strings.Contains(said, "didn't open") {
			t.Errorf("%d modals are open; Ada reads %q", len(w.slack.Modals(ada)), said)
		}
	})
}

// Withdraw request isn't limited by how often its person has pressed the other button.
func TestWithdrawalIsNotDroppedInSilence(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w := newWorld(t, secondPerson, func(o *options) { o.bot.CommandsPerMinute = 4 })
		prompt := w.ask(ada, general, "/cancel-task 12345")
		for range 15 { // she presses the button that isn't for her
			w.acked(w.slack.Click(ada, prompt, "cancel_task"))
		}
		time.Sleep(time.Second)
		w.acked(w.slack.Click(ada, prompt, "keep_task"))
		w.eventually("it is withdrawn", func() bool { return meaning(w.now(prompt)) == "kept" })
	})
}
