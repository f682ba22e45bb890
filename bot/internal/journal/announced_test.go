package journal_test

import (
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/journal"
	"github.com/cancelbot/cancelbot/chamelio"
)

// refused runs a statement that must fail.
func refused(t *testing.T, url, text string) {
	t.Helper()
	if err := tryStatement(t, url, text); err == nil {
		t.Errorf("not refused: %s", text)
	}
}

func tryStatement(t *testing.T, url, text string) error {
	t.Helper()
	db := database(t, url)
	defer db.Close()
	_, err := db.ExecContext(t.Context(), text)
	return err
}

// database opens a journal's database.
func database(t *testing.T, url string) *sql.DB {
	t.Helper()
	driver, place := "pgx", url
	if path, ok := strings.CutPrefix(url, "sqlite:"); ok {
		driver, place = "sqlite", path
	}
	db, err := sql.Open(driver, place)
	must(t, err)
	return db
}

// announced claims, finishes and announces a decision.
func announced(t *testing.T, j *journal.Journal, id string, task int64, o decision.Outcome) decision.Record {
	t.Helper()
	_, err := j.Finish(t.Context(), won(t, j, sampleDecision(id, task)), 0, decision.Result{Outcome: o}, true)
	must(t, err)
	must(t, j.MarkAnnounced(t.Context(), decision.Record{ID: decision.ID(id)}, "1.2"))
	d, err := j.Get(t.Context(), decision.ID(id))
	must(t, err)
	return d
}

// TestAnnouncedDecisionsCannotChange tries to change each column with the people,
// the task, the reason, the times and the outcome.
func TestAnnouncedDecisionsCannotChange(t *testing.T) {
	bothEngines(t, func(t *testing.T, url string) {
		j := open(t, url, 0)
		before := announced(t, j, "told", 1, decision.Failed)
		for table, changes := range map[string][]string{
			"decisions": {
				"confirmation_id = 'other'", "team_id = 'T2'", "channel_id = 'C2'", "requester = 'U9'", "confirmer = 'U9'", "reason = ''",
				"requested_at = '2020-01-01'", "decided_at = '2020-01-01'", "message_ts = ''", "confirmation = ''", "mac = 'x'", "announced_mac = 'x'", "announced_at = NULL",
			},
			"tasks": {
				"confirmation_id = 'other'", "position = 1", "task_id = 2", "title = 'x'", "url = 'x'", "detail = ''", "outcome = NULL",
				"outcome = 'cancelled'", "outcome_mac = 'x'", "finished_at = NULL",
			},
		} {
			for _, change := range changes {
				refused(t, url, "UPDATE "+table+" SET "+change)
			}
		}
		refused(t, url, "DELETE FROM tasks")
		refused(t, url, "DELETE FROM decisions")
		if !strings.HasPrefix(url, "sqlite:") {
			refused(t, url, "TRUNCATE decisions CASCADE")
			refused(t, url, "TRUNCATE tasks")
		}
		if after, err := j.Get(t.Context(), "told"); err != nil || !reflect.DeepEqual(after, before) {
			t.Errorf("%+v\n%+v %v", before, after, err)
		}
		// Settled outcomes can't change either.
		announced(t, j, "settled", 3, decision.Unknown)
		statement(t, url, "UPDATE decisions SET check_after = 1 WHERE confirmation_id = 'settled'")
		held, err := j.TakeUnsettled(t.Context(), 1, nil)
		must(t, err)
		_, err = settling(t.Context(), j, held[0].Lease, decision.Cancelled)
		must(t, err)
		must(t, j.MarkSettled(t.Context(), "settled"))
		refused(t, url, "UPDATE decisions SET settled_at = 0 WHERE confirmation_id = 'settled'")
		for _, change := range []string{"settled_outcome = 'failed'", "settled_detail = ''", "settled_mac = 'x'", "outcome = 'cancelled'", "outcome = NULL"} {
			refused(t, url, "UPDATE tasks SET "+change+" WHERE confirmation_id = 'settled'")
		}
	})
}

