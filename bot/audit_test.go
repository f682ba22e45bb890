package bot_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/slacktest"
)

// TestRefusedAuditChannelDelaysNothingElse makes Slack refuse the audit
// channel: the process stays ready, and the copies follow later.
func TestRefusedAuditChannelDelaysNothingElse(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w := newWorld(t, func(o *options) { o.bot.AuditChannel = slacktest.Deals })
		w.slack.Break(slacktest.Fault{Method: "chat.postMessage", Channel: slacktest.Deals, Error: "is_archived"})
		w.confirm(ada, w.wantPrompt(w.slash(ada, general, "/cancel-task 12345")))
		for range 30 { // a copy each
			w.slash(slacktest.Guest, general, "/cancel-task 12345")
		}
		w.staysReady(t, 120)
		w.slack.ClearFaults()
		w.eventually("the copies", func() bool { return len(w.slack.History(slacktest.Deals)) == 31 })
	})
}

// TestForgedNotesDelayNoReadiness writes many audit notes. They are set aside in
// batches, and the copy of a genuine announcement follows.
func TestForgedNotesDelayNoReadiness(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w := newWorld(t, func(o *options) { o.bot.AuditChannel = slacktest.Deals })
		prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
		const forged = 600
		w.statement(fmt.Sprintf(`WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM c WHERE i < %d)
			INSERT INTO audit (id, kind, noted_at, confirmation_id, task_ids, team_id, channel_id, person, code)
			SELECT 'f' || i, 'refusal', '1999-01-01 00:00:00+00:00', 'forged', '1', 'T012ACME', 'C', 'U', 'guest' FROM c`, forged))
		w.confirm(ada, prompt)
		w.staysReady(t, 30)
		if copies, aside := len(w.slack.History(slacktest.Deals)), w.count(`SELECT count(*) FROM set_aside`); copies != 1 || aside != forged {
			t.Errorf("%d copies; %d set aside", copies, aside)
		}
	})
}

// TestUnverifiableDecisionsDelayNoOtherCopy makes old notes due again whose decisions
// can't be verified yet. The process stays ready, and a new copy isn't delayed.
func TestUnverifiableDecisionsDelayNoOtherCopy(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w := newWorld(t, func(o *options) { o.bot.AuditChannel, o.bot.AnnounceGap = slacktest.Deals, time.Second })
		const n = 70
		w.api.Add(1000, n)
		for i := range n {
			w.confirm(ada, w.wantPrompt(w.slash(ada, general, fmt.Sprint("/cancel-task ", 1000+i))))
		}
		w.eventually("the copies", func() bool { return len(w.slack.History(slacktest.Deals)) == n })
		w.statement(`DROP TRIGGER tasks_announced_change; UPDATE tasks SET outcome_mac = 'aaaaaaaa.b';
			UPDATE audit SET sent_at = NULL, leased_until = 0, noted_at = '2026-01-01 00:00:00+00:00'`)
		w.confirm(ada, w.wantPrompt(w.slash(ada, general, "/cancel-task 12345")))
		for i := range 80 { // until they are set aside, and after
			time.Sleep(15 * time.Second)
			if err := w.bot.Ready(t.Context()); err != nil {
				t.Fatalf("not ready: %v", err)
			}
			if i == 3 && len(w.slack.History(slacktest.Deals)) != n+1 {
				t.Error("the new decision isn't copied after a minute")
			}
		}
	})
}

// staysReady checks that the process is ready in each of the next seconds.
func (w *world) staysReady(t *testing.T, seconds int) {
	t.Helper()
	for range seconds {
		time.Sleep(time.Second)
		if err := w.bot.Ready(t.Context()); err != nil {
			t.Fatalf("not ready: %v", err)
		}
	}
}

// The audit channel was archived for a while. Its copies are posted at one message a
// second, as by default.
func TestBacklogOfCopiesDelaysNoReadiness(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w := newWorld(t, func(o *options) { o.bot.AuditChannel, o.bot.AnnounceGap = slacktest.Deals, time.Second })
		w.slack.Break(slacktest.Fault{Method: "chat.postMessage", Channel: slacktest.Deals, Error: "is_archived"})
		const n = 40
		for range n {
			w.slash(slacktest.Guest, general, "/cancel-task 12345")
		}
		time.Sleep(2 * time.Minute)
		w.slack.ClearFaults()
		w.staysReady(t, 180)
		if copies := len(w.slack.History(slacktest.Deals)); copies != n {
			t.Errorf("%d copies of %d", copies, n)
		}
	})
}

