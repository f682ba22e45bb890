package bot_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/goldenfile"
	"github.com/cancelbot/cancelbot/bot/slacktest"
	"github.com/cancelbot/cancelbot/chamelio/chameliotest"
)

// move changes a task, as people and the workflow do meanwhile.
func (w *world) move(id int64, title, step string) {
	w.Helper()
	task, ok := w.api.Task(id)
	if !ok {
		w.Fatalf("no task %d", id)
	}
	if title != "" {
		task.Title = &title
	}
	if step != "" {
		task.Step = &step
	}
	w.api.Put(task)
}

// The announcement says what has changed since the prompt, which is all that the
// person who confirmed had seen.
func TestAnnouncementShowsThatTaskMovedOn(t *testing.T) {
	const note = "When requested"
	for name, c := range map[string]struct{ title, step, want string }{
		"nothing changed": {},
		"another step":    {step: "Signature", want: "it was at Legal approval."},
		"another title":   {title: "MSA with Initech", want: "it was called “Master agreement with Globex”."},
		"both":            {title: "MSA with Initech", step: "Signature", want: "it was at Legal approval and called “Master agreement with Globex”."},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
			w.move(12345, c.title, c.step)
			announcement, _ := w.confirm(ada, prompt)
			said := goldenfile.Transcribe(announcement)
			if strings.Contains(said, note) != (c.want != "") || !strings.Contains(said, c.want) || !strings.Contains(announcement.Text, c.want) {
				t.Errorf("it says %s\nwith the text %s", said, announcement.Text)
			}
			if c.step != "" && !strings.Contains(said, c.step) {
				t.Errorf("it doesn't say where the task is: %s", said)
			}
		})
	}
}

// Every replica knows what the prompt showed: it is in the confirmation.
func TestOtherReplicaNoticesThatTaskMovedOn(t *testing.T) {
	var o options
	w := newWorld(t, func(given *options) { o = *given })
	w.api.Add(500, 2)
	prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 500 501"))
	w.must(w.stop())
	w.restart(o, 1)
	w.move(501, "", "Signature")
	announcement, _ := w.confirm(ada, prompt)
	golden(t, "several moved on", announcement)
}

// A step that could not be checked is not announced.
func TestUncheckedStepIsNotAnnounced(t *testing.T) {
	w := newWorld(t)
	prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
	w.api.Break(chameliotest.Fault{Method: "GET", Status: 500, Times: 10})
	announcement, _ := w.confirm(ada, prompt)
	if said := goldenfile.Transcribe(announcement); strings.Contains(said, "Legal approval") || !strings.Contains(said, "Globex") {
		t.Errorf("it says %s", said)
	}
}

// A request that waits for the rate limit takes effect after the task was seen. The
// announcement doesn't say that it stopped at the step of then.
func TestStepOfLongAgoIsWhereItWasWhenRequested(t *testing.T) {
	for pause, stopped := range map[string]bool{"3": true, "30": false} {
		t.Run(pause, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				w := newWorld(t)
				prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
				busy := chameliotest.Busy(pause)
				busy.Method, busy.Times = "POST", 1
				w.api.Break(busy)
				announcement, _ := w.confirm(ada, prompt)
				said := goldenfile.Transcribe(announcement)
				if strings.Contains(said, "stopped at Legal approval, 3 of 5 steps done") != stopped || strings.Contains(said, "When requested, it was at Legal approval.") == stopped {
					t.Errorf("it says %s", said)
				}
			})
		})
	}
}

// A task's title can be of any length. The journal still says why an outcome is certain, for
// a process that announces it after a restart.
func TestLongTitleKeepsTheCause(t *testing.T) {
	virtual(t, func(t *testing.T) {
		var o options
		w := newWorld(t, func(given *options) { o = *given })
		w.move(12345, strings.Repeat("<", 15_000), strings.Repeat("<", 15_000))
		prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
		w.api.Break(chameliotest.Fault{Method: http.MethodPost, Status: http.StatusBadGateway, Times: 1})
		w.api.OnReceived(func(r chameliotest.Request) {
			if r.Method == http.MethodPost {
				w.api.SetStatus(12345, "cancelled") // by someone else
			}
		})
		for _, method := range []string{"response_url", "chat.postMessage"} {
			w.slack.Break(slacktest.Fault{Method: method, Status: http.StatusTooManyRequests, RetryAfter: "20"})
		}
		w.acked(w.slack.Click(ada, prompt, "cancel_task"))
		time.Sleep(15 * time.Second)
		w.must(w.stop())
		w.slack.ClearFaults()
		w.restart(o, 1)
		w.eventually("it is announced", func() bool { return len(w.slack.History(general)) > 0 })
		if text := w.slack.History(general)[0].Text; strings.Contains(text, "<@"+ada+"> cancelled") {
			t.Errorf("the channel reads %s", text)
		}
	})
}
