package journal_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/journal"
)

// TestStepsAndRenewalsRunConcurrently changes a decision and its task while the
// lease is renewed all the time. On Postgres each statement then finds rows
// that others changed after it began.
func TestStepsAndRenewalsRunConcurrently(t *testing.T) {
	bothEngines(t, func(t *testing.T, url string) {
		j := open(t, url, time.Minute)
		l := won(t, j, sampleDecision("x", 1))
		ctx, stop := context.WithCancel(context.Background())
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() {
				for ctx.Err() == nil {
					if still, err := j.RenewAll(t.Context(), []journal.Lease{l}); err != nil || len(still) != 1 {
						t.Errorf("renewing: %v, %v", still, err)
					}
				}
			})
		}
		tries := 1
		for range 200 {
			_, err := j.MarkUnsent(t.Context(), l, 0)
			must(t, err)
			var both sync.WaitGroup
			for range 2 { // as a call does that is repeated while the first is still running
				both.Go(func() {
					if _, err := j.MarkSent(t.Context(), l, 0); err != nil {
						t.Error(err)
					}
				})
				tries++
			}
			both.Wait()
		}
		var wins, losses int
		var mu sync.Mutex
		var all sync.WaitGroup
		for _, o := range []decision.Outcome{decision.Cancelled, decision.Failed, decision.Cancelled, decision.Failed} {
			all.Go(func() {
				_, err := j.Finish(t.Context(), l, 0, decision.Result{Outcome: o, Detail: string(o)}, true)
				mu.Lock()
				defer mu.Unlock()
				switch {
				case err == nil:
					wins++
				case errors.Is(err, journal.ErrLost):
					losses++
				default:
					t.Error(err)
				}
			})
		}
		all.Wait()
		stop()
		wg.Wait()
		d, err := j.Get(t.Context(), "x")
		if err != nil || d.Tasks[0].Tries != tries || wins != 2 || losses != 2 || d.Tasks[0].Result().Detail != string(d.Outcome()) {
			t.Errorf("%d tries, %d wins, %d losses: %+v, %v", tries, wins, losses, d, err)
		}
	})
}

// TestMoreCallsThanConnections claims more decisions at once than a process that just
// started has connections. If a transaction needed a second connection, all would wait for
// each other.
func TestMoreCallsThanConnections(t *testing.T) {
	j, err := journal.Open(t.Context(), postgres(t), journal.Options{MaxConns: journal.MinMaxConns})
	must(t, err)
	t.Cleanup(func() { _ = j.Close() })
	var all sync.WaitGroup
	for n := range 4 * journal.MinMaxConns {
		all.Go(func() {
			d := sampleDecision(fmt.Sprint(n), int64(2*n))
			d.Tasks = append(d.Tasks, decision.Item{ID: d.Tasks[0].ID + 1})
			c, err := j.Claim(t.Context(), d)
			if err == nil {
				_, err = j.Finish(t.Context(), c.Lease, 0, decision.Result{Outcome: decision.Cancelled}, false)
			}
			if err != nil || !c.Won {
				t.Errorf("%+v, %v", c, err)
			}
		})
	}
	all.Wait()
}

// TestTakeoverAndOwnerRunConcurrently lets a lease lapse while its owner records
// an outcome. Either the owner did and still has the decision, or the other
// process has it without the outcome.
func TestTakeoverAndOwnerRunConcurrently(t *testing.T) {
	bothEngines(t, func(t *testing.T, url string) {
		owner, other := open(t, url, time.Minute), open(t, url, time.Minute)
		for i := range 40 {
			id := fmt.Sprint("x", i)
			l := won(t, owner, sampleDecision(id, int64(i+1)))
			expire(t, url, id)
			var finished error
			var taken []journal.Held
			var wg sync.WaitGroup
			wg.Go(func() {
				_, finished = owner.Finish(t.Context(), l, 0, decision.Result{Outcome: decision.Failed}, false)
			})
			wg.Go(func() {
				var err error
				if taken, err = other.TakeExpired(t.Context(), journal.ToResolve, 10, nil); err != nil {
					t.Error(err)
				}
			})
			wg.Wait()
			d, err := other.Get(t.Context(), decision.ID(id))
			must(t, err)
			if len(taken) == 1 == (finished == nil) || (d.Outcome() == decision.Failed) != (finished == nil) {
				t.Fatalf("%d: finished: %v, taken: %d, on record: %q", i, finished, len(taken), d.Outcome())
			}
			if len(taken) == 1 {
				must(t, other.GiveUp(t.Context(), taken[0].Lease, decision.Withdrawn))
			}
		}
	})
}
