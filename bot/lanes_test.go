package bot

import (
	"context"
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/journal"
	"github.com/cancelbot/cancelbot/chamelio"
)

// undecided is a journal in which no prompt has a row.
type undecided struct{ openRequests }

func (undecided) Became(context.Context, decision.ID, []chamelio.TaskID) ([]decision.Record, error) {
	return nil, journal.ErrGone
}

func TestRequestDoesNotExpireWhileClickIsJudged(t *testing.T) {
	r := &requests{journal: undecided{}, judging: newJudging()} // without a carrier: it would be asked to expire it
	_, judged := r.judging.begin("x")
	defer judged()
	d, _, err := r.became(t.Context(), request{Request: journal.Request{ID: "x"}, Confirmation: decision.Confirmation{ID: "x"}})
	if err != nil || len(d) != 0 {
		t.Errorf("got %+v, %v", d, err)
	}
}

func TestFullLaneDelaysNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		l := newLanes(slog.New(slog.DiscardHandler))
		var running, most, done atomic.Int32
		for range 10 * maxInLane {
			l.run(ctx, "C1", func(ctx context.Context) {
				most.Store(max(most.Load(), running.Add(1)))
				<-ctx.Done()
			})
		}
		if free := l.free(); free != maxInLanes-maxInLane {
			t.Errorf("there is room for %d", free)
		}
		l.run(ctx, "C2", func(context.Context) { done.Add(1) })
		synctest.Wait()
		if most.Load() != laneWidth || done.Load() != 1 {
			t.Errorf("%d ran in the full lane, %d in the other", most.Load(), done.Load())
		}
		time.Sleep(laneWait + time.Second) // those that wait give up
		if free := l.free(); free != maxInLanes-laneWidth {
			t.Errorf("later there is room for %d", free)
		}
		cancel()
		l.wait()
		if l.free() != maxInLanes || len(l.lane) != 0 {
			t.Error("jobs are left")
		}
	})
}
