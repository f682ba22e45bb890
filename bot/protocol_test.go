package bot_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/journal"
	"github.com/cancelbot/cancelbot/bot/internal/journal/journaltest"
	"github.com/cancelbot/cancelbot/bot/slacktest"
	"github.com/cancelbot/cancelbot/chamelio"
	"github.com/cancelbot/cancelbot/chamelio/chameliotest"
)

// Regression tests for the laws of docs/design/protocol.md: runs that once
// broke one. All of them use virtual time.

// hooked is a journal whose calls pass through a hook.
type hooked struct {
	journaltest.Journal
	mu   sync.Mutex
	hook func(op string, do func() error) error
}

func hook(j *journal.Journal) *hooked {
	h := &hooked{}
	h.Journal = journaltest.Journal{Journal: j, Around: h.call}
	return h
}

// errCut replaces an answer that never came.
var errCut = errors.New("connection reset by peer")

func (h *hooked) set(hook func(op string, do func() error) error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.hook = hook
}

func (h *hooked) call(ctx context.Context, op string, _ decision.ID, do func(context.Context) error) error {
	h.mu.Lock()
	hook := h.hook
	h.mu.Unlock()
	if hook == nil {
		return do(ctx)
	}
	return hook(op, func() error { return do(ctx) })
}

// withHook returns a world whose first bot's journal passes through a hook.
func withHook(t *testing.T, change ...func(*options)) (*world, *hooked, options) {
	t.Helper()
	h := hook(nil)
	var kept options
	w := newWorld(t, func(o *options) {
		for _, f := range change {
			f(o)
		}
		o.journal = h
		o.prepare = func(w *world) { h.Journal.Journal = w.journal }
		kept = *o
	})
	return w, h, kept
}

// lostAnswers loses the answers of an operation a number of times: the
// operation is carried out.
func lostAnswers(op string, times int) func(string, func() error) error {
	var left atomic.Int64
	left.Store(int64(times))
	return func(called string, do func() error) error {
		err := do()
		if called == op && err == nil && left.Add(-1) >= 0 {
			return errCut
		}
		return err
	}
}

// slow makes an operation take longer.
func slow(op string, by time.Duration) func(string, func() error) error {
	return func(called string, do func() error) error {
		if called == op {
			time.Sleep(by)
		}
		return do()
	}
}

// away makes the journal unreachable.
func away(string, func() error) error { return errCut }

// replica starts another bot over the same journal, as another process would.
func (w *world) replica(o options) (stop func() error) {
	w.Helper()
	o.journal = w.open(o)
	before := w.slack.Connections()
	stop = w.start(o)
	w.Cleanup(func() { _ = stop() })
	w.eventually("the replica connects", func() bool { return w.slack.Connections() > before })
	return stop
}

// row returns the only recorded decision; zero if there is none yet. The ends of prompts
// that weren't used don't count.
func (w *world) row() decision.Record {
	w.Helper()
	all, err := w.journal.Recent(w.Context(), recent)
	w.must(err)
	all = slices.DeleteFunc(all, func(r journal.Recorded) bool { return r.Outcome() == decision.Superseded })
	if len(all) > 1 {
		w.Fatalf("%d rows on record", len(all))
	}
	return append(all, journal.Recorded{})[0].Record
}

// toldOnce waits for an announcement in a channel, and checks that it isn't
// repeated for a long time.
func (w *world) toldOnce(channel string) slacktest.Message {
	w.Helper()
	w.eventually("the channel is told", func() bool { return len(w.slack.History(channel)) > 0 })
	time.Sleep(10 * time.Minute)
	all := w.slack.History(channel)
	if len(all) != 1 {
		w.Errorf("the channel was told %d times", len(all))
	}
	return all[0]
}

func TestLostClaimAnswerIsCarriedOutOnce(t *testing.T) {
	for _, times := range []int{1, 3, 10} {
		t.Run(fmt.Sprint(times), func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				w, h, _ := withHook(t)
				prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
				h.set(lostAnswers("Claim", times))
				w.acked(w.slack.Click(ada, prompt, "cancel_task"))
				w.toldOnce(general)
				if w.api.Effects(12345) != 1 || !settled(w.now(prompt)) {
					t.Errorf("%d effects; the prompt says %q", w.api.Effects(12345), w.now(prompt).Text)
				}
			})
		})
	}
}

func TestKeepTaskAfterLostClaimAnswerGivesUp(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w, h, o := withHook(t)
		prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
		value := prompt.Button("keep_task").Value
		h.set(func(op string, do func() error) error { _ = do(); return errCut }) // everything works, no answer comes
		w.acked(w.slack.Click(ada, prompt, "cancel_task"))
		w.eventually("a sign of life", func() bool { return len(w.now(prompt).Buttons()) == 0 })
		w.acked(w.slack.Forge(ada, prompt, "keep_task", value))
		time.Sleep(time.Second)
		h.set(nil)
		w.eventually("Ada knows", func() bool { return meaning(w.now(prompt)) == "kept" })
		w.replica(o)
		time.Sleep(time.Hour)
		w.noCancel()
		if got := w.row(); got.Outcome() != decision.Withdrawn {
			t.Errorf("on record: %+v", got)
		}
	})
}

func TestLostTakeoverAnswerLeavesNoOrphan(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w, h, o := withHook(t)
		prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
		// The first bot claims and disappears.
		h.set(func(op string, do func() error) error {
			if op == "Claim" {
				_ = do()
			}
			return errCut
		})
		w.acked(w.slack.Click(ada, prompt, "cancel_task"))
		time.Sleep(time.Second)
		second := hook(w.open(o))
		second.set(lostAnswers("TakeExpired", 1000))
		o.journal = second
		stop := w.start(o)
		w.Cleanup(func() { _ = stop() })
		time.Sleep(30 * time.Second)
		second.set(nil)
		w.toldOnce(general)
		if w.api.Effects(12345) != 1 {
			t.Errorf("%d effects", w.api.Effects(12345))
		}
	})
}

