package bot

import (
	"context"
	"log/slog"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/journal"
	"github.com/cancelbot/cancelbot/bot/internal/work"
)

// pauses is what the switch needs from the journal.
type pauses interface {
	Paused(context.Context) (journal.Pause, error)
}

// pauseSwitch stops all cancelling. The switch is in the journal, which is what
// replicas share: it holds for all of them from the next command and click on,
// and for those that start later. A decision that was claimed before isn't
// stopped: its person has been told that it will be carried out.
type pauseSwitch struct{ journal pauses }

const (
	// pausePatience bounds the tries to read the switch at a click, of which
	// people see a sign within three seconds.
	pausePatience = 2 * time.Second

	// pauseAtCommand bounds reading it at a command, whose prompt does nothing.
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

// atCommand returns the current pause; none if the journal doesn't answer, as
// the click asks again.
func (s pauseSwitch) atCommand(ctx context.Context, log *slog.Logger) journal.Pause {
	ctx, cancel := context.WithTimeout(ctx, pauseAtCommand)
	defer cancel()
	p, err := s.journal.Paused(ctx)
	if err != nil {
		log.Info("couldn't read at a command whether cancelling is paused", "error", err)
	}
	return p
}

// since returns when cancelling was paused; the zero time if it isn't.
func (s pauseSwitch) since(ctx context.Context) (time.Time, error) {
	p, err := s.journal.Paused(ctx)
	return p.Since, err
}
