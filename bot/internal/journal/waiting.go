package journal

import (
	"context"
	"database/sql"
	"fmt"
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

// forgetFinished forgets rows that wait for their keys, except decisions about
// which something is left to do: another process has finished the others, or
// they are gone.
func (j *Journal) forgetFinished(ctx context.Context, t *trust) error {
	rows, err := j.read().query(ctx, `SELECT confirmation_id FROM decisions
		WHERE confirmation_id IN (`+j.ids(1)+`) AND (announced_at IS NULL OR follow_up > 0 AND settled_at = 0)`, listOf(t.decisions(func(wait) bool { return true })))
	left, err := collect(rows, err, func(r *sql.Rows, id *string) error { return r.Scan(text(id)) })
	if err != nil {
		return fmt.Errorf("%w: %w", errUnverified, err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	still := make(map[string]wait, len(left))
	for _, id := range left {
		key := Unverified{Table: Decisions, ID: id}.key()
		if w, known := t.waiting[key]; known {
			still[key] = w
		}
	}
	t.waiting = still
	return nil
}

// keysNow identifies the keys that are known.
func (t *trust) keysNow() string { return strings.Join(t.Keys(), "") }

// decisions returns the decisions that were found waiting for their keys and match
// a condition.
func (t *trust) decisions(match func(wait) bool) (ids []decision.ID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for key, w := range t.waiting {
		if id, is := strings.CutPrefix(key, string(Decisions)+" "); is && match(w) {
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

// notWaiting returns ids and those of decisions that wait for their keys, so that
// they take no place from others. They are taken again once other keys are known, or
// to be set aside.
func (j *Journal) notWaiting(ctx context.Context, ids []decision.ID) []decision.ID {
	t := j.trust.Load()
	if t == nil {
		return ids
	}
	waits := func(w wait) bool { return time.Since(w.since) < waitTaken }
	if len(t.decisions(waits)) == 0 {
		return ids
	}
	_ = t.Load(ctx) // if the database fails, the caller notices
	keys := t.keysNow()
	return slices.Concat(ids, t.decisions(func(w wait) bool { return waits(w) && w.keys == keys }))
}