func TestOwnerSendsNothingAfterLosingDecision(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w, h, o := withHook(t)
		prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
		busy := chameliotest.Busy("40")
		busy.Method, busy.Times = "POST", 1
		w.api.Break(busy)
		w.acked(w.slack.Click(ada, prompt, "cancel_task"))
		w.eventually("it waits", func() bool { return w.api.Cancels(12345) == 1 })
		time.Sleep(time.Second) // until it is on record that nothing is in flight
		h.set(away)
		refused := chameliotest.Fault{Method: "POST", Status: 403, Body: `{"detail":"No"}`, Times: 1}
		w.api.Break(refused)
		w.replica(o)
		announcement := w.toldOnce(general) // by the replica: it was not cancelled
		if w.api.Effects(12345) != 0 || w.api.Cancels(12345) != 2 {
			t.Errorf("%d cancels, %d effects after %q", w.api.Cancels(12345), w.api.Effects(12345), announcement.Text)
		}
	})
}

// A lease that this process believes in isn't enough for a request that has
// waited for the rate limit: another process may have the decision since, for
// example after the journal's clock was set.
func TestOwnerThatWaitedAsksTheJournalFirst(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w, h, _ := withHook(t, func(o *options) { o.rateLimit = 20 }) // five calls at once, then one each four seconds
		w.api.Add(1, 8)
		prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 1 2 3 4 5 6 7 8"))
		h.set(func(op string, do func() error) error {
			if op == "RenewAll" { // it neither renews nor notices
				return errCut
			}
			return do()
		})
		cancels := func() (n int) {
			for id := range int64(8) {
				n += w.api.Cancels(id + 1)
			}
			return n
		}
		w.acked(w.slack.Click(ada, prompt, "cancel_task"))
		w.eventually("one request is sent", func() bool { return cancels() > 0 })
		time.Sleep(3 * time.Second) // all that the limit allows at once is sent, and the claim no longer counts
		sent := cancels()
		w.statement(`UPDATE decisions SET owner = 'another', epoch = epoch + 1, leased_until = leased_until + 60000`)
		time.Sleep(30 * time.Second)
		if now := cancels(); now != sent {
			t.Errorf("%d requests by one who had lost the decision", now-sent)
		}
		h.set(nil)
		w.toldOnce(general)
	})
}

// A process that was suspended between the journal's answer and its request
// must not send it: a successor may have taken over.
func TestSuspendedOwnerSendsNothing(t *testing.T) {
	for at, sent := range map[string]int{"Claim": 0, "MarkSent": 1} {
		t.Run(at, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				w, h, o := withHook(t)
				prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
				if at == "MarkSent" { // a second request asks for it
					busy := chameliotest.Busy("1")
					busy.Method, busy.Times = "POST", 1
					w.api.Break(busy)
				}
				still := make(chan struct{})
				var stands atomic.Bool
				h.set(func(op string, do func() error) error {
					switch {
					case stands.Load():
						return errCut
					case op != at:
						return do()
					}
					err := do()
					stands.Store(true)
					<-still
					return err
				})
				w.acked(w.slack.Click(ada, prompt, "cancel_task"))
				second := hook(w.open(o))
				second.set(func(op string, do func() error) error {
					if op == "MarkSent" { // or it would send the request itself
						return errCut
					}
					return do()
				})
				o.journal = second
				stop := w.start(o)
				w.Cleanup(func() { _ = stop() })
				time.Sleep(40 * time.Second) // it takes over, and would send
				close(still)
				time.Sleep(5 * time.Second)
				if got := w.api.Cancels(12345); got != sent {
					t.Errorf("%d requests, %d of them by one who had lost the decision", got, got-sent)
				}
				h.set(nil)
				second.set(nil)
				w.toldOnce(general)
				if w.api.Effects(12345) != 1 {
					t.Errorf("%d effects", w.api.Effects(12345))
				}
			})
		})
	}
}

func TestOldClickIsNotCarriedOut(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w, h, _ := withHook(t)
		prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
		busy := chameliotest.Busy("30")
		busy.Method, busy.Times = "POST", 1
		w.api.Break(busy)
		// The process sleeps like a suspended machine: the journal answers two
		// hours later.
		h.set(slow("MarkSent", 2*time.Hour))
		w.acked(w.slack.Click(ada, prompt, "cancel_task"))
		time.Sleep(3 * time.Hour)
		if w.api.Effects(12345) != 0 || len(w.slack.History(general)) != 1 {
			t.Errorf("%d effects, %d announcements", w.api.Effects(12345), len(w.slack.History(general)))
		}
		if got := w.row(); got.Outcome() != decision.Failed {
			t.Errorf("on record: %+v", got)
		}
	})
}

// A lagging read shows a task running that someone else has just cancelled.
// The conflict is more reliable.
func TestLaggingReadDoesNotProveRunning(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w := newWorld(t)
		prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
		time.Sleep(time.Minute)
		w.api.SetReadLag(8 * time.Second)
		w.api.SetStatus(12345, "cancelled")
		w.acked(w.slack.Click(ada, prompt, "cancel_task"))
		w.eventually("it is told", func() bool { return len(w.slack.History(general)) > 0 })
		if got := w.row().Outcome(); got != decision.AlreadyCancelled {
			t.Errorf("told as %s: %s", got, w.slack.History(general)[0].Text)
		}
	})
}

