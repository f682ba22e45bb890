package cli

import (
	"context"
	"errors"
	"os"

	"github.com/cancelbot/cancelbot/bot/internal/journal"
)

// history prints the latest decisions: the journal as the audit trail.
func (p Program) history(ctx context.Context, args []string) error {
	db := os.Getenv("DATABASE_URL")
	if file, found, problem := secretFile("DATABASE_URL"); problem != "" {
		return usageError(problem)
	} else if found {
		db = file.Reveal()
	}
	if db == "" {
		db = "sqlite:cancelbot.db"
	}
	err := journal.History(ctx, args, p.Out, db)
	if errors.Is(err, journal.ErrUsage) {
		return usageError(err.Error())
	}
	return err
}
