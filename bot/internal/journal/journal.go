// Package journal is the durable record of decisions: who cancelled which
// task, and the outcome. It is also the outbox of announcements: a row without
// announced_at still has to be announced.
//
// A decision belongs to one process at a time, by a lease that expires and an
// epoch that grows with every change of owner. Every write of an owner names
// its epoch, so an owner that has lost its decision can change nothing.
//
// The bot deletes rows only if a retention is configured. SQLite serves the
// processes of one machine, Postgres serves replicas on several.
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
	tasks int // how many tasks the decision has
	// Until is when the right ends unless it is renewed, by this process's
	// monotonic clock. It counts from before the journal was asked, so it
	// never ends later here than in the journal.
	Until time.Time
}

// Held is a decision with the right to work on it.
type Held struct {
	decision.Record
	Lease
}

var (
	// ErrLost means that this process no longer owns the decision: another one
	// has taken it over, or the step was taken before. The caller must leave
	// the decision alone.
	ErrLost = errors.New("the decision is no longer this process's")

	// ErrGone means that the row doesn't exist.
	ErrGone = errors.New("the decision is not in the journal")

	// ErrUnresolved means that a task of the decision has no outcome.
	ErrUnresolved = errors.New("a task has no outcome")

	// ErrDecided means that a prompt was decided or closed before, and that the
	// row that says how is missing.
	ErrDecided = errors.New("the prompt was decided, and its row is missing")

	// ErrTooLate means that the click is too old to be carried out.
	ErrTooLate = errors.New("the click is too old")
)

// Times of the protocol. Options.Lease replaces the first.
const (
	defaultLease = 10 * time.Second

	// announceLease is how long a decision stays with a process that was about to
	// post, after its last sign of life. It is longer than a post, and than
	// the usual outage of a database between the post and its record: an
	// announcement appears twice only if the process died in between.
	announceLease = 2 * time.Minute

	// maxClickAge is how long after a click its cancel request may be sent, by
	// the journal's clock. Later, people rely on the task as they see it.
	maxClickAge = 30 * time.Minute

	// maxLease bounds a lease, and maxNoteWait the wait of an audit copy: an end
	// farther away was written by a clock that has been set back since, and
	// counts as expired. maxLease is a minute longer than the longest lease, so
	// that a small correction of the clock takes no decision from its owner.
	maxLease    = announceLease + time.Minute
	maxNoteWait = 2 * time.Hour

	// firstCheck is the time until an unknown outcome is checked again.
	firstCheck = 15 * time.Second

	// callTimeout bounds each call, including the wait for a free connection.
	callTimeout = 5 * time.Second
)

// CallTimeout is the longest duration of any call.
const CallTimeout = callTimeout

// Options configure Open.
type Options struct {
	// Lease is how long a decision stays with a process that has died; a live
	// one renews it every third of that. Ten seconds if zero.
	Lease time.Duration

	// Audit means that there is an audit channel: announcements and refusals
	// make notes for TakeNote.
	Audit bool

	// MaxConns is how many connections to Postgres this process opens at most;
	// DefaultMaxConns if zero. SQLite ignores it.
	MaxConns int

	// Observe is called after each operation on the database; may be nil.
	Observe Observer

	// Now is the journal's clock on SQLite. If nil, it is a clock that all
	// processes on the machine share, and that no one can set. Postgres has
	// its own.
	Now func() time.Time
}

// Journal is an open journal. It is safe for concurrent use. Every call ends
// within CallTimeout. If a call that writes returns an error other than ErrLost, ErrGone,
// ErrTooLate, ErrDecided, ErrUnresolved and *PausedError, it isn't known whether it was
// written.
type Journal struct {
	engine
	*dialect
	owner string
	lease time.Duration
	audit bool
	trust atomic.Pointer[trust]
	path  string    // on SQLite
	alive liveOwner // on SQLite

	steady *steadyClock
}

// Open opens the journal at a DATABASE_URL, "sqlite:PATH" or "postgres://…",
// and migrates its schema. Its errors say what is wrong with the place, and
// never quote a Postgres URL, which may contain a password.
func Open(ctx context.Context, databaseURL string, o Options) (*Journal, error) {
	j, err := open(ctx, databaseURL, o, false)
	if err != nil {
		return nil, err
	}
	if path, isSQLite := SQLitePath(databaseURL); isSQLite {
		j.path = path
		if err := j.buryDead(ctx); err != nil {
			return nil, errors.Join(err, j.engine.Close())
		}
		j.alive = newLiveOwner(path, j.owner)
	}
	return j, nil
}

// OpenReadOnly opens an existing journal for reading only: it creates no file
// and changes no schema.
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
	return &Journal{engine: db, dialect: db.read().dialect, owner: rand.Text(), lease: o.Lease, audit: o.Audit, steady: newSteadyClock(o.Lease)}, nil
}

// Close closes the database. Decisions in progress stay leased; see Release.
func (j *Journal) Close() error {
	j.alive.release()
	return j.engine.Close()
}

// Lease returns how long a decision stays with a process that has died.
func (j *Journal) Lease() time.Duration { return j.lease }

// Pool returns the connection pool that several calls share, for statistics.
func (j *Journal) Pool() *sql.DB { return j.pool() }

// Owner returns the name under which this process owns decisions.
func (j *Journal) Owner() string { return j.owner }

// Writable checks that the journal accepts rows, by inserting one and deleting
// it.
func (j *Journal) Writable(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	_, err := j.together(ctx, only(func(ctx context.Context, q querier) error {
		id := "c-" + rand.Text()
		if _, err := q.exec(ctx, `
			INSERT INTO audit (id, kind, noted_at, confirmation_id, task_ids, team_id, channel_id, person, code)
			VALUES ($1, 'check', $2, '', '', '', '', '', '')`, id, utc(j.at())); err != nil {
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

// utc returns a time as it is stored: to the millisecond, in UTC, so that
// SQLite, which compares text, and people, who read it, see the same.
func utc(t time.Time) time.Time { return t.UTC().Truncate(time.Millisecond) }

// orNull returns utc for a column that may be NULL, which the zero time
// becomes.
func orNull(t time.Time) sql.NullTime { return sql.NullTime{Time: utc(t), Valid: !t.IsZero()} }