// Once a request may be in flight, only a clear yes or an ended task is
// certain.
func TestAnnouncementStaysTrueWhileInFlight(t *testing.T) {
	post := func(f chameliotest.Fault) chameliotest.Fault { f.Method = "POST"; return f }
	tests := map[string]struct {
		lag    time.Duration
		faults []chameliotest.Fault
	}{
		"the answer is lost, reads lag, the second request conflicts": {lag: 3 * time.Minute, faults: []chameliotest.Fault{post(chameliotest.Fault{CutAfter: true, Times: 1})}},
		"the cancel takes longer than the client waits":               {faults: []chameliotest.Fault{post(chameliotest.Fault{Hang: true, LandAfter: 100 * time.Second})}},
		"a gateway's 404 after a request in flight": {faults: []chameliotest.Fault{
			post(chameliotest.Fault{CutBefore: true, LandAfter: 110 * time.Second, Times: 1}), post(chameliotest.Gateway(404)),
		}},
		"a 403 after a request in flight": {faults: []chameliotest.Fault{
			post(chameliotest.Fault{CutBefore: true, LandAfter: 110 * time.Second, Times: 1}), post(chameliotest.Fault{Status: 403, Body: `{"detail":"No"}`}),
		}},
		"a 404 of the API's after a request in flight": {faults: []chameliotest.Fault{
			post(chameliotest.Fault{CutBefore: true, LandAfter: 110 * time.Second, Times: 1}), post(chameliotest.Fault{Status: 404, Body: `{"detail":"Task not found"}`}),
		}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				w := newWorld(t)
				prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
				w.api.SetReadLag(tt.lag)
				for _, f := range tt.faults {
					w.api.Break(f)
				}
				w.acked(w.slack.Click(ada, prompt, "cancel_task"))
				w.eventually("it is told", func() bool { return len(w.slack.History(general)) > 0 })
				first := w.row().Outcome()
				if first != decision.Unknown && first != decision.Cancelled {
					t.Fatalf("told as %s: %s", first, w.slack.History(general)[0].Text)
				}
				if w.api.Effects(12345) == 0 {
					time.Sleep(5 * time.Minute) // it lands
				}
				w.api.ClearFaults()
				w.eventually("it is settled", func() bool {
					return w.row().Outcome() == decision.Cancelled || w.row().Tasks[0].SettledOutcome == decision.Cancelled
				})
				time.Sleep(time.Hour)
				want := 1
				if first == decision.Unknown {
					want = 2 // once more, when it is known
				}
				if got := append(w.slack.History(general), w.slack.Thread(general, w.slack.History(general)[0].TS)...); len(unique(got)) != want {
					t.Errorf("told %d times, want %d: %v", len(unique(got)), want, texts(got))
				}
			})
		})
	}
}

// A GET shows the state at its beginning or earlier: a slow answer isn't
// fresher.
func TestSlowReadDoesNotProveRunning(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w := newWorld(t, func(o *options) { o.timeout = 15 * time.Second })
		prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
		fault := func(method string, f chameliotest.Fault) { f.Method = method; w.api.Break(f) }
		done := chameliotest.ServerError(true)
		done.Times = 1
		fault(http.MethodPost, done)
		fault(http.MethodPost, chameliotest.Busy("10"))
		fault(http.MethodGet, chameliotest.Fault{ // the first check after it
			Status: 200, Body: `{"task":{"task_id":12345,"task_title":"Review","status":"in_progress"}}`, Delay: 11 * time.Second, Times: 1,
		})
		fault(http.MethodGet, chameliotest.ServerError(false))
		w.acked(w.slack.Click(ada, prompt, "cancel_task"))
		w.eventually("it is told", func() bool { return len(w.slack.History(general)) > 0 })
		if got := w.row().Outcome(); w.api.Effects(12345) != 1 || got != decision.Unknown {
			t.Errorf("cancelled, and told as %s: %s", got, w.slack.History(general)[0].Text)
		}
	})
}

func unique(all []slacktest.Message) map[string]bool {
	seen := map[string]bool{}
	for _, m := range all {
		seen[m.TS] = true
	}
	return seen
}

func texts(all []slacktest.Message) []string {
	var s []string
	for _, m := range all {
		s = append(s, m.Text)
	}
	return s
}

func TestUnknownOutcomeIsSettledAfterADay(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w := newWorld(t, func(o *options) { o.bot.FollowFor = 30 * time.Minute }) // instead of a day
		prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
		w.api.Break(chameliotest.Fault{Method: "POST", Hang: true})
		w.acked(w.slack.Click(ada, prompt, "cancel_task"))
		w.eventually("it is told as unknown", func() bool {
			left, err := w.journal.Backlog(t.Context())
			return err == nil && left.Unannounced == 0 && len(w.slack.History(general)) == 1
		})
		sent := w.api.Cancels(12345)
		w.api.ClearFaults()
		time.Sleep(time.Hour)
		if got := w.row(); got.Outcome() != decision.Unknown || got.Tasks[0].SettledOutcome != decision.Failed || got.SettledAt.IsZero() {
			t.Errorf("on record: %+v", got)
		}
		if w.api.Cancels(12345) != sent {
			t.Error("following up sent a cancel")
		}
		replies := w.slack.Thread(general, w.slack.History(general)[0].TS)
		if len(replies) != 1 {
			t.Fatalf("%d replies: %q", len(replies), texts(w.slack.All()))
		}
		golden(t, "settled still runs", replies...)
	})
}

func TestUnsentCancelIsNotClaimed(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w, h, o := withHook(t)
		prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
		busy := chameliotest.Busy("50")
		busy.Method, busy.Times = "POST", 1
		w.api.Break(busy)
		w.acked(w.slack.Click(ada, prompt, "cancel_task"))
		time.Sleep(5 * time.Second) // it waits for the rate limit: nothing of it can have taken effect
		h.set(away)
		w.api.SetStatus(12345, "cancelled") // by someone else
		w.replica(o)
		w.toldOnce(general)
		if got := w.row(); got.Outcome() != decision.AlreadyCancelled {
			t.Errorf("told as %s", got.Outcome())
		}
	})
}

func TestAnnouncesOnceDuringJournalOutage(t *testing.T) {
	for _, d := range []time.Duration{5 * time.Second, 12500 * time.Millisecond, 30 * time.Second, time.Minute} {
		for _, at := range []string{"Claim", "Finish", "BeginAnnouncing", "MarkAnnounced"} {
			t.Run(fmt.Sprintf("%s %s", at, d), func(t *testing.T) {
				virtual(t, func(t *testing.T) {
					w, h, o := withHook(t)
					w.replica(o)
					prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
					var gone atomic.Pointer[time.Time]
					h.set(func(op string, do func() error) error {
						if op == at {
							gone.CompareAndSwap(nil, new(time.Now()))
						}
						if since := gone.Load(); since != nil && time.Since(*since) < d {
							return errCut
						}
						return do()
					})
					// Both replicas lose the click, whichever gets it.
					w.acked(w.slack.Click(ada, prompt, "cancel_task"))
					w.toldOnce(general)
					if w.api.Effects(12345) != 1 {
						t.Errorf("%d effects", w.api.Effects(12345))
					}
				})
			})
		}
	}
}

