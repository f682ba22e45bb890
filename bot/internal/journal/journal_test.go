package journal_test

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/journal"
	"github.com/cancelbot/cancelbot/bot/internal/pgtest"
	"github.com/cancelbot/cancelbot/chamelio"
)

// bothEngines runs a test over SQLite and over a real Postgres server. fresh
// gives it the URL of an empty database.
func bothEngines(t *testing.T, test func(t *testing.T, url string)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { test(t, "sqlite:"+filepath.Join(t.TempDir(), "journal.db")) })
	t.Run("postgres", func(t *testing.T) { test(t, postgres(t)) })
}

var server struct {
	sync.Mutex
	url string
}

// postgres starts one server for all tests; each gets a database of its own.
func postgres(t *testing.T) string {
	t.Helper()
	server.Lock()
	defer server.Unlock()
	if server.url == "" {
		server.url = pgtest.Start(serverLife{t})
	}
	return pgtest.Database(t, server.url)
}

// serverLife makes cleanups wait for the end of all tests.
type serverLife struct{ testing.TB }

func (serverLife) Cleanup(f func())         { atEnd = append(atEnd, f) }
func (serverLife) Context() context.Context { return context.Background() }

var atEnd []func()

func TestMain(m *testing.M) {
	code := m.Run()
	for i := len(atEnd) - 1; i >= 0; i-- {
		atEnd[i]()
	}
	os.Exit(code)
}

func open(t *testing.T, url string, lease time.Duration) *journal.Journal {
	t.Helper()
	j, err := journal.Open(t.Context(), url, journal.Options{Lease: lease})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = j.Close() })
	return j
}

func sampleDecision(id string, task int64) decision.Record {
	return decision.Record{
		ID: decision.ID(id), Tasks: []decision.Item{{ID: chamelio.TaskID(task)}}, Team: "T1", Channel: "C1", Requester: "U1", Confirmer: "U2",
		Reason: "duplicate of 12346 – ünïcode 🙂", ResponseURL: "https://hooks.slack.com/actions/x",
		Confirmation: "2.signed", MAC: "mac-" + id, RequestedAt: time.Now().Add(-time.Minute), DecidedAt: time.Now(),
	}
}

// settling records a final result and that it is about to be posted.
func settling(ctx context.Context, j *journal.Journal, l journal.Lease, o decision.Outcome) (journal.Lease, error) {
	l, err := j.Settle(ctx, l, 0, decision.Result{Outcome: o})
	if err != nil {
		return l, err
	}
	return j.BeginSettling(ctx, l)
}

// won claims a decision that can't conflict.
func won(t *testing.T, j *journal.Journal, d decision.Record) journal.Lease {
	t.Helper()
	c, err := j.Claim(t.Context(), d)
	must(t, err)
	if !c.Won {
		t.Fatalf("%s did not win, but %+v", d.ID, c.Winners)
	}
	return c.Lease
}

// expire ends a lease, as if its time had passed.
func expire(t *testing.T, url string, id string) {
	t.Helper()
	statement(t, url, fmt.Sprintf("UPDATE decisions SET leased_until = 1 WHERE confirmation_id = '%s'", id))
}

func statement(t *testing.T, url, text string) {
	t.Helper()
	if path, ok := strings.CutPrefix(url, "sqlite:"); ok {
		db, err := sql.Open("sqlite", path)
		must(t, err)
		defer db.Close()
		_, err = db.Exec(text)
		must(t, err)
		return
	}
	pgtest.Exec(t, url, text)
}

func take(t *testing.T, j *journal.Journal, w journal.Work, mine ...decision.ID) []journal.Held {
	t.Helper()
	held, err := j.TakeExpired(t.Context(), w, 100, mine)
	must(t, err)
	return held
}

