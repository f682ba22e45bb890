package chamelio

import "slices"

// line is calls that wait for the rate limit, in the order in which they are
// served. It has rounds: in each, every caller has one call, and the lower rank
// comes first. Someone's first call joins the current round. So before each of a
// caller's calls, every other caller has one at most, however many wait.
type line struct {
	waiting []*waiter
	round   int             // of the call that was served last
	served  map[caller]bool // in this round, while anyone waits
}

// waiter is a call in line.
type waiter struct {
	caller

	round int
	turn  chan struct{} // signals that it may be the first
}

// join adds a call.
func (l *line) join(c caller) *waiter {
	if len(l.waiting) == 0 {
		l.served = map[caller]bool{}
	}
	w := &waiter{caller: c, round: l.round, turn: make(chan struct{}, 1)}
	if l.served[c] {
		w.round++
	}
	for _, other := range l.waiting {
		if other.caller == c {
			w.round = max(w.round, other.round+1)
		}
	}
	place := slices.IndexFunc(l.waiting, w.precedes)
	if place < 0 {
		place = len(l.waiting)
	}
	l.waiting = slices.Insert(l.waiting, place, w)
	return w
}

// precedes reports whether w, which has come later, is served before other.
func (w *waiter) precedes(other *waiter) bool {
	if w.round != other.round {
		return w.round < other.round
	}
	return w.rank < other.rank
}

// first returns the first call in line, nil if there is none.
func (l *line) first() *waiter {
	if len(l.waiting) == 0 {
		return nil
	}
	return l.waiting[0]
}

// serve notes that a call is let through.
func (l *line) serve(w *waiter) {
	if w.round > l.round {
		l.round, l.served = w.round, map[caller]bool{}
	}
	l.served[w.caller] = true
}

// leave removes a call.
func (l *line) leave(w *waiter) {
	l.waiting = slices.DeleteFunc(l.waiting, func(other *waiter) bool { return other == w })
}
