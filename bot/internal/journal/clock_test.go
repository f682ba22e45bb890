package journal_test

import (
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/clock"
	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/journal"
)

func TestClockOffset(t *testing.T) {
	bothEngines(t, func(t *testing.T, url string) {
		measure := map[string]func() (clock.Offset, error){
			"before it is opened": func() (clock.Offset, error) { return journal.MeasureClock(t.Context(), url) },
			"open":                func() (clock.Offset, error) { return open(t, url, 0).ClockOffset(t.Context()) },
		}
		for when, offset := range measure {
			got, err := offset()
			if err != nil || got.By.Abs() > got.Error+time.Millisecond {
				t.Errorf("%s: got %+v, %v: it is one machine", when, got, err)
			}
		}
	})
}

// TestWaitsOfAClockThatWentBackEnd sets the journal's clock back by an hour, by letting
// the next check of an unknown outcome and the end of a request come later. Both are
// taken.
func TestWaitsOfAClockThatWentBackEnd(t *testing.T) {
	bothEngines(t, func(t *testing.T, url string) {
		ctx, j := t.Context(), open(t, url, 0)
		_, err := j.Finish(ctx, won(t, j, sampleDecision("d", 1)), 0, decision.Result{Outcome: decision.Unknown}, true)
		must(t, err)
		must(t, j.MarkAnnounced(ctx, decision.Record{ID: "d"}, "1.2"))
		must(t, j.Opened(ctx, journal.Request{ID: "p"}, 0, 12*time.Hour)) // counts as the longest time
		taken := func() (checks, ends int) {
			t.Helper()
			held, err := j.TakeUnsettled(ctx, 5, nil)
			must(t, err)
			ended, err := j.TakeEnded(ctx, 5)
			must(t, err)
			return len(held), len(ended)
		}
		if checks, ends := taken(); checks != 0 || ends != 0 {
			t.Errorf("at once: %d checks, %d ends", checks, ends)
		}
		statement(t, url, `UPDATE decisions SET check_after = check_after + 3600000; UPDATE requests SET ends_at = ends_at + 3600000`)
		if checks, ends := taken(); checks != 1 || ends != 1 {
			t.Errorf("an hour back: %d checks, %d ends", checks, ends)
		}
	})
}

// TestLongWaitIsKept puts a check off by more than the longest wait.
func TestLongWaitIsKept(t *testing.T) {
	bothEngines(t, func(t *testing.T, url string) {
		ctx, j := t.Context(), open(t, url, 0)
		_, err := j.Finish(ctx, won(t, j, sampleDecision("d", 1)), 0, decision.Result{Outcome: decision.Unknown}, true)
		must(t, err)
		must(t, j.MarkAnnounced(ctx, decision.Record{ID: "d"}, "1.2"))
		statement(t, url, `UPDATE decisions SET check_after = 1`)
		held, err := j.TakeUnsettled(ctx, 5, nil)
		must(t, err)
		must(t, j.CheckLater(ctx, held[0].Lease, 24*time.Hour))
		if held, err := j.TakeUnsettled(ctx, 5, nil); err != nil || len(held) != 0 {
			t.Errorf("at once: %+v %v", held, err)
		}
	})
}