func lost(t *testing.T, what string, err error) {
	t.Helper()
	if !errors.Is(err, journal.ErrLost) {
		t.Errorf("%s: %v, want ErrLost", what, err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestDecisionIsStoredFromClaimToAnnouncement(t *testing.T) {
	bothEngines(t, func(t *testing.T, url string) {
		j := open(t, url, 0)
		d := sampleDecision("a", 12345)
		l := won(t, j, d)
		_, err := j.Finish(t.Context(), l, 0, decision.Result{Outcome: decision.Cancelled, Title: "T"}, true)
		must(t, err)
		must(t, j.MarkAnnounced(t.Context(), decision.Record{ID: "a"}, "17.000001"))
		must(t, j.MarkAnnounced(t.Context(), decision.Record{ID: "a"}, "18")) // idempotent

		got, err := open(t, url, 0).Get(t.Context(), "a")
		must(t, err)
		if int64(got.Tasks[0].ID) != 12345 || got.Requester != "U1" || got.Confirmer != "U2" || got.Reason != d.Reason ||
			got.Outcome() != "cancelled" || got.Tasks[0].Detail != `{"title":"T"}` || got.MessageTS != "17.000001" ||
			got.Confirmation != d.Confirmation || got.MAC != d.MAC || !got.Tasks[0].Sent || got.Tasks[0].Tries != 1 ||
			got.AnnouncedAt.IsZero() || got.Tasks[0].FinishedAt.IsZero() ||
			got.DecidedAt.Sub(d.DecidedAt).Abs() > time.Millisecond {
			t.Errorf("got %+v", got)
		}
		if got.ResponseURL != "" {
			t.Error("the response_url outlives the announcement")
		}
		if _, err := j.Get(t.Context(), "none"); !errors.Is(err, journal.ErrGone) {
			t.Errorf("a decision that is not there: %v", err)
		}
	})
}

func TestOneOfManyClaimsWins(t *testing.T) {
	bothEngines(t, func(t *testing.T, url string) {
		replicas := []*journal.Journal{open(t, url, 0), open(t, url, 0)}
		for name, id := range map[string]func(i int) string{
			"one prompt, many clicks": func(int) string { return "same" },
			"many prompts, one task":  func(i int) string { return fmt.Sprint("p", i) },
		} {
			t.Run(name, func(t *testing.T) {
				var wins atomic.Int32
				var wg sync.WaitGroup
				for i := range 24 {
					wg.Go(func() {
						d := sampleDecision(id(i), int64(len(name)))
						d.MAC = fmt.Sprint(i) // each click is another
						c, err := replicas[i%2].Claim(t.Context(), d)
						if err != nil {
							t.Error(err)
						}
						if c.Won {
							wins.Add(1)
						} else if int64(c.Winners[0].Tasks[0].ID) != int64(d.Tasks[0].ID) {
							t.Errorf("lost to %+v", c.Winners[0])
						}
					})
				}
				wg.Wait()
				if wins.Load() != 1 {
					t.Errorf("%d claims won", wins.Load())
				}
			})
		}
	})
}

func TestClaimIsIdempotent(t *testing.T) {
	bothEngines(t, func(t *testing.T, url string) {
		j, other := open(t, url, 0), open(t, url, 0)
		d := sampleDecision("a", 1)
		won(t, j, d)
		won(t, j, d) // the answer was lost: it is still ours

		second := d
		second.MAC = "another click"
		if c, err := j.Claim(t.Context(), second); err != nil || c.Won || c.Winners[0].ID != "a" {
			t.Errorf("a second click: %+v, %v", c, err)
		}
		if c, err := other.Claim(t.Context(), d); err != nil || c.Won {
			t.Errorf("the same click at another replica: %+v, %v", c, err)
		}
		expire(t, url, "a")
		if got := take(t, other, journal.ToResolve); len(got) != 1 {
			t.Fatalf("taken over: %v", got)
		}
		if c, err := j.Claim(t.Context(), d); err != nil || c.Won {
			t.Errorf("after it was taken over: %+v, %v", c, err)
		}
	})
}

func TestOnlyFailedDecisionFreesItsTask(t *testing.T) {
	bothEngines(t, func(t *testing.T, url string) {
		j := open(t, url, 0)
		task := int64(0)
		for outcome, free := range map[decision.Outcome]bool{
			decision.Failed: true, decision.Unknown: true, decision.NotFound: true, decision.Cancelled: false,
		} {
			task++
			l := won(t, j, sampleDecision("first"+string(outcome), task))
			_, err := j.Finish(t.Context(), l, 0, decision.Result{Outcome: outcome}, false)
			must(t, err)
			c, err := j.Claim(t.Context(), sampleDecision("second"+string(outcome), task))
			if err != nil || c.Won != free {
				t.Errorf("after %s: won=%v, %v", outcome, c.Won, err)
			}
		}
	})
}

// A process that has lost a decision can't change it any more, no matter how it
// lost it.
func TestOldOwnerChangesNothing(t *testing.T) {
	bothEngines(t, func(t *testing.T, url string) {
		a, b := open(t, url, 0), open(t, url, 0)
		ctx := t.Context()
		old := won(t, a, sampleDecision("x", 1))
		if got := take(t, b, journal.ToResolve); len(got) != 0 {
			t.Fatalf("taken from a live owner: %v", got)
		}
		expire(t, url, "x")
		if got := take(t, a, journal.ToResolve, "x"); len(got) != 0 {
			t.Fatalf("taken from myself while I work on it: %v", got)
		}
		got := take(t, b, journal.ToResolve)
		if len(got) != 1 || got[0].Lease.Epoch != old.Epoch+1 || !got[0].Tasks[0].Sent || got[0].ResponseURL == "" || got[0].Reason == "" {
			t.Fatalf("taken over: %+v", got)
		}
		fresh := got[0].Lease

		_, err := a.Renew(ctx, old)
		lost(t, "renewing", err)
		_, err = a.MarkSent(ctx, old, 0)
		lost(t, "sending", err)
		_, err = a.MarkUnsent(ctx, old, 0)
		lost(t, "unsending", err)
		_, err = a.Finish(ctx, old, 0, decision.Result{Outcome: decision.Failed}, true)
		lost(t, "finishing", err)
		lost(t, "giving up", a.GiveUp(ctx, old, decision.Withdrawn))
		if renewed, err := a.RenewAll(ctx, []journal.Lease{old}); err != nil || len(renewed) != 0 {
			t.Errorf("renewing all: %v, %v", renewed, err)
		}
		must(t, a.Release(ctx, old))
		if _, err := b.Renew(ctx, fresh); err != nil {
			t.Errorf("the new owner after the old one's release: %v", err)
		}
		_, err = b.Finish(ctx, fresh, 0, decision.Result{Outcome: decision.Cancelled}, false)
		must(t, err)
		_, err = a.BeginAnnouncing(ctx, old)
		lost(t, "telling", err)
		// The same process with an old epoch is an old owner too.
		stale := fresh
		stale.Epoch--
		_, err = b.BeginAnnouncing(ctx, stale)
		lost(t, "telling at an old epoch", err)
	})
}

func TestOwnerAboutToPostKeepsItsDecisionLonger(t *testing.T) {
	bothEngines(t, func(t *testing.T, url string) {
		a, b := open(t, url, 30*time.Millisecond), open(t, url, 10*time.Minute)
		l := won(t, a, sampleDecision("x", 1))
		l, err := a.Finish(t.Context(), l, 0, decision.Result{Outcome: decision.Cancelled}, true)
		must(t, err)
		if left := time.Until(l.Until); left < time.Minute {
			t.Errorf("the lease ends in %s", left)
		}
		time.Sleep(60 * time.Millisecond)
		if got := take(t, b, journal.ToAnnounce); len(got) != 0 {
			t.Errorf("taken over while a post may be under way: %v", got)
		}
		must(t, a.Release(t.Context(), l)) // the result of the post is unknown, so the lease stays
		if got := take(t, b, journal.ToAnnounce); len(got) != 0 {
			t.Errorf("taken over after a release: %v", got)
		}
		l, err = a.NotAnnounced(t.Context(), l)
		must(t, err)
		must(t, a.Release(t.Context(), l))
		if got := take(t, b, journal.ToAnnounce); len(got) != 1 {
			t.Errorf("not free although nothing was posted: %v", got)
		}
	})
}

// A row vanishes after its outcome was posted. The process that restores it has the same
// time to record the post as before.
func TestRestoredOutcomeKeepsItsOwnerLonger(t *testing.T) {
	for o, work := range map[decision.Outcome]journal.Work{decision.Cancelled: journal.ToAnnounce, "": journal.ToResolve} {
		t.Run(string(o), func(t *testing.T) {
			bothEngines(t, func(t *testing.T, url string) {
				a, b := open(t, url, 30*time.Millisecond), open(t, url, 10*time.Minute)
				d := sampleDecision("x", 1)
				won(t, a, d)
				statement(t, url, "DELETE FROM decisions")
				d.Tasks[0].Outcome = o
				l, _, err := a.Restore(t.Context(), d)
				must(t, err)
				if left := time.Until(l.Until); (left > time.Minute) != (o != "") {
					t.Errorf("with the outcome %q, the lease ends in %s", o, left)
				}
				time.Sleep(60 * time.Millisecond)
				b.Steady(time.Now()) // no heartbeat of its owner is on record
				if got := take(t, b, work); (len(got) == 0) != (o != "") {
					t.Errorf("with the outcome %q, %d were taken over", o, len(got))
				}
			})
		})
	}
}

func TestTakesUnresolvedAndUnannouncedSeparately(t *testing.T) {
	bothEngines(t, func(t *testing.T, url string) {
		a, b := open(t, url, 10*time.Minute), open(t, url, 10*time.Minute)
		won(t, a, sampleDecision("open", 1))
		l := won(t, a, sampleDecision("done", 2))
		_, err := a.Finish(t.Context(), l, 0, decision.Result{Outcome: decision.Failed}, false)
		must(t, err)
		expire(t, url, "open")
		expire(t, url, "done")
		if got := take(t, b, journal.ToAnnounce); len(got) != 1 || got[0].Record.ID != "done" {
			t.Errorf("to tell: %v", got)
		}
		if got := take(t, b, journal.ToResolve); len(got) != 1 || got[0].Record.ID != "open" {
			t.Errorf("to resolve: %v", got)
		}
	})
}

func TestExpiredDecisionsGoToOneProcessEach(t *testing.T) {
	bothEngines(t, func(t *testing.T, url string) {
		dead := open(t, url, 10*time.Minute)
		for i := range 30 {
			won(t, dead, sampleDecision(fmt.Sprint("d", i), int64(100+i)))
		}
		statement(t, url, "UPDATE decisions SET leased_until = 1")
		seen := map[decision.ID]int{}
		var mu sync.Mutex
		var wg sync.WaitGroup
		for range 2 {
			j := open(t, url, 10*time.Minute)
			for range 4 {
				wg.Go(func() {
					taken, err := j.TakeExpired(t.Context(), journal.ToResolve, 10, nil)
					if err != nil {
						t.Error(err)
					}
					mu.Lock()
					defer mu.Unlock()
					for _, d := range taken {
						seen[d.Record.ID]++
					}
				})
			}
		}
		wg.Wait()
		for _, d := range take(t, open(t, url, 10*time.Minute), journal.ToResolve) {
			seen[d.Record.ID]++
		}
		if len(seen) != 30 {
			t.Errorf("%d were taken", len(seen))
		}
		for id, n := range seen {
			if n != 1 {
				t.Errorf("%s was taken %d times", id, n)
			}
		}
	})
}

// Only someone with access to the database can insert such a row.
func TestDecisionWithoutTasksIsNotTakenOver(t *testing.T) {
	bothEngines(t, func(t *testing.T, url string) {
		j := open(t, url, 0)
		statement(t, url, `INSERT INTO decisions (confirmation_id, team_id, channel_id, requester, confirmer, reason, requested_at, decided_at, epoch)
			VALUES ('x', '', '', '', '', '', '2026-01-01', '2026-01-01', 1)`)
		for _, w := range []journal.Work{journal.ToResolve, journal.ToAnnounce} {
			if got := take(t, j, w); len(got) != 0 {
				t.Errorf("work %d: %+v", w, got)
			}
		}
		if left, err := j.Backlog(t.Context()); err != nil || left.Unannounced != 0 {
			t.Errorf("backlog %+v, %v", left, err)
		}
	})
}

// If a clock is far ahead and then corrected, other processes can still take over
// the leases.
func TestAbsurdlyLateLeaseCountsAsExpired(t *testing.T) {
	bothEngines(t, func(t *testing.T, url string) {
		won(t, open(t, url, 0), sampleDecision("x", 1))
		statement(t, url, "UPDATE decisions SET leased_until = leased_until + 86400000")
		if got := take(t, open(t, url, 0), journal.ToResolve); len(got) != 1 {
			t.Errorf("taken over: %v", got)
		}
	})
}

func TestMarkSentRejectsOldClick(t *testing.T) {
	bothEngines(t, func(t *testing.T, url string) {
		j := open(t, url, 0)
		l := won(t, j, sampleDecision("x", 1))
		if _, err := j.MarkSent(t.Context(), l, 0); err != nil {
			t.Fatal(err)
		}
		statement(t, url, "UPDATE decisions SET claimed_at = claimed_at - 1900000")
		if _, err := j.MarkSent(t.Context(), l, 0); !errors.Is(err, journal.ErrTooLate) {
			t.Errorf("after more than half an hour: %v", err)
		}
	})
}

func TestSuccessorKnowsSentRequests(t *testing.T) {
	bothEngines(t, func(t *testing.T, url string) {
		a, b := open(t, url, 0), open(t, url, 0)
		l := won(t, a, sampleDecision("x", 1))
		l, err := a.MarkSent(t.Context(), l, 0)
		must(t, err)
		expire(t, url, "x")
		got := take(t, b, journal.ToResolve)
		if len(got) != 1 || !got[0].Tasks[0].Sent || got[0].Tasks[0].Tries != 2 {
			t.Fatalf("after sending: %+v", got)
		}
		_, err = b.MarkUnsent(t.Context(), got[0].Lease, 0)
		must(t, err)
		expire(t, url, "x")
		if got := take(t, a, journal.ToResolve); len(got) != 1 || got[0].Tasks[0].Sent {
			t.Errorf("after a clear answer: %+v", got)
		}
		_ = l
	})
}

func TestRestoresAVanishedDecision(t *testing.T) {
	bothEngines(t, func(t *testing.T, url string) {
		j := open(t, url, 0)
		d := sampleDecision("x", 1)
		l := won(t, j, d)
		statement(t, url, "DELETE FROM decisions")
		_, err := j.Finish(t.Context(), l, 0, decision.Result{Outcome: decision.Cancelled}, true)
		if !errors.Is(err, journal.ErrGone) {
			t.Fatalf("finishing what is not there: %v", err)
		}
		l, _, err = j.Restore(t.Context(), d)
		must(t, err)
		_, err = j.Finish(t.Context(), l, 0, decision.Result{Outcome: decision.Cancelled}, true)
		must(t, err)
		if _, _, err := j.Restore(t.Context(), d); !errors.Is(err, journal.ErrLost) {
			t.Errorf("restored what is there: %v", err)
		}
	})
}

// A row vanished after its outcomes were announced, and another process has restored it
// without them. It gets those that are final. The row of another click gets none.
func TestConcludeGivesARestoredRowItsOutcomes(t *testing.T) {
	bothEngines(t, func(t *testing.T, url string) {
		j := open(t, url, 0)
		results := []decision.Result{{Outcome: decision.Cancelled}, {Outcome: decision.Failed}, {Outcome: decision.NotCancellable, Status: chamelio.Completed}}
		for i, tt := range []struct {
			mac  string
			want []decision.Outcome
		}{
			{"", []decision.Outcome{decision.Cancelled, decision.Unknown, decision.NotCancellable}},
			{"another click", make([]decision.Outcome, 3)},
		} {
			d := sampleDecision(fmt.Sprint(i), int64(10*i+1))
			d.Tasks = append(d.Tasks, decision.Item{ID: chamelio.TaskID(10*i + 2)}, decision.Item{ID: chamelio.TaskID(10*i + 3)})
			l := won(t, j, d)
			announced := d.With(results...)
			announced.MAC = cmp.Or(tt.mac, d.MAC)
			must(t, j.Conclude(t.Context(), announced, "1.2"))
			must(t, j.Conclude(t.Context(), announced, "1.2"))
			got, err := j.Get(t.Context(), d.ID)
			must(t, err)
			for k, want := range tt.want {
				if got.Tasks[k].Outcome != want {
					t.Errorf("%q, task %d: %q, want %q", tt.mac, k, got.Tasks[k].Outcome, want)
				}
			}
			_, err = j.Renew(t.Context(), l)
			if ended := errors.Is(err, journal.ErrLost); ended == got.AnnouncedAt.IsZero() || ended != (tt.mac == "") {
				t.Errorf("%q: announced %v, its owner goes on: %v", tt.mac, got.AnnouncedAt, err)
			}
		}
	})
}

func TestMarkAnnouncedKeepsARowWithoutOutcome(t *testing.T) {
	bothEngines(t, func(t *testing.T, url string) {
		j := open(t, url, 0)
		if err := j.MarkAnnounced(t.Context(), decision.Record{ID: "x"}, "1.2"); !errors.Is(err, journal.ErrGone) {
			t.Errorf("of what is not there: %v", err)
		}
		l := won(t, j, sampleDecision("x", 1))
		if err := j.MarkAnnounced(t.Context(), decision.Record{ID: "x"}, "1.2"); !errors.Is(err, journal.ErrUnresolved) {
			t.Errorf("without an outcome: %v", err)
		}
		_, err := j.Finish(t.Context(), l, 0, decision.Result{Outcome: decision.Cancelled}, true)
		must(t, err)
		must(t, j.MarkAnnounced(t.Context(), decision.Record{ID: "x"}, "1.2"))
		if got, err := j.Get(t.Context(), "x"); err != nil || got.AnnouncedAt.IsZero() {
			t.Errorf("%+v, %v", got, err)
		}
	})
}

func TestVanishedDecisionYieldsToALaterOne(t *testing.T) {
	bothEngines(t, func(t *testing.T, url string) {
		j := open(t, url, 0)
		d := sampleDecision("x", 1)
		won(t, j, d)
		statement(t, url, "DELETE FROM decisions")
		won(t, j, sampleDecision("y", 1))
		l, tasks, err := j.Restore(t.Context(), d)
		must(t, err)
		if got, err := j.Get(t.Context(), "x"); err != nil || got.Outcome() != decision.Unknown || tasks[0].Result().Cause != decision.CauseOverruled {
			t.Errorf("restored as unknown: %+v, %+v, %v", tasks, got, err)
		}
		_, err = j.Finish(t.Context(), l, 0, decision.Result{Outcome: decision.Unknown}, true)
		must(t, err)
		if _, _, err := j.Restore(t.Context(), d); !errors.Is(err, journal.ErrLost) {
			t.Errorf("restored what is there: %v", err)
		}
	})
}

func TestWithdrawAndClaimExcludeEachOther(t *testing.T) {
	bothEngines(t, func(t *testing.T, url string) {
		j := open(t, url, 0)
		for range 2 { // idempotent
			if _, withdrawn, err := j.Withdraw(t.Context(), sampleDecision("w", 1)); err != nil || !withdrawn {
				t.Fatalf("withdrawing: %v, %v", withdrawn, err)
			}
		}
		if c, err := j.Claim(t.Context(), sampleDecision("w", 1)); err != nil || c.Won || c.Winners[0].Outcome() != decision.Withdrawn {
			t.Errorf("a claim after it: %+v, %v", c, err)
		}
		won(t, j, sampleDecision("c", 1)) // the task is free
		if first, withdrawn, err := j.Withdraw(t.Context(), sampleDecision("c", 1)); err != nil || withdrawn || first.ID != "c" {
			t.Errorf("a withdrawal after a claim: %+v, %v, %v", first, withdrawn, err)
		}
	})
}

// TestRequestHasOneRow lets every pair of a claim, a withdrawal and an expiry
// compete: the first one stays.
func TestRequestHasOneRow(t *testing.T) {
	bothEngines(t, func(t *testing.T, url string) {
		j := open(t, url, 0)
		ends := map[decision.Outcome]func(decision.Record) decision.Outcome{
			"": func(d decision.Record) decision.Outcome {
				c, err := j.Claim(t.Context(), d)
				must(t, err)
				if c.Won {
					return ""
				}
				return c.Winners[0].Outcome()
			},
			decision.Withdrawn: func(d decision.Record) decision.Outcome {
				first, done, err := j.Withdraw(t.Context(), d)
				must(t, err)
				if done != (first.Outcome() == decision.Withdrawn) {
					t.Errorf("withdrawn: %v, by %q", done, first.Outcome())
				}
				return first.Outcome()
			},
			decision.Superseded: func(d decision.Record) decision.Outcome {
				first, done, err := j.Supersede(t.Context(), d)
				must(t, err)
				if done != (first.Outcome() == decision.Superseded) {
					t.Errorf("superseded: %v, by %q", done, first.Outcome())
				}
				return first.Outcome()
			},
			decision.Expired: func(d decision.Record) decision.Outcome {
				first, done, err := j.Expire(t.Context(), d)
				must(t, err)
				if done != (first.Outcome() == decision.Expired) {
					t.Errorf("expired: %v, by %q", done, first.Outcome())
				}
				return first.Outcome()
			},
		}
		task := int64(0)
		for first, end := range ends {
			for second, late := range ends {
				task++
				d := sampleDecision(string(first)+" then "+string(second), task)
				if got := end(d); got != first {
					t.Errorf("%s: at first it is %q", d.ID, got)
				}
				if got := late(d); got != first {
					t.Errorf("%s: then it is %q", d.ID, got)
				}
			}
		}
	})
}

func TestGivenUpDecisionNeedsNoWork(t *testing.T) {
	bothEngines(t, func(t *testing.T, url string) {
		j := open(t, url, 0)
		must(t, j.GiveUp(t.Context(), won(t, j, sampleDecision("a", 1)), decision.Withdrawn))
		statement(t, url, "UPDATE decisions SET leased_until = 1")
		for _, w := range []journal.Work{journal.ToResolve, journal.ToAnnounce} {
			if got := take(t, j, w); len(got) != 0 {
				t.Errorf("work %d: %+v", w, got)
			}
		}
		if left, err := j.Backlog(t.Context()); err != nil || left.Unannounced != 0 {
			t.Errorf("backlog %+v, %v", left, err)
		}
		won(t, j, sampleDecision("again", 1)) // and its task is free
	})
}

func TestUnknownOutcomeIsFollowedUpUntilItIsSettled(t *testing.T) {
	bothEngines(t, func(t *testing.T, url string) {
		j := open(t, url, 0)
		ctx := t.Context()
		for id, outcome := range map[string]decision.Outcome{"u": decision.Unknown, "f": decision.Failed} {
			l := won(t, j, sampleDecision(id, int64(id[0])))
			_, err := j.Finish(ctx, l, 0, decision.Result{Outcome: outcome}, true)
			must(t, err)
			must(t, j.MarkAnnounced(ctx, decision.Record{ID: decision.ID(id)}, "7"))
		}
		due := func() []journal.Held {
			t.Helper()
			got, err := j.TakeUnsettled(ctx, 10, nil)
			must(t, err)
			return got
		}
		if got := due(); len(got) != 0 {
			t.Fatalf("at once: %+v", got)
		}
		soon := func() { statement(t, url, "UPDATE decisions SET check_after = 1, leased_until = 1") }
		soon()
		got := due()
		if len(got) != 1 || got[0].Record.ID != "u" || got[0].ResponseURL == "" || got[0].MessageTS != "7" {
			t.Fatalf("due: %+v", got)
		}
		must(t, j.CheckLater(ctx, got[0].Lease, time.Hour))
		soon()
		got = due()
		if len(got) != 1 || got[0].Checks != 1 {
			t.Fatalf("after a look: %+v", got)
		}
		l, err := settling(ctx, j, got[0].Lease, decision.Cancelled)
		must(t, err)
		_, err = settling(ctx, j, l, decision.Failed)
		lost(t, "settling it otherwise", err)
		must(t, j.MarkSettled(ctx, "u"))
		soon()
		if got := due(); len(got) != 0 {
			t.Errorf("after it is settled: %+v", got)
		}
		// A second call changes nothing.
		statement(t, url, "UPDATE decisions SET response_url = 'kept' WHERE confirmation_id = 'u'")
		d, err := j.Get(ctx, "u")
		if err != nil || d.Tasks[0].SettledOutcome != decision.Cancelled || d.Outcome() != decision.Unknown || d.SettledAt.IsZero() {
			t.Errorf("on record: %+v, %v", d, err)
		}
		must(t, j.MarkSettled(ctx, "u"))
		if again, err := j.Get(ctx, "u"); err != nil || !reflect.DeepEqual(again, d) {
			t.Errorf("settled once: %+v\ntwice: %+v, %v", d, again, err)
		}
	})
}

func TestReplicasKnowOfEachOther(t *testing.T) {
	bothEngines(t, func(t *testing.T, url string) {
		a, b := open(t, url, 0), open(t, url, 0)
		outside, err := journal.OpenReadOnly(t.Context(), url)
		must(t, err)
		defer outside.Close()
		beat := func(j *journal.Journal, serving bool, wantAlive, wantServing int) {
			t.Helper()
			if alive, serves, err := j.Beat(t.Context(), serving); err != nil || alive != wantAlive || serves != wantServing {
				t.Errorf("%d alive, %d others serve, %v; want %d, %d", alive, serves, err, wantAlive, wantServing)
			}
			if alive, err := outside.Replicas(t.Context()); err != nil || alive != wantAlive {
				t.Errorf("a command counts %d, %v; want %d", alive, err, wantAlive)
			}
		}
		if alive, err := outside.Replicas(t.Context()); err != nil || alive != 0 {
			t.Errorf("at first, a command counts %d, %v", alive, err)
		}
		beat(a, true, 1, 0)
		beat(b, true, 2, 1)
		beat(a, false, 2, 1)
		beat(b, true, 2, 0)
		must(t, a.Leave(t.Context()))
		beat(b, true, 1, 0)
		beat(a, true, 2, 1)
		statement(t, url, "UPDATE replicas SET seen_until = 1")
		beat(a, true, 1, 0)
	})
}

// A prompt about several tasks may be refused because of one of them, and then because of
// another one.
func TestEachRefusalIsRecordedOnce(t *testing.T) {
	bothEngines(t, func(t *testing.T, url string) {
		j := open(t, url, 0)
		for _, tasks := range [][]chamelio.TaskID{{1}, {2}, {1}, {1, 2}, {1, 2}} {
			must(t, j.Refused(t.Context(), decision.Note{ConfirmationID: "a", Tasks: tasks, Person: "U9", Code: "not_on_task", At: time.Now()}))
		}
		if found, err := j.Refusals(t.Context(), journal.Query{}); err != nil || len(found) != 3 {
			t.Errorf("%d refusals, %v: %+v", len(found), err, found)
		}
	})
}

func TestNotesForTheAuditChannel(t *testing.T) {
	bothEngines(t, func(t *testing.T, url string) {
		ctx := t.Context()
		j, err := journal.Open(ctx, url, journal.Options{Audit: true})
		must(t, err)
		t.Cleanup(func() { _ = j.Close() })
		j.Steady(time.Now())
		l := won(t, j, sampleDecision("a", 1))
		_, err = j.Finish(ctx, l, 0, decision.Result{Outcome: decision.Cancelled}, true)
		must(t, err)
		must(t, j.MarkAnnounced(ctx, decision.Record{ID: "a"}, "7"))
		refusal := decision.Note{ConfirmationID: "a", Tasks: []chamelio.TaskID{1}, Person: "U9", Code: "guest", At: time.Now().Add(-time.Minute)} // anyone can cause many
		must(t, j.Refused(ctx, refusal))
		must(t, j.Refused(ctx, refusal)) // pressed again

		first, err := j.TakeNote(ctx)
		must(t, err)
		if first.Kind != decision.NoteAnnouncement || first.Person != "U2" || first.Code != "cancelled" {
			t.Errorf("first: %+v", first)
		}
		second, err := j.TakeNote(ctx)
		must(t, err)
		if second.Kind != decision.NoteRefusal || second.Person != "U9" {
			t.Errorf("second: %+v", second)
		}
		if _, err := j.TakeNote(ctx); !errors.Is(err, journal.ErrGone) {
			t.Errorf("a third: %v", err)
		}
		must(t, j.MarkNoted(ctx, first))
		must(t, j.PutOff(ctx, second, -time.Second))
		again, err := j.TakeNote(ctx)
		if err != nil || again.ID != second.ID {
			t.Errorf("what was put off: %+v, %v", again, err)
		}
		must(t, j.Doubt(ctx, again, -time.Second))
		must(t, j.Doubt(ctx, again, -time.Second)) // its answer was lost
		if again, err = j.TakeNote(ctx); err != nil || again.Doubts != 1 {
			t.Errorf("a doubt: %+v, %v", again, err)
		}
		must(t, j.PutOff(ctx, second, -time.Second)) // an old owner
		if _, err := j.TakeNote(ctx); !errors.Is(err, journal.ErrGone) {
			t.Errorf("an old owner freed it: %v", err)
		}
	})
}

// TestLeaseOfAClockThatWentBackIsShort sets the journal's clock back by letting
// leases end later. A dead process's decision is taken over within the longest
// lease, a live one keeps its own, and a copy waits for as long as it was put off.
func TestLeaseOfAClockThatWentBackIsShort(t *testing.T) {
	bothEngines(t, func(t *testing.T, url string) {
		ctx := t.Context()
		j, err := journal.Open(ctx, url, journal.Options{Audit: true})
		must(t, err)
		t.Cleanup(func() { _ = j.Close() })
		other := open(t, url, 0)
		lease := won(t, j, sampleDecision("alive", 1))
		won(t, j, sampleDecision("dead", 2))
		const back = "UPDATE decisions SET leased_until = leased_until + %d"
		statement(t, url, fmt.Sprintf(back, (110*time.Second).Milliseconds()))
		if held := take(t, other, journal.ToResolve); len(held) != 0 {
			t.Errorf("taken within the longest lease: %+v", held)
		}
		statement(t, url, fmt.Sprintf(back, (5*time.Minute).Milliseconds()))
		_, err = j.Renew(ctx, lease)
		must(t, err)
		if held := take(t, other, journal.ToResolve); len(held) != 1 || held[0].Record.ID != "dead" {
			t.Errorf("taken: %+v", held)
		}
		must(t, j.Refused(ctx, decision.Note{Tasks: []chamelio.TaskID{1}, Person: "U9", Code: "guest", At: time.Now()}))
		n, err := j.TakeNote(ctx)
		must(t, err)
		must(t, j.Doubt(ctx, n, time.Hour))
		if n, err := j.TakeNote(ctx); !errors.Is(err, journal.ErrGone) {
			t.Errorf("a copy that was put off by an hour: %+v %v", n, err)
		}
	})
}

func TestRecentIsNewestFirstAndFiltered(t *testing.T) {
	bothEngines(t, func(t *testing.T, url string) {
		j := open(t, url, 0)
		start := time.Now().Add(-10 * time.Minute)
		for i := range 5 {
			d := sampleDecision(fmt.Sprint(i), int64(i+1))
			d.DecidedAt = start.Add(time.Duration(i) * time.Minute)
			won(t, j, d)
		}
		reader, err := journal.OpenReadOnly(t.Context(), url)
		must(t, err)
		t.Cleanup(func() { _ = reader.Close() })
		ids := func(q journal.Query) string {
			all, err := reader.Recent(t.Context(), q)
			must(t, err)
			var s []string
			for _, d := range all {
				s = append(s, string(d.ID))
			}
			return strings.Join(s, "")
		}
		for want, q := range map[string]journal.Query{
			"43210": {}, "43": {Limit: 2}, "2": {Task: 3}, "432": {Since: start.Add(2 * time.Minute)},
		} {
			if got := ids(q); got != want {
				t.Errorf("%+v: got %q, want %q", q, got, want)
			}
		}
	})
}

func TestReadOnlyOpenCreatesNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	if _, err := journal.OpenReadOnly(t.Context(), "sqlite:"+filepath.Join(dir, "x.db")); err == nil || !strings.Contains(err.Error(), "there is no journal") {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("it made the directory")
	}
}

func TestReadOnlyOpenRefusesAnOutdatedSchema(t *testing.T) {
	bothEngines(t, func(t *testing.T, url string) {
		open(t, url, 0)
		statement(t, url, "DELETE FROM goose_db_version WHERE version_id > 0")
		if _, err := journal.OpenReadOnly(t.Context(), url); err == nil || !strings.Contains(err.Error(), "older version") {
			t.Errorf("got %v", err)
		}
	})
}

func TestDetectsAReplacedFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.db")
	j := open(t, "sqlite:"+path, 0)
	must(t, j.Healthy(t.Context()))
	must(t, os.Rename(path, path+".old"))
	if err := j.Healthy(t.Context()); err == nil || !strings.Contains(err.Error(), "gone") {
		t.Errorf("deleted: %v", err)
	}
	must(t, os.WriteFile(path, nil, 0o600))
	if err := j.Healthy(t.Context()); err == nil || !strings.Contains(err.Error(), "replaced") {
		t.Errorf("replaced: %v", err)
	}
}

func TestReplicasStartTogether(t *testing.T) {
	bothEngines(t, func(t *testing.T, url string) {
		var wg sync.WaitGroup
		for range 6 {
			wg.Go(func() {
				j, err := journal.Open(t.Context(), url, journal.Options{})
				if err != nil {
					t.Error(err)
					return
				}
				_ = j.Close()
			})
		}
		wg.Wait()
	})
}

func TestOpenExplainsUnusablePath(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	must(t, os.WriteFile(file, []byte("no database, but long enough to be taken for one: "+strings.Repeat("x", 200)), 0o600))
	for url, want := range map[string]string{
		"sqlite:":                        "names no file",
		"sqlite:" + file + "/journal.db": "not a directory",
		"sqlite:" + dir:                  "is not a file",
		"sqlite:" + file:                 "not a database",
		"mysql://x":                      "sqlite: or postgres://",
		"postgres://u:hunter2@127.0.0.1:1/db?sslmode=disable": "connection refused",
		"postgres://u:hunter2@[::bad/db":                      "an IPv6 address without a closing bracket",
	} {
		_, err := journal.Open(t.Context(), url, journal.Options{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want it to say %q", url, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the password stands in %q", err)
		}
	}
}

func TestJournalFileIsPrivate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "deep er", "100%.db")
	j := open(t, "sqlite:"+path, 0)
	won(t, j, sampleDecision("a", 1))
	info, err := os.Stat(path)
	must(t, err)
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}
}

