package bot_test

import (
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/slacktest"
)

// Slack asks to wait before a request that has ended can be updated. A day after
// its end the bot gives it up, once it has been running for an hour; a click still
// replaces it.
func TestUpdateOfRequestIsGivenUpAfterADay(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w, next := stoppable(t, secondPerson)
		prompt := w.ask(ada, general, "/cancel-task 12345")
		w.eventually("it is listed", func() bool { return w.count(`SELECT count(*) FROM requests`) == 1 })
		w.slack.Break(slacktest.Fault{Method: "chat.update", Status: 429, RetryAfter: "86400"})
		time.Sleep(time.Until(w.endOf(prompt)) + 2*time.Minute)
		if n := w.count(`SELECT count(*) FROM requests`); n != 1 {
			t.Errorf("%d requests are left after two minutes", n)
		}
		w.must(w.stop())
		time.Sleep(24 * time.Hour)
		w.restart(next, 1)
		time.Sleep(time.Hour)
		w.eventually("it is given up", func() bool { return w.count(`SELECT count(*) FROM requests`) == 0 })
		w.acked(w.slack.Click(grace, prompt, "cancel_task"))
		w.eventually("the end", func() bool { return len(w.now(prompt).Buttons()) == 0 })
		w.noCancel()
	})
}

// No bot ran for a day, and Slack fails for a minute after the start. The request that
// has ended is updated then.
func TestRequestIsUpdatedAfterADayWithoutTheBot(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w, next := stoppable(t, secondPerson)
		prompt := w.ask(ada, general, "/cancel-task 12345")
		w.eventually("it is listed", func() bool { return w.count(`SELECT count(*) FROM requests`) == 1 })
		w.must(w.stop())
		time.Sleep(25 * time.Hour)
		w.slack.Break(slacktest.Fault{Method: "chat.update", Status: 503})
		w.restart(next, 1)
		time.Sleep(time.Minute)
		w.slack.ClearFaults()
		w.eventually("the end", func() bool { return ranOut(w.now(prompt).Text) && len(w.now(prompt).Buttons()) == 0 })
	})
}

// Slack asks to wait before a copy can be posted in the audit channel. After a week
// the bot gives it up, once it has been running for an hour.
func TestAuditCopyIsGivenUpAfterAWeek(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w, next := stoppable(t, func(o *options) { o.bot.AuditChannel = slacktest.Deals })
		w.slack.Break(slacktest.Fault{Method: "chat.postMessage", Channel: slacktest.Deals, Status: 429, RetryAfter: "86400"})
		w.confirm(ada, w.wantPrompt(w.slash(ada, general, "/cancel-task 12345")))
		due := func() int { return w.count(`SELECT count(*) FROM audit WHERE sent_at IS NULL`) }
		before := w.posts()
		time.Sleep(10 * time.Minute)
		if n := w.posts() - before; due() != 1 || n > 2 {
			t.Errorf("%d copies are due after ten minutes and %d posts", due(), n)
		}
		w.must(w.stop())
		time.Sleep(7 * 24 * time.Hour)
		w.restart(next, 1)
		time.Sleep(time.Hour)
		w.eventually("it is given up", func() bool { return due() == 0 })
	})
}

// The audit channel is set again after eight days without one, and the bot is invited a
// little later. It posts what has waited.
func TestAuditCopyIsPostedAfterAWeekWithoutTheBot(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w, next := stoppable(t, func(o *options) { o.bot.AuditChannel = slacktest.Deals })
		w.slack.Break(slacktest.Fault{Method: "chat.postMessage", Channel: slacktest.Deals, Error: "not_in_channel"})
		w.slash(slacktest.Guest, general, "/cancel-task 12345")
		w.eventually("the note", func() bool { return w.count(`SELECT count(*) FROM audit`) == 1 })
		w.must(w.stop())
		time.Sleep(8 * 24 * time.Hour)
		w.restart(next, 1)
		time.Sleep(30 * time.Second)
		w.slack.ClearFaults()
		w.eventually("the copy", func() bool { return len(w.slack.History(slacktest.Deals)) == 1 })
	})
}
