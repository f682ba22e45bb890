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
type Deleted struct{ Decisions, Notes, SetAside int64 }

// done is the condition under which nothing is in progress about a decision d: it was
// announced, its outcome is known or no longer followed up, and its prompt isn't open.
const done = `announced_at IS NOT NULL AND (follow_up = 0 OR settled_at > 0)
	AND NOT EXISTS (SELECT 1 FROM requests WHERE requests.confirmation_id = d.confirmation_id)`

// finished is the condition under which a decision d that was made before $1 can be
// deleted: no later copy of it is due in the audit channel, if there is one.
func (j *Journal) finished() string {
	if !j.audit { // no one vets the notes that seem to be due
		return done
	}
	return done + ` AND NOT EXISTS (SELECT 1 FROM audit WHERE audit.confirmation_id = d.confirmation_id AND sent_at IS NULL AND noted_at >= $1)`
}

// DeleteOld deletes what is older than keep, the oldest first, at most limit of each:
// decisions about which nothing is left to do; notes, sent or not, unless they are about
// a decision in progress; and rows that were set aside. They are older by the journal's
// clock and by this machine's, so that neither deletes anything by running ahead. Its
// permission, in the table retention, lasts for this transaction. keep is at least
// MinRetention.
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
		for _, old := range []struct {
			deleted *int64
			query   string
		}{ // each has an index
			{&d.Decisions, j.deleting("decisions AS d", "confirmation_id", "decided_at", j.finished())},
			{&d.Notes, j.deleting("audit", "id", "noted_at", `sent_at IS NOT NULL`)},
			{&d.Notes, j.deleting("audit", "id", "noted_at", `sent_at IS NULL
				AND NOT EXISTS (SELECT 1 FROM decisions d WHERE d.confirmation_id = audit.confirmation_id AND NOT (`+done+`))`)},
			{&d.SetAside, j.deleting("set_aside", "id", "set_aside_at", `TRUE`)},
		} {
			n, err := q.exec(ctx, old.query, before, limit)
			if err != nil {
				return err
			}
			*old.deleted += n
		}
		return nil
	})
	return d, err
}

// deleting returns a statement that deletes the oldest rows from before $1, at most $2.
func (j *Journal) deleting(table, key, at, where string) string {
	return fmt.Sprintf(`DELETE FROM %[1]s WHERE %[2]s IN (SELECT %[2]s FROM %[1]s WHERE %[3]s < $1 AND %[4]s ORDER BY %[3]s LIMIT $2 %[5]s)`,
		table, key, at, where, j.skipLocked)
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
