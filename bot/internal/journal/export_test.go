package journal

import (
	"database/sql"
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
	for _, rows := range t.waiting {
		for what, w := range rows {
			w.since = w.since.Add(-d)
			rows[what] = w
		}
	}
}

// EveryStatement makes a journal on Postgres prepare each of its statements,
// and returns them: all on one connection, which remembers them.
func EveryStatement(t *testing.T, j *Journal) (all []string) {
	t.Helper()
	db := j.engine.(*postgres).db
	db.SetMaxOpenConns(1)
	everyCall(t.Context(), j)
	setEverythingAside(t, j)
	rows, err := db.QueryContext(t.Context(), `SELECT statement FROM pg_prepared_statements`)
	all, err = collect(rows, err, func(r *sql.Rows, one *string) error { return r.Scan(one) })
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// Steady makes the journal's clock, which shows now, count as steady for long enough.
func (j *Journal) Steady(now time.Time) {
	j.steady.mu.Lock()
	defer j.steady.mu.Unlock()
	j.steady.since, j.steady.asked, j.steady.read = time.Time{}, time.Now(), now.UnixMilli()
}