// TestOwnersRecordFirstAfterLongOutage takes the database away from two
// replicas right after a post, for longer than the lease. No one dies.
func TestOwnersRecordFirstAfterLongOutage(t *testing.T) {
	for _, d := range []time.Duration{125 * time.Second, 150 * time.Second, 151500 * time.Millisecond, 10 * time.Minute} {
		t.Run(d.String(), func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				w, h, o := withHook(t)
				both := hook(nil)
				both.Journal.Journal = w.open(o)
				other := o
				other.journal = both
				stop := w.start(other)
				w.Cleanup(func() { _ = stop() })
				w.eventually("the replica connects", func() bool { return w.slack.Connections() == 4 })
				prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
				var gone atomic.Pointer[time.Time]
				lost := func(op string, do func() error) error {
					if op == "MarkAnnounced" {
						gone.CompareAndSwap(nil, new(time.Now()))
					}
					if since := gone.Load(); since != nil && time.Since(*since) < d {
						return errCut
					}
					return do()
				}
				h.set(lost)
				both.set(lost)
				w.acked(w.slack.Click(ada, prompt, "cancel_task"))
				w.toldOnce(general)
			})
		})
	}
}

func TestAnnouncesOnceAfterSlackAndJournalOutages(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w, h, o := withHook(t)
		prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
		for _, method := range []string{"chat.postMessage", "response_url", "auth.test"} {
			w.slack.Break(slacktest.Fault{Method: method, Status: 503})
		}
		w.acked(w.slack.Click(ada, prompt, "cancel_task"))
		time.Sleep(30 * time.Second)
		h.set(away)
		w.replica(o)
		time.Sleep(5 * time.Minute)
		w.slack.ClearFaults()
		w.toldOnce(general)
	})
}

// The same holds for a row that can't be verified now, because the keys of
// earlier bot tokens can't be read.
func TestForgedRowIsIgnored(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w, h, _ := withHook(t)
		h.set(func(op string, do func() error) error {
			if op == "SigningKeys" {
				return errCut
			}
			return do()
		})
		other := w.open(options{url: w.url})
		for _, row := range []struct {
			id          decision.ID
			task        int64
			mac, signed string
			outcome     decision.Outcome // none: to be resolved
		}{
			{id: "forged", task: chameliotest.InProgressTask, mac: "x.y", signed: "2.x.y"},
			{id: "bare", task: chameliotest.PendingTask, outcome: decision.Cancelled},
			{id: "told", task: chameliotest.CancelledTask, outcome: decision.Unknown},
		} {
			c, err := other.Claim(t.Context(), decision.Record{
				ID: row.id, Tasks: []decision.Item{{ID: chamelio.TaskID(row.task)}}, Team: slacktest.TeamID, Channel: general, Requester: ada, Confirmer: grace,
				MAC: row.mac, Confirmation: row.signed, RequestedAt: time.Now(), DecidedAt: time.Now(),
			})
			w.must(err)
			if row.outcome != "" {
				_, err = other.Finish(t.Context(), c.Lease, 0, decision.Result{Outcome: row.outcome}, false)
				w.must(err)
			}
			if row.outcome == decision.Unknown { // and to be settled
				w.must(other.MarkAnnounced(t.Context(), decision.Record{ID: row.id}, ""))
			}
			w.must(other.Release(t.Context(), c.Lease))
		}
		nothingDone := func(when string) {
			t.Helper()
			time.Sleep(10 * time.Minute)
			w.noCancel()
			for _, r := range w.api.Requests() {
				if r.Task != 0 {
					t.Errorf("%s: a look at task %d", when, r.Task)
					break
				}
			}
			if n := len(w.slack.All()); n != 0 {
				t.Errorf("%s: %d messages in somebody's name", when, n)
			}
		}
		nothingDone("not to be told now")
		if strings.Contains(w.log.String(), "isn't genuine") {
			t.Error("a row is judged by half of the keys")
		}
		h.set(nil)
		nothingDone("not genuine")
		if n := strings.Count(w.log.String(), "isn't genuine"); n != 3 {
			t.Errorf("the operator was told of %d rows", n)
		}
		all, err := w.journal.Recent(t.Context(), recent)
		w.must(err)
		aside, err := w.journal.SetAsides(t.Context(), recent)
		w.must(err)
		if len(all) != 0 || len(aside) != 3 {
			t.Errorf("on record: %+v; set aside: %+v", all, aside)
		}
	})
}

func TestVanishedDecisionIsAnnounced(t *testing.T) {
	for _, at := range []string{"Finish", "BeginAnnouncing", "MarkAnnounced"} {
		t.Run(at, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				w, h, _ := withHook(t)
				prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
				var once sync.Once
				h.set(func(op string, do func() error) error {
					if op == at {
						once.Do(func() { w.statement("DELETE FROM decisions") })
					}
					return do()
				})
				w.acked(w.slack.Click(ada, prompt, "cancel_task"))
				w.toldOnce(general)
				if w.api.Effects(12345) != 1 {
					t.Errorf("%d effects", w.api.Effects(12345))
				}
				if got := w.row(); got.Outcome() != decision.Cancelled || got.AnnouncedAt.IsZero() {
					t.Errorf("on record: %+v", got)
				}
			})
		})
	}
}

