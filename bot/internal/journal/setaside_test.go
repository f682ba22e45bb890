package journal_test

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/journal"
	"github.com/cancelbot/cancelbot/chamelio"
)

// setAside makes a decision with a key that j doesn't know, and has j set it
// aside.
func setAside(t *testing.T, url string, j, other *trusting) decision.Record {
	t.Helper()
	d := other.click(1)
	won(t, other.Journal, d)
	expire(t, url, string(d.ID))
	take(t, j.Journal, journal.ToResolve)
	j.Later(11 * time.Minute)
	expire(t, url, string(d.ID))
	take(t, j.Journal, journal.ToResolve)
	return d
}

// TestRowThatCannotReturnBlocksNothing sets retry = 1 for rows that can't
// return. They stay aside, and a genuine one returns.
func TestRowThatCannotReturnBlocksNothing(t *testing.T) {
	const forged = `INSERT INTO set_aside (id, kind, confirmation_id, task_ids, set_aside_at, why, seal, content, tasks, retry)
		VALUES ('%s%d', '%s', 'x', '1', '2030-01-01 00:00:00+00:00', '', '', '%s', '%[4]s', 1)`
	bothEngines(t, func(t *testing.T, url string) {
		j, other := openTrusting(t, url, "xoxb-1"), openTrusting(t, url, "xoxb-2")
		d := setAside(t, url, j, other)
		for i, content := range []string{"no JSON", "{}", "[]"} {
			statement(t, url, fmt.Sprintf(forged, "content", i, "decisions", content))
		}
		for i := range 64 {
			statement(t, url, fmt.Sprintf(forged, "kind", i, "x", "{}"))
		}
		if n, err := other.ReturnSetAside(t.Context()); n != 1 || err != nil {
			t.Errorf("%d returned, %v", n, err)
		}
		if n, err := other.ReturnSetAside(t.Context()); n != 0 || err != nil {
			t.Errorf("%d returned again, %v", n, err)
		}
		if _, err := other.Get(t.Context(), d.ID); err != nil {
			t.Error(err)
		}
	})
}

// TestUnknownKeysDelayNoReturn sets more rows with made-up keys aside than return
// at a time, after a genuine one.
func TestUnknownKeysDelayNoReturn(t *testing.T) {
	bothEngines(t, func(t *testing.T, url string) {
		j, other := openTrusting(t, url, "xoxb-1"), openTrusting(t, url, "xoxb-2")
		d := setAside(t, url, j, other)
		var rows []string
		for i := range 300 {
			rows = append(rows, fmt.Sprintf(`('k%d', 'decisions', 'x', '1', '2030-01-01 00:00:00+00:00', '', 'ABCDEFGH.a.b.c', '{}', '[]', 1)`, i))
		}
		statement(t, url, `INSERT INTO set_aside (id, kind, confirmation_id, task_ids, set_aside_at, why, seal, content, tasks, unknown_key) VALUES `+strings.Join(rows, ","))
		if n, err := other.ReturnSetAside(t.Context()); n != 1 || err != nil {
			t.Errorf("%d returned, %v", n, err)
		}
		if _, err := other.Get(t.Context(), d.ID); err != nil {
			t.Error(err)
		}
	})
}

// A decision and its tasks are changed at the moment at which a process that doesn't know
// their key sets them aside. The copy has the changes.
func TestRowIsSetAsideAsItWasLastChanged(t *testing.T) {
	url := postgres(t) // SQLite's transactions don't overlap
	j, other := openTrusting(t, url, "xoxb-1"), openTrusting(t, url, "xoxb-2")
	d, second := other.click(1), j.click(1)
	won(t, other.Journal, d)
	if _, err := j.Claim(t.Context(), second); !journal.IsUnverified(err) {
		t.Fatalf("it doesn't wait for the key: %v", err)
	}
	j.Later(11 * time.Second)
	db, err := sql.Open("pgx", url)
	must(t, err)
	defer db.Close()
	change, err := db.BeginTx(t.Context(), nil)
	must(t, err)
	for _, statement := range []string{`UPDATE decisions SET message_ts = '17.5' WHERE confirmation_id = $1`, `UPDATE tasks SET tries = 3 WHERE confirmation_id = $1`} {
		_, err = change.ExecContext(t.Context(), statement, string(d.ID))
		must(t, err)
	}
	claimed := make(chan error, 1)
	go func() {
		_, err := j.Claim(t.Context(), second)
		claimed <- err
	}()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for waiting := 0; waiting == 0; time.Sleep(time.Millisecond) {
		must(t, db.QueryRowContext(ctx, `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`).Scan(&waiting))
	}
	must(t, change.Commit())
	must(t, <-claimed)
	var content, tasks string
	must(t, db.QueryRowContext(ctx, `SELECT content, tasks FROM set_aside WHERE confirmation_id = $1`, string(d.ID)).Scan(&content, &tasks))
	if !strings.Contains(content, `"message_ts":"17.5"`) || strings.Count(tasks, `"tries":3`) != len(d.Tasks) {
		t.Errorf("set aside as %s, %s", content, tasks)
	}
}