// Otherwise SQLite would walk through all rows in the order of their decisions
// each second, to find none that is due.
func TestQueryForWorkSkipsOldRows(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.db")
	j := open(t, "sqlite:"+path, 0)
	db, err := sql.Open("sqlite", path)
	must(t, err)
	defer db.Close()
	past := `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000) `
	for _, insert := range []string{
		`INSERT INTO decisions (confirmation_id, team_id, channel_id, requester, confirmer, reason, requested_at, decided_at, announced_at, epoch)
			SELECT 'old-' || i, '', '', '', '', '', '2026-01-01', '2026-01-01', '2026-01-01', 1 FROM n`,
		`INSERT INTO tasks (confirmation_id, position, task_id, finished_at, outcome) SELECT 'old-' || i, 0, i, '2026-01-01', 'cancelled' FROM n`,
	} {
		_, err = db.Exec(past + insert)
		must(t, err)
	}
	for what, look := range map[string]func() error{
		"to tell":    func() error { _, err := j.TakeExpired(t.Context(), journal.ToAnnounce, 64, nil); return err },
		"to resolve": func() error { _, err := j.TakeExpired(t.Context(), journal.ToResolve, 64, nil); return err },
		"to settle":  func() error { _, err := j.TakeUnsettled(t.Context(), 64, nil); return err },
		"backlog":    func() error { _, err := j.Backlog(t.Context()); return err },
		"health":     func() error { return j.Healthy(t.Context()) },
	} {
		fastest := time.Hour
		for range 10 {
			began := time.Now()
			must(t, look())
			fastest = min(fastest, time.Since(began))
		}
		if fastest > 5*time.Millisecond { // a walk takes ten times that
			t.Errorf("%s: %v", what, fastest)
		}
	}
}

