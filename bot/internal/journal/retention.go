package journal

import (
	"context"
	"fmt"
	"time"
)

// MinRetention is the shortest time for which rows can be kept. It is far
// longer than any row is needed: a prompt for half an hour, an unknown outcome
// for a day.
const MinRetention = 7 * 24 * time.Hour

// Deleted is how many rows a call of DeleteOld has deleted.
type Deleted struct{ Decisions, Notes int64 }

// finished is the condition under which nothing is left to do about a decision
// d: it was announced, its outcome is known or no longer followed up, its prompt
// isn't open, and no copy of it is due in the audit channel, if there is one.
func (j *Journal) finished() string {
	const done = `announced_at IS NOT NULL AND (follow_up = 0 OR settled_at > 0)
		AND NOT EXISTS (SELECT 1 FROM requests WHERE requests.confirmation_id = d.confirmation_id)`
	if !j.audit { // no one vets the notes that seem to be due
		return done
	}
	return done + ` AND NOT EXISTS (SELECT 1 FROM audit WHERE audit.confirmation_id = d.confirmation_id AND sent_at IS NULL)`
}

// DeleteOld deletes decisions about which nothing is left to do, and notes
// that were sent, if they are older than keep: the oldest first, at most limit of
// each. They are older by the journal's clock and by this machine's, so that neither
// deletes anything by running ahead. Its permission, in the table retention, lasts
// for this transaction. keep is at least MinRetention.
func (j *Journal) DeleteOld(ctx context.Context, keep time.Duration, limit int) (Deleted, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	deleted, err := written(ctx, j.together, func(ctx context.Context, q querier) (Deleted, error) {
		now, err := q.query1(ctx, `SELECT `+j.now)
		if err != nil {
			return Deleted{}, err
		}
		before := utc(time.UnixMilli(min(now, time.Now().UnixMilli())).Add(-max(keep, MinRetention)))
		return j.deleteOld(ctx, q, before, limit)
	})
	return deleted, wrap("deleting old rows", err)
}

func (j *Journal) deleteOld(ctx context.Context, q querier, before time.Time, limit int) (d Deleted, err error) {
	err = q.permitted(ctx, before, func() error {
		d.Decisions, err = q.exec(ctx, `DELETE FROM decisions WHERE confirmation_id IN (SELECT confirmation_id FROM decisions d
			WHERE decided_at < $1 AND `+j.finished()+` ORDER BY decided_at LIMIT $2 `+j.skipLocked+`)`, before, limit)
		if err != nil {
			return fmt.Errorf("deleting decisions: %w", err)
		}
		d.Notes, err = q.exec(ctx, `DELETE FROM audit WHERE id IN (SELECT id FROM audit
			WHERE sent_at IS NOT NULL AND noted_at < $1 ORDER BY noted_at LIMIT $2 `+j.skipLocked+`)`, before, limit)
		return wrap("deleting notes", err)
	})
	return d, err
}

// permitted calls do, and lets it delete decisions that were made before the given time.
func (q querier) permitted(ctx context.Context, before time.Time, do func() error) error {
	// The marker distinguishes this permission from an operator's.
	const marker = "the bot's"
	if _, err := q.exec(ctx, `INSERT INTO retention (delete_before, granted_to) VALUES ($1, $2)`, before, marker); err != nil {
		return fmt.Errorf("permitting it: %w", err)
	}
	if err := do(); err != nil {
		return err
	}
	_, err := q.exec(ctx, `DELETE FROM retention WHERE granted_to = $1`, marker)
	return err
}
