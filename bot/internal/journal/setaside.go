package journal

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/chamelio"
)

// setAsideColumns are the columns of the tables whose rows can be set aside. A
// test compares them with the schema.
var setAsideColumns = map[Table][]string{
	Decisions: {
		"confirmation_id", "team_id", "channel_id", "thread_ts", "untitled", "requester", "confirmer", "reason", "requested_at", "decided_at", "facts_age_ms",
		"announced_at", "message_ts", "response_url", "confirmation", "mac", "announced_mac", "owner", "epoch", "leased_until", "claimed_at",
		"announcing_at", "follow_up", "check_after", "checks", "settled_at",
	},
	tasksTable: {
		"confirmation_id", "position", "task_id", "title", "url", "step", "sent_at", "tries", "unsent_mac", "outcome", "detail", "finished_at",
		"outcome_mac", "settled_outcome", "settled_detail", "settled_mac",
	},
	Requests: {"confirmation_id", "message_ts", "confirmation", "mac", "decided_mac", "remind_at", "ends_at", "taken_until"},
	Notes: {
		"id", "kind", "noted_at", "confirmation_id", "task_ids", "team_id", "channel_id", "person", "code", "since", "sent_at", "mac",
		"leased_until", "epoch", "doubts",
	},
	Credentials: {"name", "refused", "refused_at", "mac"},
}

// tasksTable is the decisions' other table.
const tasksTable Table = "tasks"

// maxAsideBytes bounds the values of a row that is set aside, and those of its tasks.
// A decision with twenty tasks and the longest texts has fewer. What is longer can't be
// genuine: its content is dropped, since converting it could take all memory.
const maxAsideBytes = 4 << 20

// SetAside is a row that was set aside.
type SetAside struct {
	ID             string
	Table          Table
	ConfirmationID decision.ID
	Tasks          []chamelio.TaskID
	At             time.Time
	Why            string
	Content        string // the row as JSON; "" if it is too long
	Mark
}

// setAside moves the row at a place, a decision with its tasks, to the table
// set_aside, if its MAC is still the one that was judged.
func (j *Journal) setAside(ctx context.Context, place any, mac string, what Unverified) error {
	where := j.place("d", setAsideColumns[what.Table][0]) + " = $1 AND " + j.same(bounded("d.mac", tooLong), 2)
	_, err := j.setRowAside(ctx, what.Table, where, what, place, j.exact(mac))
	return err
}

// setRowAside moves the rows of a table that a condition on d selects, and returns
// whether there were any. They are locked before they are copied, or else a change that
// is committed in between, such as the end of an announcement, would be deleted with its row.
func (j *Journal) setRowAside(ctx context.Context, from Table, where string, what Unverified, args ...any) (bool, error) {
	content, tasks := j.packShort("d", setAsideColumns[from]), `'[]'`
	if from == Decisions {
		tasks = j.packAllShort(tasksTable, setAsideColumns[tasksTable], `tasks.confirmation_id = d.confirmation_id`)
	}
	confirmation := bounded("d.confirmation_id", tooLong)
	if from == Credentials {
		confirmation = "''"
	}
	n := len(args)
	insert := fmt.Sprintf(`INSERT INTO set_aside (id, kind, confirmation_id, task_ids, set_aside_at, why, unknown_key, seal, content, tasks)
		SELECT %s, $%d, %s, $%d, $%d, $%d, $%d, $%d, %s, %s FROM %s d WHERE %s`,
		j.randomID, n+1, confirmation, n+2, n+3, n+4, n+5, n+6, content, tasks, from, where)
	lock := fmt.Sprintf(`SELECT 1 FROM %s d WHERE %s`, from, where) + j.forUpdate
	remove := fmt.Sprintf(`DELETE FROM %s AS d WHERE %s`, from, where)
	why := ""
	if what.Why != nil {
		why = what.Why.Error()
	}
	var unknown unknownKeyError // the row returns when this one becomes known, not when another of its keys is
	errors.As(what.Why, &unknown)
	moved, err := written(ctx, j.together, func(ctx context.Context, q querier) (bool, error) {
		rows, err := q.query(ctx, lock, args[:n:n]...)
		if found, err := collect(rows, err, func(r *sql.Rows, one *int) error { return r.Scan(one) }); err != nil || len(found) == 0 {
			return false, err
		}
		moved, err := q.exec(ctx, insert, append(args[:n:n], string(from), joinIDs(what.Tasks), utc(j.at()), why, flag(unknown.name != ""), unknown.name)...)
		if err != nil || moved == 0 {
			return false, err
		}
		// The triggers allow deleting a row whose ID is in set_aside. An ID that is too
		// long isn't stored there, so this needs permission.
		return true, q.permitted(ctx, lastMoment, func() error {
			_, err := q.exec(ctx, remove, args...)
			return err
		})
	})
	return moved, wrap("setting a row aside", err)
}

// lastMoment is after any time at which a decision can have been made.
var lastMoment = time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)

// packShort is pack, or an empty text for a row that is too long.
func (d *dialect) packShort(alias string, columns []string) string {
	return fmt.Sprintf(`CASE WHEN %s > %d THEN '' ELSE %s END`, d.size(alias, columns), maxAsideBytes, d.pack(alias, columns))
}

// packAllShort is packAll, or an empty text for rows that are too many, or too long
// together.
func (d *dialect) packAllShort(table Table, columns []string, where string) string {
	return fmt.Sprintf(`CASE WHEN (SELECT count(*) > %d OR sum(%s) > %d FROM %s WHERE %s) THEN '' ELSE %s END`,
		maxParts, d.size(string(table), columns), maxAsideBytes, table, where, d.packAll(table, columns, where))
}

