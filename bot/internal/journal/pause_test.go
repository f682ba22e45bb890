package journal_test

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/journal"
)

func TestPauseIsSharedAndKeepsItsTime(t *testing.T) {
	bothEngines(t, func(t *testing.T, url string) {
		one, other := open(t, url, 0), open(t, url, 0)
		ctx := t.Context()
		if p, err := other.Paused(ctx); err != nil || p.Active() {
			t.Fatalf("%+v, %v", p, err)
		}
		must(t, one.Pause(ctx, "migration"))
		first, err := other.Paused(ctx)
		must(t, err)
		must(t, other.Pause(ctx, "migration until noon"))
		second, err := one.Paused(ctx)
		must(t, err)
		if !first.Active() || first.Note != "migration" || second.Note != "migration until noon" || !second.Since.Equal(first.Since) {
			t.Errorf("%+v, then %+v", first, second)
		}
		for _, want := range []bool{true, false} {
			if was, err := one.Resume(ctx); err != nil || was != want {
				t.Errorf("%t, %v; want %t", was, err, want)
			}
		}
		if p, err := other.Paused(ctx); err != nil || p.Active() {
			t.Errorf("%+v, %v", p, err)
		}
	})
}

// Someone else pauses cancelling with a time that isn't one, or is long ago. It is paused,
// and not since 1970, the metric's word for a pause that isn't one.
func TestPauseCountsWhateverItsTime(t *testing.T) {
	for _, at := range []string{"", "soon", "0001-01-01 00:00:00+00:00", "1960-01-01 00:00:00+00:00", "1970-01-01 00:00:00+00:00"} {
		url := "sqlite:" + filepath.Join(t.TempDir(), "cancelbot.db")
		j := open(t, url, 0)
		forge(t, url, `INSERT INTO pause (one, paused_at, note) VALUES (1, '`+at+`', '')`)
		if p, err := j.Paused(t.Context()); err != nil || !p.Active() || p.Since.Unix() <= 0 || p.Dated() {
			t.Errorf("%q: %+v, %v", at, p, err)
		}
	}
}

// A click that was judged before a pause isn't saved during it. Clicks that were
// saved before are known, and prompts can be closed.
func TestPauseStopsClaims(t *testing.T) {
	bothEngines(t, func(t *testing.T, url string) {
		j := openTrusting(t, url, "xoxb-1")
		for _, task := range []int64{1, 2} {
			before, during := j.click(task), j.click(task+10)
			won(t, j.Journal, before)
			must(t, j.Pause(t.Context(), "upgrade"))
			won(t, j.Journal, before) // its answer was lost
			var paused *journal.PausedError
			if _, err := j.Claim(t.Context(), during); !errors.As(err, &paused) || paused.Note != "upgrade" {
				t.Errorf("%+v, %v", paused, err)
			}
			if _, withdrawn, err := j.Withdraw(t.Context(), during); err != nil || !withdrawn {
				t.Errorf("withdrawn %t, %v", withdrawn, err)
			}
			_, err := j.Resume(t.Context())
			must(t, err)
			won(t, j.Journal, j.click(task+10))
		}
	})
}

// A claim that has begun, and waits in the database, is saved before the pause or not
// at all, and the operator reads how many clicks are still being carried out.
func TestPauseWaitsForClaims(t *testing.T) {
	url := postgres(t)
	j, operator := openTrusting(t, url, "xoxb-1"), open(t, url, 0)
	db, err := sql.Open("pgx", url)
	must(t, err)
	defer db.Close()
	other, err := db.BeginTx(t.Context(), nil) // another replica saves a decision about the task
	must(t, err)
	for _, statement := range []string{
		`INSERT INTO decisions (confirmation_id, team_id, channel_id, requester, confirmer, reason, requested_at, decided_at, epoch)
			VALUES ('x', 'T1', 'C1', 'U1', 'U2', '', now(), now(), 1)`,
		`INSERT INTO tasks (confirmation_id, position, task_id) VALUES ('x', 0, 1)`,
	} {
		_, err = other.ExecContext(t.Context(), statement)
		must(t, err)
	}
	var ended sync.WaitGroup
	defer ended.Wait()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	waits := func(n int) {
		t.Helper()
		for waiting := 0; waiting < n; time.Sleep(time.Millisecond) {
			must(t, db.QueryRowContext(ctx, `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`).Scan(&waiting))
		}
	}
	ended.Go(func() {
		if _, err := j.Claim(t.Context(), j.click(1)); err != nil {
			t.Errorf("a claim that began before the pause: %v", err)
		}
	})
	waits(1)
	ended.Go(func() {
		must(t, operator.Pause(t.Context(), "stop"))
		if left, err := operator.Backlog(t.Context()); err != nil || left.Unannounced != 1 {
			t.Errorf("%d are being carried out, %v", left.Unannounced, err)
		}
	})
	waits(2)
	must(t, other.Rollback())
}

func TestOpenExistingCreatesNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.db")
	if _, err := journal.OpenExisting(t.Context(), "sqlite:"+path); err == nil {
		t.Error("opened a journal that isn't there")
	}
	if left, _ := filepath.Glob(path + "*"); left != nil {
		t.Errorf("created %q", left)
	}
	open(t, "sqlite:"+path, 0)
	must(t, os.WriteFile(path+".owner-dead", nil, 0o600))
	statement(t, "sqlite:"+path, "DELETE FROM clock")
	before, _ := filepath.Glob(path + "*")
	j, err := journal.OpenExisting(t.Context(), "sqlite:"+path)
	must(t, err)
	must(t, j.Writable(t.Context()))
	must(t, j.Pause(t.Context(), ""))
	must(t, j.Close())
	if after, _ := filepath.Glob(path + "*"); !slices.Equal(after, before) {
		t.Errorf("there were %q, and are %q", before, after)
	}
	if n := counted(t, "sqlite:"+path, "SELECT (SELECT count(*) FROM clock) + (SELECT count(*) FROM audit)"); n != 0 {
		t.Errorf("%d rows were inserted", n)
	}
}
