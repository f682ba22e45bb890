package journal

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/cancelbot/cancelbot/bot/internal/clock"
)

// CheckURL returns an error that says what is wrong with a DATABASE_URL, to be
// read after its name. It connects to nothing, and reads the files that a
// Postgres URL names. The error never quotes the URL.
func CheckURL(databaseURL string) error {
	if strings.IndexAny(databaseURL, "\"'`“”‘’") == 0 {
		return errors.New("is in quotation marks: leave them out")
	}
	if path, isSQLite := SQLitePath(databaseURL); isSQLite {
		return checkPath(path)
	}
	scheme, rest, _ := strings.Cut(databaseURL, ":")
	switch strings.ToLower(scheme) {
	case "postgres", "postgresql":
		if !strings.HasPrefix(rest, "//") {
			return errors.New("lacks the two slashes after postgres: write postgres://user:password@host:5432/database")
		}
		_, _, err := postgresConfig(databaseURL)
		return err
	}
	return errors.New("must start with sqlite: or postgres://")
}

// SQLitePath returns the path in sqlite:PATH.
func SQLitePath(databaseURL string) (path string, isSQLite bool) {
	scheme, path, _ := strings.Cut(databaseURL, ":")
	return path, strings.EqualFold(scheme, "sqlite")
}

// checkPath returns an error that says what is wrong with a path.
func checkPath(path string) error {
	switch {
	case path == "":
		return errors.New("names no file: write sqlite:PATH")
	case strings.Contains(path, "?"):
		return errors.New("takes no options with sqlite: remove the question mark and everything after it")
	case strings.Contains(path, ":memory:"):
		return errors.New("names no file: a journal in memory would be lost with the process. Write sqlite:PATH")
	case strings.HasPrefix(path, "//") && !strings.HasPrefix(path, "///"):
		return errors.New("has two slashes after sqlite: and could mean two places: write sqlite:PATH, such as sqlite:/var/lib/cancelbot/cancelbot.db")
	case strings.HasPrefix(path, "~"):
		return errors.New(`has a "~", which only a shell replaces by the home directory: write the whole path`)
	case strings.Contains(path, "$"):
		return errors.New(`has a "$", and the bot replaces no variables: write the whole path`)
	case strings.ContainsRune(path, 0):
		return errors.New("has a NUL character")
	}
	return nil
}

// absolute returns an absolute path, so that people can find the file.
func absolute(path string) string {
	if full, err := filepath.Abs(path); err == nil {
		return full
	}
	return path
}

// Preflight reports whether the bot could open the journal for writing, and
// changes nothing. Open fails with the same errors; Diagnose has the remedy.
// It doesn't report whether a SQLite file that doesn't exist can be created.
func Preflight(ctx context.Context, databaseURL string) error {
	if err := CheckURL(databaseURL); err != nil {
		return err
	}
	if path, isSQLite := SQLitePath(databaseURL); isSQLite {
		return checkPlace(path)
	}
	config, _, err := postgresConfig(databaseURL)
	if err != nil {
		return err
	}
	found, err := inspect(ctx, config)
	if err != nil {
		return rootCause(err)
	}
	return found.writable()
}

// Password returns the password in a Postgres URL, so that it can be redacted.
// It returns "" if there is none.
func Password(databaseURL string) string {
	if _, isSQLite := SQLitePath(databaseURL); isSQLite {
		return ""
	}
	config, err := pgx.ParseConfig(lowerScheme(databaseURL))
	if err != nil {
		return ""
	}
	return config.Password
}

// MeasureClock measures how far this machine's clock is from the journal's,
// before the journal is opened. SQLite uses this machine's own.
func MeasureClock(ctx context.Context, databaseURL string) (clock.Offset, error) {
	if _, isSQLite := SQLitePath(databaseURL); isSQLite {
		return clock.Offset{}, nil
	}
	config, _, err := postgresConfig(databaseURL)
	if err != nil {
		return clock.Offset{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return clock.Offset{}, rootCause(err)
	}
	defer func() { _ = conn.Close(ctx) }()
	sent := time.Now()
	row, err := oneRow(ctx, conn, `SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)`)
	if err != nil {
		return clock.Offset{}, err
	}
	answered := time.Now()
	theirs, err := strconv.ParseInt(row[0], 10, 64)
	if err != nil {
		return clock.Offset{}, fmt.Errorf("reading the journal's time: %w", err)
	}
	return clock.Between(sent, answered, time.UnixMilli(theirs), time.Millisecond), nil
}