// If another decision about the task was made before the vanished one could be
// restored, the vanished one is announced too: as unknown, and again when its
// result is known.
func TestOverruledVanishedDecisionIsAnnounced(t *testing.T) {
	for _, at := range []string{"MarkSent", "Finish", "BeginAnnouncing"} {
		t.Run(at, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				w, h, _ := withHook(t)
				prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
				another := w.wantPrompt(w.slash(grace, general, "/cancel-task 12345"))
				if at == "MarkSent" { // a second request asks for it
					busy := chameliotest.Busy("1")
					busy.Method, busy.Times = "POST", 1
					w.api.Break(busy)
				}
				if at == "BeginAnnouncing" { // a second round of tries asks for it
					w.slack.Break(slacktest.Fault{Method: "chat.postMessage", Channel: general, Error: "ratelimited"})
					w.slack.Break(slacktest.Fault{Method: "response_url", Error: "ratelimited", InBody: true})
				}
				var once sync.Once
				h.set(func(op string, do func() error) error {
					if op == at {
						once.Do(func() {
							w.statement("DELETE FROM decisions")
							w.must(w.claim(grace, another.Button("cancel_task").Value, time.Now(), true))
							w.slack.ClearFaults()
						})
					}
					return do()
				})
				w.acked(w.slack.Click(ada, prompt, "cancel_task"))
				w.eventually("the announcement", func() bool {
					told := w.slack.History(general)
					return len(told) == 1 && strings.Contains(told[0].Text, "briefly lost")
				})
				time.Sleep(10 * time.Minute)
				told := w.slack.History(general) // includes later messages
				if at == "MarkSent" {
					if w.api.Effects(12345) != 0 || len(told) != 1 {
						t.Errorf("%d effects; told: %v", w.api.Effects(12345), texts(told))
					}
				} else if w.api.Effects(12345) != 1 || len(told) != 2 || !strings.Contains(told[0].Text, "is cancelled") || !strings.Contains(told[1].Text, "is cancelled") {
					t.Errorf("%d effects; told: %v", w.api.Effects(12345), texts(told))
				}
			})
		})
	}
}

func TestPromptShowsOutcomeWhenFinishAnswerIsLost(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w, h, _ := withHook(t)
		prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
		h.set(lostAnswers("Finish", 3))
		w.acked(w.slack.Click(ada, prompt, "cancel_task"))
		w.toldOnce(general)
		if !settled(w.now(prompt)) {
			t.Errorf("the prompt says %q", w.now(prompt).Text)
		}
	})
}

func TestRefusedChannelUsesResponseURL(t *testing.T) {
	for name, f := range map[string]slacktest.Fault{
		"fatal_error": {Error: "fatal_error"}, "a day": {Status: 429, RetryAfter: "86400"}, "500": {Status: 500}, "hangs": {Hang: true},
	} {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				w := newWorld(t)
				f.Method, f.Channel = "chat.postMessage", general
				w.slack.Break(f)
				w.api.Add(500, 3)
				var clicked []time.Time
				for i := range 3 {
					prompt := w.wantPrompt(w.slash(ada, general, fmt.Sprintf("/cancel-task %d", 500+i)))
					w.acked(w.slack.Click(ada, prompt, "cancel_task"))
					clicked = append(clicked, time.Now())
				}
				elsewhere := w.wantPrompt(w.slash(ada, slacktest.Random, "/cancel-task 12345"))
				w.acked(w.slack.Click(ada, elsewhere, "cancel_task"))
				w.eventually("the other channel", func() bool { return len(w.slack.History(slacktest.Random)) == 1 })
				if took := time.Since(clicked[2]); took > 5*time.Second {
					t.Errorf("the other channel waited %s", took)
				}
				w.eventually("all three", func() bool { return len(w.slack.History(general)) == 3 })
				if took := time.Since(clicked[0]); took > time.Minute {
					t.Errorf("it took %s", took)
				}
				for _, m := range w.slack.History(general) {
					if m.Via != "response_url" {
						t.Errorf("told by %s", m.Via)
					}
				}
			})
		})
	}
}

func TestResponseURLErrorInA200IsAnError(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w := newWorld(t)
		prompt := w.wantPrompt(w.slash(ada, slacktest.Legal, "/cancel-task 12345"))
		w.slack.Break(slacktest.Fault{Method: "response_url", Error: "used_url", InBody: true})
		w.acked(w.slack.Click(ada, prompt, "cancel_task"))
		w.eventually("it is on record as told", func() bool { return !w.row().AnnouncedAt.IsZero() })
		if n := len(w.slack.History("D" + ada)); n != 1 {
			t.Errorf("recorded as told, and told to nobody but %d", n)
		}
	})
}

func TestTwoCrashesKeepResponseURLUse(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w, h, o := withHook(t)
		prompt := w.wantPrompt(w.slash(ada, slacktest.Legal, "/cancel-task 12345"))
		w.api.Break(chameliotest.Fault{Method: "POST", Hang: true, LandAfter: time.Minute})
		w.acked(w.slack.Click(ada, prompt, "cancel_task"))
		time.Sleep(20 * time.Second) // two progress lines
		h.set(away)
		second := hook(w.open(o))
		o.journal = second
		stop := w.start(o)
		w.Cleanup(func() { _ = stop() })
		time.Sleep(20 * time.Second)
		second.set(away)
		w.replica(o)
		w.toldOnce(slacktest.Legal)
		if n := len(w.slack.History("D" + ada)); n != 0 {
			t.Errorf("%d told in person", n)
		}
	})
}

func TestOnePersonsPressesDelayNoOthers(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w := newWorld(t, func(o *options) { o.bot.CommandsPerMinute = 10 }, alwaysFresh)
		prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
		other := w.wantPrompt(w.slash(grace, general, "/cancel-task 12344"))
		w.api.Break(chameliotest.Fault{Method: "POST", Task: 12345, Delay: 8 * time.Second})
		w.slack.Break(slacktest.Fault{Method: "users.info", Delay: 100 * time.Millisecond})
		for range 300 {
			w.slack.Click(ada, prompt, "cancel_task")
		}
		pressed := time.Now()
		w.slack.Click(grace, other, "cancel_task")
		w.eventually("Grace's", func() bool { return w.api.Effects(12344) == 1 })
		if took := time.Since(pressed); took > 2*time.Second {
			t.Errorf("Grace waited %s", took)
		}
		w.eventually("Ada's", func() bool { return w.api.Effects(12345) == 1 })
	})
}

