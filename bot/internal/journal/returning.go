package journal

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/chamelio"
)

// This file returns rows that were set aside to their tables.

// maxReturned bounds how many rows of each kind return at a time.
const maxReturned = 64

// maxReturnBytes is the longest content of a row that can return, and the longest
// JSON of its tasks: it may be longer than their values.
const maxReturnBytes = 2 * maxAsideBytes

// aside is a row of the table set_aside.
type aside struct {
	place          any
	kind           Table
	content, tasks string
}

// ReturnSetAside returns rows that were set aside to their tables: those whose
// key has become known, and those that someone has marked with retry = 1. A row in
// their place that isn't genuine is set aside. A row that doesn't verify is set aside
// again when it is read. It returns how many it returned.
func (j *Journal) ReturnSetAside(ctx context.Context) (int, error) {
	t := j.trust.Load()
	if t == nil {
		return 0, nil
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	var found []any
	for _, which := range []string{ // each has an index
		`retry = 1 AND CAST($1 AS TEXT) <> ''`,
		`unknown_key = 1 AND substr(seal, 1, 9) IN (` + j.ids(1) + `)`,
	} {
		rows, err := j.read().query(ctx, `SELECT `+j.place("set_aside", "id")+` FROM set_aside WHERE `+which+` ORDER BY tried_at LIMIT `+strconv.Itoa(maxReturned), listOf(t.Keys()))
		some, err := collect(rows, err, func(r *sql.Rows, place *any) error { return r.Scan(place) })
		if err != nil {
			return 0, fmt.Errorf("reading rows that were set aside: %w", err)
		}
		found = append(found, some...)
	}
	n := 0
	for _, place := range found {
		returned, err := j.tryReturn(ctx, place)
		if err != nil {
			return n, fmt.Errorf("returning rows that were set aside: %w", err)
		}
		if returned {
			n++
		}
	}
	return n, nil
}

// tryReturn returns a row to its table, or records why it can't return.
func (j *Journal) tryReturn(ctx context.Context, place any) (bool, error) {
	// Those that can't return are last the next time, whatever happens now.
	if err := j.exec(ctx, "noting a try", `UPDATE set_aside SET tried_at = `+j.now+` WHERE `+j.place("set_aside", "id")+` = $1`, place); err != nil {
		return false, err
	}
	rows, err := j.read().query(ctx, `SELECT `+bounded("kind", tooLong)+`, `+within(maxReturnBytes, "content", "")+`, `+within(maxReturnBytes, "tasks", "")+`
		FROM set_aside WHERE `+j.place("set_aside", "id")+` = $1`, place)
	a, err := first(collect(rows, err, func(r *sql.Rows, a *aside) error { return r.Scan(text(&a.kind), text(&a.content), text(&a.tasks)) }))
	switch {
	case errors.Is(err, ErrGone): // another process has returned it
		return false, nil
	case err != nil:
		return false, err
	}
	a.place = place
	failed := j.returnRow(ctx, a)
	if failed == nil || errors.Is(failed, errUnverified) { // a row in its place waits for its own key
		return failed == nil, nil
	}
	return false, j.stayAside(ctx, place, failed) // fails if the journal did, not the row
}

// stayAside records why a row can't return, so that it isn't tried again until
// someone sets retry = 1.
func (j *Journal) stayAside(ctx context.Context, place any, why error) error {
	return j.exec(ctx, "keeping a row aside", `UPDATE set_aside SET retry = 0, unknown_key = 0, why = $2 WHERE `+j.place("set_aside", "id")+` = $1`, place, "it can't return: "+why.Error())
}

// Reasons why a row can't return.
var (
	errNoTable = errors.New("its table is unknown")
	errTooLong = errors.New("it is too long")
)

// returnRow inserts a row again, with all of its tasks if it is a decision.
func (j *Journal) returnRow(ctx context.Context, a aside) error {
	if _, known := setAsideColumns[a.kind]; !known {
		return errNoTable
	}
	if a.content == "" || a.tasks == "" {
		return errTooLong
	}
	var content struct { // only the keys: what else is in it may take a lot of memory
		Confirmation string `json:"confirmation_id"`
		ID           string `json:"id"`
		Name         string `json:"name"`
	}
	if err := json.Unmarshal([]byte(a.content), &content); err != nil {
		return fmt.Errorf("reading its content: %w", err)
	}
	id := content.Confirmation
	switch a.kind {
	case Decisions:
		return j.returnDecision(ctx, decision.ID(id), a)
	case Notes:
		id = content.ID
	case Credentials:
		id = content.Name
	case Requests, Keys, tasksTable:
	}
	return intoPlace(func() error { return j.reinsert(ctx, a, nil) }, func() error { return j.vetInPlace(ctx, a.kind, id) })
}

// vetInPlace returns nil if the row of a table that has an ID is genuine. Otherwise it
// is set aside, and the error is ErrGone. A row whose key isn't known stays, so that
// two processes don't replace each other's rows in turns.
func (j *Journal) vetInPlace(ctx context.Context, table Table, id string) error {
	switch table {
	case Requests:
		return j.vetRequestAt(ctx, decision.ID(id), untilKnown)
	case Notes:
		return j.vetNoteAt(ctx, id, untilKnown)
	case Credentials:
		return j.vetCredential(ctx, id, untilKnown)
	case Decisions, Keys, tasksTable:
	}
	return nil
}

// returnDecision inserts a decision again, with all of its tasks.
func (j *Journal) returnDecision(ctx context.Context, id decision.ID, a aside) error {
	tasks, err := partsOf(a.tasks)
	if err != nil {
		return err
	}
	var claimed []chamelio.TaskID // which no other decision can have
	for _, t := range tasks {
		if t.Outcome == nil || *t.Outcome == decision.Cancelled {
			claimed = append(claimed, t.ID)
		}
	}
	return intoPlace(func() error {
		return j.reinsert(ctx, a, func(ctx context.Context, q querier) error {
			n, err := q.exec(ctx, j.unpackAll(tasksTable, setAsideColumns[tasksTable]), a.place)
			if err == nil && n == int64(len(tasks)) { // a stray one would belong to the decision
				n, err = q.tasksOf(ctx, id)
			}
			if err == nil && n != int64(len(tasks)) {
				err = errOccupied
			}
			return err
		})
	}, func() error {
		if err := j.clearStrays(ctx, id, claimed); err != nil {
			return err
		}
		found, err := j.conflicting(ctx, id, claimed, untilKnown)
		if err == nil && len(found) == 0 {
			err = ErrGone
		}
		return err
	})
}

// part is what is known of a task that is set aside.
type part struct {
	ID      chamelio.TaskID   `json:"task_id"`
	Outcome *decision.Outcome `json:"outcome"`
}

// partsOf returns the tasks of a decision that is set aside, or errTooLong if there are
// more than maxParts. It doesn't decode further ones.
func partsOf(tasks string) (all []part, err error) {
	d := json.NewDecoder(strings.NewReader(tasks))
	if _, err = d.Token(); err == nil {
		for len(all) <= maxParts && err == nil && d.More() {
			var one part
			err = d.Decode(&one)
			all = append(all, one)
		}
	}
	switch {
	case err != nil:
		return nil, fmt.Errorf("reading its tasks: %w", err)
	case len(all) == 0:
		return nil, errHalf
	case len(all) > maxParts:
		return nil, errTooLong
	}
	return all, nil
}

// reinsert moves a row that was set aside back to its table, and then calls more,
// which may be nil, in the same transaction.
func (j *Journal) reinsert(ctx context.Context, a aside, more func(context.Context, querier) error) error {
	_, err := j.together(ctx, only(func(ctx context.Context, q querier) error {
		n, err := q.exec(ctx, j.unpack(a.kind, setAsideColumns[a.kind], "content"), a.place)
		if err == nil && n == 0 {
			err = errOccupied
		}
		if err == nil && more != nil {
			err = more(ctx, q)
		}
		if err != nil {
			return err
		}
		_, err = q.exec(ctx, `DELETE FROM set_aside WHERE `+j.place("set_aside", "id")+` = $1`, a.place)
		return err
	}))
	return err
}