func TestHangingAuditChannelDelaysNoReadiness(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w := newWorld(t, func(o *options) { o.bot.AuditChannel = slacktest.Deals })
		w.slack.Break(slacktest.Fault{Method: "chat.postMessage", Channel: slacktest.Deals, Hang: true})
		w.slack.Break(slacktest.Fault{Method: "chat.getPermalink", Hang: true})
		w.api.Add(1000, 3)
		for i := range 3 {
			w.confirm(ada, w.wantPrompt(w.slash(ada, general, fmt.Sprint("/cancel-task ", 1000+i))))
		}
		w.staysReady(t, 180)
	})
}

// oneUnclearCopy makes Slack post an announcement's copy without an answer, and
// returns how many copies there are hours later.
func oneUnclearCopy(t *testing.T, journal func(op string, do func() error) error) (copies int) {
	t.Helper()
	virtual(t, func(t *testing.T) {
		w, h, _ := withHook(t, func(o *options) { o.bot.AuditChannel = slacktest.Deals })
		prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
		w.slack.Break(slacktest.Fault{Method: "chat.postMessage", Channel: slacktest.Deals, Status: 503, AfterEffect: true})
		h.set(journal)
		w.confirm(ada, prompt)
		time.Sleep(4 * time.Hour)
		copies = len(w.slack.History(slacktest.Deals))
	})
	return copies
}

// The journal is away when a copy got no clear answer, or its answer is lost: the
// doubt counts, once.
func TestCopyInDoubtIsPostedOnceMore(t *testing.T) {
	var failures atomic.Int32
	for name, journal := range map[string]func(op string, do func() error) error{
		"journal away": func(op string, do func() error) error {
			if op == "Doubt" && failures.Add(1) <= 3 {
				return errCut
			}
			return do()
		},
		"answer lost": lostAnswers("Doubt", 1),
	} {
		t.Run(name, func(t *testing.T) {
			if n := oneUnclearCopy(t, journal); n != 2 {
				t.Errorf("%d copies of one announcement", n)
			}
		})
	}
}

// A process is suspended between taking a note and posting it. Another replica posts it
// meanwhile.
func TestCopyIsNotPostedAfterASuspension(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w, h, o := withHook(t, func(o *options) { o.bot.AuditChannel = slacktest.Deals })
		prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
		var once atomic.Bool
		h.set(func(op string, do func() error) error {
			err := do()
			if op == "TakeNote" && err == nil && once.CompareAndSwap(false, true) {
				time.Sleep(4 * time.Minute)
			}
			return err
		})
		w.confirm(ada, prompt)
		w.eventually("the note is taken", once.Load)
		w.replica(options{url: w.url, timeout: 5 * time.Second, bot: o.bot})
		w.toldOnce(slacktest.Deals)
	})
}

// The journal is away for everyone, for longer than the lease of a note, right after
// its post.
func TestCopyIsPostedOnceInALongOutage(t *testing.T) {
	for i := range 4 { // the replicas' loops come in any order
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				w, h, o := withHook(t, func(o *options) { o.bot.AuditChannel = slacktest.Deals })
				other := hook(w.open(options{url: w.url, bot: o.bot}))
				second := o
				second.journal = other
				stop := w.start(second)
				defer func() { _ = stop() }()
				prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
				time.Sleep(time.Minute)
				var away atomic.Bool
				for _, one := range []*hooked{h, other} {
					one.set(func(_ string, do func() error) error {
						if away.Load() {
							return errCut
						}
						return do()
					})
				}
				w.slack.After("chat.postMessage", func(c slacktest.Call) {
					if c.Channel == slacktest.Deals && away.CompareAndSwap(false, true) {
						time.AfterFunc(3*time.Minute, func() { away.Store(false) })
					}
				})
				w.confirm(ada, prompt)
				w.toldOnce(slacktest.Deals)
			})
		})
	}
}

