package bot

import (
	"context"
)

// beat measures the journal's clock, records that this replica is alive, and sets its
// share of the key's rate limit. It runs in a loop.
func (b *Bot) beat(ctx context.Context) error {
	if err := b.clock.measure(ctx, b.journal.ClockOffset); err != nil && !b.clock.measured() {
		return err
	}
	if err := b.journal.Healthy(ctx); err != nil {
		return err
	}
	alive, others, err := b.journal.Beat(ctx, !b.draining.Load() && b.socket.Open() > 0)
	if err != nil {
		return err
	}
	b.tasks.SetShare(alive)
	b.replicas.Store(int32(alive))
	b.others.Store(int32(others))
	return nil
}
