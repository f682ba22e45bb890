package bot

import (
	"context"
	"time"
)

// beat tells the other replicas that this one lives, and the client its share
// of the key's rate limit. It runs in a loop.
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

// leastOffset is how far apart two clocks must be for the difference to matter.
const leastOffset = time.Second

// now returns the time by the journal's clock, which all replicas share: by it
// prompts expire and clicks age, whatever this machine's clock says.
func (b *Bot) now() time.Time {
	now := b.cfg.Now()
	if o, measured := b.offset.Offset(); measured && o.AtLeast() >= leastOffset {
		return now.Add(-o.By)
	}
	return now
}

// at returns a moment that was a short while ago by the journal's clock.
func (b *Bot) at(moment time.Time) time.Time { return b.now().Add(-time.Since(moment)) }
