package bot

import (
	"context"
	"log/slog"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/journal"
	"github.com/cancelbot/cancelbot/bot/internal/work"
)

// pauses is the part of the journal that the switch needs.
type pauses interface {
	Paused(context.Context) (journal.Pause, error)
}

// pauseSwitch stops all cancelling. The switch is in the journal, which the
// replicas share, so it applies to all of them from the next command and click
// on, and to those that start later. It doesn't stop a decision that was
// claimed before: its person has read that it will be carried out.
type pauseSwitch struct{ journal pauses }

const (
	// pausePatience bounds the tries to read the switch at a click, where
	// people must see a sign of life within three seconds.
	pausePatience = 2 * time.Second

	// pauseAtCommand bounds reading the switch at a command, whose prompt
	// changes nothing.
	pauseAtCommand = 500 * time.Millisecond
)

// atClick returns the current pause. With an error, nothing may be decided.
func (s pauseSwitch) atClick(ctx context.Context) (p journal.Pause, err error) {
	ctx, cancel := context.WithTimeout(ctx, pausePatience)
	defer cancel()
	err = work.Retry(ctx, pausePatience, func() error {
		p, err = s.journal.Paused(ctx)
		return err
	})
	return p, err
}

// atCommand returns the current pause; none if the journal doesn't answer,
// because the click asks again.
func (s pauseSwitch) atCommand(ctx context.Context, log *slog.Logger) journal.Pause {
	ctx, cancel := context.WithTimeout(ctx, pauseAtCommand)
	defer cancel()
	p, err := s.journal.Paused(ctx)
	if err != nil {
		log.Info("can't check at a command whether cancelling is paused", "error", err)
	}
	return p
}

// since returns when cancelling was paused; the zero time if it isn't.
func (s pauseSwitch) since(ctx context.Context) (time.Time, error) {
	p, err := s.journal.Paused(ctx)
	return p.Since, err
}
