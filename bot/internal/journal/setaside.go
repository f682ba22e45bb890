package journal

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
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

// SetAside is a row that was set aside.
type SetAside struct {
	ID             string
	Table          Table
	ConfirmationID decision.ID
	Tasks          []chamelio.TaskID
	At             time.Time
	Why            string
	Content        string // the row as JSON
}

// setAside moves the row at a place, a decision with its tasks, to the table
// set_aside, if its MAC is still the one that was judged.
func (j *Journal) setAside(ctx context.Context, place any, mac string, what Unverified) error {
	where := j.place("d", setAsideColumns[what.Table][0]) + " = $1 AND " + j.same("d.mac", 2)
	return j.setRowAside(ctx, what.Table, where, what, place, j.exact(mac))
}

// setRowAside moves the rows of a table that a condition on d selects.
func (j *Journal) setRowAside(ctx context.Context, from Table, where string, what Unverified, args ...any) error {
	key := setAsideColumns[from][0]
	tasks := `'[]'`
	if from == Decisions {
		tasks = j.packAll(tasksTable, setAsideColumns[tasksTable], `tasks.confirmation_id = d.confirmation_id`)
	}
	confirmation, mac := "d.confirmation_id", "d.mac"
	if from == Credentials {
		confirmation = "''"
	}
	if from == tasksTable {
		mac = "''"
	}
	n := len(args)
	insert := fmt.Sprintf(`INSERT INTO set_aside (id, kind, confirmation_id, task_ids, set_aside_at, why, unknown_key, seal, content, tasks)
		SELECT %s, $%d, %s, $%d, $%d, $%d, $%d, %s, %s, %s FROM %s d WHERE %s`,
		j.randomID, n+1, confirmation, n+2, n+3, n+4, n+5, mac, j.pack("d", setAsideColumns[from]), tasks, from, where)
	remove := fmt.Sprintf(`DELETE FROM %s WHERE %s IN (SELECT d.%s FROM %s d WHERE %s)`, from, key, key, from, where)
	why := ""
	if what.Why != nil {
		why = what.Why.Error()
	}
	_, err := j.together(ctx, only(func(ctx context.Context, q querier) error {
		moved, err := q.exec(ctx, insert, append(args[:n:n], string(from), joinIDs(what.Tasks), utc(time.Now()), why, flag(errors.Is(what.Why, decision.ErrUnknownKey)))...)
		if err != nil || moved == 0 {
			return err
		}
		_, err = q.exec(ctx, remove, args...)
		return err
	}))
	return wrap("setting a row aside", err)
}

// clearStrays sets aside incomplete decisions, which only someone else can
// have written: tasks without a decision that block a claim of a task, and a
// decision without tasks that has a prompt's ID.
func (j *Journal) clearStrays(ctx context.Context, id decision.ID, tasks []chamelio.TaskID) error {
	what := Unverified{Table: Decisions, ID: string(id), Tasks: tasks, Why: errHalf}
	err := j.setRowAside(ctx, tasksTable, `NOT EXISTS (SELECT 1 FROM decisions WHERE decisions.confirmation_id = d.confirmation_id)
		AND (d.confirmation_id = $1 OR d.task_id IN (SELECT CAST(value AS BIGINT) FROM (`+j.ids(2)+`) AS given)
			AND (d.outcome IS NULL OR d.outcome = 'cancelled'))`, what, string(id), numberList(tasks))
	if err != nil {
		return err
	}
	return j.setRowAside(ctx, Decisions, `d.confirmation_id = $1
		AND NOT EXISTS (SELECT 1 FROM tasks WHERE tasks.confirmation_id = d.confirmation_id)`, what, string(id))
}

// numberList returns IDs as an argument that dialect.ids reads.
func numberList(tasks []chamelio.TaskID) string {
	ids := make([]decision.ID, len(tasks))
	for i, t := range tasks {
		ids[i] = decision.ID(t.String())
	}
	return idList(ids)
}

var errHalf = errors.New("it is half of a decision")

// maxReturned bounds how many rows of each kind return at a time.
const maxReturned = 64

