package bot

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/clock"
)

// journalClock is the journal's clock, which all replicas share: prompts expire and
// clicks age by it, whatever this machine's clock says. Between two measurements it
// goes on by a clock that no one can set, so setting this machine's clock doesn't
// change it. If the journal uses this machine's own clock, that is the time.
type journalClock struct {
	own    func() time.Time // this machine's clock
	steady func() time.Time // no one can set it
	offset clock.Meter      // of the steady clock from the journal's; not measured if that is the own one

	once  sync.Once
	known chan struct{} // closed after the first measurement
}

func newJournalClock(own func() time.Time) *journalClock {
	return &journalClock{own: own, steady: clock.Steady(own()), known: make(chan struct{})}
}

// now returns the time by the journal's clock. Before the first measurement, that is
// this machine's, and nothing may depend on it: see wait.
func (c *journalClock) now() time.Time {
	if o, measured := c.offset.Offset(); measured {
		return c.steady().Add(-o.By)
	}
	return c.own()
}

// wait waits for the first measurement. It returns false if ctx ends first.
func (c *journalClock) wait(ctx context.Context) bool {
	select {
	case <-c.known:
		return true
	case <-ctx.Done():
		return false
	}
}

// measured reports whether wait has nothing to wait for.
func (c *journalClock) measured() bool {
	select {
	case <-c.known:
		return true
	default:
		return false
	}
}

// maxStep is by how much this machine's clock and the monotonic one may differ about how
// long a measurement took.
const maxStep = time.Second

// errClockSet means that a measurement is useless, because it was made with this
// machine's clock.
var errClockSet = errors.New("this machine's clock was set, or the machine was suspended, while the journal's clock was read")

// measure compares the journal's clock with the steady one.
func (c *journalClock) measure(ctx context.Context, offset func(context.Context) (clock.Offset, error)) error {
	own, began := c.own().Round(0), time.Now()
	lead := own.Sub(c.steady())
	o, err := offset(ctx)
	switch {
	case err != nil:
		return err
	case (c.own().Sub(own) - time.Since(began)).Abs() > maxStep:
		return errClockSet
	case o != clock.Offset{}:
		o.By -= lead
		c.offset.Learn(o, time.Now())
	}
	c.once.Do(func() { close(c.known) })
	return nil
}

// now returns the time by the journal's clock.
func (b *Bot) now() time.Time { return b.clock.now() }

// at converts a recent time to the journal's clock.
func (b *Bot) at(moment time.Time) time.Time { return b.now().Add(-time.Since(moment)) }
