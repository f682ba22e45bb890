package carry

import (
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/work"
)

// decided is a journal in which every decision has its outcome.
type decided struct{}

func (decided) Get(context.Context, decision.ID) (decision.Record, error) {
	return decision.Record{Tasks: []decision.Item{{Outcome: decision.Cancelled}}}, nil
}

// TestOneFollowerDelaysNoOther follows decisions for many people whom Slack
// can't reach, and for one whom it can.
func TestOneFollowerDelaysNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := slog.New(slog.DiscardHandler)
		group := work.NewGroup(log)
		f := newFollowers(t.Context(), decided{}, group, log)
		began := time.Now()
		for range 100 {
			f.add("x", func(ctx context.Context, _ decision.Record) { <-ctx.Done() })
		}
		told := make(chan time.Duration, 1)
		f.add("y", func(context.Context, decision.Record) { told <- time.Since(began) })
		if err := f.check(t.Context()); err != nil || time.Since(began) > time.Second {
			t.Errorf("the loop took %s, %v", time.Since(began), err)
		}
		if took := <-told; took > time.Second {
			t.Errorf("told after %s", took)
		}
		group.Wait(t.Context())
	})
}
