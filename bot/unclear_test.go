package bot_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/slacktest"
	"github.com/cancelbot/cancelbot/chamelio/chameliotest"
)

// unclear are faults after which it isn't known whether Slack has a message. It
// has it.
func unclear(method string) map[string]slacktest.Fault {
	return map[string]slacktest.Fault{
		"fatal_error": {Method: method, Error: "fatal_error", InBody: true, AfterEffect: true},
		"503":         {Method: method, Status: 503, AfterEffect: true},
		"cut":         {Method: method, Cut: true, AfterEffect: true},
		"a page":      {Method: method, Status: http.StatusForbidden, AfterEffect: true}, // a proxy's, instead of Slack's answer
	}
}

// eachUnclear runs a test with each of these faults in chat.postMessage.
func eachUnclear(t *testing.T, test func(*testing.T, slacktest.Fault)) {
	t.Helper()
	for name, fault := range unclear("chat.postMessage") {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(t *testing.T) { test(t, fault) })
		})
	}
}

// Slack posts everything and never says so: the kernel's search proves the bound,
// this shows its first hour.
func TestUnconfirmedAnnouncementIsBounded(t *testing.T) {
	eachUnclear(t, func(t *testing.T, fault slacktest.Fault) {
		w := newWorld(t)
		prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
		w.slack.Break(fault)
		fault.Method = "response_url"
		w.slack.Break(fault)
		w.acked(w.slack.Click(ada, prompt, "cancel_task"))
		time.Sleep(70 * time.Minute)
		inChannel, inPerson := w.slack.History(general), w.slack.History("D"+ada)
		if len(inChannel) == 0 || len(inChannel) > 2 || len(inPerson) < 3 || len(inPerson) > 7 {
			t.Errorf("in the channel: %v; in person: %v", texts(inChannel), texts(inPerson))
		}
	})
}

// Slack is away for hours. It must not count as announced before people can read
// it.
func TestOutageOfSlackLosesNoAnnouncement(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w := newWorld(t)
		prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
		for _, method := range []string{"chat.postMessage", "response_url", "auth.test"} {
			w.slack.Break(slacktest.Fault{Method: method, Status: 503})
		}
		w.acked(w.slack.Click(ada, prompt, "cancel_task"))
		time.Sleep(80 * time.Minute)
		w.slack.ClearFaults()
		time.Sleep(time.Minute)
		if said := w.slack.History(general); len(said) != 1 || w.row().AnnouncedAt.IsZero() {
			t.Errorf("in the channel: %v", texts(said))
		}
	})
}

// unknownThenCancelled announces an unknown outcome, and then breaks Slack before
// the bot learns that the task is cancelled.
func unknownThenCancelled(w *world, fault slacktest.Fault) slacktest.Message {
	prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
	w.api.Break(chameliotest.Fault{Method: "POST", Hang: true})
	w.acked(w.slack.Click(ada, prompt, "cancel_task"))
	w.eventually("the outcome is announced as unknown", func() bool { return len(w.slack.History(general)) == 1 })
	time.Sleep(10 * time.Second)
	w.slack.Break(fault)
	w.api.ClearFaults()
	w.api.SetStatus(12345, "cancelled")
	return w.slack.History(general)[0]
}

func TestUnconfirmedFinalResultIsBounded(t *testing.T) {
	eachUnclear(t, func(t *testing.T, fault slacktest.Fault) {
		w := newWorld(t)
		announced := unknownThenCancelled(w, fault)
		fault.Method = "response_url"
		w.slack.Break(fault)
		time.Sleep(70 * time.Minute)
		public := unique(append(w.slack.History(general)[1:], w.slack.Thread(general, announced.TS)...))
		if inPerson := w.slack.History("D" + ada); len(public) != 2 || len(inPerson) < 3 || len(inPerson) > 7 {
			t.Errorf("in the channel: %v; in person: %v", public, texts(inPerson))
		}
	})
}

