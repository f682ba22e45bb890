package socketmode

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

func TestCostOfReplacingAConnection(t *testing.T) {
	for _, c := range []struct {
		lived []time.Duration
		want  []float64
	}{
		{[]time.Duration{settledAfter, time.Hour}, []float64{0, 0}},
		{[]time.Duration{settledAfter - 1, uselessBelow, time.Second}, []float64{1, 1, 1}},
		{[]time.Duration{0, uselessBelow - 1, 0, 0, 0}, []float64{1, 4, 16, refreshBurst, refreshBurst}},
		{[]time.Duration{0, 0, time.Second, 0, 0}, []float64{1, 4, 1, 1, 4}},
	} {
		g := newGate()
		var got []float64
		for _, lived := range c.lived {
			got = append(got, g.cost(lived))
		}
		if fmt.Sprint(got) != fmt.Sprint(c.want) {
			t.Errorf("%v: %v, want %v", c.lived, got, c.want)
		}
	}
}

func TestBudgetIsSpentAndRefilled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, ctx := newGate(), context.Background()
		start := time.Now()
		pass := func(cost float64) time.Duration {
			before := time.Now()
			g.pass(ctx, cost)
			return time.Since(before)
		}
		for i := range refreshBurst {
			if took := pass(1); took != 0 {
				t.Fatalf("pass %d of the burst took %v", i, took)
			}
		}
		if took := pass(1); took < refreshInterval || took > refreshInterval*11/10 {
			t.Errorf("after the burst: %v", took)
		}
		if took := pass(0); took != 0 {
			t.Errorf("a settled connection's successor waited %v", took)
		}
		// A connection that settles wakes the waiters.
		time.AfterFunc(time.Second, g.settled)
		if took := pass(1); took != time.Second {
			t.Errorf("waited %v for what settles after a second", took)
		}
		if took := pass(refreshBurst - 1); took != 0 {
			t.Errorf("the whole budget was to be there again: %v", took)
		}
		if time.Since(start) > time.Minute {
			t.Error("that took too long")
		}
	})
}

func TestGateWaitEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		g.pause(time.Hour)
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		start := time.Now()
		if g.pass(ctx, 0) || time.Since(start) != time.Second {
			t.Errorf("after %v", time.Since(start))
		}
	})
}

func TestPausesAreJitteredAndBounded(t *testing.T) {
	g := newGate()
	all := map[time.Duration]bool{}
	for range 20 {
		d := g.pause(10 * time.Second)
		all[d] = true
		if d < 10*time.Second || d > 12*time.Second {
			t.Errorf("a pause of %v", d)
		}
		if d := g.pause(24 * time.Hour); d > maxRetryAfter*6/5 {
			t.Errorf("a pause of %v", d)
		}
	}
	if len(all) < 10 {
		t.Errorf("%d of 20 pauses differ", len(all))
	}
}

func TestShorterPauseDoesNotShortenLongerOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		g.pause(time.Minute)
		g.pause(time.Second)
		start := time.Now()
		g.pass(context.Background(), 0)
		if time.Since(start) < time.Minute {
			t.Errorf("passed after %v", time.Since(start))
		}
	})
}