func TestGuestPressesCostOneGET(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w := newWorld(t, func(o *options) { o.bot.Policy.Mode = "people-on-task" }, alwaysFresh)
		prompt := w.wantPrompt(w.slashOnTask())
		w.slack.AddUser(slacktest.User{ID: ada, Name: "ada", IsRestricted: true})
		calls, looks := len(w.slack.Calls()), len(w.api.Requests())
		for range 300 {
			w.slack.Click(ada, prompt, "cancel_task")
		}
		time.Sleep(20 * time.Second)
		lookUps := 0
		for _, c := range w.slack.Calls()[calls:] {
			if c.Method == "users.info" {
				lookUps++
			}
		}
		if n := len(w.api.Requests()) - looks; n > 1 || lookUps > 5 {
			t.Errorf("300 presses cost %d looks at the task and %d at the person", n, lookUps)
		}
	})
}

func TestClickCountsWhenReceived(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w := newWorld(t, func(o *options) { o.bot.ConfirmTTL = 10 * time.Second; o.bot.CommandsPerMinute = 1_000_000 }, alwaysFresh)
		prompt := w.wantPrompt(w.slash(grace, general, "/cancel-task 12345"))
		w.slack.Break(slacktest.Fault{Method: "users.info", Delay: 4 * time.Second})
		w.api.Add(500, 400)
		busy := w.wantPrompt(w.slash(ada, general, "/cancel-task 500"))
		for range 300 { // more than there are workers
			w.slack.Click(ada, busy, "cancel_task")
		}
		time.Sleep(9*time.Second - 4*time.Second)
		w.slack.Click(grace, prompt, "cancel_task")
		w.eventually("it counts", func() bool { return w.api.Effects(12345) == 1 })
	})
}

func TestUnexpectedMessageFieldDoesNotRejectClick(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w := newWorld(t)
		prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
		w.slack.AmendPayloads(func(_ string, p map[string]any) {
			p["message"] = map[string]any{"attachments": "odd", "files": 7, "blocks": map[string]any{}}
			p["state"] = []any{1}
		})
		w.acked(w.slack.Click(ada, prompt, "cancel_task"))
		w.toldOnce(general)
	})
}

func TestKeepAfterCancelShowsOutcome(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w := newWorld(t)
		prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
		w.api.Break(chameliotest.Fault{Method: "POST", Delay: 5 * time.Second})
		w.acked(w.slack.Click(ada, prompt, "cancel_task"))
		time.Sleep(100 * time.Millisecond)
		w.acked(w.slack.Click(ada, prompt, "keep_task"))
		w.toldOnce(general)
		if text := w.now(prompt).Text; meaning(w.now(prompt)) == "kept" || w.api.Effects(12345) != 1 {
			t.Errorf("the prompt says %q of a task that was cancelled", text)
		}
	})
}

func TestLongRetryAfterOnCheckDoesNotEndIt(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w := newWorld(t)
		prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
		w.api.Break(chameliotest.Fault{Method: "POST", CutAfter: true, Times: 1})
		busy := chameliotest.Busy("125")
		busy.Method, busy.Times = "GET", 1 // the first check after it
		w.api.Break(busy)
		w.acked(w.slack.Click(ada, prompt, "cancel_task"))
		w.toldOnce(general)
		if got := w.row(); got.Outcome() != decision.Cancelled {
			t.Errorf("told as %s", got.Outcome())
		}
	})
}

func TestSlowSlackDoesNotDuplicateAuditCopies(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w, h, o := withHook(t, func(o *options) { o.bot.AuditChannel = slacktest.Deals })
		w.replica(o)
		w.slack.Break(slacktest.Fault{Method: "chat.postMessage", Channel: slacktest.Deals, Delay: 9 * time.Second})
		lost := lostAnswers("MarkNoted", 3)
		h.set(lost)
		w.api.Add(500, 10)
		for i := range 10 {
			w.confirm(ada, w.wantPrompt(w.slash(ada, general, fmt.Sprintf("/cancel-task %d", 500+i))))
		}
		time.Sleep(time.Hour)
		if n := len(w.slack.History(slacktest.Deals)); n != 10 {
			t.Errorf("%d copies of 10", n)
		}
	})
}

func TestPromptShowsOutcomeWhenSecondClickIsNotSaved(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w, h, _ := withHook(t)
		var second atomic.Bool
		h.set(func(op string, do func() error) error {
			if op == "Claim" && !second.Swap(true) {
				time.Sleep(3 * time.Second) // the other click is through by then
				return errCut
			}
			return do()
		})
		prompt := w.wantPrompt(w.slash(slacktest.Ada, slacktest.General, "/cancel-task 12345"))
		w.acked(w.slack.Click(slacktest.Ada, prompt, "cancel_task"))
		w.acked(w.slack.Click(slacktest.Ada, prompt, "cancel_task"))
		time.Sleep(time.Minute)
		if last := w.now(prompt); !settled(last) {
			t.Errorf("the prompt still says: %s", last.Text)
		}
	})
}

func TestClickExpiresWhileWaitingForRateLimit(t *testing.T) {
	virtual(t, func(t *testing.T) {
		const tasks = 40
		w := newWorld(t, func(o *options) { o.rateLimit, o.bot.ConfirmTTL = 1, 30*time.Minute })
		w.api.Add(1, tasks)
		var prompts []slacktest.Message
		for id := range tasks {
			_, prompt := w.latePrompt(slacktest.Ada, slacktest.General, fmt.Sprintf("/cancel-task %d", id+1))
			prompts = append(prompts, prompt)
		}
		pressed := time.Now()
		for _, p := range prompts {
			w.acked(w.slack.Click(slacktest.Ada, p, "cancel_task"))
		}
		time.Sleep(time.Hour)
		sent := 0
		for _, r := range w.api.Requests() {
			if r.Method == http.MethodPost {
				sent++
				if age := r.At.Sub(pressed); age > 30*time.Minute+time.Second {
					t.Errorf("a cancel was sent %s after its click", age)
				}
			}
		}
		if told := len(w.slack.History(slacktest.General)); sent == tasks || told != tasks {
			t.Errorf("%d of %d were sent and %d told", sent, tasks, told)
		}
	})
}

