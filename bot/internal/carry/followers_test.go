package carry

import (
	"context"
	"log/slog"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/work"
)

// journalOf is a journal with these decisions.
type journalOf map[decision.ID]decision.Record

func (j journalOf) Get(_ context.Context, id decision.ID) (decision.Record, error) { return j[id], nil }

// Someone whose tasks two decisions have gets the outcomes of their tasks, once
// they have them all.
func TestFollowerOfTwoDecisionsWaitsForBoth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := slog.New(slog.DiscardHandler)
		group := work.NewGroup(log)
		of := func(id decision.ID, tasks ...decision.Item) decision.Record {
			return decision.Record{ID: id, Tasks: tasks}
		}
		j := journalOf{
			"x": of("x", decision.Item{ID: 1, Outcome: decision.Cancelled}, decision.Item{ID: 2}),
			"y": of("y", decision.Item{ID: 3}, decision.Item{ID: 4, Outcome: decision.Failed}),
		}
		f := newFollowers(t.Context(), j, group, log)
		var told []decision.Record
		f.add("ada", []decision.Record{of("x", decision.Item{ID: 1}), of("y", decision.Item{ID: 3})}, func(_ context.Context, d []decision.Record) { told = d })
		check := func() {
			if err := f.check(t.Context()); err != nil {
				t.Error(err)
			}
			group.Wait(t.Context())
		}
		if check(); told != nil {
			t.Fatalf("delivered before each is decided: %+v", told)
		}
		j["y"] = j["y"].With(decision.Result{Outcome: decision.Unknown}, decision.Result{})
		delete(j, "x") // what was read stays
		check()
		if len(told) != 2 || len(told[0].Tasks) != 1 || told[0].Outcome() != decision.Cancelled || len(told[1].Tasks) != 1 || told[1].Outcome() != decision.Unknown {
			t.Errorf("delivered %+v", told)
		}
	})
}

// decided is a journal in which every decision has its outcome.
type decided struct{}

func (decided) Get(context.Context, decision.ID) (decision.Record, error) {
	return decision.Record{Tasks: []decision.Item{{Outcome: decision.Cancelled}}}, nil
}

// winner returns a decision without an outcome, in a list.
func winner(id decision.ID) []decision.Record {
	return []decision.Record{{ID: id, Tasks: make([]decision.Item, 1)}}
}

// TestOneFollowerDelaysNoOther follows decisions for many people whom Slack
// can't reach, and for one whom it can.
func TestOneFollowerDelaysNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := slog.New(slog.DiscardHandler)
		group := work.NewGroup(log)
		f := newFollowers(t.Context(), decided{}, group, log)
		began := time.Now()
		for n := range 100 {
			f.add(strconv.Itoa(n), winner("x"), func(ctx context.Context, _ []decision.Record) { <-ctx.Done() })
		}
		told := make(chan time.Duration, 1)
		f.add("ada", winner("y"), func(context.Context, []decision.Record) { told <- time.Since(began) })
		if err := f.check(t.Context()); err != nil || time.Since(began) > time.Second {
			t.Errorf("the loop took %s, %v", time.Since(began), err)
		}
		if took := <-told; took > time.Second {
			t.Errorf("told after %s", took)
		}
		group.Wait(t.Context())
	})
}

// Nine people press a request as often as they may. Others' prompts are still updated.
func TestFollowersOfOnePersonLeaveRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := slog.New(slog.DiscardHandler)
		group := work.NewGroup(log)
		f := newFollowers(t.Context(), decided{}, group, log)
		for n := range 9 {
			for range maxFollowers {
				f.add(strconv.Itoa(n), winner("x"), func(context.Context, []decision.Record) {})
			}
		}
		told := false
		f.add("ada", winner("y"), func(context.Context, []decision.Record) { told = true })
		if err := f.check(t.Context()); err != nil {
			t.Error(err)
		}
		if group.Wait(t.Context()); !told {
			t.Error("Ada isn't told")
		}
	})
}
