package chamelio

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// calls records which calls were let through, and when.
type calls struct {
	at    []time.Time
	names []string
	mu    sync.Mutex
}

func newCalls() *calls { return &calls{} }

func (c *calls) add(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = append(c.at, time.Now())
	c.names = append(c.names, name)
}

func (c *calls) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.at)
}

// demand makes n calls at once with the given rank.
func (c *calls) demand(ctx context.Context, l *limiter, r rank, n int) {
	for range n {
		go func() {
			if l.wait(ctx, r) == nil {
				c.add("")
			}
		}()
		synctest.Wait() // so that they wait in this order
	}
}

// inAnyMinute returns the most calls in any 60 seconds.
func (c *calls) inAnyMinute() (most int) {
	slices.SortFunc(c.at, time.Time.Compare)
	for i, from := range c.at {
		n := 0
		for _, at := range c.at[i:] {
			if at.Sub(from) < time.Minute {
				n++
			}
		}
		most = max(most, n)
	}
	return most
}

func TestNoMinuteExceedsTheShareOfTheKeysLimit(t *testing.T) {
	for _, perMinute := range []int{1, 2, 3, 10, 120, 600} {
		for _, replicas := range []int{1, 2, 3, 7} {
			t.Run(fmt.Sprintf("%d a minute over %d", perMinute, replicas), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					l := newLimiter(perMinute % 4 * 5)
					l.setLimit(perMinute)
					l.setShare(replicas)
					share := max(perMinute/replicas, 1)
					c := newCalls()
					ctx, cancel := context.WithCancel(t.Context())
					c.demand(ctx, l, urgent, 3*share)
					c.demand(ctx, l, patient, 3*share)
					time.Sleep(4 * time.Minute)
					cancel()
					synctest.Wait()
					if most := c.inAnyMinute(); most > share {
						t.Errorf("%d calls in a minute, share %d", most, share)
					}
					// The limit must not be kept by letting no one through.
					if n := c.count(); n < 2*share {
						t.Errorf("only %d calls in four minutes, share %d", n, share)
					}
				})
			})
		}
	}
}

func TestChangingSharesAreKeptInEveryMinute(t *testing.T) {
	for seed := range uint64(30) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 1))
			l := newLimiter(0)
			type era struct {
				from  time.Time
				share int
			}
			eras := []era{{time.Now(), assumedPerMinute}}
			c := newCalls()
			ctx, cancel := context.WithCancel(t.Context())
			limit, replicas := assumedPerMinute, 1
			for range 25 {
				switch random.IntN(3) {
				case 0:
					limit = 1 + random.IntN(300)
					l.setLimit(limit)
				case 1:
					replicas = 1 + random.IntN(5)
					l.setShare(replicas)
				case 2:
					l.setShare(-1) // no figure: changes nothing
					l.setLimit(0)
				}
				eras = append(eras, era{time.Now(), max(limit/replicas, 1)})
				go c.demand(ctx, l, rank(random.IntN(ranks)), random.IntN(100))
				time.Sleep(time.Duration(random.IntN(40_000)) * time.Millisecond)
			}
			cancel()
			synctest.Wait()
			slices.SortFunc(c.at, time.Time.Compare)
			for i, from := range c.at {
				n, allowed := 0, 0
				for _, at := range c.at[i:] {
					if at.Sub(from) < time.Minute {
						n++
					}
				}
				for k, e := range eras { // the highest share in force in this minute
					ended := k+1 < len(eras) && eras[k+1].from.Before(from)
					if !ended && e.from.Before(from.Add(time.Minute)) {
						allowed = max(allowed, e.share)
					}
				}
				if n > allowed {
					t.Fatalf("seed %d: %d calls in a minute, at most %d allowed", seed, n, allowed)
				}
			}
		})
	}
}

func TestReplicasTogetherStayUnderTheLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCalls()
		ctx, cancel := context.WithCancel(t.Context())
		for range 4 {
			l := newLimiter(0)
			l.setShare(4)
			c.demand(ctx, l, urgent, 100)
		}
		time.Sleep(3 * time.Minute)
		cancel()
		synctest.Wait()
		if most := c.inAnyMinute(); most > assumedPerMinute || most < assumedPerMinute/2 {
			t.Errorf("%d calls in a minute, limit %d", most, assumedPerMinute)
		}
	})
}

func TestCancelsPrecedePreviewsInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimiter(0)
		l.setLimit(4) // one at once, then one every 20 s
		_ = l.wait(t.Context(), urgent)

		c := newCalls()
		stand := func(name string, r rank) {
			go func() {
				_ = l.wait(t.Context(), r)
				c.add(name)
			}()
			synctest.Wait()
		}
		stand("preview 1", patient)
		stand("preview 2", patient)
		stand("cancel 1", urgent)
		stand("cancel 2", urgent)
		time.Sleep(30 * time.Second) // cancel 1 is through
		stand("cancel 3", urgent)
		time.Sleep(3 * time.Minute)
		synctest.Wait()
		order := c.names
		if want := []string{"cancel 1", "cancel 2", "cancel 3", "preview 1", "preview 2"}; !slices.Equal(order, want) {
			t.Errorf("served in the order %v", order)
		}
	})
}

