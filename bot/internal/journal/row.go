package journal

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
)

// columns are those that scan reads.
var columns = `, ` + bounded(`d.confirmation_id`, ``) + boundedAll("d", "team_id", "channel_id", "thread_ts") + `, d.untitled` +
	boundedAll("d", "requester", "confirmer", "reason") + `, d.requested_at, d.decided_at, d.facts_age_ms, d.announced_at` +
	boundedAll("d", "message_ts", "response_url", "confirmation", "mac") + `, d.checks, d.settled_at, d.epoch, t.position, t.task_id` +
	boundedAll("t", "title", "url", "step") + `, t.sent_at, t.tries` + boundedAll("t", "outcome", "detail") + `, t.finished_at` +
	boundedAll("t", "settled_outcome", "settled_detail") + boundedAll("d", "announced_mac") + boundedAll("t", "outcome_mac", "unsent_mac", "settled_mac") + `, ` + stored(`d.decided_at`)

// boundedAll returns columns for a SELECT, each after a comma, without texts that are
// longer than any that the bot writes. Such a row is read, and doesn't verify.
func boundedAll(alias string, names ...string) string {
	var all strings.Builder
	for _, name := range names {
		all.WriteString(`, ` + bounded(alias+"."+name, tooLong))
	}
	return all.String()
}

// bounded returns a column, or another text if its own is too long.
func bounded(column, instead string) string { return within(decision.MaxStored, column, instead) }

// within returns a column, or another text if its own has more than limit bytes.
func within(limit int, column, instead string) string {
	return fmt.Sprintf(`CASE WHEN octet_length(%[1]s) > %[2]d THEN '%[3]s' ELSE %[1]s END`, column, limit, instead)
}

// tooLong is none of the texts that the bot writes into a field that is sealed.
const tooLong = `[too long]`

// maxParts bounds how many tasks of a decision are read: more than a prompt can have.
const maxParts = 100

const (
	// joined has a row for each task of each decision.
	joined = ` FROM decisions d JOIN tasks t ON t.confirmation_id = d.confirmation_id `

	// unresolved means that a decision has a task without an outcome.
	unresolved = `EXISTS (SELECT 1 FROM tasks WHERE tasks.confirmation_id = decisions.confirmation_id AND outcome IS NULL)`

	// whole means that it has tasks. One without, which only someone else can
	// insert, isn't returned by joined, so it must be neither taken nor counted.
	whole = `EXISTS (SELECT 1 FROM tasks WHERE tasks.confirmation_id = decisions.confirmation_id)`

	// hasTasks is whole for a decision d.
	hasTasks = `EXISTS (SELECT 1 FROM tasks WHERE tasks.confirmation_id = d.confirmation_id)`

	// resolved means that it has tasks, each with an outcome.
	resolved = whole + ` AND NOT ` + unresolved
)

// scan reads a decision with one of its tasks. SQLite accepts values of any
// type in any column: a value of the wrong type is skipped, and the row
// doesn't verify.
func scan(row interface{ Scan(...any) error }, d *untrusted) error {
	var sent, tries, checks, age, position int64
	var t decision.Item
	err := row.Scan(noting(&d.odd, &d.place, key(&d.ID), text(&d.Team), text(&d.Channel), text(&d.Thread), truth(&d.Untitled), text(&d.Requester), text(&d.Confirmer), text(&d.Reason),
		instant(&d.RequestedAt), instant(&d.DecidedAt), number(&age), instant(&d.AnnouncedAt), text(&d.MessageTS), text(&d.ResponseURL), text(&d.Confirmation), text(&d.MAC),
		number(&checks), milliseconds(&d.SettledAt), number(&d.Epoch),
		number(&position), number(&t.ID), text(&t.Title), text(&t.URL), text(&t.Step), number(&sent), number(&tries), optional(&t.Outcome), text(&t.Detail), instant(&t.FinishedAt), text(&t.SettledOutcome), text(&t.SettledDetail),
		text(&d.AnnouncedMAC), text(&t.Seals.Outcome), text(&t.Seals.Unsent), text(&t.Seals.Settled), &d.at)...)
	t.Sent, t.Tries = sent != 0, int(tries)
	d.FactsAge = time.Duration(age) * time.Millisecond
	d.Checks = int(checks)
	d.Tasks, d.positions = []decision.Item{t}, []int64{position}
	return err
}

