package journal

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/clock"
)

// ofThisBoot is the condition for a clock's row to count. It excludes values that no
// process writes, such as times after 9999.
const ofThisBoot = `boot = $1 AND typeof(booted_at) = 'integer' AND booted_at BETWEEN 0 AND 253402300799999`

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
	if _, err := db.ExecContext(ctx, `DELETE FROM clock WHERE NOT (`+ofThisBoot+`)`, id); err != nil {
		return nil, fmt.Errorf("starting the clock: %w", err)
	}
	if _, err := db.ExecContext(ctx, `INSERT INTO clock (boot, booted_at) VALUES ($1, $2) ON CONFLICT DO NOTHING`, id, booted); err != nil {
		return nil, fmt.Errorf("starting the clock: %w", err)
	}
	if err := db.QueryRowContext(ctx, `SELECT booted_at FROM clock WHERE boot = $1`, id).Scan(&booted); err != nil {
		return nil, fmt.Errorf("reading when the clock began: %w", err)
	}
	return sinceBoot(booted), nil
}

// runningClock returns the machineClock that the processes on this machine have
// started. It starts none: without one, it is the wall clock.
func runningClock(ctx context.Context, db *sql.DB) (func() time.Time, error) {
	id, err := clock.BootID()
	if err != nil {
		return time.Now, nil
	}
	var booted int64
	err = db.QueryRowContext(ctx, `SELECT booted_at FROM clock WHERE `+ofThisBoot, id).Scan(&booted)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return time.Now, nil
	case err != nil:
		return nil, fmt.Errorf("reading when the clock began: %w", err)
	}
	return sinceBoot(booted), nil
}

// sinceBoot returns a clock that began at a time in Unix milliseconds, with the boot.
func sinceBoot(booted int64) func() time.Time {
	return func() time.Time {
		since, err := clock.SinceBoot()
		if err != nil { // it worked before
			return time.Now()
		}
		return time.UnixMilli(booted).Add(since)
	}
}