// If Slack never accepts the edit of the announcement, the reply has the final
// result.
func TestFinalResultIsPostedIfTheAnnouncementCantBeEdited(t *testing.T) {
	for name, fault := range map[string]slacktest.Fault{
		"internal_error": {Error: "internal_error"}, "503": {Status: 503}, "no answer": {Hang: true}, "in a day": {Status: 429, RetryAfter: "86400"},
	} {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				w := newWorld(t)
				fault.Method = "chat.update"
				announced := unknownThenCancelled(w, fault)
				time.Sleep(15 * time.Minute)
				if replies := w.slack.Thread(general, announced.TS); len(replies) != 1 {
					t.Errorf("in the thread: %v", texts(replies))
				}
			})
		})
	}
}

// The requester has left, and Slack refuses the channel: the approver gets the
// announcement.
func TestApproverGetsTheAnnouncementIfTheRequesterCantBeReached(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w := newWorld(t, secondPerson)
		prompt := w.ask(ada, slacktest.Legal, "/cancel-task 12345")
		w.slack.Break(slacktest.Fault{Method: "response_url", Error: "expired_url"})
		w.slack.Break(slacktest.Fault{Method: "chat.postMessage", Channel: ada, Error: "channel_not_found"})
		w.acked(w.slack.Click(grace, prompt, "cancel_task"))
		time.Sleep(time.Minute)
		if inPerson := w.slack.History("D" + grace); len(inPerson) != 1 || w.row().AnnouncedAt.IsZero() {
			t.Errorf("the approver got %v", texts(inPerson))
		}
	})
}

// If no one can be reached, the tries become rarer.
func TestAnnouncementToNoOneBecomesRare(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w := newWorld(t)
		prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
		w.slack.Break(slacktest.Fault{Method: "response_url", Error: "expired_url"})
		w.slack.Break(slacktest.Fault{Method: "chat.postMessage", Error: "channel_not_found"})
		w.acked(w.slack.Click(ada, prompt, "cancel_task"))
		time.Sleep(2 * time.Hour)
		n := 0
		for _, c := range w.slack.Calls() {
			if c.Method == "chat.postMessage" && time.Since(c.At) < time.Hour {
				n++
			}
		}
		if n == 0 || n > 20 || !w.row().AnnouncedAt.IsZero() {
			t.Errorf("%d posts in the second hour; announced %t", n, !w.row().AnnouncedAt.IsZero())
		}
	})
}

func TestUnconfirmedAuditCopyIsPostedTwiceAtMost(t *testing.T) {
	eachUnclear(t, func(t *testing.T, fault slacktest.Fault) {
		w := newWorld(t, func(o *options) { o.bot.AuditChannel = slacktest.Deals })
		prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
		fault.Channel = slacktest.Deals
		w.slack.Break(fault)
		w.confirm(ada, prompt)
		time.Sleep(130 * time.Minute)
		if n := len(w.slack.History(slacktest.Deals)); n != 2 {
			t.Errorf("%d copies in the audit channel", n)
		}
	})
}

func TestUnconfirmedRequestIsPostedOnce(t *testing.T) {
	eachUnclear(t, func(t *testing.T, fault slacktest.Fault) {
		w := newWorld(t, secondPerson)
		w.slack.Break(fault)
		w.acked(w.slack.Slash(ada, general, "/cancel-task 12345"))
		time.Sleep(5 * time.Minute)
		if n := len(w.slack.History(general)); n != 1 {
			t.Errorf("%d requests", n)
		}
	})
}

func TestUnconfirmedReminderIsPostedOnce(t *testing.T) {
	eachUnclear(t, func(t *testing.T, fault slacktest.Fault) {
		w := newWorld(t, secondPerson, reminding)
		prompt := w.ask(ada, general, "/cancel-task 12345")
		w.slack.Break(fault)
		time.Sleep(time.Until(w.endOf(prompt)))
		if n := len(w.slack.Thread(general, prompt.TS)); n != 1 {
			t.Errorf("%d reminders", n)
		}
	})
}

