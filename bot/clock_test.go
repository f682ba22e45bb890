package bot_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot"
	"github.com/cancelbot/cancelbot/bot/internal/clock"
	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/journal"
	"github.com/cancelbot/cancelbot/bot/slacktest"
	"github.com/cancelbot/cancelbot/chamelio/chameliotest"
)

// skewed is the journal as seen by a machine whose clock is ahead.
type skewed struct {
	bot.Journal
	by time.Duration
}

func (j skewed) ClockOffset(context.Context) (clock.Offset, error) {
	return clock.Offset{By: j.by, Error: 5 * time.Millisecond}, nil
}

// TestReplicasWithDifferentClocks makes a replica handle a prompt of another
// one whose clock is ten minutes off.
func TestReplicasWithDifferentClocks(t *testing.T) {
	for name, by := range map[string]time.Duration{"ahead": 10 * time.Minute, "behind": -10 * time.Minute} {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				var o options
				w := newWorld(t, secondPerson, func(all *options) { o = *all })
				first, second := w.ask(ada, general, "/cancel-task 12345"), w.ask(ada, general, "/cancel-task 12344")
				w.must(w.stop())
				o.journal = skewed{w.journal, by}
				o.bot.Now = func() time.Time { return time.Now().Add(by) }
				stop := w.start(o)
				defer func() { w.must(stop()) }()
				w.eventually("the bot is back", func() bool { return w.slack.Connections() == 2 })
				time.Sleep(5 * time.Second) // its clock is measured
				w.wantPrompt(w.now(second))
				w.confirm(grace, first)
				if d := w.row().DecidedAt; time.Since(d).Abs() > time.Minute {
					t.Errorf("decided at %s", d)
				}
				time.Sleep(9 * time.Minute)
				w.wantPrompt(w.now(second))
				time.Sleep(90 * time.Second)
				if now := w.now(second); !ranOut(now.Text) {
					t.Errorf("it says: %s", now.Text)
				}
				third := w.ask(ada, general, "/cancel-task 12344")
				if end := w.endOf(third); time.Until(end) > 11*time.Minute || time.Until(end) < 9*time.Minute {
					t.Errorf("a prompt ends at %s", end)
				}
			})
		})
	}
}

// clocked is a journal whose clock is ahead of this machine's, and can be set.
type clocked struct {
	bot.Journal
	ahead *atomic.Int64
}

func (j clocked) ClockOffset(context.Context) (clock.Offset, error) {
	return clock.Offset{By: -time.Duration(j.ahead.Load()), Error: 5 * time.Millisecond}, nil
}

// clocked opens the world's journal with such a clock.
func (w *world) clocked(o options, ahead time.Duration) clocked {
	w.Helper()
	by := new(atomic.Int64)
	by.Store(int64(ahead))
	return w.clockedBy(o, by)
}

// clockedBy opens it with a clock that others set as well.
func (w *world) clockedBy(o options, by *atomic.Int64) clocked {
	w.Helper()
	j, err := journal.Open(w.Context(), o.url, journal.Options{Audit: o.bot.AuditChannel != "", Now: func() time.Time { return time.Now().Add(time.Duration(by.Load())) }})
	w.must(err)
	w.Cleanup(func() { _ = j.Close() })
	return clocked{j, by}
}

// TestOldClickByOneClockIsNotCarriedOut sets the journal's clock back while no
// process runs. By this machine's clock, the click is too old.
func TestOldClickByOneClockIsNotCarriedOut(t *testing.T) {
	virtual(t, func(t *testing.T) {
		var o options
		w := newWorld(t, func(all *options) { o = *all })
		prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
		w.api.Break(chameliotest.Fault{CutBefore: true})
		w.acked(w.slack.Click(ada, prompt, "cancel_task"))
		time.Sleep(time.Second)
		w.must(w.stop())
		w.api.ClearFaults()
		time.Sleep(45 * time.Minute)
		sent := w.api.Cancels(12345)
		o.journal = w.clocked(o, -45*time.Minute)
		stop := w.start(o)
		defer func() { w.must(stop()) }()
		w.toldOnce(general)
		if n := w.api.Cancels(12345); n != sent {
			t.Errorf("%d cancels were sent 45 minutes after the click", n-sent)
		}
	})
}

// TestClickDatedAheadIsNotCarriedOut sets the journal's clock back by four hours while no
// process runs. Three hours later, the click's date is still to come: no one knows how
// old it is.
func TestClickDatedAheadIsNotCarriedOut(t *testing.T) {
	virtual(t, func(t *testing.T) {
		var o options
		w := newWorld(t, func(all *options) { o = *all })
		w.must(w.stop())
		j := w.clocked(o, 4*time.Hour)
		o.journal = j
		stop := w.start(o)
		w.eventually("the bot is back", func() bool { return w.slack.Connections() == 2 })
		time.Sleep(10 * time.Second) // the clock is measured
		prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
		w.api.Break(chameliotest.Fault{CutBefore: true})
		w.acked(w.slack.Click(ada, prompt, "cancel_task"))
		time.Sleep(time.Second)
		w.must(stop())
		w.api.ClearFaults()
		sent := w.api.Cancels(12345)
		j.ahead.Store(0)
		time.Sleep(3 * time.Hour)
		again := w.start(o)
		defer func() { w.must(again()) }()
		w.toldOnce(general)
		if n := w.api.Cancels(12345); n != sent {
			t.Errorf("%d cancels were sent three hours after the click", n-sent)
		}
	})
}

