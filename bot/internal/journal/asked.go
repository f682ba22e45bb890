package journal

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"time"
)

// askedLife is how long the journal remembers what asked for a request. It is longer
// than a request is open, and than a command can be answered.
const askedLife = time.Hour

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
		_, err = q.exec(ctx, `DELETE FROM asked WHERE `+j.lapsed("kept_until", askedLife))
		return mine > 0, err
	})
	return first, wrap("noting that a request is about to be posted", err)
}
