package journal

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/clock"
)

// machineClock returns the clock that the leases of all processes on this
// machine use. It starts with the wall clock when the first of them starts
// after the boot, and continues with the time since boot: setting the wall
// clock doesn't change it, and suspending the machine doesn't stop it. If the
// system has no such clock, it is the wall clock.
func machineClock(ctx context.Context, db *sql.DB) (func() time.Time, error) {
	id, err := clock.BootID()
	if err != nil {
		return time.Now, nil
	}
	since, err := clock.SinceBoot()
	if err != nil {
		return time.Now, nil
	}
	booted := time.Now().UnixMilli() - since.Milliseconds()
	// Rows of another boot, and values that no process writes, such as times after 9999.
	const useless = `boot <> $1 OR typeof(booted_at) <> 'integer' OR booted_at NOT BETWEEN 0 AND 253402300799999`
	if _, err := db.ExecContext(ctx, `DELETE FROM clock WHERE `+useless, id); err != nil {
		return nil, fmt.Errorf("starting the clock: %w", err)
	}
	if _, err := db.ExecContext(ctx, `INSERT INTO clock (boot, booted_at) VALUES ($1, $2) ON CONFLICT DO NOTHING`, id, booted); err != nil {
		return nil, fmt.Errorf("starting the clock: %w", err)
	}
	if err := db.QueryRowContext(ctx, `SELECT booted_at FROM clock WHERE boot = $1`, id).Scan(&booted); err != nil {
		return nil, fmt.Errorf("reading when the clock began: %w", err)
	}
	return func() time.Time {
		since, err := clock.SinceBoot()
		if err != nil { // it worked before
			return time.Now()
		}
		return time.UnixMilli(booted).Add(since)
	}, nil
}
