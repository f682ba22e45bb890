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

type wait struct{ since, looked time.Time }

// waits reports whether a row should wait for its key, and reports it the first
// time.
func (t *trust) waits(what Unverified, patience time.Duration) bool {
	t.mu.Lock()
	now := t.now()
	w, known := t.waiting[what.key()]
	if !known && len(t.waiting) >= maxWaiting {
		t.mu.Unlock()
		return false
	}
	if !known {
		w.since = now
	}
	w.looked = now
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
		WHERE confirmation_id IN (`+j.ids(1)+`) AND (announced_at IS NULL OR follow_up > 0 AND settled_at = 0)`, idList(t.decisions(0)))
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

// decisions returns the decisions that wait for their keys and were found
// waiting within a time; all of them if it is 0.
func (t *trust) decisions(within time.Duration) (ids []decision.ID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for key, w := range t.waiting {
		if id, is := strings.CutPrefix(key, string(Decisions)+" "); is && (within == 0 || t.now().Sub(w.looked) < within) {
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

// notWaiting returns ids and those of decisions that were found waiting for
// their keys a moment ago, so that they aren't taken over again and again.
func (j *Journal) notWaiting(ids []decision.ID) []decision.ID {
	t := j.trust.Load()
	if t == nil {
		return ids
	}
	return slices.Concat(ids, t.decisions(waitBetween))
}
