// Package journal is the durable record of decisions: who had which task
// cancelled, and what came of it. It is at the same time the queue of what is
// still to be told: a row without announced_at is a promise to somebody.
//
// The bot never deletes a row. SQLite serves one process or several on one
// machine, Postgres serves replicas on several.
package journal

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Decision is one row: an accepted click, and what came of it.
type Decision struct {
	ConfirmationID string
	TaskID         int64
	Team, Channel  string
	Requester      string // who typed the command
	Confirmer      string // who clicked
	Reason         string
	RequestedAt    time.Time
	DecidedAt      time.Time
	FinishedAt     time.Time // zero while the cancel is under way
	AnnouncedAt    time.Time // zero until the outcome was told
	Outcome        string    // "" while the cancel is under way
	Detail         string    // what the announcement tells besides, as JSON
	MessageTS      string    // the announcement's, where Slack gives one
	ResponseURL    string    // the click's; wiped when the outcome is told
}

// ErrLost means that another process has taken the decision over, because
// this one did not renew its lease in time. Whoever gets it leaves the
// decision alone: it is being told elsewhere.
var ErrLost = errors.New("another process has taken the decision over")

// Options configure Open.
type Options struct {
	// Lease is how long a decision stays with a process that has died. A
	// live one renews it every third of that. Ten seconds if zero.
	Lease time.Duration

	// Audit says that there is an audit channel: announcements and refusals
	// leave notes for AuditDue.
	Audit bool
}

// Journal is an open journal. It is safe for concurrent use.
type Journal struct {
	db      *sql.DB
	dialect dialect
	owner   string
	lease   time.Duration
	audit   bool
}

// dialect is what the two engines write differently.
type dialect struct {
	name       string
	now        string // the database's clock, in milliseconds since 1970
	skipLocked string
}

// Open opens the journal at a DATABASE_URL, "sqlite:PATH" or "postgres://…",
// and brings its schema up to date. Its errors say what is wrong with the
// place, and never quote a Postgres URL, which may hold a password.
func Open(ctx context.Context, databaseURL string, o Options) (*Journal, error) {
	if o.Lease <= 0 {
		o.Lease = 10 * time.Second
	}
	j := &Journal{owner: rand.Text(), lease: o.Lease, audit: o.Audit}
	var err error
	switch path, isSQLite := strings.CutPrefix(databaseURL, "sqlite:"); {
	case isSQLite:
		err = j.openSQLite(ctx, path)
	case strings.HasPrefix(databaseURL, "postgres://"), strings.HasPrefix(databaseURL, "postgresql://"):
		err = j.openPostgres(ctx, databaseURL)
	default:
		return nil, errors.New("a DATABASE_URL starts with sqlite: or postgres://")
	}
	if err != nil {
		return nil, err
	}
	return j, nil
}

// Lease is how long a decision stays with a process that has died.
func (j *Journal) Lease() time.Duration { return j.lease }

// Engine names the database: "sqlite" or "postgres".
func (j *Journal) Engine() string { return j.dialect.name }

// Ping reports whether the journal can be reached.
func (j *Journal) Ping(ctx context.Context) error { return j.db.PingContext(ctx) }

// Writable reports whether the journal takes rows: it writes one and takes it
// back.
func (j *Journal) Writable(ctx context.Context) error {
	tx, err := j.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("trying to write: %w", err)
	}
	defer func() { _ = tx.Rollback() }()
	_, err = tx.ExecContext(ctx, `
		INSERT INTO audit (id, kind, noted_at, confirmation_id, task_id, team_id, channel_id, person, code)
		VALUES ($1, 'check', $2, '', 0, '', '', '', '')`, "c-"+rand.Text(), utc(time.Now()))
	if err != nil {
		return fmt.Errorf("trying to write: %w", err)
	}
	return nil
}

// Close closes the database. Decisions still under way stay leased; see
// Release.
func (j *Journal) Close() error { return j.db.Close() }