// Only the question whether Slack answers fails. It must not keep an announcement
// back forever.
func TestFailingProbeLosesNoAnnouncement(t *testing.T) {
	for name, tt := range map[string]struct {
		fault slacktest.Fault
		after time.Duration
	}{
		"internal_error": {slacktest.Fault{Method: "auth.test", Error: "internal_error"}, 4*time.Hour + 5*time.Minute},
		"a refusal":      {slacktest.Fault{Method: "auth.test", Error: "access_denied"}, time.Minute},
		"429":            {slacktest.Fault{Method: "auth.test", Status: 429}, time.Minute},
		"ratelimited":    {slacktest.Fault{Method: "auth.test", Error: "ratelimited"}, time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				w := newWorld(t)
				prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
				w.slack.Break(slacktest.Fault{Method: "chat.postMessage", Status: 503, Times: 1})
				w.slack.Break(tt.fault)
				w.acked(w.slack.Click(ada, prompt, "cancel_task"))
				time.Sleep(tt.after)
				if n := len(w.slack.History(general)); n != 1 {
					t.Errorf("%d announcements", n)
				}
			})
		})
	}
}

// Two posts in the channel got no clear answer and aren't there, and the requester
// can't be reached: it doesn't count as announced yet.
func TestRefusedDirectMessageDoesNotEndTheAnnouncement(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w := newWorld(t)
		prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
		w.slack.Break(slacktest.Fault{Method: "chat.postMessage", Channel: general, Status: 503})
		w.slack.Break(slacktest.Fault{Method: "response_url", Status: 503})
		w.slack.Break(slacktest.Fault{Method: "chat.postMessage", Channel: ada, Error: "channel_not_found"})
		w.acked(w.slack.Click(ada, prompt, "cancel_task"))
		time.Sleep(20 * time.Minute)
		if !w.row().AnnouncedAt.IsZero() {
			t.Error("it counts as announced")
		}
		w.slack.ClearFaults()
		time.Sleep(20 * time.Minute)
		if n := len(w.slack.History("D" + ada)); n != 1 || w.row().AnnouncedAt.IsZero() {
			t.Errorf("%d direct messages", n)
		}
	})
}

// No process ran for a day, and Slack refuses every way in the first minute after the
// start. The announcement isn't given up.
func TestAnnouncementIsNotGivenUpAtOnce(t *testing.T) {
	virtual(t, func(t *testing.T) {
		var o options
		w := newWorld(t, func(all *options) { o = *all })
		prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
		for _, method := range []string{"chat.postMessage", "response_url"} {
			w.slack.Break(slacktest.Fault{Method: method, Status: 429, RetryAfter: "60"})
		}
		w.acked(w.slack.Click(ada, prompt, "cancel_task"))
		time.Sleep(3 * time.Second)
		w.must(w.stop())
		time.Sleep(25 * time.Hour)
		w.slack.ClearFaults()
		w.slack.Break(slacktest.Fault{Method: "chat.postMessage", Error: "missing_scope"})
		w.restart(o, 1)
		time.Sleep(time.Minute)
		w.slack.ClearFaults()
		time.Sleep(time.Hour)
		if n := len(w.slack.History(general)); n != 1 {
			t.Errorf("told %d times", n)
		}
	})
}

// No process ran for a day, and Chamelio fails in the first minute after the start. The
// unknown outcome is still followed up.
func TestUnknownOutcomeIsNotGivenUpAtOnce(t *testing.T) {
	virtual(t, func(t *testing.T) {
		var o options
		w := newWorld(t, func(all *options) { o = *all })
		prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
		w.api.Break(chameliotest.Fault{Method: "GET", Status: 503})
		w.api.Break(chameliotest.Fault{Method: "POST", CutAfter: true})
		w.acked(w.slack.Click(ada, prompt, "cancel_task"))
		w.eventually("told", func() bool { return len(w.slack.History(general)) > 0 })
		told := w.slack.History(general)[0]
		w.must(w.stop())
		time.Sleep(25 * time.Hour)
		w.restart(o, 1)
		time.Sleep(time.Minute)
		w.api.ClearFaults()
		time.Sleep(time.Hour)
		if now := w.now(told); meaning(now) != "cancelled" {
			t.Errorf("the announcement says: %s", now.Text)
		}
	})
}

