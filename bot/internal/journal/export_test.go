package journal

import (
	"testing"
	"time"
)

// SetAsideColumns returns the columns of the tables whose rows can be set aside.
func SetAsideColumns() map[Table][]string { return setAsideColumns }

// Later lets time pass for rows that wait for their keys.
func (j *Journal) Later(d time.Duration) {
	t := j.trust.Load()
	t.mu.Lock()
	defer t.mu.Unlock()
	for what, w := range t.waiting {
		w.since = w.since.Add(-d)
		t.waiting[what] = w
	}
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

// Steady makes the journal's clock, which shows now, count as steady for long enough.
func (j *Journal) Steady(now time.Time) {
	j.steady.mu.Lock()
	defer j.steady.mu.Unlock()
	j.steady.since, j.steady.asked, j.steady.read = time.Time{}, time.Now(), now.UnixMilli()
}
