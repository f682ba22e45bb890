package journal

import (
	"context"
	"database/sql"
	"fmt"
)

// replicaLife is how many leases after its last heartbeat a replica counts as
// living.
const replicaLife = 3

// Beat says that this process lives, and whether it takes envelopes from
// Slack, and returns how many processes live, this one included, and how many
// others of them serve. Beat at least once a lease.
func (j *Journal) Beat(ctx context.Context, serving bool) (alive, othersServing int, err error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	if j.path != "" {
		if err := j.bury(ctx, deadOwners(j.path)); err != nil {
			return 0, 0, err
		}
	}
	type count struct{ alive, serving int }
	found, err := written(ctx, j.write, func(ctx context.Context, q querier) ([]count, error) {
		_, err := q.exec(ctx, `
			INSERT INTO replicas (id, seen_until, serving) VALUES ($1, `+j.now+` + $2, $3)
			ON CONFLICT (id) DO UPDATE SET seen_until = excluded.seen_until, serving = excluded.serving`,
			j.owner, (replicaLife * j.lease).Milliseconds(), flag(serving))
		if err != nil {
			return nil, err
		}
		if _, err := q.exec(ctx, `DELETE FROM replicas WHERE seen_until < `+j.now+` OR seen_until > `+j.now+` + $1`, maxLease.Milliseconds()); err != nil {
			return nil, err
		}
		rows, err := q.query(ctx, `SELECT count(*), COALESCE(SUM(CASE WHEN id <> $1 THEN serving ELSE 0 END), 0) FROM replicas`, j.owner)
		return collect(rows, err, func(r *sql.Rows, c *count) error { return r.Scan(&c.alive, &c.serving) })
	})
	if err != nil {
		return 0, 0, fmt.Errorf("telling the other replicas that this one lives: %w", err)
	}
	return found[0].alive, found[0].serving, nil
}

// Leave says that this process is going.
func (j *Journal) Leave(ctx context.Context) error {
	return j.exec(ctx, "leaving the replicas", `DELETE FROM replicas WHERE id = $1`, j.owner)
}

func flag(b bool) int {
	if b {
		return 1
	}
	return 0
}