// A row vanishes while its decision has its turn in the channel, and the answer to
// recording its outcome again is lost. The decision doesn't wait for its own turn, which
// would hold up everything in the channel.
func TestRestoredDecisionKeepsItsTurn(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w, h, _ := withHook(t)
		first, second := w.wantPrompt(w.slash(ada, general, "/cancel-task 12344")), w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
		w.slack.Break(slacktest.Fault{Method: "chat.postMessage", Delay: 3 * time.Second, Times: 1})
		w.acked(w.slack.Click(ada, first, "cancel_task"))
		time.Sleep(time.Second) // the first decision has the turn
		var vanished, cut atomic.Bool
		h.set(func(op string, do func() error) error {
			if op == "BeginAnnouncing" && vanished.CompareAndSwap(false, true) {
				w.statement(`DELETE FROM tasks WHERE task_id = 12345; DELETE FROM decisions WHERE confirmation_id NOT IN (SELECT confirmation_id FROM tasks)`)
			}
			err := do()
			if op == "Finish" && vanished.Load() && cut.CompareAndSwap(false, true) {
				return errCut
			}
			return err
		})
		w.acked(w.slack.Click(ada, second, "cancel_task"))
		time.Sleep(time.Minute)
		if told := len(w.slack.History(general)); !cut.Load() || told != 2 {
			t.Errorf("%d decisions are announced", told)
		}
	})
}

func TestOwnerStopsAnnouncingAfterLosingDecision(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w, h, _ := withHook(t)
		w.slack.Break(slacktest.Fault{Method: "chat.postMessage", Status: 500})
		var lostAt atomic.Pointer[time.Time]
		h.set(func(op string, do func() error) error {
			switch op {
			case "RenewAll": // none is held any more
				if w.tried("chat.postMessage") > 0 {
					lostAt.CompareAndSwap(nil, new(time.Now()))
				}
				return nil
			case "BeginAnnouncing":
				return journal.ErrLost
			}
			return do()
		})
		prompt := w.wantPrompt(w.slash(slacktest.Ada, slacktest.General, "/cancel-task 12345"))
		w.acked(w.slack.Click(slacktest.Ada, prompt, "cancel_task"))
		time.Sleep(time.Minute)
		if told := w.slack.History(slacktest.General); len(told) > 0 {
			t.Errorf("a process that had lost the decision told: %s", told[0].Text)
		}
		for _, c := range w.slack.Calls() {
			if c.Method == "chat.postMessage" && c.At.After(*lostAt.Load()) {
				t.Errorf("it tried to, %s after it had lost it", c.At.Sub(*lostAt.Load()))
			}
		}
	})
}

// A process that was suspended between the journal's answer and its post must
// not post: a successor may have posted.
func TestSuspendedOwnerPostsNothing(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w, h, o := withHook(t)
		prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
		for _, method := range []string{"chat.postMessage", "response_url"} {
			w.slack.Break(slacktest.Fault{Method: method, Status: 503})
		}
		still := make(chan struct{})
		var stands atomic.Bool
		h.set(func(op string, do func() error) error {
			switch {
			case stands.Load():
				return errCut
			case op != "BeginAnnouncing": // before another round of tries
				return do()
			}
			err := do()
			stands.Store(true)
			<-still
			return err
		})
		w.acked(w.slack.Click(ada, prompt, "cancel_task"))
		time.Sleep(30 * time.Second)
		if !stands.Load() {
			t.Fatal("the journal was not asked before another round of tries")
		}
		w.slack.ClearFaults()
		w.replica(o)
		w.eventually("a successor tells", func() bool { return len(w.slack.History(general)) == 1 })
		close(still)
		time.Sleep(time.Minute)
		h.set(nil)
		w.toldOnce(general)
	})
}

// tried returns the number of calls of one of Slack's methods.
func (w *world) tried(method string) (n int) {
	for _, c := range w.slack.Calls() {
		if c.Method == method {
			n++
		}
	}
	return n
}

func TestPanicWhileAnnouncingLeavesNoOrphan(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w, h, _ := withHook(t)
		var panicked atomic.Bool
		h.set(func(op string, do func() error) error {
			if op == "BeginAnnouncing" && !panicked.Swap(true) {
				w.slack.ClearFaults()
				panic("a bug")
			}
			return do()
		})
		prompt := w.wantPrompt(w.slash(slacktest.Ada, slacktest.General, "/cancel-task 12345"))
		w.slack.Break(slacktest.Fault{Method: "chat.postMessage", Error: "fatal_error"})
		w.slack.Break(slacktest.Fault{Method: "response_url", Error: "expired_url"})
		w.acked(w.slack.Click(slacktest.Ada, prompt, "cancel_task"))
		w.toldOnce(slacktest.General)
		if !panicked.Load() {
			t.Error("nothing panicked")
		}
	})
}

// The same after a panic right after the channel's turn was taken: the next
// announcements there are posted, and so is this one, once it is taken over.
func TestPanicWhileFinishingReleasesChannel(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w, h, _ := withHook(t)
		var panicked atomic.Bool
		h.set(func(op string, do func() error) error {
			if op == "Finish" && !panicked.Swap(true) {
				panic("a bug")
			}
			return do()
		})
		w.acked(w.slack.Click(slacktest.Ada, w.wantPrompt(w.slash(slacktest.Ada, slacktest.General, "/cancel-task 12345")), "cancel_task"))
		w.toldOnce(slacktest.General)
		if !panicked.Load() {
			t.Error("nothing panicked")
		}
	})
}

func TestFinalResultIsPostedOnceDuringOutage(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w, h, _ := withHook(t)
		var back atomic.Pointer[time.Time]
		h.set(func(op string, do func() error) error {
			if op == "MarkSettled" {
				back.CompareAndSwap(nil, new(time.Now().Add(time.Minute)))
				if time.Now().Before(*back.Load()) {
					return errCut
				}
			}
			return do()
		})
		w.api.Break(chameliotest.Fault{Method: http.MethodPost, LandAfter: 4 * time.Minute})
		prompt := w.wantPrompt(w.slash(slacktest.Ada, slacktest.General, "/cancel-task 12345"))
		w.acked(w.slack.Click(slacktest.Ada, prompt, "cancel_task"))
		time.Sleep(30 * time.Minute)
		if all := w.slack.History(slacktest.General); len(all) != 2 || back.Load() == nil {
			t.Errorf("the channel was told %d times, with an outcome that was unknown at first", len(all))
		}
		if w.row().SettledAt.IsZero() {
			t.Error("it is not settled")
		}
	})
}

