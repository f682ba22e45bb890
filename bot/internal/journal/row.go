package journal

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/chamelio"
)

const (
	columns = `d.confirmation_id, d.team_id, d.channel_id, d.thread_ts, d.requester, d.confirmer, d.reason,
		d.requested_at, d.decided_at, d.facts_age_ms, d.announced_at, d.message_ts, d.response_url, d.confirmation, d.mac,
		d.follow_until, d.checks, d.settled_at, d.epoch,
		t.task_id, t.title, t.url, t.sent_at, t.tries, t.outcome, t.detail, t.finished_at, t.settled_outcome, t.settled_detail`

	// joined has a row for each task of each decision.
	joined = ` FROM decisions d JOIN tasks t ON t.confirmation_id = d.confirmation_id `

	// unresolved means that a decision has a task without an outcome.
	unresolved = `EXISTS (SELECT 1 FROM tasks WHERE tasks.confirmation_id = decisions.confirmation_id AND outcome IS NULL)`

	// resolved means that it has tasks, each with an outcome. A decision without
	// tasks, which only someone else can insert, is neither.
	resolved = `EXISTS (SELECT 1 FROM tasks WHERE tasks.confirmation_id = decisions.confirmation_id) AND NOT ` + unresolved
)

// scan reads a decision with one of its tasks.
func scan(row interface{ Scan(...any) error }, d *decision.Record) error {
	var finished, announced sql.NullTime
	var outcome sql.NullString
	var sent, follow, settled, age int64
	var t decision.Item
	err := row.Scan(&d.ID, &d.Team, &d.Channel, &d.Thread, &d.Requester, &d.Confirmer, &d.Reason,
		&d.RequestedAt, &d.DecidedAt, &age, &announced, &d.MessageTS, &d.ResponseURL, &d.Confirmation, &d.MAC,
		&follow, &d.Looks, &settled, &d.Epoch,
		&t.ID, &t.Title, &t.URL, &sent, &t.Tries, &outcome, &t.Detail, &finished, &t.SettledOutcome, &t.SettledDetail)
	t.FinishedAt, t.Outcome, t.Sent = finished.Time, decision.Outcome(outcome.String), sent != 0
	d.AnnouncedAt, d.FollowUntil, d.SettledAt = announced.Time, moment(follow), moment(settled)
	d.FactsAge = time.Duration(age) * time.Millisecond
	d.Tasks = []decision.Item{t}
	return err
}

// moment reads milliseconds since 1970; 0 is the zero time.
func moment(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// decisions returns the decisions of a condition, in the order of a column, each
// with its tasks.
func (q querier) decisions(ctx context.Context, where, order string, args ...any) ([]decision.Record, error) {
	rows, err := q.query(ctx, `SELECT `+columns+joined+`WHERE `+where+` ORDER BY `+order+`, d.confirmation_id, t.position`, args...)
	all, err := collect(rows, err, func(r *sql.Rows, d *decision.Record) error { return scan(r, d) })
	if err != nil {
		return nil, err
	}
	grouped := all[:0]
	for _, d := range all {
		if last := len(grouped) - 1; last >= 0 && grouped[last].ID == d.ID {
			grouped[last].Tasks = append(grouped[last].Tasks, d.Tasks...)
		} else {
			grouped = append(grouped, d)
		}
	}
	return grouped, nil
}

// decision returns one decision; ErrGone if there is none.
func (q querier) decision(ctx context.Context, where string, args ...any) (decision.Record, error) {
	found, err := q.decisions(ctx, where, `d.decided_at`, args...)
	if err == nil && len(found) == 0 {
		err = ErrGone
	}
	if err != nil {
		return decision.Record{}, err
	}
	return found[0], nil
}

// has reports whether there is a decision of this id.
func (q querier) has(ctx context.Context, id decision.ID) (bool, error) {
	n, err := q.query1(ctx, `SELECT count(*) FROM decisions WHERE confirmation_id = $1`, string(id))
	return n > 0, err
}

// Get returns a decision. ErrGone if there is none of this id.
func (j *Journal) Get(ctx context.Context, id decision.ID) (decision.Record, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	d, err := j.read().decision(ctx, `d.confirmation_id = $1`, string(id))
	if err != nil {
		return decision.Record{}, fmt.Errorf("reading a decision: %w", err)
	}
	return d, nil
}

// Query selects decisions for Recent, and refusals for Refusals. Zero fields select everything.
type Query struct {
	Task  chamelio.TaskID
	Since time.Time // decided, or refused, at or after
	Limit int       // 20 if zero
}

// Recent returns the latest decisions, newest first.
func (j *Journal) Recent(ctx context.Context, q Query) ([]decision.Record, error) {
	if q.Limit <= 0 {
		q.Limit = 20
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	which, args := `SELECT confirmation_id FROM decisions WHERE`, []any{utc(q.Since), q.Limit}
	if q.Task != 0 {
		which, args = `SELECT d.confirmation_id`+joined+`WHERE t.task_id = $3 AND`, append(args, q.Task)
	}
	found, err := j.read().decisions(ctx, `d.confirmation_id IN (`+which+` decided_at >= $1 ORDER BY decided_at DESC LIMIT $2)`,
		`d.decided_at DESC`, args...)
	if err != nil {
		return nil, fmt.Errorf("reading the journal: %w", err)
	}
	return found, nil
}

// Backlog returns what remains to be done, by all processes.
func (j *Journal) Backlog(ctx context.Context) (decision.Backlog, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	type backlog struct {
		unannounced, unknown             int
		oldestUnannounced, oldestUnknown sql.NullTime
	}
	const unannounced, unknown = `announced_at IS NULL`, `follow_until > 0 AND settled_at = 0`
	rows, err := j.read().query(ctx, `
		SELECT (SELECT count(*) FROM decisions WHERE `+unannounced+`),
			(SELECT decided_at FROM decisions WHERE `+unannounced+` ORDER BY decided_at LIMIT 1),
			(SELECT count(*) FROM decisions WHERE `+unknown+`),
			(SELECT decided_at FROM decisions WHERE `+unknown+` ORDER BY decided_at LIMIT 1)`)
	found, err := collect(rows, err, func(r *sql.Rows, b *backlog) error {
		return r.Scan(&b.unannounced, &b.oldestUnannounced, &b.unknown, &b.oldestUnknown)
	})
	if err != nil {
		return decision.Backlog{}, fmt.Errorf("counting what remains to be done: %w", err)
	}
	b := found[0]
	return decision.Backlog{
		Unannounced: b.unannounced, OldestUnannounced: b.oldestUnannounced.Time,
		Unknown: b.unknown, OldestUnknown: b.oldestUnknown.Time,
	}, nil
}