// Slack asks to wait for a day, and then refuses a moment: the announcement goes on until
// it has been refused for half an hour.
func TestOneRefusalAfterADayEndsNothing(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w := newWorld(t)
		prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
		w.slack.Break(slacktest.Fault{Method: "chat.postMessage", Error: "token_revoked"})
		w.slack.Break(slacktest.Fault{Method: "response_url", Error: "expired_url"})
		w.acked(w.slack.Click(ada, prompt, "cancel_task"))
		time.Sleep(24*time.Hour + time.Minute)
		w.slack.ClearFaults()
		w.slack.Break(slacktest.Fault{Method: "chat.postMessage", Error: "missing_scope", Times: 2})
		time.Sleep(3 * time.Hour)
		if n := len(w.slack.History(general)); n != 1 {
			t.Errorf("the channel was told %d times; announced at %v", n, w.row().AnnouncedAt)
		}
	})
}

// The clocks by which a click ages are set while a process works on it: that ends nothing
// early, and lets nothing go on for longer.
func TestSettingTheClockEndsNothing(t *testing.T) {
	stepped := func(t *testing.T, test func(t *testing.T, w *world, h *hooked, step func(time.Duration))) {
		virtual(t, func(t *testing.T) {
			var ahead atomic.Int64
			w, h, _ := withHook(t, func(o *options) { o.bot.Now = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) } })
			test(t, w, h, func(d time.Duration) { ahead.Store(int64(d)) })
		})
	}
	unreachable := func(w *world) {
		w.slack.Break(slacktest.Fault{Method: "chat.postMessage", Error: "restricted_action"})
		w.slack.Break(slacktest.Fault{Method: "response_url", Error: "expired_url"})
	}
	t.Run("an announcement", func(t *testing.T) {
		stepped(t, func(t *testing.T, w *world, _ *hooked, step func(time.Duration)) {
			prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
			unreachable(w)
			w.acked(w.slack.Click(ada, prompt, "cancel_task"))
			time.Sleep(time.Minute)
			step(24 * time.Hour)
			time.Sleep(time.Hour)
			step(0)
			w.slack.ClearFaults()
			time.Sleep(2 * time.Hour)
			w.toldOnce(general)
		})
	})
	t.Run("a response_url", func(t *testing.T) {
		stepped(t, func(t *testing.T, w *world, _ *hooked, step func(time.Duration)) {
			prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
			w.slack.Break(slacktest.Fault{Method: "chat.postMessage", Channel: general, Error: "not_in_channel"})
			w.api.Break(chameliotest.Fault{Method: "POST", Delay: 2 * time.Second})
			w.acked(w.slack.Click(ada, prompt, "cancel_task"))
			time.Sleep(time.Second)
			step(31 * time.Minute)
			time.Sleep(10 * time.Minute)
			w.toldOnce(general)
		})
	})
	t.Run("a follow-up", func(t *testing.T) {
		stepped(t, func(t *testing.T, w *world, _ *hooked, step func(time.Duration)) {
			time.Sleep(time.Hour)
			prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
			w.api.Break(chameliotest.Fault{Method: "POST", LandAfter: 4 * time.Minute, Times: 1})
			w.api.Break(chameliotest.Fault{Method: "POST", Hang: true})
			w.acked(w.slack.Click(ada, prompt, "cancel_task"))
			w.eventually("it is unknown", func() bool { return !w.row().AnnouncedAt.IsZero() })
			step(24 * time.Hour)
			time.Sleep(30 * time.Second)
			step(0)
			time.Sleep(30 * time.Minute)
			if d := w.row(); d.SettledOutcome() != decision.Cancelled {
				t.Errorf("it ended as %s: %v", d.SettledOutcome(), texts(w.slack.History(general)))
			}
		})
	})
	t.Run("a click that isn't saved", func(t *testing.T) {
		stepped(t, func(t *testing.T, w *world, h *hooked, step func(time.Duration)) {
			prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
			h.set(failing("Claim"))
			w.acked(w.slack.Click(ada, prompt, "cancel_task"))
			time.Sleep(5 * time.Second)
			step(-time.Hour)
			time.Sleep(20 * time.Minute)
			h.set(nil)
			time.Sleep(10 * time.Minute)
			w.noCancel()
		})
	})
}

