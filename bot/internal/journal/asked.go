package journal

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"time"
)

const (
	// askedLife is how long the journal remembers what asked for a request. A request is
	// open for less than an hour, and Slack repeats an event within minutes; the rest
	// leaves room for a clock that is set ahead.
	askedLife = 24 * time.Hour

	// maxForgotten bounds how many events a call of BeginAsking forgets.
	maxForgotten = 64
)

// BeginAsking notes that a request is about to be posted for an event: a command or a
// submitted modal. It returns false if that was noted before, by another caller. It is
// idempotent: by identifies the caller.
func (j *Journal) BeginAsking(ctx context.Context, event, by string) (first bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	hash := sha256.Sum256([]byte(event)) // an event's ID comes from outside
	first, err = written(ctx, j.write, func(ctx context.Context, q querier) (bool, error) {
		mine, err := q.exec(ctx, `
			INSERT INTO asked (event, asked_by, kept_until) VALUES ($1, $2, `+j.now+` + $3)
			ON CONFLICT (event) DO UPDATE SET asked_by = excluded.asked_by WHERE asked.asked_by = excluded.asked_by`,
			hex.EncodeToString(hash[:]), by, askedLife.Milliseconds())
		if err != nil {
			return false, err
		}
		// An event is kept for longer, not forgotten, after the clock has been set back.
		_, err = q.exec(ctx, `DELETE FROM asked WHERE event IN
			(SELECT event FROM asked WHERE kept_until <= `+j.now+` ORDER BY kept_until LIMIT $1 `+j.skipLocked+`)`, maxForgotten)
		return mine > 0, err
	})
	return first, wrap("noting that a request is about to be posted", err)
}
