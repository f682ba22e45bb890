package journal

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/clock"
)

// replicaLife is how many leases after its last heartbeat a replica counts as
// alive.
const replicaLife = 3

// Beat records that this process is alive, and whether it accepts envelopes
// from Slack. It returns how many processes are alive, including this one, and
// how many of the others accept envelopes. It must be called at least once per
// lease.
func (j *Journal) Beat(ctx context.Context, serving bool) (alive, othersServing int, err error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	if j.path != "" {
		if err := j.buryDead(ctx); err != nil {
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
		rows, err := q.query(ctx, `SELECT count(*), count(CASE WHEN id <> $1 AND serving = 1 THEN 1 END) FROM replicas`, j.owner)
		return collect(rows, err, func(r *sql.Rows, c *count) error { return r.Scan(&c.alive, &c.serving) })
	})
	if err != nil {
		return 0, 0, fmt.Errorf("telling the other replicas that this one lives: %w", err)
	}
	return found[0].alive, found[0].serving, nil
}

// Replicas returns how many processes are alive, by their last heartbeats.
func (j *Journal) Replicas(ctx context.Context) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	n, err := j.read().query1(ctx, `SELECT count(*) FROM replicas WHERE seen_until BETWEEN `+j.now+` AND `+j.now+` + $1`, maxLease.Milliseconds())
	if err != nil {
		return 0, fmt.Errorf("counting the replicas: %w", err)
	}
	return int(n), nil
}

// Leave records that this process is stopping.
func (j *Journal) Leave(ctx context.Context) error {
	return j.exec(ctx, "leaving the replicas", `DELETE FROM replicas WHERE id = $1`, j.owner)
}

func flag(b bool) int {
	if b {
		return 1
	}
	return 0
}

// ClockOffset measures how far this machine's clock is from the journal's,
// which leases use. It is zero if the journal uses this machine's own, as SQLite does.
func (j *Journal) ClockOffset(ctx context.Context) (clock.Offset, error) {
	if j.clock != nil {
		return clock.Offset{}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	sent := time.Now()
	theirs, err := j.read().query1(ctx, "SELECT "+j.now)
	if err != nil {
		return clock.Offset{}, fmt.Errorf("asking for the journal's time: %w", err)
	}
	return clock.Between(sent, time.Now(), time.UnixMilli(theirs), time.Millisecond), nil
}
