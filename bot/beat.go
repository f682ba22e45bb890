package bot

import (
	"context"
	"time"
)

// beat records that this replica is alive, and sets its share of the key's
// rate limit. It runs in a loop.
func (b *Bot) beat(ctx context.Context) error {
	if err := b.journal.Healthy(ctx); err != nil {
		return err
	}
	alive, others, err := b.journal.Beat(ctx, !b.draining.Load() && b.socket.Open() > 0)
	if err != nil {
		return err
	}
	if o, err := b.journal.ClockOffset(ctx); err == nil {
		b.offset.Learn(o, time.Now())
	}
	b.tasks.SetShare(alive)
	b.replicas.Store(int32(alive))
	b.others.Store(int32(others))
	return nil
}

// leastOffset is the smallest difference between two clocks that is corrected.
const leastOffset = time.Second

// now returns the time by the journal's clock, which all replicas share:
// prompts expire and clicks age by it, whatever this machine's clock says.
func (b *Bot) now() time.Time {
	now := b.cfg.Now()
	if o, measured := b.offset.Offset(); measured && o.AtLeast() >= leastOffset {
		return now.Add(-o.By)
	}
	return now
}

// at converts a recent time to the journal's clock.
func (b *Bot) at(moment time.Time) time.Time { return b.now().Add(-time.Since(moment)) }