// A final result that Slack doesn't take in the channel goes to the requester, as an
// announcement does.
func TestFinalResultReachesTheRequester(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w := newWorld(t)
		prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
		w.api.Break(chameliotest.Fault{Status: 500})
		w.acked(w.slack.Click(ada, prompt, "cancel_task"))
		w.eventually("it is unknown", func() bool { return !w.row().AnnouncedAt.IsZero() })
		w.slack.Break(slacktest.Fault{Method: "chat.postMessage", Channel: general, Status: 429, RetryAfter: "86400"})
		w.slack.Break(slacktest.Fault{Method: "response_url", Status: 429, RetryAfter: "86400"})
		w.api.ClearFaults()
		w.api.SetStatus(12345, "cancelled")
		time.Sleep(30 * time.Minute)
		if said := texts(w.slack.History("D" + ada)); !strings.Contains(fmt.Sprint(said), "is cancelled") || w.row().SettledAt.IsZero() {
			t.Errorf("Ada reads %q; settled at %v", said, w.row().SettledAt)
		}
	})
}

// The requester reads it after five minutes, however long Slack asks to wait elsewhere.
func TestRequesterReadsItAfterFiveMinutes(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w := newWorld(t)
		prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
		w.slack.Break(slacktest.Fault{Method: "chat.postMessage", Channel: general, Status: 429, RetryAfter: "3600"})
		w.slack.Break(slacktest.Fault{Method: "response_url", Status: 429, RetryAfter: "3600"})
		w.acked(w.slack.Click(ada, prompt, "cancel_task"))
		time.Sleep(7 * time.Minute)
		if said := texts(w.slack.History("D" + ada)); len(said) != 1 {
			t.Errorf("Ada reads %q", said)
		}
	})
}

// An announcement in a direct message isn't looked for in the channel when its final result
// is known, and the audit channel gets its copy, even if it is that channel.
func TestAnnouncementInPersonIsNotInTheChannel(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w := newWorld(t, func(o *options) { o.bot.AuditChannel = general })
		prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
		w.api.Break(chameliotest.Fault{Status: 500})
		w.slack.Break(slacktest.Fault{Method: "chat.postMessage", Channel: general, Error: "restricted_action"})
		w.slack.Break(slacktest.Fault{Method: "response_url", Error: "expired_url"})
		w.acked(w.slack.Click(ada, prompt, "cancel_task"))
		time.Sleep(5 * time.Minute)
		w.slack.ClearFaults()
		w.api.ClearFaults()
		w.api.SetStatus(12345, "cancelled")
		w.eventually("it is settled", func() bool { return !w.row().SettledAt.IsZero() })
		time.Sleep(time.Hour)
		for _, c := range w.slack.Calls() {
			if c.Method == "chat.update" {
				t.Errorf("it changed a message in %s", c.Channel)
			}
		}
		if said := texts(w.slack.History(general)); w.row().MessageTS != "" || !strings.Contains(strings.Join(said, " "), "Not confirmed yet") {
			t.Errorf("as %q; the channel reads %q", w.row().MessageTS, said)
		}
	})
}

// An outcome is unknown, and then the task completes. No one reads that it had completed
// before the click.
func TestTaskThatCompletesAfterTheClick(t *testing.T) {
	for name, ended := range map[string]func() *time.Time{
		"Chamelio says when":        func() *time.Time { return new(time.Now()) },
		"Chamelio doesn't say when": func() *time.Time { return nil },
	} {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				w := newWorld(t)
				prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
				w.api.Break(chameliotest.Fault{Method: "POST", Hang: true})
				w.acked(w.slack.Click(ada, prompt, "cancel_task"))
				w.eventually("unknown", func() bool { return len(w.slack.History(general)) == 1 })
				w.api.ClearFaults()
				time.Sleep(20 * time.Minute)
				task, _ := w.api.Task(12345)
				task.Status, task.CompletedAt, task.UpdatedAt = "completed", ended(), ended()
				w.api.Put(task)
				time.Sleep(20 * time.Minute)
				said := w.slack.History(general)[0]
				for _, text := range append(texts(w.slack.Thread(general, said.TS)), said.Text) {
					if !strings.Contains(text, "it completed.") {
						t.Errorf("everyone reads: %s", text)
					}
				}
			})
		})
	}
}
