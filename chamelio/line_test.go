package chamelio

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// queue makes calls wait for a place, one after the other, and returns the order in which
// they are let through.
func queue(t *testing.T, calls ...caller) []string {
	t.Helper()
	l := newLimiter(0)
	l.setLimit(3) // one at once
	_ = l.wait(t.Context(), urgent)
	c := newCalls()
	for i, one := range calls {
		go func() {
			_ = l.wait(OnBehalfOf(t.Context(), one.who), one.rank)
			c.add(fmt.Sprintf("%s %d", one.who, i))
		}()
		synctest.Wait()
	}
	time.Sleep(time.Hour)
	synctest.Wait()
	return c.names
}

func TestCallersTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ada, grace := caller{"ada", urgent}, caller{"grace", urgent}
		got := queue(t, ada, ada, ada, grace, grace, ada)
		if want := []string{"ada 0", "grace 3", "ada 1", "grace 4", "ada 2", "ada 5"}; !slices.Equal(got, want) {
			t.Errorf("served in the order %q", got)
		}
	})
}

func TestAwaitedCallGoesFirstInItsRound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cancel, get := caller{"ada", urgent}, caller{"ada", awaited}
		got := queue(t, caller{"grace", patient}, cancel, cancel, get, get, get, caller{"grace", awaited})
		if want := []string{"ada 3", "grace 6", "ada 1", "ada 4", "ada 2", "ada 5", "grace 0"}; !slices.Equal(got, want) {
			t.Errorf("served in the order %q", got)
		}
	})
}

// Someone whose next call always comes just after the last one was served must not overtake
// the others each time.
func TestNoOneStarves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimiter(0)
		l.setLimit(3)
		_ = l.wait(t.Context(), urgent)
		c := newCalls()
		ctx, cancel := context.WithCancel(t.Context())
		for _, who := range []string{"1", "2"} {
			go func() {
				for l.wait(OnBehalfOf(ctx, who), awaited) == nil {
					c.add("get")
				}
			}()
		}
		synctest.Wait()
		for range 4 {
			go func() {
				if l.wait(ctx, urgent) == nil {
					c.add("cancel")
				}
			}()
			synctest.Wait()
		}
		for c.count() < 12 {
			time.Sleep(time.Second)
			synctest.Wait()
		}
		cancel()
		synctest.Wait()
		for i, want := range []string{"get", "get", "cancel"} {
			for ; i < 12; i += 3 {
				if c.names[i] != want {
					t.Fatalf("served in the order %q", c.names)
				}
			}
		}
	})
}
