package socketmode

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"
)

const (
	// A connection that lives for settledAfter ends any trouble: its slot
	// makes the next one at once.
	settledAfter = 10 * time.Second

	// Connections that Slack ends before that are replaced at once while the
	// budget lasts: refreshBurst of them, and one more each refreshInterval.
	// Over a long time that is fewer than nine a minute.
	refreshBurst    = 24
	refreshInterval = 7 * time.Second

	// A connection that ends within uselessBelow has hardly carried anything.
	// Replacing the first one costs the usual amount; each further one in a
	// row costs uselessFactor times as much as the one before.
	uselessBelow  = 300 * time.Millisecond
	uselessFactor = 4

	// maxRetryAfter is the longest Retry-After that is obeyed: Slack counts calls by the
	// minute (docs.slack.dev/apis/web-api/rate-limits).
	maxRetryAfter = time.Minute

	// defaultRetryAfter is used for a rate limit without Retry-After.
	defaultRetryAfter = 10 * time.Second
)

// gate limits the calls of apps.connections.open of all slots.
type gate struct {
	mu      sync.Mutex
	until   time.Time     // closed until then, because of Slack's Retry-After
	budget  float64       // remaining replacements of young connections
	counted time.Time     // when the budget was last updated
	useless float64       // cost of the next connection that ends at once
	changed chan struct{} // closed and replaced when a wait may be over
}

func newGate() *gate {
	return &gate{budget: refreshBurst, useless: 1, changed: make(chan struct{})}
}

// pause closes the gate for all slots, and returns for how long.
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

// settled restores the whole budget, because a connection has lived long
// enough.
func (g *gate) settled() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.budget < refreshBurst {
		g.budget = refreshBurst
		close(g.changed)
		g.changed = make(chan struct{})
	}
}

// pass waits until the gate is open, and takes cost from the budget, or what
// is left of it; a cost of zero ignores the budget. It returns false if ctx
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

// cost returns what it takes from the budget to replace a connection that
// Slack ended.
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

// longer adds a random part of d, at most part, so that many clients don't
// come back at the same moment.
func longer(d time.Duration, part float64) time.Duration {
	return d + time.Duration(rand.Float64()*part*float64(d))
}
