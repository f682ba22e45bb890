package chamelio

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestNoMinuteExceedsTheKeysLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, perMinute := range []int{2, 10, 120, 600} {
			l := newLimiter()
			l.set(perMinute)
			var calls []time.Time
			for range 3 * perMinute {
				if err := l.wait(t.Context()); err != nil {
					t.Fatal(err)
				}
				calls = append(calls, time.Now())
			}
			for i := range calls {
				if j := i + perMinute; j < len(calls) && calls[j].Sub(calls[i]) < time.Minute-time.Second {
					t.Fatalf("limit %d: call %d came %v after call %d", perMinute, j, calls[j].Sub(calls[i]), i)
				}
			}
		}
	})
}

func TestCancelsGoBeforePreviews(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimiter()
		l.set(4) // a burst of one, then one every 20 s
		_ = l.wait(t.Context())

		var mu sync.Mutex
		var order []string
		var wg sync.WaitGroup
		call := func(name string, f func(context.Context) error) {
			wg.Go(func() {
				if err := f(t.Context()); err != nil {
					t.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				order = append(order, name)
			})
			synctest.Wait()
		}
		call("preview", l.yield)
		call("cancel", l.wait)
		call("cancel", l.wait)
		wg.Wait()
		if order[0] != "cancel" || order[1] != "cancel" || order[2] != "preview" {
			t.Errorf("served in the order %v", order)
		}
	})
}

func TestAPreviewGivesUpWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimiter()
		l.set(4)
		_ = l.wait(t.Context())
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		if err := l.yield(ctx); err == nil {
			t.Error("a preview was let through over the limit")
		}
	})
}
