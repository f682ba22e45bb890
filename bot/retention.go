package bot

import (
	"context"
	"log/slog"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/journal"
)

const (
	// retentionEvery and maxDeleted bound how much is deleted at a time: 500 rows of
	// each kind a minute, so no statement blocks the journal for long.
	retentionEvery = time.Minute
	maxDeleted     = 500
)

// oldRows is the part of the journal that the retention needs.
type oldRows interface {
	DeleteOld(ctx context.Context, keep time.Duration, limit int) (journal.Deleted, error)
}

// retention deletes old rows from the journal.
type retention struct {
	keep    time.Duration
	journal oldRows
	log     *slog.Logger
}

// tidy deletes one batch. It runs in a loop, and always succeeds: a bot that
// can't delete rows is still ready.
func (r *retention) tidy(ctx context.Context) error {
	deleted, err := r.journal.DeleteOld(ctx, r.keep, maxDeleted)
	switch {
	case err != nil && ctx.Err() == nil:
		r.log.Warn("old rows not deleted; retrying", "error", err)
	case deleted != journal.Deleted{}:
		r.log.Info("old rows deleted", "decisions", deleted.Decisions, "notes", deleted.Notes, "set_aside", deleted.SetAside, "keep", r.keep)
	}
	return nil
}