// ReturnSetAside returns rows that were set aside to their tables: those whose
// key has become known, and those that someone has marked with retry = 1. A row
// that doesn't verify is set aside again when it is read. It returns how many
// it returned.
func (j *Journal) ReturnSetAside(ctx context.Context) (int, error) {
	t := j.trust.Load()
	if t == nil {
		return 0, nil
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	type one struct {
		place any
		kind  Table
	}
	var found []one
	for _, which := range []string{ // each has an index
		`retry = 1 AND CAST($1 AS TEXT) <> ''`,
		`unknown_key = 1 AND substr(seal, 1, 9) IN (` + j.ids(1) + `)`,
	} {
		rows, err := j.read().query(ctx, `SELECT `+j.place("set_aside", "id")+`, kind FROM set_aside WHERE `+which+` ORDER BY set_aside_at DESC LIMIT `+strconv.Itoa(maxReturned), idList(t.Keys()))
		some, err := collect(rows, err, func(r *sql.Rows, o *one) error { return r.Scan(&o.place, text(&o.kind)) })
		if err != nil {
			return 0, fmt.Errorf("reading rows that were set aside: %w", err)
		}
		found = append(found, some...)
	}
	n := 0
	for _, o := range found {
		failed := j.returnRow(ctx, o.place, o.kind)
		if failed == nil {
			n++
			continue
		}
		if err := j.stayAside(ctx, o.place, failed); err != nil { // the journal failed, not the row
			return n, fmt.Errorf("returning rows that were set aside: %w", err)
		}
	}
	return n, nil
}

// stayAside records why a row can't return, so that it isn't tried again until
// someone sets retry = 1.
func (j *Journal) stayAside(ctx context.Context, place any, why error) error {
	return j.exec(ctx, "keeping a row aside", `UPDATE set_aside SET retry = 0, unknown_key = 0, why = $2 WHERE `+j.place("set_aside", "id")+` = $1`, place, "it can't return: "+why.Error())
}

// Reasons why a row can't return.
const (
	noTable    = "its table is unknown"
	occupied   = "another row is in its place"
	tasksTaken = "another decision has one of its tasks"
)

// returnRow inserts a row again, with all of its tasks if it is a decision, or
// changes nothing and returns the reason.
func (j *Journal) returnRow(ctx context.Context, place any, kind Table) error {
	columns, known := setAsideColumns[kind]
	if !known {
		return errors.New(noTable)
	}
	here := j.place("set_aside", "id") + ` = $1`
	reason, err := written(ctx, j.together, func(ctx context.Context, q querier) (string, error) {
		n, err := q.exec(ctx, j.unpack(kind, columns, "content"), place)
		switch {
		case err != nil:
			return "", err
		case n == 0:
			return occupied, nil
		}
		if kind == Decisions {
			all, err := q.query1(ctx, `SELECT json_array_length(`+j.json("tasks")+`) FROM set_aside WHERE `+here, place)
			if err != nil {
				return "", err
			}
			if n, err = q.exec(ctx, j.unpackAll(tasksTable, setAsideColumns[tasksTable]), place); err != nil {
				return "", err
			}
			if n == 0 || n != all { // what was inserted goes again
				_, err = q.exec(ctx, `DELETE FROM decisions WHERE confirmation_id = (SELECT confirmation_id FROM set_aside WHERE `+here+`)`, place)
				return tasksTaken, err
			}
		}
		_, err = q.exec(ctx, `DELETE FROM set_aside WHERE `+here, place)
		return "", err
	})
	if err == nil && reason != "" {
		err = errors.New(reason)
	}
	return err
}

// SetAsides returns the rows that were set aside last, newest first.
func (j *Journal) SetAsides(ctx context.Context, q Query) ([]SetAside, error) {
	if q.Limit <= 0 {
		q.Limit = 20
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	task := ""
	if q.Task != 0 {
		task = q.Task.String()
	}
	rows, err := j.read().query(ctx, `SELECT id, kind, confirmation_id, task_ids, set_aside_at, why, content FROM set_aside
		WHERE ($1 = '' OR ',' || task_ids || ',' LIKE '%,' || $1 || ',%') AND set_aside_at >= $2 ORDER BY set_aside_at DESC LIMIT $3`, task, utc(q.Since), q.Limit)
	found, err := collect(rows, err, func(r *sql.Rows, s *SetAside) error {
		var tasks string
		err := r.Scan(text(&s.ID), text(&s.Table), text(&s.ConfirmationID), text(&tasks), instant(&s.At), text(&s.Why), text(&s.Content))
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