// size returns an expression for how many bytes the values of a row have.
func (d *dialect) size(alias string, columns []string) string {
	all := make([]string, len(columns))
	for i, c := range columns {
		all[i] = "coalesce(CAST(" + d.length(alias+"."+c) + " AS BIGINT), 0)"
	}
	return strings.Join(all, " + ")
}

// clearStrays sets aside and reports incomplete decisions, which only someone else
// can have written: tasks without a decision that may block a claim of a task, and
// a decision without tasks that has a prompt's ID.
func (j *Journal) clearStrays(ctx context.Context, id decision.ID, tasks []chamelio.TaskID) error {
	what := Unverified{Table: Decisions, ID: string(id), Tasks: tasks, Why: errHalf}
	parts, err := j.setRowAside(ctx, tasksTable, `NOT EXISTS (SELECT 1 FROM decisions WHERE decisions.confirmation_id = d.confirmation_id)
		AND (d.confirmation_id = $1 OR d.task_id IN (SELECT CAST(value AS BIGINT) FROM (`+j.ids(2)+`) AS given))`, what, string(id), numberList(tasks))
	if err != nil {
		return err
	}
	half, err := j.setRowAside(ctx, Decisions, `d.confirmation_id = $1
		AND NOT EXISTS (SELECT 1 FROM tasks WHERE tasks.confirmation_id = d.confirmation_id)`, what, string(id))
	if t := j.trust.Load(); t != nil && (parts || half) {
		t.report(what)
	}
	return err
}

// numberList returns IDs as an argument that dialect.ids reads.
func numberList(tasks []chamelio.TaskID) list {
	ids := make([]decision.ID, len(tasks))
	for i, t := range tasks {
		ids[i] = decision.ID(t.String())
	}
	return listOf(ids)
}

var errHalf = errors.New("it is half of a decision")

// SetAsides returns a page of the rows that were set aside, newest first.
func (j *Journal) SetAsides(ctx context.Context, q Query) ([]SetAside, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	task := ""
	if q.Task != 0 {
		task = q.Task.String()
	}
	place := j.place("set_aside", "id")
	page, args := paged(q, `set_aside_at`, place, task)
	rows, err := j.read().query(ctx, `SELECT `+place+`, `+stored(`set_aside_at`)+`, `+bounded("id", tooLong)+boundedAll("set_aside", "kind", "confirmation_id", "task_ids")+`, set_aside_at`+boundedAll("set_aside", "why")+`, `+bounded("content", "")+`
		FROM set_aside WHERE ($3 = '' OR ',' || `+bounded("task_ids", tooLong)+` || ',' LIKE '%,' || $3 || ',%') AND `+page, args...)
	found, err := collect(rows, err, func(r *sql.Rows, s *SetAside) error {
		var tasks string
		err := r.Scan(&s.place, &s.at, text(&s.ID), text(&s.Table), text(&s.ConfirmationID), text(&tasks), instant(&s.At), text(&s.Why), text(&s.Content))
		s.Tasks = splitIDs(tasks)
		return err
	})
	return found, wrap("reading rows that were set aside", err)
}

// sqlitePack and the functions below convert rows to JSON and back, in each
// dialect.
func sqlitePack(alias string, columns []string) string {
	var all []string
	for _, c := range columns {
		all = append(all, fmt.Sprintf("'%[1]s', CASE typeof(%[2]s.%[1]s) WHEN 'blob' THEN hex(%[2]s.%[1]s) ELSE %[2]s.%[1]s END", c, alias)) // JSON has no bytes
	}
	return "json_object(" + strings.Join(all, ", ") + ")"
}

func sqlitePackAll(table Table, columns []string, where string) string {
	return "(SELECT json_group_array(" + sqlitePack(string(table), columns) + ") FROM " + string(table) + " WHERE " + where + ")"
}

func sqliteUnpack(table Table, columns []string, from string) string {
	return sqliteInsert(table, columns, "set_aside."+from, "set_aside")
}

func sqliteUnpackAll(table Table, columns []string) string {
	return sqliteInsert(table, columns, "one.value", "set_aside, json_each(set_aside.tasks) AS one")
}

func sqliteInsert(table Table, columns []string, value, from string) string {
	var all []string
	for _, c := range columns {
		all = append(all, "json_extract("+value+", '$."+c+"')")
	}
	return fmt.Sprintf("INSERT INTO %s (%s) SELECT %s FROM %s WHERE set_aside.rowid = $1 ON CONFLICT DO NOTHING",
		table, strings.Join(columns, ", "), strings.Join(all, ", "), from)
}

func postgresPack(alias string, _ []string) string {
	return "CAST(row_to_json(" + alias + ") AS TEXT)"
}

func postgresPackAll(table Table, _ []string, where string) string {
	return fmt.Sprintf("(SELECT coalesce(CAST(json_agg(row_to_json(%[1]s)) AS TEXT), '[]') FROM %[1]s WHERE %[2]s)", table, where)
}

func postgresUnpack(table Table, columns []string, from string) string {
	return postgresInsert(table, columns, "json_populate_record", from)
}

func postgresUnpackAll(table Table, columns []string) string {
	return postgresInsert(table, columns, "json_populate_recordset", "tasks")
}

func postgresInsert(table Table, columns []string, function, from string) string {
	all := strings.Join(columns, ", ")
	return fmt.Sprintf("INSERT INTO %[1]s (%[2]s) SELECT %[2]s FROM %[3]s(CAST(NULL AS %[1]s), (SELECT CAST(%[4]s AS json) FROM set_aside WHERE id = $1)) ON CONFLICT DO NOTHING",
		table, all, function, from)
}