// decisions returns the decisions that match a condition, in the order of a
// column, each with its tasks.
func (q querier) decisions(ctx context.Context, where, order string, args ...any) ([]untrusted, error) {
	rows, err := q.query(ctx, `SELECT `+q.place("d", "confirmation_id")+columns+joined+`WHERE `+where+` ORDER BY `+order+`, d.confirmation_id, t.position`, args...)
	var grouped []untrusted
	_, err = collect(rows, err, func(r *sql.Rows, _ *struct{}) error { // each repeats its decision: only one stays in memory
		var d untrusted
		if err := scan(r, &d); err != nil {
			return err
		}
		switch last := len(grouped) - 1; {
		case last < 0 || grouped[last].place != d.place:
			grouped = append(grouped, d)
		case len(grouped[last].Tasks) < maxParts:
			grouped[last].Tasks = append(grouped[last].Tasks, d.Tasks...)
			grouped[last].odd = grouped[last].odd || d.odd
			grouped[last].positions = append(grouped[last].positions, d.positions...)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return grouped, nil
}

// decision returns one decision; ErrGone if there is none.
func (q querier) decision(ctx context.Context, where string, args ...any) (untrusted, error) {
	return first(q.decisions(ctx, where, `d.decided_at`, args...))
}

// tasksOf returns how many tasks a decision has in the journal; 0 if it has
// lost its row or all of its tasks.
func (q querier) tasksOf(ctx context.Context, id decision.ID) (int64, error) {
	return q.query1(ctx, `SELECT count(*)`+joined+`WHERE d.confirmation_id = $1`, string(id))
}

// Get returns a decision. It returns ErrGone if there is none with this ID.
func (j *Journal) Get(ctx context.Context, id decision.ID) (decision.Record, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	d, err := j.get(ctx, id, waitTaken)
	return d, wrap("reading a decision", err)
}

// get returns a decision that verifies. See vet.
func (j *Journal) get(ctx context.Context, id decision.ID, patience time.Duration) (decision.Record, error) {
	row, err := j.read().decision(ctx, `d.confirmation_id = $1`, string(id))
	if err != nil {
		return decision.Record{}, err
	}
	return j.vet(ctx, row, patience)
}

// Recent returns a page of the decisions, newest first, and for each why it can't
// be verified, if so. It sets nothing aside.
func (j *Journal) Recent(ctx context.Context, q Query) ([]Recorded, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	place := j.place("d", "confirmation_id")
	from, about := ` FROM decisions d WHERE `+hasTasks+` AND `, []any(nil)
	if q.Task != 0 {
		from, about = joined+`WHERE t.task_id = $3 AND `, []any{q.Task}
	}
	page, args := paged(q, `d.decided_at`, place, about...)
	found, err := j.read().decisions(ctx, place+` IN (SELECT `+place+from+page+`)`, `d.decided_at DESC, `+place+` DESC`, args...)
	if err != nil {
		return nil, fmt.Errorf("reading the journal: %w", err)
	}
	t := j.trust.Load()
	all := make([]Recorded, len(found))
	for i, row := range found {
		all[i].Record, all[i].Mark = row.Record, Mark{row.at, row.place}
		if t != nil {
			if d, err := t.verified(row); err != nil {
				all[i].Unverified = err
			} else {
				all[i].Record = d
			}
		}
	}
	return all, nil
}

// Recorded is a decision on record. If Unverified isn't nil, someone else may
// have written it.
type Recorded struct {
	decision.Record
	Unverified error
	Mark
}

// Backlog returns what remains to be done, by all processes.
func (j *Journal) Backlog(ctx context.Context) (decision.Backlog, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	// The oldest is the oldest at a possible time: someone else may have written any.
	const pending = `(SELECT count(*) FROM decisions WHERE %[1]s AND ` + whole + `),
		(SELECT coalesce(min(%[2]s), 0) FROM decisions WHERE %[1]s AND ` + whole + ` AND %[2]s > 0)`
	decided := j.millis(`decided_at`)
	rows, err := j.read().query(ctx, `SELECT `+fmt.Sprintf(pending, `announced_at IS NULL`, decided)+`,
		`+fmt.Sprintf(pending, `follow_up > 0 AND settled_at = 0`, decided))
	found, err := collect(rows, err, func(r *sql.Rows, b *decision.Backlog) error {
		var unannounced, unknown int64
		err := r.Scan(&b.Unannounced, number(&unannounced), &b.Unknown, number(&unknown))
		b.OldestUnannounced, b.OldestUnknown = moment(unannounced), moment(unknown)
		return err
	})
	if err != nil {
		return decision.Backlog{}, fmt.Errorf("counting pending decisions: %w", err)
	}
	return found[0], nil
}
