package journal

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
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
	w, known := t.waiting[what.key()]
	if !known && len(t.waiting) >= maxWaiting {
		t.mu.Unlock()
		return false
	}
	if !known {
		w.since = now
	}
	w.keys = t.keysNow()
	t.waiting[what.key()] = w
	t.mu.Unlock()
	if !known {
		what.Waits = true
		t.report(what)
	}
	return now.Sub(w.since) < patience
}

// full reports whether no more rows are remembered.
func (t *trust) full() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.waiting) >= maxWaiting
}

// leftToDo selects, in each table whose rows can wait, the IDs of those about which
// something is left to do, out of a list.
var leftToDo = map[Table]string{
	Decisions: `SELECT confirmation_id FROM decisions WHERE (announced_at IS NULL OR follow_up > 0 AND settled_at = 0) AND confirmation_id`,
	Requests:  `SELECT confirmation_id FROM requests WHERE confirmation_id`,
	Notes:     `SELECT id FROM audit WHERE sent_at IS NULL AND id`,
}

// forgetFinished forgets rows that wait for their keys, except those about which
// something is left to do: another process has finished the others, or they are gone.
func (j *Journal) forgetFinished(ctx context.Context, t *trust) error {
	left := map[string]bool{}
	for table, which := range leftToDo {
		rows, err := j.read().query(ctx, which+` IN (`+j.ids(1)+`)`, listOf(t.waitingIn(table, func(wait) bool { return true })))
		ids, err := collect(rows, err, func(r *sql.Rows, id *string) error { return r.Scan(text(id)) })
		if err != nil {
			return fmt.Errorf("%w: %w", errUnverified, err)
		}
		for _, id := range ids {
			left[Unverified{Table: table, ID: id}.key()] = true
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	maps.DeleteFunc(t.waiting, func(key string, _ wait) bool { return !left[key] })
	return nil
}

// keysNow identifies the keys that are known.
func (t *trust) keysNow() string { return strings.Join(t.Keys(), "") }

// waitingIn returns the IDs of a table's rows that were found waiting for their keys and
// match a condition.
func (t *trust) waitingIn(table Table, match func(wait) bool) (ids []decision.ID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for key, w := range t.waiting {
		if id, is := strings.CutPrefix(key, string(table)+" "); is && match(w) {
			ids = append(ids, decision.ID(id))
		}
	}
	return ids
}

func (u Unverified) key() string { return string(u.Table) + " " + u.ID }

func (t *trust) forget(what Unverified) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.waiting, what.key())
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
