package journal

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
)

// This file remembers the rows that wait for their keys.

type wait struct {
	since time.Time
	keys  string // those that were known when it was found
}

// waits reports whether a row should wait for its key, and reports it the first
// time.
func (t *trust) waits(what Unverified, patience time.Duration) bool {
	t.mu.Lock()
	now := time.Now()
	rows := t.waiting[what.Table]
	w, known := rows[what.key()]
	if !known && len(rows) >= maxWaiting {
		t.mu.Unlock()
		return false
	}
	if !known {
		w.since = now
	}
	w.keys = t.keysNow()
	if rows == nil {
		rows = map[string]wait{}
		t.waiting[what.Table] = rows
	}
	rows[what.key()] = w
	t.mu.Unlock()
	if !known {
		what.Waits = true
		t.report(what)
	}
	return now.Sub(w.since) < patience
}

// full reports whether no more rows of a table are remembered.
func (t *trust) full(table Table) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.waiting[table]) >= maxWaiting
}

// leftToDo selects, in each table whose rows can wait, the IDs of those about which
// something is left to do, out of a list.
var leftToDo = map[Table]string{
	Decisions: `SELECT confirmation_id FROM decisions WHERE (announced_at IS NULL OR follow_up > 0 AND settled_at = 0) AND confirmation_id`,
	Requests:  `SELECT confirmation_id FROM requests WHERE confirmation_id`,
	Notes:     `SELECT id FROM audit WHERE sent_at IS NULL AND id`,
}

// forgetFinished forgets rows of a table that wait for their keys, except those about
// which something is left to do: another process has finished the others, or they are gone.
func (j *Journal) forgetFinished(ctx context.Context, t *trust, table Table) error {
	rows, err := j.read().query(ctx, leftToDo[table]+` IN (`+j.ids(1)+`)`, listOf(t.waitingIn(table, func(wait) bool { return true })))
	left, err := collect(rows, err, func(r *sql.Rows, id *string) error { return r.Scan(text(id)) })
	if err != nil {
		return fmt.Errorf("%w: %w", errUnverified, err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	maps.DeleteFunc(t.waiting[table], func(key string, _ wait) bool {
		id, _, _ := strings.Cut(key, " ")
		return !slices.Contains(left, id)
	})
	return nil
}

// keysNow identifies the keys that are known.
func (t *trust) keysNow() string { return strings.Join(t.Keys(), "") }

// waitingIn returns the IDs of a table's rows that were found waiting for their keys and
// match a condition.
func (t *trust) waitingIn(table Table, match func(wait) bool) (ids []decision.ID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for key, w := range t.waiting[table] {
		if match(w) {
			ids = append(ids, decision.ID(key))
		}
	}
	return ids
}

// key identifies what waits. That of a whole row is its ID.
func (u Unverified) key() string {
	if u.part != "" {
		return u.ID + " " + u.part
	}
	return u.ID
}

func (t *trust) forget(what Unverified) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.waiting[what.Table], what.key())
}

// waiting returns the IDs of a table's rows that wait for their keys, which aren't taken,
// so that they take no place from others. They are taken again once other keys are known,
// or to be set aside.
func (j *Journal) waiting(ctx context.Context, table Table) []decision.ID {
	t := j.trust.Load()
	if t == nil {
		return nil
	}
	waits := func(w wait) bool { return time.Since(w.since) < waitTaken }
	if len(t.waitingIn(table, waits)) == 0 {
		return nil
	}
	_ = t.Load(ctx) // if the database fails, the caller notices
	keys := t.keysNow()
	return t.waitingIn(table, func(w wait) bool { return waits(w) && w.keys == keys })
}
