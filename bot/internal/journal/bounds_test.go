package journal_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/journal"
)

// counted returns a number that a query returns.
func counted(t *testing.T, url, query string) (n int64) {
	t.Helper()
	db := database(t, url)
	defer db.Close()
	must(t, db.QueryRowContext(t.Context(), query).Scan(&n))
	return n
}

// forgedLong is a decision about task 1 that someone else has written, and whose
// announced_at is to be filled in.
const forgedLong = `INSERT INTO decisions (confirmation_id, team_id, channel_id, requester, confirmer, reason, requested_at, decided_at, announced_at, epoch)
	VALUES ('f', 'T1', 'C1', 'U1', 'U9', 'x', '2020-01-01 00:00:00+00:00', '2020-01-01 00:00:00+00:00', %s, 1);
	INSERT INTO tasks (confirmation_id, position, task_id) VALUES ('f', 0, 1)`

// TestTooLongRowIsSetAsideWithoutItsContent has rows in a claim's way whose values, or
// whose tasks' values, are longer than any that are genuine. They are set aside, what
// they say is dropped, and they don't return.
func TestTooLongRowIsSetAsideWithoutItsContent(t *testing.T) {
	long := strings.Repeat("x", 5<<20)
	many := make([]string, 101)
	for i := range many {
		many[i] = fmt.Sprintf("('f', %d, %d)", i+1, i+100)
	}
	bothEngines(t, func(t *testing.T, url string) {
		for name, change := range map[string]string{
			"a reason":        `UPDATE decisions SET reason = '` + long + `'`,
			"a task's title":  `UPDATE tasks SET title = '` + long + `'`,
			"number of tasks": `INSERT INTO tasks (confirmation_id, position, task_id) VALUES ` + strings.Join(many, ", "),
		} {
			j := openTrusting(t, url, "xoxb-1")
			forge(t, url, fmt.Sprintf(forgedLong, "NULL"))
			forge(t, url, change)
			won(t, j.Journal, j.click(1))
			if n := counted(t, url, `SELECT count(*) FROM set_aside WHERE content = '' OR tasks = ''`); n != 1 {
				t.Errorf("%s: %d rows are set aside without their content", name, n)
			}
			statement(t, url, `UPDATE set_aside SET retry = 1`)
			returned(t, j, 0)
			if n := counted(t, url, `SELECT count(*) FROM set_aside WHERE why = 'it can''t return: it is too long'`); n != 1 {
				t.Errorf("%s: it doesn't stay aside as too long", name)
			}
			forge(t, url, "DELETE FROM set_aside; DELETE FROM decisions; DELETE FROM tasks")
		}
	})
}

// TestRowWithTooLongIDIsSetAside has a decision in a claim's way whose ID is too long. It
// is set aside without it, also if it was announced. Postgres has no index for such IDs.
func TestRowWithTooLongIDIsSetAside(t *testing.T) {
	for _, announced := range []string{"NULL", "'2020-01-01 00:00:00+00:00'"} {
		url := "sqlite:" + filepath.Join(t.TempDir(), "journal.db")
		j := openTrusting(t, url, "xoxb-1")
		statement(t, url, strings.ReplaceAll(fmt.Sprintf(forgedLong, announced), "'f'", "'"+strings.Repeat("x", tooLong)+"'"))
		won(t, j.Journal, j.click(1))
		if n := counted(t, url, `SELECT count(*) FROM set_aside WHERE confirmation_id = '[too long]'`); n != 1 {
			t.Errorf("announced %s: %d are set aside without their IDs", announced, n)
		}
		if n := counted(t, url, `SELECT count(*) FROM retention`); n != 0 {
			t.Errorf("announced %s: any decision may be deleted", announced)
		}
	}
}

// TestTasksThatAreTooManyStayAside makes up a row of set_aside with more tasks than a
// decision has. They aren't inserted.
func TestTasksThatAreTooManyStayAside(t *testing.T) {
	bothEngines(t, func(t *testing.T, url string) {
		j, other := openTrusting(t, url, "xoxb-1"), openTrusting(t, url, "xoxb-2")
		setAside(t, url, j, other)
		statement(t, url, `UPDATE set_aside SET retry = 1, tasks = '[{}`+strings.Repeat(",{}", 1_000_000)+`]'`)
		returned(t, other, 0)
		if n := counted(t, url, `SELECT count(*) FROM set_aside WHERE why = 'it can''t return: it is too long' AND retry = 0`); n != 1 {
			t.Error("it doesn't stay aside as too long")
		}
	})
}

// TestLongKeysAreNotRead makes up signing keys that are too long, and more of them than
// are read. The genuine ones are read after a few calls.
func TestLongKeysAreNotRead(t *testing.T) {
	bothEngines(t, func(t *testing.T, url string) {
		j := open(t, url, 0)
		must(t, j.KeepSigningKeys(t.Context(), "a", "genuine", time.Hour))
		must(t, j.KeepSigningKeys(t.Context(), "long", strings.Repeat("x", 5<<20), time.Hour))
		if found, err := j.SigningKeys(t.Context(), 100); err != nil || len(found) != 1 || found[0] != "genuine" {
			t.Errorf("%d, %v", len(found), err)
		}
		statement(t, url, `INSERT INTO signing_keys (id, sealed, kept_until)
			WITH RECURSIVE number(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < 150) SELECT ' ' || n, 'made up', 99999999999999 FROM number`)
		for range 50 { // each has it with a probability of two thirds
			found, err := j.SigningKeys(t.Context(), 100)
			if err != nil || len(found) > 100 {
				t.Fatalf("%d, %v", len(found), err)
			}
			if slices.Contains(found, "genuine") {
				return
			}
		}
		t.Error("the genuine keys are hidden")
	})
}

// TestLongTextsForPeopleAreNotRead makes up a pause and a row of set_aside with texts
// that are too long.
func TestLongTextsForPeopleAreNotRead(t *testing.T) {
	bothEngines(t, func(t *testing.T, url string) {
		j, other := openTrusting(t, url, "xoxb-1"), openTrusting(t, url, "xoxb-2")
		long := strings.Repeat("x", tooLong)
		must(t, j.Pause(t.Context(), ""))
		statement(t, url, `UPDATE pause SET note = '`+long+`'`)
		if p, err := j.Paused(t.Context()); err != nil || !p.Active() || p.Note != "" {
			t.Errorf("a note of %d bytes, %v", len(p.Note), err)
		}
		_, err := j.Resume(t.Context())
		must(t, err)
		setAside(t, url, j, other)
		for _, column := range []string{"content", "why", "task_ids"} {
			statement(t, url, fmt.Sprintf(`UPDATE set_aside SET %s = '%s'`, column, long))
		}
		all, err := j.SetAsides(t.Context(), journal.Query{})
		if err != nil || len(all) != 1 || len(all[0].Content)+len(all[0].Why)+len(all[0].Tasks) > 100 {
			t.Errorf("%d rows, %v", len(all), err)
		}
	})
}