// TestDocumentedStatementsDeleteOldRows deletes what was decided
// before a day, and no other row, in the way that docs/operate.md shows.
func TestDocumentedStatementsDeleteOldRows(t *testing.T) {
	bothEngines(t, func(t *testing.T, url string) {
		j := open(t, url, 0)
		for i, age := range []time.Duration{400 * 24 * time.Hour, 30 * 24 * time.Hour} {
			d := sampleDecision(fmt.Sprint("d", i), int64(i+1))
			d.DecidedAt = time.Now().Add(-age)
			_, err := j.Finish(t.Context(), won(t, j, d), 0, decision.Result{Outcome: decision.Cancelled}, true)
			must(t, err)
			must(t, j.MarkAnnounced(t.Context(), decision.Record{ID: d.ID}, ""))
		}
		must(t, j.Refused(t.Context(), decision.Note{Person: "U1", At: time.Now().AddDate(-2, 0, 0)}))
		statement(t, url, "UPDATE audit SET sent_at = NULL;"+fmt.Sprintf(asideRow, "old", "2020-01-01 00:00:00+00:00"))
		day := time.Now().AddDate(-1, 0, 0).Format(time.DateOnly)
		statements := strings.ReplaceAll(retention(t), "2025-12-01", day)
		refused(t, url, strings.Replace(statements, "AND decided_at < '"+day+"'", "", 1)) // it lets the old ones go alone
		must(t, tryStatement(t, url, statements))
		left, err := j.Recent(t.Context(), journal.Query{})
		if err != nil || len(left) != 1 || left[0].ID != "d1" {
			t.Errorf("left: %+v %v", left, err)
		}
		if n := counted(t, url, "SELECT (SELECT count(*) FROM audit) + (SELECT count(*) FROM set_aside)"); n != 0 {
			t.Errorf("%d notes and rows set aside are left", n)
		}
		refused(t, url, "DELETE FROM decisions")
		won(t, j, sampleDecision("again", 1)) // the task of the deleted one is free
	})
}

// retention is what docs/operate.md says about deleting old rows.
func retention(t *testing.T) string {
	t.Helper()
	page, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", "operate.md"))
	must(t, err)
	_, after, _ := strings.Cut(string(page), "```sql\n")
	statements, _, found := strings.Cut(after, "```")
	if !found || !strings.Contains(statements, "retention") {
		t.Fatal("docs/operate.md does not say how old rows are deleted")
	}
	return statements
}

// A row that vanished was restored with another outcome than a process announced that had
// it in between. The announcement isn't recorded on it, and its owner goes on to announce.
func TestAnnouncementOfAnotherOutcomeIsNotRecorded(t *testing.T) {
	bothEngines(t, func(t *testing.T, url string) {
		j := open(t, url, 0)
		for i, tt := range []struct {
			known, announced decision.Outcome
			recorded         bool
		}{
			{decision.Cancelled, decision.Cancelled, true},
			{decision.Unknown, decision.Cancelled, true}, // it may have become that, and is looked after
			{decision.Cancelled, decision.AlreadyCancelled, false},
			{decision.Cancelled, decision.Unknown, false},
		} {
			d := sampleDecision(fmt.Sprint(i), int64(2*i+1))
			d.Tasks = append(d.Tasks, decision.Item{ID: chamelio.TaskID(2*i + 2)})
			l := won(t, j, d)
			same := decision.Result{Outcome: decision.Failed}
			l, err := j.Finish(t.Context(), l, 0, same, false)
			must(t, err)
			l, err = j.Finish(t.Context(), l, 1, decision.Result{Outcome: tt.known}, true)
			must(t, err)
			if err := j.MarkAnnounced(t.Context(), d.With(same, decision.Result{Outcome: tt.announced}), "1.2"); tt.recorded != (err == nil) || !tt.recorded && !errors.Is(err, journal.ErrLost) {
				t.Errorf("%s, announced as %s: %v", tt.known, tt.announced, err)
			}
			got, err := j.Get(t.Context(), d.ID)
			must(t, err)
			if got.AnnouncedAt.IsZero() == tt.recorded {
				t.Errorf("%s, announced as %s: %v", tt.known, tt.announced, got.AnnouncedAt)
			}
			if _, err := j.Renew(t.Context(), l); tt.recorded == (err == nil) {
				t.Errorf("%s, announced as %s: its owner goes on: %v", tt.known, tt.announced, err)
			}
		}
	})
}

// Someone changes a task's position between its outcome and the record of its announcement.
// The record is made, or the row is gone: it isn't tried again without end.
func TestOddPositionKeepsNoAnnouncementFromItsEnd(t *testing.T) {
	bothEngines(t, func(t *testing.T, url string) {
		positions := []string{"7", "-1", "9223372036854775807"}
		if strings.HasPrefix(url, "sqlite:") {
			positions = append(positions, "'x'", "0.5", "''", "x'31'")
		}
		for i, position := range positions {
			j := openTrusting(t, url, "xoxb-1")
			d, res := j.click(int64(i+1)), decision.Result{Outcome: decision.Cancelled}
			l := won(t, j.Journal, d)
			for task := range d.Tasks {
				var err error
				l, err = j.Finish(t.Context(), l, task, res, true)
				must(t, err)
			}
			forge(t, url, fmt.Sprintf(`UPDATE tasks SET position = %s WHERE confirmation_id = '%s' AND position = 1`, position, d.ID))
			if err := j.MarkAnnounced(t.Context(), d.With(res, res), "1.2"); err != nil && !errors.Is(err, journal.ErrGone) {
				t.Errorf("position %s: %v", position, err)
			}
		}
	})
}