// newDatabases creates an empty database of each engine on request.
func newDatabases(b *testing.B) map[string]func() string {
	return map[string]func() string{
		"sqlite":   func() string { return "sqlite:" + filepath.Join(b.TempDir(), "journal.db") },
		"postgres": func() string { return pgtest.Start(b) },
	}
}

// BenchmarkDecision measures the three writes of a flow, one flow at a time.
func BenchmarkDecision(b *testing.B) {
	for name, url := range newDatabases(b) {
		b.Run(name, func(b *testing.B) {
			j, err := journal.Open(b.Context(), url(), journal.Options{})
			if err != nil {
				b.Fatal(err)
			}
			defer j.Close()
			i := int64(0)
			for b.Loop() {
				i++
				c, err := j.Claim(b.Context(), sampleDecision(fmt.Sprint(i), i))
				if err != nil || !c.Won {
					b.Fatal(c.Won, err)
				}
				if _, err := j.Finish(b.Context(), c.Lease, 0, decision.Result{Outcome: decision.Cancelled}, true); err != nil {
					b.Fatal(err)
				}
				if err := j.MarkAnnounced(b.Context(), decision.Record{ID: c.Lease.ID}, "1.2"); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkRows measures how the journal's size affects a claim, the query for
// decisions to take over, and the latest rows of a history.
func BenchmarkRows(b *testing.B) {
	seeds := map[string]string{
		"sqlite":   `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d) `,
		"postgres": `WITH n(i) AS (SELECT generate_series(1, %d)) `,
	}
	inserts := []string{
		`INSERT INTO decisions (confirmation_id, team_id, channel_id, requester, confirmer, reason, requested_at, decided_at, announced_at, epoch)
			SELECT 'old-' || i, 'T', 'C', 'U', 'U', 'a reason of usual length', %[1]s, %[1]s, %[1]s, 1 FROM n`,
		`INSERT INTO tasks (confirmation_id, position, task_id, finished_at, outcome) SELECT 'old-' || i, 0, 1000000000 + i, %[1]s, 'cancelled' FROM n`,
	}
	for _, rows := range []int{0, 1_000_000} {
		for name, url := range newDatabases(b) {
			b.Run(fmt.Sprintf("%s/%d", name, rows), func(b *testing.B) {
				address := url()
				j, err := journal.Open(b.Context(), address, journal.Options{})
				if err != nil {
					b.Fatal(err)
				}
				defer j.Close()
				if rows > 0 {
					driver, source, at := "pgx", address, `TIMESTAMPTZ '2026-01-01' + i * INTERVAL '1 second'`
					if path, is := strings.CutPrefix(address, "sqlite:"); is {
						driver, source, at = "sqlite", path, `strftime('%Y-%m-%d %H:%M:%f+00:00', 1767225600 + i, 'unixepoch')`
					}
					db, err := sql.Open(driver, source)
					if err != nil {
						b.Fatal(err)
					}
					defer db.Close()
					for _, insert := range inserts {
						if _, err := db.Exec(fmt.Sprintf(seeds[name], rows) + fmt.Sprintf(insert, at)); err != nil {
							b.Fatal(err)
						}
					}
				}
				i := int64(0)
				b.Run("claim", func(b *testing.B) {
					for b.Loop() {
						i++
						if c, err := j.Claim(b.Context(), sampleDecision(fmt.Sprint(i), i)); err != nil || !c.Won {
							b.Fatal(c.Won, err)
						}
						if err := j.MarkAnnounced(b.Context(), decision.Record{ID: decision.ID(fmt.Sprint(i))}, ""); err != nil {
							b.Fatal(err)
						}
					}
				})
				b.Run("due", func(b *testing.B) {
					for b.Loop() {
						if _, err := j.TakeExpired(b.Context(), journal.ToAnnounce, 64, nil); err != nil {
							b.Fatal(err)
						}
					}
				})
				b.Run("history", func(b *testing.B) {
					for b.Loop() {
						if _, err := j.Recent(b.Context(), journal.Query{}); err != nil {
							b.Fatal(err)
						}
					}
				})
			})
		}
	}
}

func BenchmarkClaim(b *testing.B) {
	for name, url := range newDatabases(b) {
		b.Run(name, func(b *testing.B) {
			j, err := journal.Open(b.Context(), url(), journal.Options{})
			if err != nil {
				b.Fatal(err)
			}
			defer j.Close()
			i := int64(0)
			for b.Loop() {
				i++
				if c, err := j.Claim(b.Context(), sampleDecision(fmt.Sprint(i), i)); err != nil || !c.Won {
					b.Fatal(c.Won, err)
				}
			}
		})
	}
}

// BenchmarkSync is the baseline of BenchmarkClaim: one small write and the
// disk's own sync.
func BenchmarkSync(b *testing.B) {
	f, err := os.Create(filepath.Join(b.TempDir(), "f"))
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	page := make([]byte, 4096)
	for b.Loop() {
		if _, err := f.Write(page); err != nil {
			b.Fatal(err)
		}
		if err := f.Sync(); err != nil {
			b.Fatal(err)
		}
	}
}

// A killed process leaves its lock file behind, unlocked: the next start knows
// that the process is dead, and continues at once.
func TestDecisionsOfADeadProcessAreFreeAtOnceOnItsMachine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.db")
	url := "sqlite:" + path
	dead := open(t, url, 10*time.Minute)
	l := won(t, dead, sampleDecision("x", 1))
	_, err := dead.Finish(t.Context(), l, 0, decision.Result{Outcome: decision.Cancelled}, true)
	must(t, err)
	if got := take(t, open(t, url, 0), journal.ToAnnounce); len(got) != 0 {
		t.Fatalf("taken over from a living process: %v", got)
	}
	must(t, dead.Close()) // it lets the lock go, as the kernel does
	if got := take(t, open(t, url, 0), journal.ToAnnounce); len(got) != 1 {
		t.Errorf("not free: %v", got)
	}
	if left, _ := filepath.Glob(path + ".owner-" + dead.Owner()); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

// The database is locked at the moment at which a process notices that another one is
// dead. It notices again.
func TestDeadProcessIsNoticedAgainAfterAFailure(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.db")
	url := "sqlite:" + path
	dead, alive := open(t, url, 10*time.Minute), open(t, url, 0)
	l := won(t, dead, sampleDecision("x", 1))
	_, err := dead.Finish(t.Context(), l, 0, decision.Result{Outcome: decision.Cancelled}, true)
	must(t, err)
	must(t, dead.Close())
	db, err := sql.Open("sqlite", path)
	must(t, err)
	defer db.Close()
	busy, err := db.Conn(t.Context())
	must(t, err)
	defer busy.Close()
	_, err = busy.ExecContext(t.Context(), "BEGIN IMMEDIATE")
	must(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, _, err := alive.Beat(ctx, true); err == nil {
		t.Error("the database isn't locked")
	}
	_, err = busy.ExecContext(t.Context(), "ROLLBACK")
	must(t, err)
	_, _, err = alive.Beat(t.Context(), true)
	must(t, err)
	if got := take(t, alive, journal.ToAnnounce); len(got) != 1 {
		t.Errorf("not free: %v", got)
	}
	if left, _ := filepath.Glob(path + ".owner-" + dead.Owner()); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestCloseReleasesItsFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.db")
	j := open(t, "sqlite:"+path, 0)
	won(t, j, sampleDecision("x", 1))
	_, err := j.Get(t.Context(), "x")
	must(t, err)
	must(t, j.Close())
	// Closing the last connection deletes the log.
	if _, err := os.Stat(path + "-wal"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("somebody still has the file open: %v", err)
	}
}