// until is the SQL for the end of a lease taken now.
func (j *Journal) until() string {
	return fmt.Sprintf("%s + %d", j.dialect.now, j.lease.Milliseconds())
}

// Claim makes the decision this process's, durably, or returns the one that
// stands in its way: an earlier click on the same prompt, or another prompt's
// decision about the same task that is under way or has succeeded.
func (j *Journal) Claim(ctx context.Context, d Decision) (winner Decision, won bool, err error) {
	// The decision in the way may end as a failure between the insert and
	// the look at it, and so get out of the way.
	for range 3 {
		res, err := j.db.ExecContext(ctx, `
			INSERT INTO decisions (confirmation_id, task_id, team_id, channel_id, requester, confirmer,
				reason, requested_at, decided_at, response_url, lease_owner, lease_until)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, `+j.until()+`)
			ON CONFLICT DO NOTHING`,
			d.ConfirmationID, d.TaskID, d.Team, d.Channel, d.Requester, d.Confirmer,
			d.Reason, utc(d.RequestedAt), utc(d.DecidedAt), d.ResponseURL, j.owner)
		if err != nil {
			return Decision{}, false, fmt.Errorf("claiming a decision: %w", err)
		}
		if n, err := res.RowsAffected(); err != nil {
			return Decision{}, false, fmt.Errorf("claiming a decision: %w", err)
		} else if n == 1 {
			return d, true, nil
		}
		winner, err := j.inTheWay(ctx, d)
		if !errors.Is(err, sql.ErrNoRows) {
			return winner, false, err
		}
	}
	return Decision{}, false, fmt.Errorf("claiming a decision: task %d changes hands too fast", d.TaskID)
}

func (j *Journal) inTheWay(ctx context.Context, d Decision) (Decision, error) {
	winner, err := j.get(ctx, `confirmation_id = $1`, d.ConfirmationID)
	if !errors.Is(err, sql.ErrNoRows) {
		return winner, err
	}
	return j.get(ctx, `task_id = $1 AND (outcome IS NULL OR outcome = 'cancelled')`, d.TaskID)
}

// Finish records what came of a decision. ErrLost if it is no longer this
// process's.
func (j *Journal) Finish(ctx context.Context, confirmationID, outcome, detail string) error {
	return j.change(ctx, "finishing a decision", `
		UPDATE decisions SET outcome = $1, detail = $2, finished_at = $3
		WHERE confirmation_id = $4 AND lease_owner = $5 AND outcome IS NULL`,
		outcome, detail, utc(time.Now()), confirmationID, j.owner)
}

// Hold makes sure, right before it is acted upon, that an unannounced
// decision is still this process's, and renews its lease. ErrLost if not.
func (j *Journal) Hold(ctx context.Context, confirmationID string) error {
	return j.change(ctx, "holding a decision", `
		UPDATE decisions SET lease_until = `+j.until()+`
		WHERE confirmation_id = $1 AND lease_owner = $2 AND announced_at IS NULL`,
		confirmationID, j.owner)
}

// Announced records that the outcome was told; messageTS is "" where Slack
// gives none. ErrLost if it was recorded before.
func (j *Journal) Announced(ctx context.Context, confirmationID, messageTS string) error {
	tx, err := j.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("recording an announcement: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // after a commit it does nothing
	err = change(ctx, tx, "recording an announcement", `
		UPDATE decisions SET announced_at = $1, message_ts = $2, response_url = ''
		WHERE confirmation_id = $3 AND announced_at IS NULL`,
		utc(time.Now()), messageTS, confirmationID)
	if err != nil {
		return err
	}
	if j.audit {
		if err := noteAnnounced(ctx, tx, confirmationID); err != nil {
			return err
		}
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("recording an announcement: %w", err)
	}
	return nil
}

// Postpone lets an announcement that nobody can take now wait, so that the
// channel's others go on.
func (j *Journal) Postpone(ctx context.Context, confirmationID string, wait time.Duration) error {
	return j.change(ctx, "postponing an announcement", fmt.Sprintf(`
		UPDATE decisions SET announce_after = %s + %d
		WHERE confirmation_id = $1 AND lease_owner = $2`, j.dialect.now, wait.Milliseconds()),
		confirmationID, j.owner)
}

func (j *Journal) change(ctx context.Context, doing, query string, args ...any) error {
	return change(ctx, j.db, doing, query, args...)
}

// execer is a database or a transaction.
type execer interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// change updates one row. ErrLost if there is none to update.
func change(ctx context.Context, db execer, doing, query string, args ...any) error {
	res, err := db.ExecContext(ctx, query, args...)
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	if n, err := res.RowsAffected(); err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	} else if n == 0 {
		return fmt.Errorf("%s: %w", doing, ErrLost)
	}
	return nil
}

