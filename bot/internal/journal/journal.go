// Package journal is the durable record of decisions: who had which task
// cancelled, and what came of it. It is at the same time the outbox of what is
// still to be told: a row without announced_at is a promise to somebody.
//
// A decision belongs to one process at a time, by a lease that runs out and an
// epoch that grows with every change of owner. Whatever an owner writes names
// its epoch, so that one that has lost its decision can change nothing.
//
// The bot deletes rows only if it is told how long to keep them. SQLite serves one process or several on one
// machine, Postgres serves replicas on several.
package journal

import (
	"cmp"
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
)

// Lease is this process's right to work on a decision. It is a value: each
// renewal gives a new one.
type Lease struct {
	ID    decision.ID
	Epoch int64
	// Until is when the right ends unless it is renewed, by this process's
	// monotonic clock. It is reckoned from before the journal was asked, so
	// that it never ends later here than there.
	Until time.Time
}

// Held is a decision with the right to work on it.
type Held struct {
	decision.Record
	Lease
}

var (
	// ErrLost means that the decision is no longer this process's to change:
	// another has taken it over, or the step was taken before. A caller that gets
	// it leaves the decision alone.
	ErrLost = errors.New("the decision is no longer this process's")

	// ErrGone means that the row is not there.
	ErrGone = errors.New("the decision is not in the journal")

	// ErrTooLate means that the click is too old to be acted upon.
	ErrTooLate = errors.New("the click is too old")
)

// Times of the protocol. Options.Lease replaces the first.
const (
	defaultLease = 10 * time.Second

	// tellLease is how long a decision stays with a process that was about to
	// post when it was last heard of. It outlasts the post, and the time for
	// which a database may be away between the post and its record: only a
	// process that died in between makes an announcement appear twice.
	tellLease = 2 * time.Minute

	// maxClickAge is how long after a click its cancel may be sent, by the
	// journal's clock. Later, people count on the task being as they see it.
	maxClickAge = 30 * time.Minute

	// maxLease bounds what a lease can be in good faith: an end farther away
	// was made by a clock that has been put back since, and counts as over.
	maxLease = 15 * time.Minute

	// followFor is how long an unknown outcome is looked after, firstLook how
	// soon for the first time.
	followFor = 24 * time.Hour
	firstLook = 15 * time.Second

	// callTimeout bounds each call, the wait for a free connection included.
	callTimeout = 5 * time.Second
)

// CallTimeout is how long any call takes at the longest.
const CallTimeout = callTimeout

// Options configure Open.
type Options struct {
	// Lease is how long a decision stays with a process that has died; a live
	// one renews it every third of that. Ten seconds if zero.
	Lease time.Duration

	// Audit says that there is an audit channel: announcements and refusals
	// leave notes for TakeNote.
	Audit bool

	// MaxConns is how many connections to Postgres this process opens at most;
	// DefaultMaxConns if zero. SQLite ignores it.
	MaxConns int

	// Observe is called after each operation on the database; may be nil.
	Observe Observer

	// Now is the journal's clock on SQLite. If nil, it is one that all processes
	// on the machine share, and that no one can set. Postgres has its own.
	Now func() time.Time
}

// Journal is an open journal. It is safe for concurrent use. Every call ends
// within CallTimeout. An error of a call that writes, other than ErrLost,
// ErrGone and ErrTooLate, leaves open whether it was written.
type Journal struct {
	engine
	*dialect
	owner string
	lease time.Duration
	audit bool
	trust atomic.Pointer[trust]
	path  string    // on SQLite
	alive liveOwner // on SQLite
}

// Open opens the journal at a DATABASE_URL, "sqlite:PATH" or "postgres://…",
// and brings its schema up to date. Its errors say what is wrong with the
// place, and never quote a Postgres URL, which may hold a password.
func Open(ctx context.Context, databaseURL string, o Options) (*Journal, error) {
	return open(ctx, databaseURL, o, false)
}

// OpenReadOnly opens a journal that is there already, for reading alone: it
// makes no file and changes no schema.
func OpenReadOnly(ctx context.Context, databaseURL string) (*Journal, error) {
	return open(ctx, databaseURL, Options{}, true)
}

func open(ctx context.Context, databaseURL string, o Options, readOnly bool) (*Journal, error) {
	if o.Lease <= 0 {
		o.Lease = defaultLease
	}
	o.Lease = min(o.Lease, maxLease)
	if err := CheckURL(databaseURL); err != nil {
		return nil, fmt.Errorf("the journal's URL %w", err)
	}
	var db engine
	var err error
	if path, isSQLite := SQLitePath(databaseURL); isSQLite {
		db, err = openSQLite(ctx, path, o.Now, readOnly)
	} else {
		db, err = openPostgres(ctx, databaseURL, cmp.Or(o.MaxConns, DefaultMaxConns), readOnly)
	}
	if err != nil {
		return nil, err
	}
	if o.Observe != nil {
		db = &observed{db, o.Observe}
	}
	j := &Journal{engine: db, dialect: db.read().dialect, owner: rand.Text(), lease: o.Lease, audit: o.Audit}
	if path, isSQLite := SQLitePath(databaseURL); isSQLite && !readOnly {
		j.path = path
		if err := j.bury(ctx, deadOwners(path)); err != nil {
			return nil, errors.Join(err, db.Close())
		}
		j.alive = newLiveOwner(path, j.owner)
	}
	return j, nil
}

// Close closes the database. Decisions still under way stay leased; see
// Release.
func (j *Journal) Close() error {
	j.alive.release()
	return j.engine.Close()
}

// Lease is how long a decision stays with a process that has died.
func (j *Journal) Lease() time.Duration { return j.lease }

// Pool returns the database's connections that several calls share, for
// statistics.
func (j *Journal) Pool() *sql.DB { return j.pool() }

// Owner is the name under which this process holds decisions.
func (j *Journal) Owner() string { return j.owner }

// Writable reports whether the journal takes rows: it writes one and takes it
// back.
func (j *Journal) Writable(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	_, err := j.together(ctx, only(func(ctx context.Context, q querier) error {
		id := "c-" + rand.Text()
		if _, err := q.exec(ctx, `
			INSERT INTO audit (id, kind, noted_at, confirmation_id, task_ids, team_id, channel_id, person, code)
			VALUES ($1, 'check', $2, '', '', '', '', '', '')`, id, utc(time.Now())); err != nil {
			return err
		}
		_, err := q.exec(ctx, `DELETE FROM audit WHERE id = $1`, id)
		return err
	}))
	if err != nil {
		return fmt.Errorf("trying to write: %w", err)
	}
	return nil
}

// utc is how moments are stored: to the millisecond, in UTC, so that SQLite,
// which compares text, and people, who read it, see the same.
func utc(t time.Time) time.Time { return t.UTC().Truncate(time.Millisecond) }

// orNull is utc for a column that may be NULL, which the zero time is.
func orNull(t time.Time) sql.NullTime { return sql.NullTime{Time: utc(t), Valid: !t.IsZero()} }
