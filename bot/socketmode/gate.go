package socketmode

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"
)

const (
	// A connection that lives for settledAfter ends whatever trouble there
	// was: the next one of its slot is made at once.
	settledAfter = 10 * time.Second

	// Connections that Slack calls back before that are replaced at once as
	// long as the budget lasts: refreshBurst of them, and one more each
	// refreshInterval. Over a long time that is fewer than nine a minute.
	refreshBurst    = 24
	refreshInterval = 7 * time.Second

	// A connection that is called back within uselessBelow has hardly carried
	// anything. Replacing the first such costs no more than another; the next
	// in a row each cost uselessFactor times as much as the one before.
	uselessBelow  = 300 * time.Millisecond
	uselessFactor = 4

	// maxRetryAfter bounds how long Slack's Retry-After is believed.
	maxRetryAfter = 5 * time.Minute

	// defaultRetryAfter is for a rate limit without Retry-After.
	defaultRetryAfter = 10 * time.Second
)

// gate is passed before each call of apps.connections.open, by all slots.
type gate struct {
	mu      sync.Mutex
	until   time.Time     // nobody passes before: Slack's Retry-After
	budget  float64       // replacements of young connections
	counted time.Time     // when the budget was right
	useless float64       // what the next connection that is called back at once will cost
	changed chan struct{} // closed and replaced when waiting may be over
}

func newGate() *gate {
	return &gate{budget: refreshBurst, useless: 1, changed: make(chan struct{})}
}

// pause closes the gate for everybody, and says for how long.
func (g *gate) pause(d time.Duration) time.Duration {
	if d <= 0 {
		d = defaultRetryAfter
	}
	d = longer(min(d, maxRetryAfter), 0.2)
	g.mu.Lock()
	defer g.mu.Unlock()
	if until := time.Now().Add(d); until.After(g.until) {
		g.until = until
	}
	return d
}

// settled gives the whole budget back: a connection has lived long enough.
func (g *gate) settled() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.budget < refreshBurst {
		g.budget = refreshBurst
		close(g.changed)
		g.changed = make(chan struct{})
	}
}

// pass waits until the gate is open, and takes cost from the budget, as far as
// it has that much; at a cost of zero the budget does not matter. False: ctx
// ended first.
func (g *gate) pass(ctx context.Context, cost float64) bool {
	for ctx.Err() == nil {
		wait, changed := g.try(cost)
		if wait <= 0 {
			return true
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-changed:
		case <-ctx.Done():
		}
		timer.Stop()
	}
	return false
}

func (g *gate) try(cost float64) (wait time.Duration, changed <-chan struct{}) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	if !g.counted.IsZero() {
		g.budget = min(refreshBurst, g.budget+now.Sub(g.counted).Seconds()/refreshInterval.Seconds())
	}
	g.counted = now
	if wait := g.until.Sub(now); wait > 0 {
		return wait, g.changed
	}
	if cost == 0 {
		return 0, nil
	}
	if g.budget < 1 {
		missing := (1 - g.budget) * float64(refreshInterval)
		return longer(time.Duration(missing), 0.05) + time.Millisecond, g.changed
	}
	g.budget = max(0, g.budget-cost)
	return 0, nil
}

// cost says what replacing a connection that was called back takes from the
// budget.
func (g *gate) cost(lived time.Duration) float64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case lived >= settledAfter:
		return 0
	case lived >= uselessBelow:
		g.useless = 1
		return 1
	}
	cost := g.useless
	g.useless = min(cost*uselessFactor, refreshBurst)
	return cost
}

// longer adds up to a part of d at random, so that many clients do not come
// back in the same moment.
func longer(d time.Duration, part float64) time.Duration {
	return d + time.Duration(rand.Float64()*part*float64(d))
}