// wantRefusals checks how many refusals are on record.
func (w *world) wantRefusals(n int) {
	w.Helper()
	if got := w.count(`SELECT count(*) FROM audit WHERE kind = 'refusal'`); got != n {
		w.Errorf("%d refusals on record instead of %d", got, n)
	}
}

// The journal is away for a while when someone is refused, or its answer is lost.
func TestRefusalIsRecordedOnceTheJournalAnswers(t *testing.T) {
	for name, journal := range map[string]func() func(op string, do func() error) error{
		"journal away": func() func(string, func() error) error {
			began := time.Now()
			return func(op string, do func() error) error {
				if op == "Refused" && time.Since(began) < 15*time.Second {
					return errCut
				}
				return do()
			}
		},
		"answer lost": func() func(string, func() error) error { return lostAnswers("Refused", 1) },
	} {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				w, h, _ := withHook(t)
				h.set(journal())
				w.slash(slacktest.Guest, general, "/cancel-task 12345")
				time.Sleep(time.Minute)
				w.wantRefusals(1)
			})
		})
	}
}

// A refused command is delivered to two replicas.
func TestRefusedCommandIsRecordedOnce(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w, _, o := withHook(t)
		w.replica(o)
		var payload map[string]any
		w.slack.AmendPayloads(func(_ string, command map[string]any) { payload = command })
		w.acked(w.slack.Slash(slacktest.Guest, general, "/cancel-task 12345"))
		for range 16 {
			w.acked(w.slack.Deliver("slash_commands", payload))
		}
		time.Sleep(time.Minute)
		if n := len(w.slack.Private(slacktest.Guest, general)); n != 2 {
			t.Errorf("%d answers: not both replicas got it", n)
		}
		w.wantRefusals(1)
		w.slash(slacktest.Guest, general, "/cancel-task 12345")
		time.Sleep(time.Minute)
		w.wantRefusals(2)
	})
}

// The process stops while the answer to a refused command waits as long as Slack asks.
func TestRefusalIsRecordedBeforeItsAnswer(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w := newWorld(t)
		w.slack.Break(slacktest.Fault{Method: "response_url", Status: 429, RetryAfter: "60", Times: 1})
		w.acked(w.slack.Slash(slacktest.Guest, general, "/cancel-task 12345"))
		time.Sleep(10 * time.Second)
		w.must(w.stop())
		w.wantRefusals(1)
	})
}

// The journal is away when someone is refused, until just before the process ends.
func TestRefusalIsRecordedAtTheStop(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w, h, o := withHook(t)
		var back atomic.Bool
		h.set(func(op string, do func() error) error {
			if op == "Refused" && !back.Load() {
				return errCut
			}
			return do()
		})
		w.slash(slacktest.Guest, general, "/cancel-task 12345")
		time.AfterFunc(o.bot.Grace-time.Millisecond, func() { back.Store(true) })
		w.must(w.stop())
		w.wantRefusals(1)
	})
}

// Slack asks to wait before the next post in the audit channel. Every note waits, and they
// stay in order.
func TestAuditChannelWaitsAsSlackAsks(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w := newWorld(t, func(o *options) { o.bot.AuditChannel = slacktest.Deals; o.bot.CommandsPerMinute = 100 })
		w.slack.Break(slacktest.Fault{Method: "chat.postMessage", Channel: slacktest.Deals, Status: 429, RetryAfter: "40", Times: 1})
		w.slash(slacktest.Guest, general, "/cancel-task 12345")
		time.Sleep(3 * time.Second)
		w.slash(slacktest.Guest, general, "/cancel-task 12344")
		time.Sleep(35 * time.Second)
		if n := len(w.slack.History(slacktest.Deals)); n != 0 {
			t.Errorf("%d notes within the time that Slack asked for", n)
		}
		w.eventually("both notes", func() bool { return len(w.slack.History(slacktest.Deals)) == 2 })
		if first := w.slack.History(slacktest.Deals)[0].Text; !strings.Contains(first, "12345") {
			t.Errorf("the first note says: %s", first)
		}
	})
}