// Renew prolongs the leases of all decisions that this process has under way.
func (j *Journal) Renew(ctx context.Context) error {
	_, err := j.db.ExecContext(ctx, `
		UPDATE decisions SET lease_until = `+j.until()+`
		WHERE lease_owner = $1 AND announced_at IS NULL`, j.owner)
	if err != nil {
		return fmt.Errorf("renewing leases: %w", err)
	}
	return nil
}

// Release gives up all leases, so that another process, or the next start,
// goes on at once with what this one leaves behind.
func (j *Journal) Release(ctx context.Context) error {
	_, err := j.db.ExecContext(ctx, `
		UPDATE decisions SET lease_until = 0 WHERE lease_owner = $1 AND announced_at IS NULL`, j.owner)
	if err != nil {
		return fmt.Errorf("releasing leases: %w", err)
	}
	return nil
}

// Abandon gives up one decision, so that it is taken over again: by another
// process, or by this one when it has come to itself.
func (j *Journal) Abandon(ctx context.Context, confirmationID string) error {
	return j.change(ctx, "abandoning a decision", `
		UPDATE decisions SET lease_until = 0, lease_owner = ''
		WHERE confirmation_id = $1 AND lease_owner = $2 AND announced_at IS NULL`,
		confirmationID, j.owner)
}

// Unfinished takes over decisions whose lease has run out, the oldest first,
// at most limit. Each goes to one process only.
func (j *Journal) Unfinished(ctx context.Context, limit int) ([]Decision, error) {
	rows, err := j.db.QueryContext(ctx, `
		UPDATE decisions SET lease_owner = $1, lease_until = `+j.until()+`
		WHERE confirmation_id IN (
			SELECT confirmation_id FROM decisions
			WHERE announced_at IS NULL AND lease_until < `+j.dialect.now+`
			ORDER BY decided_at LIMIT $2 `+j.dialect.skipLocked+`)
		RETURNING confirmation_id`, j.owner, limit)
	if err != nil {
		return nil, fmt.Errorf("taking decisions over: %w", err)
	}
	ids, err := collect(rows, func(r *sql.Rows, id *string) error { return r.Scan(id) })
	if err != nil {
		return nil, fmt.Errorf("taking decisions over: %w", err)
	}
	taken := make([]Decision, 0, len(ids))
	for _, id := range ids {
		d, err := j.get(ctx, `confirmation_id = $1`, id)
		if err != nil {
			return nil, err
		}
		taken = append(taken, d)
	}
	return taken, nil
}

// Due returns this process's next decision to be announced in a channel, in
// the order in which they finished. False if there is none now.
func (j *Journal) Due(ctx context.Context, channel string) (Decision, bool, error) {
	d, err := j.get(ctx, `channel_id = $1 AND lease_owner = $2 AND announced_at IS NULL AND outcome IS NOT NULL
		AND announce_after <= `+j.dialect.now+` ORDER BY finished_at, decided_at LIMIT 1`, channel, j.owner)
	if errors.Is(err, sql.ErrNoRows) {
		return Decision{}, false, nil
	}
	return d, err == nil, err
}

