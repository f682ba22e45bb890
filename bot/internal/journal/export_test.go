package journal

import (
	"context"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
)

// SetAsideColumns returns the columns of the tables whose rows can be set aside.
func SetAsideColumns() map[Table][]string { return setAsideColumns }

// SetAsideForTest sets a decision aside whose key isn't known.
func (j *Journal) SetAsideForTest(ctx context.Context, id decision.ID) error {
	row, err := j.read().decision(ctx, `d.confirmation_id = $1`, string(id))
	if err != nil {
		return err
	}
	return j.setAsideDecision(ctx, id, row.MAC, Unverified{Table: Decisions, Why: decision.ErrUnknownKey})
}

// Later lets time pass for rows that wait for their keys.
func (j *Journal) Later(d time.Duration) {
	t := j.trust.Load()
	t.now = func() time.Time { return time.Now().Add(d) }
}
