package journal_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
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

// More requests are due than are taken at a time, and nothing can be done about the
// first ones: those that weren't tried yet come before they are tried again.
func TestRequestTriedLeastRecentlyIsTakenFirst(t *testing.T) {
	for name, tt := range map[string]struct {
		remind, end time.Duration
		lapse       string
		take        func(*journal.Journal, context.Context, int) ([]journal.Request, error)
	}{
		"to remind of": {time.Millisecond, time.Minute, `UPDATE requests SET remind_at = remind_at - 30000 WHERE confirmation_id IN ('a', 'b')`, (*journal.Journal).TakeToRemind},
		"ended":        {0, time.Millisecond, `UPDATE requests SET taken_until = taken_until - 30000 WHERE taken_until > 0`, (*journal.Journal).TakeEnded},
	} {
		t.Run(name, func(t *testing.T) {
			bothEngines(t, func(t *testing.T, url string) {
				ctx, j := t.Context(), open(t, url, 0)
				for _, id := range []decision.ID{"a", "b", "c"} {
					must(t, j.Opened(ctx, journal.Request{ID: id}, tt.remind, tt.end))
					time.Sleep(5 * time.Millisecond)
				}
				for _, want := range [][]decision.ID{{"a", "b"}, {"c"}} {
					found, err := tt.take(j, ctx, len(want))
					must(t, err)
					var got []decision.ID
					for _, r := range found {
						got = append(got, r.ID)
					}
					if slices.Sort(got); !slices.Equal(got, want) {
						t.Errorf("taken: %v, not %v", got, want)
					}
					statement(t, url, tt.lapse)
				}
			})
		})
	}
}

// A forged request can't be set aside: another row has its place there. The others are
// taken.
func TestRequestThatCannotBeJudgedDelaysNoOther(t *testing.T) {
	bothEngines(t, func(t *testing.T, url string) {
		ctx, j := t.Context(), openTrusting(t, url, "xoxb-1")
		for _, id := range []string{"a", "c"} {
			forge(t, url, fmt.Sprintf(`INSERT INTO requests (confirmation_id, message_ts, confirmation, remind_at, ends_at) VALUES ('%s', '1.2', 'x', 0, 1)`, id))
		}
		must(t, j.Opened(ctx, journal.Request{ID: "b"}, 0, 0))
		statement(t, url, `CREATE UNIQUE INDEX place ON set_aside (kind)`)
		time.Sleep(5 * time.Millisecond)
		if found, err := j.TakeEnded(ctx, 5); err == nil || len(found) != 1 || found[0].ID != "b" {
			t.Errorf("taken: %+v, %v", found, err)
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

// A reminder is posted once, never after the end, and never of a request that was
// decided.
func TestReminderIsDueOnce(t *testing.T) {
	bothEngines(t, func(t *testing.T, url string) {
		ctx, j := t.Context(), openTrusting(t, url, "xoxb-1")
		due := func(want int) {
			t.Helper()
			time.Sleep(5 * time.Millisecond)
			if found, err := j.TakeToRemind(ctx, 5); err != nil || len(found) != want {
				t.Errorf("%+v %v, want %d", found, err, want)
			}
		}
		begin := func(id decision.ID, by uint32, want bool) {
			t.Helper()
			if first, err := j.BeginReminding(ctx, id, by); err != nil || first != want {
				t.Errorf("begun: %v %v, want %v", first, err, want)
			}
		}
		must(t, j.Opened(ctx, journal.Request{ID: "over"}, time.Millisecond, time.Millisecond))
		must(t, j.Opened(ctx, journal.Request{ID: "a"}, time.Millisecond, time.Minute))
		due(1)
		begin("a", 0, true)
		begin("a", 0, true) // its answer was lost
		begin("a", math.MaxUint32, false)
		must(t, j.RemindLater(ctx, "a", 0, time.Millisecond))
		due(1)
		begin("a", math.MaxUint32, true)
		must(t, j.RemindLater(ctx, "a", 0, time.Millisecond)) // its answer was lost
		due(0)
		won(t, j.Journal, sampleDecision("a", 1))
		must(t, j.RemindLater(ctx, "a", math.MaxUint32, time.Millisecond))
		due(0)
	})
}

// A request that was decided isn't closed again if the row that says how is lost.
func TestDecidedRequestIsNotWithdrawn(t *testing.T) {
	bothEngines(t, func(t *testing.T, url string) {
		j := openTrusting(t, url, "xoxb-1")
		d := j.click(1)
		must(t, j.Opened(t.Context(), journal.Request{ID: d.ID}, 0, time.Minute))
		won(t, j.Journal, d)
		statement(t, url, "DELETE FROM decisions")
		if first, withdrawn, err := j.Withdraw(t.Context(), d); withdrawn || !errors.Is(err, journal.ErrDecided) {
			t.Errorf("%+v %v %v", first, withdrawn, err)
		}
	})
}

// A decision that has an outcome can neither be claimed again nor given up.
func TestFinishedDecisionStays(t *testing.T) {
	bothEngines(t, func(t *testing.T, url string) {
		j := open(t, url, 0)
		d := sampleDecision("d", 1)
		l, err := j.Finish(t.Context(), won(t, j, d), 0, decision.Result{Outcome: decision.Failed}, false)
		must(t, err)
		if c, err := j.Claim(t.Context(), d); err != nil || c.Won || len(c.Winners) != 1 {
			t.Errorf("%+v %v", c, err)
		}
		lost(t, "giving it up", j.GiveUp(t.Context(), l, decision.Withdrawn))
	})
}

// A request that was decided doesn't become what others made of its tasks if the row
// that says how is lost.
func TestDecidedRequestBecomesNothingElse(t *testing.T) {
	bothEngines(t, func(t *testing.T, url string) {
		j := openTrusting(t, url, "xoxb-1")
		d, other := j.click(1), j.click(1)
		must(t, j.Opened(t.Context(), journal.Request{ID: d.ID}, 0, time.Minute))
		won(t, j.Journal, d)
		if got, err := j.Became(t.Context(), d.ID, d.IDs()); err != nil || len(got) != 1 || got[0].ID != d.ID {
			t.Errorf("%+v %v", got, err)
		}
		statement(t, url, "DELETE FROM decisions")
		won(t, j.Journal, other)
		if got, err := j.Became(t.Context(), d.ID, d.IDs()); !errors.Is(err, journal.ErrDecided) {
			t.Errorf("%+v %v", got, err)
		}
	})
}