func TestPreviewsLeaveAReserveForCancels(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimiter(0) // 120 a minute: 30 at once, of which previews take 15
		c := newCalls()
		ctx, cancel := context.WithCancel(t.Context())
		c.demand(ctx, l, patient, 100)
		if n := c.count(); n != 15 {
			t.Errorf("%d previews at once, want 15", n)
		}
		began := time.Now()
		c.demand(ctx, l, urgent, 15)
		if n := c.count(); n != 30 || time.Since(began) != 0 {
			t.Errorf("%d calls at once, want 30", n)
		}
		// Previews continue if no cancel needs the limit.
		time.Sleep(2 * time.Minute)
		if n := c.count(); n != 115 {
			t.Errorf("%d calls in two minutes, want all 115", n)
		}
		cancel()
		synctest.Wait()
	})
}

// The documented limit suffices for the previews of ten tasks at once, and for a cancel in
// addition, if up to five processes share it.
func TestPreviewsMadeTogetherNeedNoWait(t *testing.T) {
	for replicas := 1; replicas <= 5; replicas++ {
		synctest.Test(t, func(t *testing.T) {
			l := newLimiter(10)
			l.setShare(replicas)
			c := newCalls()
			ctx, cancel := context.WithCancel(t.Context())
			c.demand(ctx, l, patient, 10)
			if c.count() != 10 {
				t.Errorf("%d processes: %d of 10 previews", replicas, c.count())
			}
			c.demand(ctx, l, urgent, 1)
			if c.count() != 11 {
				t.Errorf("%d processes: the cancel has to wait", replicas)
			}
			cancel()
			synctest.Wait()
		})
	}
}

func TestCancelledWaiterBlocksNoOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimiter(0)
		l.setLimit(4)
		_ = l.wait(t.Context(), urgent)
		cause := errors.New("the person has left")
		for _, r := range []rank{urgent, patient} {
			ctx, cancel := context.WithCancelCause(t.Context())
			ended := make(chan error)
			go func() { ended <- l.wait(ctx, r) }()
			synctest.Wait()
			began := time.Now()
			cancel(cause)
			if err := <-ended; !errors.Is(err, cause) || time.Since(began) != 0 {
				t.Errorf("got %v after %v", err, time.Since(began))
			}
		}
		began := time.Now()
		first, cancel := context.WithCancel(t.Context())
		go func() { _ = l.wait(first, urgent) }()
		synctest.Wait()
		time.AfterFunc(time.Second, cancel)
		if err := l.wait(t.Context(), patient); err != nil || time.Since(began) > 21*time.Second {
			t.Errorf("the next in line: %v after %v", err, time.Since(began))
		}
		if err := l.wait(first, urgent); !errors.Is(err, context.Canceled) {
			t.Errorf("a context that had ended: %v", err)
		}
	})
}

func TestHigherShareAppliesToWaiters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimiter(0)
		l.setLimit(600)
		l.setShare(600)
		_ = l.wait(t.Context(), urgent)
		began := time.Now()
		time.AfterFunc(2*time.Second, func() { l.setShare(1) })
		if err := l.wait(t.Context(), urgent); err != nil || time.Since(began) > 3*time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
	})
}

func TestLowerShareCountsEarlierCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimiter(0)
		for range 30 {
			_ = l.wait(t.Context(), urgent)
		}
		l.setShare(12) // ten a minute
		began := time.Now()
		if err := l.wait(t.Context(), urgent); err != nil || time.Since(began) < time.Minute {
			t.Errorf("%v after %v", err, time.Since(began))
		}
	})
}

func TestIgnoresMalformedRateLimits(t *testing.T) {
	l := newLimiter(0)
	burst, gap := l.burst, l.gap
	for _, figure := range []int{0, -1} {
		l.setLimit(figure)
		l.setShare(figure)
	}
	if l.burst != burst || l.gap != gap {
		t.Errorf("%d at once, then one every %v", l.burst, l.gap)
	}
}

func TestRateLimitReportsShareAndFreePlaces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &Client{limit: newLimiter(0)}
		want := func(perMinute, available int) {
			t.Helper()
			if p, a := c.RateLimit(); p != perMinute || a != available {
				t.Errorf("%d a minute, %d now; want %d, %d", p, a, perMinute, available)
			}
		}
		want(120, 30)
		for range 30 {
			if err := c.limit.wait(t.Context(), urgent); err != nil {
				t.Fatal(err)
			}
		}
		want(120, 0)
		time.Sleep(c.limit.gap)
		want(120, 1)
		c.SetShare(4)
		want(30, 0)
		time.Sleep(2 * minute)
		want(30, 7)
	})
}
