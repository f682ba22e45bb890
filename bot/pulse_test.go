package bot

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/work"
)

// TestPulseDetectsStalls stops reading, acknowledging and working, one at a
// time.
func TestPulseDetectsStalls(t *testing.T) {
	says := func(p *pulse, want string) {
		t.Helper()
		if err := p.check(); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
	t.Run("a stuck reader", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			p := new(pulse)
			accepted := p.accept()
			time.Sleep(acceptStalled)
			says(p, "")
			time.Sleep(time.Second)
			p.accept()() // another connection still reads
			p.acknowledged()
			says(p, "isn't accepted")
			accepted()
			p.acknowledged()
			says(p, "")
		})
	})
	t.Run("no acknowledgements", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			p := new(pulse)
			p.accept()()
			time.Sleep(acceptStalled / 2)
			p.accept()()
			time.Sleep(acceptStalled/2 + time.Second)
			says(p, "nothing is acknowledged")
			p.acknowledged()
			time.Sleep(time.Hour)
			says(p, "")
		})
	})
	t.Run("workers that don't move", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			pool := work.NewPool(1, 3, slog.New(slog.DiscardHandler))
			stuck := func(ctx context.Context) { <-ctx.Done() }
			pool.Reserve(stuck)(ctx)
			synctest.Wait()
			time.Sleep(time.Hour)
			if age := pool.Stalled(); age != 0 {
				t.Errorf("nothing waits, and it has stalled for %s", age)
			}
			pool.Reserve(stuck)(ctx)
			synctest.Wait()
			time.Sleep(time.Minute)
			if age := pool.Stalled(); age != time.Minute {
				t.Errorf("it has stalled for %s", age)
			}
			cancel()
			synctest.Wait()
			if age := pool.Stalled(); age != 0 {
				t.Errorf("it still has stalled for %s", age)
			}
		})
	})
}