// DueChannels lists the channels in which Due would find something.
func (j *Journal) DueChannels(ctx context.Context) ([]string, error) {
	rows, err := j.db.QueryContext(ctx, `
		SELECT DISTINCT channel_id FROM decisions
		WHERE lease_owner = $1 AND announced_at IS NULL AND outcome IS NOT NULL
		AND announce_after <= `+j.dialect.now, j.owner)
	if err != nil {
		return nil, fmt.Errorf("listing channels with announcements due: %w", err)
	}
	return collect(rows, func(r *sql.Rows, c *string) error { return r.Scan(c) })
}

// Backlog counts the decisions, of all processes, that are not announced yet,
// and says when the oldest of them was made; zero if there is none.
func (j *Journal) Backlog(ctx context.Context) (due int, oldest time.Time, err error) {
	err = j.db.QueryRowContext(ctx, `SELECT count(*) FROM decisions WHERE announced_at IS NULL`).Scan(&due)
	if err == nil && due > 0 {
		err = j.db.QueryRowContext(ctx, `
			SELECT decided_at FROM decisions WHERE announced_at IS NULL ORDER BY decided_at LIMIT 1`).Scan(&oldest)
		if errors.Is(err, sql.ErrNoRows) { // announced in between
			return 0, time.Time{}, nil
		}
	}
	if err != nil {
		return 0, time.Time{}, fmt.Errorf("looking at what is not announced: %w", err)
	}
	return due, oldest, nil
}

// Get returns a decision by its confirmation id.
func (j *Journal) Get(ctx context.Context, confirmationID string) (Decision, error) {
	return j.get(ctx, `confirmation_id = $1`, confirmationID)
}

// Query selects decisions for Recent. Zero fields select everything.
type Query struct {
	Task  int64
	Since time.Time // decided at or after
	Limit int       // 20 if zero
}

// Recent returns the latest decisions, newest first.
func (j *Journal) Recent(ctx context.Context, q Query) ([]Decision, error) {
	if q.Limit <= 0 {
		q.Limit = 20
	}
	rows, err := j.db.QueryContext(ctx, `SELECT `+columns+` FROM decisions
		WHERE ($1 = 0 OR task_id = $1) AND decided_at >= $2 ORDER BY decided_at DESC LIMIT $3`,
		q.Task, utc(q.Since), q.Limit)
	if err != nil {
		return nil, fmt.Errorf("reading the journal: %w", err)
	}
	return collect(rows, func(r *sql.Rows, d *Decision) error { return scan(r, d) })
}

const columns = `confirmation_id, task_id, team_id, channel_id, requester, confirmer, reason,
	requested_at, decided_at, finished_at, announced_at, outcome, detail, message_ts, response_url`

func (j *Journal) get(ctx context.Context, where string, args ...any) (Decision, error) {
	var d Decision
	if err := scan(j.db.QueryRowContext(ctx, `SELECT `+columns+` FROM decisions WHERE `+where, args...), &d); err != nil {
		return Decision{}, fmt.Errorf("reading a decision: %w", err)
	}
	return d, nil
}

func scan(row interface{ Scan(...any) error }, d *Decision) error {
	var finished, announced sql.NullTime
	var outcome sql.NullString
	err := row.Scan(&d.ConfirmationID, &d.TaskID, &d.Team, &d.Channel, &d.Requester, &d.Confirmer, &d.Reason,
		&d.RequestedAt, &d.DecidedAt, &finished, &announced, &outcome, &d.Detail, &d.MessageTS, &d.ResponseURL)
	d.FinishedAt, d.AnnouncedAt, d.Outcome = finished.Time, announced.Time, outcome.String
	return err
}

func collect[T any](rows *sql.Rows, scan func(*sql.Rows, *T) error) ([]T, error) {
	defer rows.Close()
	var all []T
	for rows.Next() {
		var one T
		if err := scan(rows, &one); err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, rows.Err()
}

// utc is how moments are stored: to the millisecond, in UTC, so that SQLite,
// which compares text, and people, who read it, see the same.
func utc(t time.Time) time.Time { return t.UTC().Truncate(time.Millisecond) }
