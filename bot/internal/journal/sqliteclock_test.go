//go:build linux

package journal_test

import (
	"context"
	"database/sql"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/journal"
)

// TestNoOneSetsTheClockOfLeases opens a journal in several processes. All use
// the boot time that the first of them saw, whatever the wall clock says
// later.
func TestNoOneSetsTheClockOfLeases(t *testing.T) {
	url := "sqlite:" + filepath.Join(t.TempDir(), "journal.db")
	first := open(t, url, 0)
	won(t, first, sampleDecision("a", 1))
	lease := func(id string) time.Time {
		db, err := sql.Open("sqlite", strings.TrimPrefix(url, "sqlite:"))
		must(t, err)
		defer db.Close()
		var ms int64
		must(t, db.QueryRowContext(t.Context(), "SELECT leased_until FROM decisions WHERE confirmation_id = ?", id).Scan(&ms))
		return time.UnixMilli(ms)
	}
	near := func(a, b time.Time) bool { return a.Sub(b).Abs() < 5*time.Minute }
	if at := lease("a"); !near(at, time.Now()) {
		t.Errorf("it began at %s", at)
	}
	// The wall clock was set forward by an hour before the next process
	// starts.
	statement(t, url, "UPDATE clock SET booted_at = booted_at - 3600000")
	second := open(t, url, 0)
	won(t, second, sampleDecision("b", 2))
	if at := lease("b"); !near(at, time.Now().Add(-time.Hour)) {
		t.Errorf("it goes by the wall clock: %s", at)
	}
	// After the next boot it begins again.
	statement(t, url, "UPDATE clock SET boot = 'an earlier one'")
	won(t, open(t, url, 0), sampleDecision("c", 3))
	if at := lease("c"); !near(at, time.Now()) {
		t.Errorf("it goes by an earlier boot: %s", at)
	}
	statement(t, url, "SELECT 1 / (count(*) = 1) FROM clock")
	// So it does if someone has written another value.
	for i, value := range []string{"'x'", "x'00'", "1.5e300", "9223372036854775807", "-1"} {
		statement(t, url, "UPDATE clock SET booted_at = "+value)
		id := string(rune('d' + i))
		won(t, open(t, url, 0), sampleDecision(id, int64(4+i)))
		if at := lease(id); !near(at, time.Now()) {
			t.Errorf("%s: it goes by %s", value, at)
		}
	}
}

// A command that counts the replicas goes by their clock, not by the wall clock.
func TestReplicasAreCountedByTheirClock(t *testing.T) {
	url := "sqlite:" + filepath.Join(t.TempDir(), "journal.db")
	open(t, url, 0)
	// The wall clock was set forward by an hour before the replica starts.
	statement(t, url, "UPDATE clock SET booted_at = booted_at - 3600000")
	replica := open(t, url, 0)
	_, _, err := replica.Beat(t.Context(), true)
	must(t, err)
	for name, open := range map[string]func(context.Context, string) (*journal.Journal, error){
		"reading": journal.OpenReadOnly, "writing": journal.OpenExisting,
	} {
		j, err := open(t.Context(), url)
		must(t, err)
		if n, err := j.Replicas(t.Context()); err != nil || n != 1 {
			t.Errorf("%s: %d replicas, %v", name, n, err)
		}
		must(t, j.Close())
	}
}
