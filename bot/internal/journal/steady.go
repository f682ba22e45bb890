package journal

import (
	"context"
	"database/sql"
	"math"
	"sync"
	"time"
)

// steadyClock compares the journal's clock with this process's monotonic clock.
// Leases and heartbeats go by the journal's. If it jumps, those of living
// processes look expired, until each process has renewed its own.
type steadyClock struct {
	wait time.Duration // how long living processes need to renew what is theirs

	mu    sync.Mutex
	asked time.Time // before the journal's clock was last read; zero before the first time
	read  int64     // what it showed, in milliseconds
	since time.Time // from when on it has been steady for long enough, as far as this process can know
	calm  time.Time // from when on it has been steady for long enough since the last jump that this process saw
}

// maxDrift bounds how far the journal's clock may be from where it is expected: a
// reading is from any moment of its call. It is short compared with announceLease.
const maxDrift = callTimeout

// newSteadyClock returns a steadyClock for leases of a length, which every process
// renews before they end.
func newSteadyClock(lease time.Duration) *steadyClock {
	return &steadyClock{wait: lease + callTimeout}
}

// between returns the milliseconds between which the journal's clock is during a
// call that begins now, if it has been steady for long enough. Otherwise no time
// is between them.
func (c *steadyClock) between(now time.Time) (from, to int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.expected(now, c.since)
}

// unlessJumped is between for a process that may be new: until its first reading, every
// time is between them.
func (c *steadyClock) unlessJumped(now time.Time) (from, to int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.asked.IsZero() {
		return math.MinInt64, math.MaxInt64
	}
	return c.expected(now, c.calm)
}

// expected is between for a clock that is steady from a time on.
func (c *steadyClock) expected(now, steady time.Time) (from, to int64) {
	if c.asked.IsZero() || now.Before(steady) {
		return 1, 0
	}
	at := c.read + now.Sub(c.asked).Milliseconds()
	return at - maxDrift.Milliseconds(), at + maxDrift.Milliseconds()
}

// learn notes what the journal's clock showed during a call that began at a time. The
// first reading counts as a jump.
func (c *steadyClock) learn(asked time.Time, read int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	moved := time.Duration(read-c.read) * time.Millisecond
	if (moved - asked.Sub(c.asked)).Abs() > maxDrift {
		c.since = time.Now().Add(c.wait)
		if !c.asked.IsZero() {
			c.calm = c.since
		}
	}
	c.asked, c.read = asked, read
}

// candidates returns how many rows a query of take finds, at most limit, and
// notes the time by the journal's clock, which it reads too.
func (j *Journal) candidates(ctx context.Context, which string, args ...any) (int64, error) {
	type reading struct{ some, now int64 }
	asked := time.Now()
	rows, err := j.read().query(ctx, `SELECT (SELECT COUNT(*) FROM (SELECT 1 FROM decisions
		WHERE confirmation_id NOT IN (`+j.ids(1)+`) AND `+which+` LIMIT $2) AS candidates), `+j.now, args...)
	found, err := collect(rows, err, func(r *sql.Rows, one *reading) error { return r.Scan(&one.some, &one.now) })
	if err != nil || len(found) == 0 {
		return 0, err
	}
	j.steady.learn(asked, found[0].now)
	return found[0].some, nil
}
