package journal

import (
	"context"
	"testing"
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

// EveryStatement makes a journal on Postgres prepare each of its statements,
// and returns them.
func EveryStatement(t *testing.T, j *Journal) (all []string) {
	t.Helper()
	everyCall(t.Context(), j)
	setEverythingAside(t, j)
	for query := range j.engine.(*postgres).prepared.known {
		all = append(all, query)
	}
	return all
}
