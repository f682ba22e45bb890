package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/cancelbot/cancelbot/bot/internal/journal"
)

// place is the state of the place where the journal belongs.
type place int

const (
	placeUnknown place = iota
	placeNew           // no bot has used it yet
	placeUsed
)

// database checks the journal and creates nothing: if there is none yet, it
// finds out whether the bot could create it. Next to a bot that runs, a journal that isn't
// there is a problem: that bot has lost it, or uses another one.
func (c *checkup) database(ctx context.Context) []Result {
	defer close(c.organisation)
	found, text, err := c.checkJournal(ctx)
	lost := c.Running && found == placeNew
	if lost {
		found = placeUsed // by the bot that answers
	}
	c.journal <- found
	if lost {
		return []Result{bad(Journal, Where(c.Database)+", not there, although a bot answers at HTTP_ADDR",
			"If that bot uses another DATABASE_URL, check with that one. Otherwise its journal was removed: restore a backup, or restart the bot to begin with an empty journal")}
	}
	if err != nil {
		return []Result{JournalFailed(c.Database, err)}
	}
	return []Result{good(Journal, "%s", text)}
}

// ExplainJournal explains an error of opening the journal.
func ExplainJournal(databaseURL string, err error) string {
	return journal.Diagnose(databaseURL, err).Found
}

func (c *checkup) checkJournal(ctx context.Context) (place, string, error) {
	// The start begins with the same call.
	if err := journal.Preflight(ctx, c.Database); err != nil {
		return placeUnknown, "", err
	}
	path, isSQLite := journal.SQLitePath(c.Database)
	if isSQLite {
		info, err := os.Stat(path)
		if errors.Is(err, fs.ErrNotExist) || err == nil && info.Size() == 0 {
			return placeNew, "sqlite at " + absolute(path) + ", not there yet: the bot creates it at its first start", canMake(path)
		}
	}
	j, err := journal.OpenExisting(ctx, c.Database)
	var answer *pgconn.PgError
	switch {
	case errors.As(err, &answer) && answer.Code == undefinedTable:
		return placeNew, Where(c.Database) + ", reachable and empty: the bot creates its tables at its first start", nil
	case err != nil && strings.Contains(err.Error(), "older version"):
		return placeUsed, Where(c.Database) + ", last used by an older version: the bot brings it up to date at its next start", nil
	case err != nil:
		return placeUnknown, "", err
	}
	paused, err := j.Paused(ctx)
	c.paused = paused
	organisation, unread := j.Organisation(ctx)
	c.organisation <- organisation
	err = errors.Join(err, unread, j.Writable(ctx), j.Close())
	return placeUsed, Where(c.Database) + ", writable", err
}

// Where returns the location of a journal, without secrets.
func Where(databaseURL string) string {
	if path, isSQLite := journal.SQLitePath(databaseURL); isSQLite {
		return "sqlite at " + absolute(path)
	}
	u, err := url.Parse(databaseURL)
	if err != nil {
		return "postgres"
	}
	return "postgres at " + u.Host + u.Path
}

func absolute(path string) string {
	if full, err := filepath.Abs(path); err == nil {
		return full
	}
	return path
}

// undefinedTable is SQLSTATE 42P01 (postgresql.org/docs/current/errcodes-appendix.html).
const undefinedTable = "42P01"

// canMake tries to write in the nearest existing directory, and leaves nothing
// behind.
func canMake(path string) error {
	dir := filepath.Dir(path)
	for {
		info, err := os.Stat(dir)
		if err == nil && !info.IsDir() {
			return fmt.Errorf("%s is a file, not a directory", dir)
		}
		if err == nil || filepath.Dir(dir) == dir {
			break
		}
		dir = filepath.Dir(dir)
	}
	probe, err := os.CreateTemp(dir, ".cancelbot-check-*")
	if err != nil {
		var cause *fs.PathError
		if errors.As(err, &cause) {
			err = cause.Err
		}
		return fmt.Errorf("the journal cannot be made in %s: %w", dir, err)
	}
	return errors.Join(probe.Close(), os.Remove(probe.Name()))
}