func TestRedeliveredClickKeepsResponseURLUse(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w := newWorld(t)
		var click map[string]any
		w.slack.AmendPayloads(func(_ string, payload map[string]any) { click = payload })
		w.api.Break(chameliotest.Fault{Method: http.MethodPost, Hang: true, Times: 1})
		prompt := w.wantPrompt(w.slash(slacktest.Ada, slacktest.Legal, "/cancel-task 12345")) // where the bot may not post
		w.acked(w.slack.Click(slacktest.Ada, prompt, "cancel_task"))
		time.Sleep(time.Second)
		for range 3 {
			w.acked(w.slack.Deliver("interactive", click)) // as other replicas get it
		}
		w.toldOnce(slacktest.Legal)
	})
}

// A clear no to a second decision isn't certain while the first one's request
// may be in flight.
func TestSecondDecisionStaysTrueWhileFirstInFlight(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w := newWorld(t)
		first := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
		w.api.Break(chameliotest.Fault{Method: "POST", Hang: true, LandAfter: 4 * time.Minute, Times: 3})
		w.acked(w.slack.Click(ada, first, "cancel_task"))
		w.eventually("it is told as unknown", func() bool { return len(w.slack.History(general)) == 1 })
		w.api.Break(chameliotest.Fault{Method: "POST", Status: 403, Body: `{"detail":"No"}`})
		second := w.wantPrompt(w.slash(grace, general, "/cancel-task 12345"))
		w.acked(w.slack.Click(grace, second, "cancel_task"))
		w.eventually("the second is told", func() bool {
			left, err := w.journal.Backlog(t.Context())
			return err == nil && left.Unannounced == 0 && len(w.slack.History(general)) >= 2
		})
		all, err := w.journal.Recent(t.Context(), recent)
		w.must(err)
		if got := all[0].Outcome(); got != decision.Unknown && got != decision.Cancelled {
			t.Errorf("the second is told as %s, and the task was cancelled %d times", got, w.api.Effects(12345))
		}
	})
}

// A request without an answer may still be in flight: it isn't repeated within
// half a minute, however often a GET shows the task running.
func TestCancelIsNotRepeatedWhileInFlight(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w := newWorld(t)
		prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
		w.api.Break(chameliotest.Fault{Method: "POST", CutBefore: true, Times: 1})
		w.acked(w.slack.Click(ada, prompt, "cancel_task"))
		w.eventually("it is told", func() bool { return len(w.slack.History(general)) == 1 })
		var sent []time.Time
		for _, r := range w.api.Requests() {
			if r.Method == http.MethodPost {
				sent = append(sent, r.At)
			}
		}
		if len(sent) != 2 || sent[1].Sub(sent[0]) < 30*time.Second {
			t.Errorf("sent at %v", sent)
		}
	})
}

// A process loses the journal while its progress is on its way to Slack. Another one shows
// the outcome in the prompt, and no older text replaces it.
func TestOlderProgressReplacesNoOutcome(t *testing.T) {
	both(t, func(t *testing.T, public bool, change ...func(*options)) {
		w, h, o := withHook(t, change...)
		by := map[bool]string{false: ada, true: grace}[public]
		prompt := w.prompts(public, ada, "/cancel-task 12345")
		w.api.Break(chameliotest.Fault{Method: http.MethodPost, Hang: true, AfterEffect: true, Times: 1})
		w.slack.Break(slacktest.Fault{Channel: general, Method: "response_url", Times: 1})                         // the first progress is shown
		w.slack.Break(slacktest.Fault{Channel: general, Method: "response_url", Delay: 9 * time.Second, Times: 1}) // the next isn't, yet
		w.acked(w.slack.Click(by, prompt, "cancel_task"))
		time.Sleep(200 * time.Millisecond)
		h.set(away)
		w.replica(o)
		time.Sleep(13 * time.Second)
		h.set(nil)
		time.Sleep(20 * time.Minute)
		if m := w.now(prompt); !settled(m) {
			t.Errorf("the prompt says: %s", m.Text)
		}
	})
}

// A process loses the journal before it edits an announcement with one of two final results.
// Another one edits it with both, and no older text replaces that.
func TestOlderEditReplacesNoResult(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w, h, o := withHook(t)
		w.api.Add(500, 2)
		prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 500 501"))
		w.api.Break(chameliotest.Fault{Method: http.MethodPost, Hang: true})
		w.acked(w.slack.Click(ada, prompt, "cancel_task"))
		w.eventually("the announcement", func() bool { return len(w.slack.History(general)) == 1 })
		w.api.ClearFaults()
		var once sync.Once
		settling := make(chan struct{})
		h.set(func(op string, do func() error) error {
			err := do()
			if op == "Settle" && err == nil {
				once.Do(func() {
					const calls = 16 // as many as are made to a channel at once: the edit waits for one
					w.slack.Break(slacktest.Fault{Channel: general, Method: "chat.update", Delay: 8 * time.Second, Times: 1})
					w.slack.Break(slacktest.Fault{Channel: general, Method: "response_url", Delay: 9 * time.Second, Times: calls})
					for range calls {
						w.slack.Slash(linus, general, "/cancel-task help me")
					}
					time.Sleep(200 * time.Millisecond)
					h.set(away)
					close(settling)
				})
			}
			return err
		})
		w.api.SetStatus(500, "cancelled")
		<-settling
		w.replica(o)
		w.api.SetStatus(501, "cancelled")
		time.Sleep(15 * time.Second)
		h.set(nil)
		time.Sleep(30 * time.Minute)
		if said := w.slack.History(general)[0].Text; strings.Contains(said, "ot confirmed yet") {
			t.Errorf("the announcement says: %s", said)
		}
	})
}
