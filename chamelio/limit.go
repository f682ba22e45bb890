package chamelio

import (
	"cmp"
	"context"
	"sync"
	"time"
)

// rank is a call's priority under the rate limit.
type rank int

const (
	awaited rank = iota // someone waits for the answer: Task
	urgent              // carries out a decision: Cancel, Check, OrgInfo
	patient             // only shows something: Preview
	ranks   = 3
)

// caller is whose call it is, and its rank. Callers take turns.
type caller struct {
	who  string // see OnBehalfOf
	rank rank
}

// behalf is the key of a context's value.
type behalf struct{}

// OnBehalfOf returns a context whose calls count as those of who, in any form.
// Under the rate limit, everyone's calls take turns with those of others: many
// calls of one don't delay a call of another.
func OnBehalfOf(ctx context.Context, who string) context.Context {
	return context.WithValue(ctx, behalf{}, who)
}

// callerOf returns the caller of a call with ctx; all those without a name are
// one.
func callerOf(ctx context.Context, r rank) caller {
	who, _ := ctx.Value(behalf{}).(string)
	return caller{who, r}
}

const (
	// assumedPerMinute is the limit until OrgInfo has returned the real one.
	// It is the value in the API reference's example.
	assumedPerMinute = 120

	// minute is the interval over which the limit is spread. It is longer than
	// the server's, so that calls which bunch together on the network don't
	// exceed the limit there.
	minute = 61 * time.Second
)

// limiter keeps a process within its share of a key's limit. It has burst
// places; each call takes one, and one becomes free every gap. Patient calls
// leave reserve places free, and wait while any other call does.
//
// It has no goroutine: the first caller in line sleeps until its turn, and
// wakes the next.
type limiter struct {
	mu        sync.Mutex
	perMinute int
	replicas  int
	together  int // previews that should need no wait

	burst             int           // calls that may be made at once
	reserve           int           // of these, how many the patient leave free
	gap               time.Duration // until a place becomes free again
	free              time.Time     // when all places will be free again
	pressing, patient line
}

func newLimiter(together int) *limiter {
	l := &limiter{perMinute: assumedPerMinute, replicas: 1, together: together}
	l.divide()
	return l
}

func (l *limiter) setLimit(perMinute int) {
	l.change(func() { l.perMinute = perMinute }, perMinute)
}

func (l *limiter) setShare(replicas int) {
	l.change(func() { l.replicas = replicas }, replicas)
}

// change applies a new figure, unless it is zero or less. Places that are
// taken stay taken and become free at the new pace, since the server still
// counts those calls.
func (l *limiter) change(apply func(), figure int) {
	if figure <= 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	var taken float64
	if l.gap > 0 {
		taken = float64(max(l.free.Sub(now), 0)) / float64(l.gap)
	}
	apply()
	l.divide()
	l.free = now.Add(time.Duration(taken * float64(l.gap)))
	l.wakeNext()
}

// state returns the share of the limit, and the number of free places.
func (l *limiter) state() (share, free int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	taken := max(time.Until(l.free), 0)
	return l.share(), max(l.burst-int((taken+l.gap-1)/l.gap), 0)
}

// share returns this process's share of the key's calls per minute.
func (l *limiter) share() int { return max(l.perMinute/l.replicas, 1) }

// divide splits the share into a burst and a steady flow whose sum stays
// within the share in every interval of a minute. The burst is a quarter of it,
// half of that for previews; more if that's too little for the previews that are
// made together, but at most half.
func (l *limiter) divide() {
	share := l.share()
	l.burst = max(share/4, min(l.together+l.together/2, share/2), 1)
	l.reserve = min(l.burst/2, max(l.burst-l.together, 1))
	l.gap = minute / time.Duration(max(share-l.burst, 1))
}

// wait blocks until it's the caller's turn, or returns the context's cause.
func (l *limiter) wait(ctx context.Context, r rank) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	line := &l.pressing
	if r == patient {
		line = &l.patient
	}
	me := line.join(callerOf(ctx, r))
	defer func() {
		line.leave(me)
		l.wakeNext()
	}()
	for {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		var timer <-chan time.Time // nil, which never fires, except for the first in line
		if l.next() == me {
			pause := time.Until(l.opens(r))
			if pause <= 0 {
				l.take()
				line.serve(me)
				return nil
			}
			timer = time.After(pause)
		}
		l.mu.Unlock()
		select {
		case <-ctx.Done():
		case <-timer:
		case <-me.turn:
		}
		l.mu.Lock()
	}
}

// opens returns when a call of this rank gets a place. It must be called with
// mu held.
func (l *limiter) opens(r rank) time.Time {
	places := l.burst
	if r == patient {
		places -= l.reserve
	}
	return l.free.Add(-time.Duration(places-1) * l.gap)
}

// take occupies a place. It must be called with mu held.
func (l *limiter) take() {
	if now := time.Now(); l.free.Before(now) {
		l.free = now
	}
	l.free = l.free.Add(l.gap)
}

// next returns the first call in line, nil if there is none. It must be called
// with mu held.
func (l *limiter) next() *waiter { return cmp.Or(l.pressing.first(), l.patient.first()) }

// wakeNext makes the first call in line check again. It must be called with mu
// held.
func (l *limiter) wakeNext() {
	next := l.next()
	if next == nil {
		return
	}
	select {
	case next.turn <- struct{}{}:
	default:
	}
}
