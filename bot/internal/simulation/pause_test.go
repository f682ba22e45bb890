package simulation

import (
	"math/rand/v2"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
)

const (
	pausing  = `INSERT INTO pause (one, paused_at, note) VALUES (1, '2000-01-01 00:00:00+00:00', 'maintenance')`
	resuming = `DELETE FROM pause`
)

// interrupt makes the operator pause cancelling, and people press again on prompts that
// they saw before those changed. It has its own random source, so that it doesn't change
// other runs.
func (p *plan) interrupt(r *rand.Rand) {
	if chance(r, .1) {
		p.paused = span(r, -1, p.faulty, 3*time.Second, 90*time.Second)
	}
	if chance(r, .1) {
		p.again = between(r, 20*time.Second, 150*time.Second)
	}
}

// pause pauses cancelling, and resumes it later.
func (w *world) pause(d time.Duration) {
	if !w.write(pausing) {
		w.fail("cancelling isn't paused")
		return
	}
	w.h.fault("world", "cancelling", "paused", d.String())
	w.h.add(func() { w.h.paused.from = time.Now() })
	time.Sleep(d)
	w.h.add(func() { w.h.paused.to = time.Now() })
	w.write(resuming)
	w.h.say("world", "cancelling is resumed")
}

// nothingWhilePaused (law 1): no click is saved while cancelling is paused. One whose
// claim got no answer before counts, and may be recognized then.
func (c *checker) nothingWhilePaused() {
	known := map[decision.ID]bool{}
	for _, a := range c.claims {
		before := known[a.id]
		known[a.id] = true
		if a.byClick && !before && a.at.After(c.paused.from) && a.at.Before(c.paused.to) {
			c.breaks("nothing is claimed while cancelling is paused", "%s claimed %s after %s", a.life, short(a.id), a.at.Sub(c.paused.from))
		}
	}
}
