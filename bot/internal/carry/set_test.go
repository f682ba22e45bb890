package carry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/journal"
)

// renewsNothing is a journal in which this process owns nothing any more.
type renewsNothing struct{ released []journal.Lease }

func (*renewsNothing) RenewAll(context.Context, []journal.Lease) ([]journal.Lease, error) {
	return nil, nil
}

func (j *renewsNothing) Release(_ context.Context, all ...journal.Lease) error {
	j.released = append(j.released, all...)
	return nil
}

func (*renewsNothing) Lease() time.Duration { return 10 * time.Second }

func lease(id decision.ID, epoch int64, lasts time.Duration) journal.Lease {
	return journal.Lease{ID: id, Epoch: epoch, Until: time.Now().Add(lasts)}
}

func TestDecisionIsHeldOnce(t *testing.T) {
	set := newWorkingSet(&renewsNothing{}, slog.New(slog.DiscardHandler))
	former := set.add(t.Context(), decision.Record{ID: "a"}, lease("a", 1, time.Minute), false)
	later := set.add(t.Context(), decision.Record{ID: "a"}, lease("a", 2, time.Minute), false)
	if !errors.Is(context.Cause(former.ctx), journal.ErrLost) || former.valid() {
		t.Errorf("the former owner goes on: %v", context.Cause(former.ctx))
	}
	set.drop(former)
	if !later.valid() || len(set.ids()) != 1 {
		t.Error("the end of the former holding ended the later one")
	}
}

// A click is being claimed, and turns out to be a decision that this process takes
// over at the same moment. The claim finds that, and answers the person.
func TestTakeoverDoesNotEndAClaim(t *testing.T) {
	set := newWorkingSet(&renewsNothing{}, slog.New(slog.DiscardHandler))
	click, _ := set.enter(t.Context(), decision.Record{ID: "a"})
	taken := set.add(t.Context(), decision.Record{ID: "a"}, lease("a", 2, time.Minute), false)
	if click.ctx.Err() != nil {
		t.Errorf("the claim ends: %v", context.Cause(click.ctx))
	}
	set.drop(click)
	if set.get("a") != taken {
		t.Error("the decision isn't held any more")
	}
}

func TestLateAnswerDoesNotShortenALease(t *testing.T) {
	set := newWorkingSet(&renewsNothing{}, slog.New(slog.DiscardHandler))
	h := set.add(t.Context(), decision.Record{ID: "a"}, lease("a", 1, time.Minute), false)
	h.renewed(lease("a", 1, -time.Second))
	if !h.valid() {
		t.Error("an answer that came late ended the lease")
	}
}

func TestExpiredLeaseGivesNoRight(t *testing.T) {
	set := newWorkingSet(&renewsNothing{}, slog.New(slog.DiscardHandler))
	h := set.add(t.Context(), decision.Record{ID: "a"}, lease("a", 1, time.Minute), false)
	if err := set.renew(t.Context()); err != nil {
		t.Fatal(err)
	}
	if h.valid() || h.ctx.Err() != nil {
		t.Error("it may act on; or is cut off before its own step has found out")
	}
}

// No click is claimed if there is no room for it: a claim is a promise.
func TestHeldDecisionsAreBounded(t *testing.T) {
	j := &renewsNothing{}
	set := newWorkingSet(j, slog.New(slog.DiscardHandler))
	var last *holding
	for i := range maxHeld - 1 {
		id := decision.ID(fmt.Sprint(i))
		last = set.add(t.Context(), decision.Record{ID: id}, lease(id, 1, time.Minute), false)
	}
	h, fresh := set.enter(t.Context(), decision.Record{ID: "one more"})
	if h == nil || !fresh || set.free() != 0 {
		t.Errorf("there is no room for %d", maxHeld)
	}
	if h, _ := set.enter(t.Context(), decision.Record{ID: "too many"}); h != nil {
		t.Errorf("there is room for more than %d", maxHeld)
	}
	if again, fresh := set.enter(t.Context(), decision.Record{ID: "one more"}); again != h || fresh {
		t.Error("a decision is held twice")
	}
	set.letGo(h) // it was never claimed
	if h, _ := set.enter(t.Context(), decision.Record{ID: "another"}); h == nil {
		t.Error("a decision that was let go keeps its place")
	}
	set.letGo(last)
	if err := set.renew(t.Context()); err != nil || len(j.released) != 1 {
		t.Errorf("%d were released, %v", len(j.released), err)
	}
}

func TestKeepTaskCountsUntilTheClaimIsWon(t *testing.T) {
	h := newHolding(t.Context(), decision.Record{ID: "a"}, slog.New(slog.DiscardHandler))
	if h.keep(decision.Record{}) {
		t.Error("it counts while the first claim is under way: the journal decides that")
	}
	h.to(unsure)
	if !h.keep(decision.Record{}) || !h.isKept(true) {
		t.Error("it doesn't count while it isn't known whether the click was saved")
	}
	h = newHolding(t.Context(), decision.Record{ID: "a"}, slog.New(slog.DiscardHandler))
	h.to(unsure)
	if h.isKept(true) || h.keep(decision.Record{}) {
		t.Error("it counts after the claim was won")
	}
}
