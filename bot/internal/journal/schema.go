package journal

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"

	"github.com/cenkalti/backoff/v5"
	"github.com/pressly/goose/v3"
)

//go:embed migrations
var migrations embed.FS

// migrate migrates a database's schema to the newest version.
func migrate(ctx context.Context, db *sql.DB, d goose.Dialect, dir string, o ...goose.ProviderOption) error {
	provider, err := schema(db, d, dir, o...)
	if err != nil {
		return err
	}
	// On Postgres a lock separates two replicas. SQLite has no such lock: the
	// loser of a race fails, and finds the work done at the next try.
	_, err = backoff.Retry(ctx, func() ([]*goose.MigrationResult, error) { return provider.Up(ctx) },
		backoff.WithMaxTries(3))
	return err
}

// upToDate rejects a journal of another version, which only the bot itself
// migrates.
func upToDate(ctx context.Context, db *sql.DB, d goose.Dialect, dir string) error {
	provider, err := schema(db, d, dir)
	if err != nil {
		return err
	}
	sources := provider.ListSources()
	var version int64
	err = db.QueryRowContext(ctx, `SELECT MAX(version_id) FROM goose_db_version WHERE is_applied`).Scan(&version)
	switch {
	case err != nil:
		return fmt.Errorf("it isn't this bot's journal: %w", err)
	case version < sources[len(sources)-1].Version:
		return errors.New("it was last used by an older version: start the bot once, which brings it up to date")
	}
	return nil
}

func schema(db *sql.DB, d goose.Dialect, dir string, o ...goose.ProviderOption) (*goose.Provider, error) {
	files, err := fs.Sub(migrations, "migrations/"+dir)
	if err != nil {
		return nil, fmt.Errorf("finding the migrations: %w", err)
	}
	provider, err := goose.NewProvider(d, db, files, o...)
	if err != nil {
		return nil, fmt.Errorf("preparing the migrations: %w", err)
	}
	return provider, nil
}
