package journal_test

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/journal"
	"github.com/cancelbot/cancelbot/chamelio"
)

// A request is reminded of once, and one process handles its end, until it is
// deleted.
func TestOpenRequestIsTakenByOneProcess(t *testing.T) {
	bothEngines(t, func(t *testing.T, url string) {
		replicas := []*journal.Journal{open(t, url, 0), open(t, url, 0), open(t, url, 0)}
		ctx := t.Context()
		taken := func(take func(*journal.Journal) ([]journal.Request, error)) (n int32) {
			var wg sync.WaitGroup
			for _, j := range replicas {
				wg.Go(func() {
					found, err := take(j)
					if err != nil {
						t.Error(err)
					}
					atomic.AddInt32(&n, int32(len(found)))
				})
			}
			wg.Wait()
			return n
		}
		remind := func(j *journal.Journal) ([]journal.Request, error) { return j.TakeToRemind(ctx, 10) }
		end := func(j *journal.Journal) ([]journal.Request, error) { return j.TakeEnded(ctx, 10) }
		want := func(what string, got, want int32) {
			t.Helper()
			if got != want {
				t.Errorf("%s: taken %d times, want %d", what, got, want)
			}
		}
		r := journal.Request{ID: "1", MessageTS: "1.1", Confirmation: "2.signed"}
		must(t, replicas[0].Opened(ctx, r, time.Millisecond, time.Hour))
		must(t, replicas[0].Opened(ctx, r, time.Millisecond, time.Hour)) // again
		must(t, replicas[0].Opened(ctx, journal.Request{ID: "2"}, 0, time.Hour))
		time.Sleep(5 * time.Millisecond)
		want("the reminder", taken(remind), 1)
		want("the reminder, again", taken(remind), 0)
		want("the end, before it came", taken(end), 0)
		statement(t, url, `UPDATE requests SET ends_at = 1`)
		want("the ends", taken(end), 2)
		want("the ends, again", taken(end), 0)
		statement(t, url, `UPDATE requests SET taken_until = 1`)
		must(t, replicas[1].Forget(ctx, "2"))
		found, err := replicas[2].TakeEnded(ctx, 10)
		must(t, err)
		if len(found) != 1 || found[0] != r {
			t.Errorf("found %+v", found)
		}
	})
}

func TestOutcomeOfAPrompt(t *testing.T) {
	bothEngines(t, func(t *testing.T, url string) {
		j := open(t, url, 0)
		if _, err := j.Became(t.Context(), "1", []chamelio.TaskID{7}); !errors.Is(err, journal.ErrGone) {
			t.Errorf("got %v", err)
		}
		won(t, j, sampleDecision("other", 7))
		_, _, err := j.Withdraw(t.Context(), sampleDecision("own", 7))
		must(t, err)
		for prompt, want := range map[decision.ID]decision.ID{"own": "own", "third": "other"} {
			if d, err := j.Became(t.Context(), prompt, []chamelio.TaskID{7}); err != nil || len(d) != 1 || d[0].ID != want {
				t.Errorf("%s: %v, %v", prompt, d, err)
			}
		}
	})
}