// TestDecisionReturnsWhole lets another decision claim a task of a decision
// that is set aside. It doesn't return without that task.
func TestDecisionReturnsWhole(t *testing.T) {
	bothEngines(t, func(t *testing.T, url string) {
		j, other := openTrusting(t, url, "xoxb-1"), openTrusting(t, url, "xoxb-2")
		d := setAside(t, url, j, other)
		c := other.click(int64(d.Tasks[1].ID))
		if claim, err := j.Claim(t.Context(), c); err != nil || !claim.Won {
			t.Fatalf("%+v %v", claim, err)
		}
		if n, err := other.ReturnSetAside(t.Context()); n != 0 || err != nil {
			t.Errorf("%d returned, %v", n, err)
		}
		aside, err := other.SetAsides(t.Context(), journal.Query{})
		if err != nil || len(aside) != 1 || aside[0].ConfirmationID != d.ID {
			t.Errorf("%+v %v", aside, err)
		}
		statement(t, url, fmt.Sprintf("DELETE FROM decisions WHERE confirmation_id = '%s'", c.ID))
		statement(t, url, "UPDATE set_aside SET retry = 1")
		if n, err := other.ReturnSetAside(t.Context()); n != 1 || err != nil {
			t.Errorf("%d returned, %v", n, err)
		}
		var got decision.Record
		if got, err = other.Get(t.Context(), d.ID); err != nil || len(got.Tasks) != 2 {
			t.Errorf("%+v %v", got, err)
		}
	})
}

// TestEpochAtTheLimitBlocksNothing inserts forged rows whose epoch can't grow.
// They are set aside, and genuine rows are taken.
func TestEpochAtTheLimitBlocksNothing(t *testing.T) {
	const most = "9223372036854775807"
	bothEngines(t, func(t *testing.T, url string) {
		j := openTrusting(t, url, "xoxb-1")
		d := j.click(1)
		won(t, j.Journal, d)
		expire(t, url, string(d.ID))
		must(t, j.Refused(t.Context(), decision.Note{Tasks: []chamelio.TaskID{1}, Person: "U1", Code: "guest", At: time.Now()}))
		statement(t, url, `INSERT INTO decisions (confirmation_id, team_id, channel_id, requester, confirmer, reason, requested_at, decided_at, epoch)
			VALUES ('f', 'T1', 'C1', 'U1', 'U9', 'x', '2020-01-01 00:00:00+00:00', '2020-01-01 00:00:00+00:00', `+most+`)`)
		statement(t, url, `INSERT INTO tasks (confirmation_id, position, task_id) VALUES ('f', 0, 99)`)
		statement(t, url, `INSERT INTO audit (id, kind, noted_at, confirmation_id, task_ids, team_id, channel_id, person, code, epoch)
			VALUES ('f', 'refusal', '2020-01-01 00:00:00+00:00', '', '', '', '', '', '', `+most+`)`)
		if held := take(t, j.Journal, journal.ToResolve); len(held) != 1 || held[0].Record.ID != d.ID {
			t.Errorf("taken: %+v", held)
		}
		if n, err := j.TakeNote(t.Context()); err != nil || n.Person != "U1" {
			t.Errorf("noted: %+v %v", n, err)
		}
		if len(j.reported) != 2 {
			t.Errorf("reported: %+v", j.reported)
		}
	})
}

// TestFinishedRowsDontWait has more rows wait for their keys than are
// remembered, and lets each be deleted, or finished by another process. A genuine
// one still waits.
func TestFinishedRowsDontWait(t *testing.T) {
	const row = `INSERT INTO decisions (confirmation_id, team_id, channel_id, requester, confirmer, reason, requested_at, decided_at, epoch, mac)
		VALUES ('%s', 'T1', 'C1', 'U1', 'U1', '', '2020-01-01 00:00:00+00:00', '2020-01-01 00:00:00+00:00', 1, 'ABCDEFGH.a.b.c')`
	bothEngines(t, func(t *testing.T, url string) {
		j, other := openTrusting(t, url, "xoxb-1"), openTrusting(t, url, "xoxb-2")
		for batch := range 11 {
			var rows, tasks []string
			for i := range 100 {
				id := fmt.Sprintf("w%d-%d", batch, i)
				rows = append(rows, fmt.Sprintf(row, id))
				tasks = append(tasks, fmt.Sprintf("('%s', 0, %d)", id, 5000+100*batch+i))
			}
			statement(t, url, strings.Join(rows, ";")+`; INSERT INTO tasks (confirmation_id, position, task_id) VALUES `+strings.Join(tasks, ","))
			take(t, j.Journal, journal.ToResolve)
			end := "DELETE FROM decisions WHERE announced_at IS NULL"
			if batch%2 == 0 {
				end = "UPDATE tasks SET outcome = 'failed' WHERE outcome IS NULL; UPDATE decisions SET announced_at = decided_at WHERE announced_at IS NULL"
			}
			forge(t, url, end)
		}
		d := other.click(1)
		won(t, other.Journal, d)
		expire(t, url, string(d.ID))
		take(t, j.Journal, journal.ToResolve)
		if _, err := other.Get(t.Context(), d.ID); err != nil {
			t.Errorf("it doesn't wait: %v", err)
		}
	})
}
