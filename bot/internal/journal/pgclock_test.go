package journal_test

import (
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/journal"
	"github.com/cancelbot/cancelbot/bot/internal/pgtest"
)

// TestNoRoleSetsThePostgresClock puts functions and operators of their own
// before Postgres's in the search path of the bot's role.
func TestNoRoleSetsThePostgresClock(t *testing.T) {
	url := pgtest.Start(t) // a role is the whole server's
	j, err := journal.Open(t.Context(), url, journal.Options{})
	must(t, err)
	must(t, j.Close())
	for _, text := range []string{
		`CREATE SCHEMA evil`,
		`CREATE FUNCTION evil.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE AS $$ SELECT pg_catalog.clock_timestamp() - interval '3 days' $$`,
		`CREATE FUNCTION evil.times(numeric, int) RETURNS numeric LANGUAGE sql AS $$ SELECT $1 OPERATOR(pg_catalog.*) $2 OPERATOR(pg_catalog.-) 259200000 $$`,
		`CREATE OPERATOR evil.* (LEFTARG = numeric, RIGHTARG = int, FUNCTION = evil.times)`,
		`ALTER ROLE CURRENT_USER SET search_path = evil, pg_catalog, public`,
	} {
		pgtest.Exec(t, url, text)
	}
	j, err = journal.Open(t.Context(), url, journal.Options{})
	must(t, err)
	defer j.Close()
	o, err := j.ClockOffset(t.Context())
	must(t, err)
	if o.By.Abs() > time.Minute {
		t.Errorf("the journal's clock is %s away", o.By)
	}
	l := won(t, j, sampleDecision("x", 1))
	pgtest.Exec(t, url, `UPDATE decisions SET claimed_at = 1`)
	if _, err := j.MarkSent(t.Context(), l, 0); err == nil {
		t.Error("a cancel request 50 years after the claim")
	}
}
