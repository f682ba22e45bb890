package chamelio

import (
	"context"
	"slices"
	"sync"
	"time"
)

// rank says who goes first under the rate limit.
type rank int

const (
	urgent  rank = iota // what somebody has decided: Cancel, and the looks that it needs
	patient             // what somebody only wants to see
	ranks   = 2
)

const (
	// assumedPerMinute holds until OrgInfo has told the real limit; it is the
	// value in the API reference's example.
	assumedPerMinute = 120

	// minute is what the limit is spread over. It is longer than the
	// server's, so that calls which the network bunches together on their way
	// still do not fall into one minute there.
	minute = 61 * time.Second
)

// limiter keeps a process under its share of a key's limit. It counts in
// places: there are burst of them, each call takes one, and one comes back
// every gap. Whoever is urgent goes before whoever is patient, and among equals
// it is first come, first served. The patient leave reserve places free.
//
// It has no goroutine of its own: the first in line sleeps until its turn and
// wakes the next.
type limiter struct {
	mu        sync.Mutex
	perMinute int
	replicas  int

	burst   int           // calls that may come at once
	reserve int           // of these, what the patient leave
	gap     time.Duration // until a place comes back
	free    time.Time     // when all places will be free again
	lines   [ranks][]chan struct{}
}

func newLimiter() *limiter {
	l := &limiter{perMinute: assumedPerMinute, replicas: 1}
	l.divide()
	return l
}

func (l *limiter) setLimit(perMinute int) {
	l.change(func() { l.perMinute = perMinute }, perMinute)
}

func (l *limiter) setShare(replicas int) {
	l.change(func() { l.replicas = replicas }, replicas)
}

// change applies a new figure, if it is one. Places that are taken stay taken,
// and come back at the new pace: neither a lower limit nor a higher one makes
// forget the calls that the server still counts.
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

// state returns the share of the limit, and the places that are free.
func (l *limiter) state() (share, free int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	taken := max(time.Until(l.free), 0)
	return l.share(), max(l.burst-int((taken+l.gap-1)/l.gap), 0)
}

// share returns how many of the key's calls a minute are this process's.
func (l *limiter) share() int { return max(l.perMinute/l.replicas, 1) }

// divide splits the share into a burst and a steady flow whose sum over any
// minute stays within it, however the server cuts its minutes.
func (l *limiter) divide() {
	share := l.share()
	l.burst = max(share/4, 1)
	l.reserve = l.burst / 2
	l.gap = minute / time.Duration(max(share-l.burst, 1))
}

// wait returns when it is the caller's turn, or with the context's cause.
func (l *limiter) wait(ctx context.Context, r rank) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	turn := make(chan struct{}, 1)
	l.lines[r] = append(l.lines[r], turn)
	defer l.leave(r, turn)
	for {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		var timer <-chan time.Time // nil, which never comes, for all but the first
		if l.next() == turn {
			pause := time.Until(l.opens(r))
			if pause <= 0 {
				l.take()
				return nil
			}
			timer = time.After(pause)
		}
		l.mu.Unlock()
		select {
		case <-ctx.Done():
		case <-timer:
		case <-turn:
		}
		l.mu.Lock()
	}
}

// opens is when a call of this rank finds a place. Called with mu held.
func (l *limiter) opens(r rank) time.Time {
	places := l.burst
	if r == patient {
		places -= l.reserve
	}
	return l.free.Add(-time.Duration(places-1) * l.gap)
}

// take occupies a place. Called with mu held.
func (l *limiter) take() {
	if now := time.Now(); l.free.Before(now) {
		l.free = now
	}
	l.free = l.free.Add(l.gap)
}

// next is who goes first, nil if nobody waits. Called with mu held.
func (l *limiter) next() chan struct{} {
	for _, line := range l.lines {
		if len(line) > 0 {
			return line[0]
		}
	}
	return nil
}

// leave takes a caller out of its line. Called with mu held.
func (l *limiter) leave(r rank, turn chan struct{}) {
	i := slices.Index(l.lines[r], turn)
	l.lines[r] = slices.Delete(l.lines[r], i, i+1)
	l.wakeNext()
}

// wakeNext makes whoever is first look again. Called with mu held.
func (l *limiter) wakeNext() {
	select {
	case l.next() <- struct{}{}: // nil blocks: nobody waits
	default:
	}
}
