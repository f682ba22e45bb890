package carry

import "time"

// Clocks are the clocks by which a click ages. Either may be wrong: a click is
// young enough, or a time is over, only if both say so.
type Clocks struct {
	Journal func() time.Time // which all replicas share
	Own     func() time.Time // of this machine
	Steady  func() time.Time // of this machine when the process began, and the time since: no one can set it
}

// maxAhead is how far replicas may disagree about the journal's time.
const maxAhead = time.Minute

// now returns the time by the journal's clock.
func (c *Carrier) now() time.Time { return c.clocks.Journal() }

// age returns how old the click is by the journal's clock.
func (l *life) age() time.Duration { return l.now().Sub(l.DecidedAt) }

// ownAge returns how old the click is by this machine's clock: since it was
// received here, or since the row that was taken over says that it was.
func (l *life) ownAge() time.Duration {
	if l.press == nil {
		return l.clocks.Own().Sub(l.DecidedAt)
	}
	now, received := time.Now(), l.press.Received
	return max(now.Sub(received), now.Round(0).Sub(received.Round(0))) // the monotonic clock stops while the machine is suspended
}

// most returns how old the click is by the clock that says the most.
func (l *life) most() time.Duration { return max(l.age(), l.ownAge()) }

// least returns how old the click is by the clock that says the least.
func (l *life) least() time.Duration {
	steady := l.clocks.Steady().Sub(l.DecidedAt)
	if l.press != nil {
		steady = time.Since(l.press.Received)
	}
	return min(l.age(), l.ownAge(), steady)
}

// past reports whether the click is certainly older than d.
func (l *life) past(d time.Duration) bool { return l.least() > d }

// within reports whether the click is certainly no older than d. That isn't known of one
// that was taken over, if its date is still to come: the clock has been set back since.
func (l *life) within(d time.Duration) bool {
	ahead := l.press == nil && l.age() < -maxAhead
	return !ahead && l.most() <= d
}