// TestFollowUpEndsByBothClocks sets the journal's clock forward by more than a
// day. The task is said to run a day later only when it does.
func TestFollowUpEndsByBothClocks(t *testing.T) {
	virtual(t, func(t *testing.T) {
		var o options
		w := newWorld(t, func(all *options) {
			all.bot.FollowFor = 30 * time.Minute
			o = *all
		})
		w.must(w.stop())
		j := w.clocked(o, 0)
		o.journal = j
		stop := w.start(o)
		defer func() { w.must(stop()) }()
		w.eventually("the bot is back", func() bool { return w.slack.Connections() == 2 })
		prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
		w.api.Break(chameliotest.Fault{Method: "POST", Hang: true})
		w.acked(w.slack.Click(ada, prompt, "cancel_task"))
		w.toldOnce(general)
		j.ahead.Store(int64(time.Hour))
		time.Sleep(20 * time.Minute)
		if all := w.slack.All(); len(w.slack.Thread(general, w.slack.History(general)[0].TS)) > 0 {
			t.Errorf("too early: %q", texts(all))
		}
		time.Sleep(30 * time.Minute)
		if got := w.row(); got.Tasks[0].SettledOutcome != decision.Failed {
			t.Errorf("on record: %+v", got)
		}
	})
}

// TestAnnouncesOnceWhenJournalClockJumps sets the clock that two replicas share
// while Slack takes six seconds for the announcement and for its copy in the audit
// channel, at any phase of their loops. Both live.
func TestAnnouncesOnceWhenJournalClockJumps(t *testing.T) {
	for _, jump := range []time.Duration{150 * time.Second, 5 * time.Minute, -5 * time.Minute} {
		for _, after := range []time.Duration{1250 * time.Millisecond, 2500 * time.Millisecond, 9 * time.Second, 11 * time.Second} {
			t.Run(fmt.Sprintf("%s after %s", jump, after), func(t *testing.T) {
				virtual(t, func(t *testing.T) {
					var o options
					w := newWorld(t, func(all *options) { all.bot.AuditChannel = slacktest.Deals; o = *all })
					w.must(w.stop())
					ahead := new(atomic.Int64)
					for range 2 {
						other := o
						other.journal = w.clockedBy(o, ahead)
						stop := w.start(other)
						w.Cleanup(func() { _ = stop() })
						time.Sleep(time.Second)
					}
					w.eventually("both are connected", func() bool { return w.slack.Connections() == 4 })
					time.Sleep(30 * time.Second)
					prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
					w.slack.Break(slacktest.Fault{Method: "chat.postMessage", Delay: 6 * time.Second, Times: 2})
					w.acked(w.slack.Click(ada, prompt, "cancel_task"))
					time.Sleep(time.Second + after)
					ahead.Store(int64(jump))
					w.toldOnce(general)
					time.Sleep(10 * time.Minute)
					if copies := w.slack.History(slacktest.Deals); len(copies) != 1 {
						t.Errorf("%d copies: %q", len(copies), texts(copies))
					}
				})
			})
		}
	}
}

// machine is a computer with a clock that is ahead of the journal's and can be set. The
// journal's clock can't be read while fails is set.
type machine struct {
	ahead atomic.Int64
	fails atomic.Bool
}

func (m *machine) now() time.Time { return time.Now().Add(time.Duration(m.ahead.Load())) }

// seen is a journal as that machine sees it.
type seen struct {
	bot.Journal
	by *machine
}

func (j seen) ClockOffset(context.Context) (clock.Offset, error) {
	if j.by.fails.Load() {
		return clock.Offset{}, errCut
	}
	return clock.Offset{By: time.Duration(j.by.ahead.Load()), Error: 5 * time.Millisecond}, nil
}

// onMachine returns a world whose bot runs on a machine whose clock is ahead, and the
// options for another one there.
func onMachine(t *testing.T, ahead time.Duration) (*world, *machine, options) {
	t.Helper()
	m, o := new(machine), options{}
	m.ahead.Store(int64(ahead))
	w := newWorld(t, func(all *options) {
		all.bot.Now = m.now
		all.prepare = func(w *world) { all.journal = seen{w.journal, m} }
		o = *all
	})
	o.journal = seen{w.journal, m}
	time.Sleep(20 * time.Second) // between two measurements
	return w, m, o
}

