package journal

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
	_ "modernc.org/sqlite" // the "sqlite" driver
)

//go:embed migrations
var migrations embed.FS

func (j *Journal) openSQLite(ctx context.Context, path string) error {
	if path == "" {
		return errors.New("DATABASE_URL=sqlite: names no file; write sqlite:PATH")
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("making the journal's directory: %w", err)
	}
	// Nobody but the bot's user reads who cancelled what.
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("the journal cannot be written: %w", err)
	}
	if err := file.Close(); err != nil {
		return fmt.Errorf("the journal cannot be written: %w", err)
	}
	dsn := (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: url.Values{
		// WAL lets "cancelbot history" read while the bot writes. FULL syncs
		// each commit: a claim that a power cut can undo is none.
		"_pragma":      {"busy_timeout(5000)", "journal_mode(WAL)", "synchronous(FULL)"},
		"_time_format": {"sqlite"},
	}.Encode()}).String()
	db, err := sql.Open("sqlite", dsn)
	if err != nil {
		return fmt.Errorf("opening the journal: %w", err)
	}
	// SQLite has one writer at a time. One connection queues in Go, in order,
	// where several would sleep and retry.
	db.SetMaxOpenConns(1)
	j.db = db
	j.dialect = dialect{name: "sqlite", now: `CAST(unixepoch('subsec') * 1000 AS INTEGER)`}
	if err := j.migrate(ctx, goose.DialectSQLite3, "sqlite"); err != nil {
		return errors.Join(fmt.Errorf("preparing the journal in %s: %w", path, err), db.Close())
	}
	return nil
}

func (j *Journal) openPostgres(ctx context.Context, databaseURL string) error {
	config, err := pgx.ParseConfig(databaseURL)
	if err != nil {
		return errors.New("DATABASE_URL is not a Postgres URL; write postgres://user:password@host:5432/database")
	}
	config.ConnectTimeout = 5 * time.Second
	db := stdlib.OpenDB(*config)
	db.SetMaxOpenConns(8)
	db.SetMaxIdleConns(4)
	j.db = db
	j.dialect = dialect{
		name:       "postgres",
		now:        `CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)`,
		skipLocked: `FOR UPDATE SKIP LOCKED`,
	}
	locker, err := lock.NewPostgresSessionLocker()
	if err != nil {
		return errors.Join(fmt.Errorf("preparing the journal: %w", err), db.Close())
	}
	if err := j.migrate(ctx, goose.DialectPostgres, "postgres", goose.WithSessionLocker(locker)); err != nil {
		return errors.Join(fmt.Errorf("preparing the journal in Postgres at %s: %w", config.Host, plain(err)), db.Close())
	}
	return nil
}

// plain cuts a Postgres connection error down to its cause: the wrapper
// quotes user, database and every address tried.
func plain(err error) error {
	var connect *pgconn.ConnectError
	if errors.As(err, &connect) {
		return connect.Unwrap()
	}
	return err
}

func (j *Journal) migrate(ctx context.Context, d goose.Dialect, dir string, o ...goose.ProviderOption) error {
	files, err := fs.Sub(migrations, "migrations/"+dir)
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider(d, j.db, files, o...)
	if err != nil {
		return err
	}
	// In Postgres a lock keeps two replicas apart. In SQLite there is none to
	// take: the loser of a race fails, and finds the work done when it looks
	// again.
	_, err = backoff.Retry(ctx, func() ([]*goose.MigrationResult, error) { return provider.Up(ctx) },
		backoff.WithMaxTries(3))
	return err
}