// TestSettingTheMachineClockChangesNoVerdict corrects the machine's clock, and clicks
// before the bot has measured it again.
func TestSettingTheMachineClockChangesNoVerdict(t *testing.T) {
	for name, tt := range map[string]struct {
		ahead, old time.Duration
		effects    int
	}{
		"an open prompt":    {-45 * time.Minute, time.Minute, 1},
		"an expired prompt": {45 * time.Minute, 30 * time.Minute, 0},
	} {
		for _, after := range []time.Duration{time.Millisecond, 1500 * time.Millisecond, 2500 * time.Millisecond} {
			t.Run(fmt.Sprintf("%s after %s", name, after), func(t *testing.T) {
				virtual(t, func(t *testing.T) {
					w, m, _ := onMachine(t, tt.ahead)
					prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
					time.Sleep(tt.old)
					m.ahead.Store(0)
					time.Sleep(after)
					w.acked(w.slack.Click(ada, prompt, "cancel_task"))
					time.Sleep(time.Minute)
					if n := w.api.Effects(12345); n != tt.effects {
						t.Errorf("%d effects; the prompt says: %s", n, w.now(prompt).Text)
					}
				})
			})
		}
	}
}

// TestNothingIsJudgedBeforeTheJournalClockIsKnown starts the bot on a machine whose clock
// is wrong, and which can't measure that for a minute. Then someone clicks. Another click
// is in the journal, and too old to be carried out.
func TestNothingIsJudgedBeforeTheJournalClockIsKnown(t *testing.T) {
	for name, tt := range map[string]struct {
		ahead, old time.Duration
		effects    int
	}{
		"ahead":  {15 * time.Minute, time.Minute, 1},
		"behind": {-50 * time.Minute, 45 * time.Minute, 0},
	} {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				w, m, o := onMachine(t, tt.ahead)
				prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
				clicked := w.wantPrompt(w.slash(ada, general, "/cancel-task 12344"))
				w.api.Break(chameliotest.Fault{CutBefore: true})
				w.acked(w.slack.Click(ada, clicked, "cancel_task"))
				time.Sleep(time.Second)
				w.must(w.stop())
				w.api.ClearFaults()
				time.Sleep(tt.old)
				m.fails.Store(true)
				stop := w.start(o)
				defer func() { w.must(stop()) }()
				time.Sleep(time.Minute)
				if err := w.bot.Ready(t.Context()); err == nil || w.slack.Connections() > 0 {
					t.Errorf("ready (%v) with %d connections", err, w.slack.Connections())
				}
				m.fails.Store(false)
				w.eventually("the bot is back", func() bool { return w.slack.Connections() == 2 })
				w.acked(w.slack.Click(ada, prompt, "cancel_task"))
				time.Sleep(10 * time.Minute)
				if n, of := w.api.Effects(12345), w.api.Effects(12344); n != tt.effects || of != tt.effects {
					t.Errorf("%d effects and %d of the earlier click; the prompt says: %s", n, of, w.now(prompt).Text)
				}
			})
		})
	}
}

// TestBotStopsBeforeTheJournalClockIsKnown stops a bot that waits for the journal.
func TestBotStopsBeforeTheJournalClockIsKnown(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w, m, o := onMachine(t, time.Hour)
		w.must(w.stop())
		m.fails.Store(true)
		stop := w.start(o)
		time.Sleep(10 * time.Second)
		began := time.Now()
		w.must(stop())
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("it took %s", took)
		}
	})
}

// TestRotationWithAWrongMachineClock replaces the bot token while a request is open and a
// decision waits for Slack, on a machine whose clock is more than a day ahead of
// Postgres: rows and keys are compared by the same clock.
func TestRotationWithAWrongMachineClock(t *testing.T) {
	virtual(t, func(t *testing.T) {
		const by = 26 * time.Hour
		var o options
		w := newWorld(t, secondPerson, func(all *options) {
			all.prepare = func(w *world) { all.journal = skewed{w.journal, by} }
			o = *all
		})
		time.Sleep(10 * time.Second) // the clock is measured
		w.slack.AddToken(newBotToken.Reveal())
		open, decided := w.ask(ada, general, "/cancel-task 12345"), w.ask(ada, general, "/cancel-task 12344")
		for _, method := range []string{"chat.postMessage", "response_url"} {
			w.slack.Break(slacktest.Fault{Method: method, Status: 429, RetryAfter: "30"})
		}
		w.acked(w.slack.Click(grace, decided, "cancel_task"))
		time.Sleep(10 * time.Second)
		w.must(w.bot.UseBotToken(t.Context(), newBotToken))
		time.Sleep(3 * time.Minute)
		w.must(w.stop())
		o.bot.BotToken, o.journal = newBotToken, skewed{w.journal, by}
		w.slack.ClearFaults()
		stop := w.start(o)
		defer func() { w.must(stop()) }()
		time.Sleep(30 * time.Minute)
		if told := w.said(ada) + w.now(decided).Text; w.count(`SELECT count(*) FROM set_aside`) > 0 || w.count(`SELECT count(*) FROM decisions WHERE announced_at IS NULL`) > 0 {
			t.Errorf("a genuine row is set aside, or not announced: %s", told)
		}
		if now := w.now(open); !ranOut(now.Text) {
			t.Errorf("the request has ended, and says: %s", now.Text)
		}
	})
}
