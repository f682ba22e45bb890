package journal_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/journal"
)

// Rows of set_aside whose key isn't text don't keep genuine rows aside.
func TestOddKeysKeepNothingAside(t *testing.T) {
	url := "sqlite:" + t.TempDir() + "/journal.db"
	j, other := openTrusting(t, url, "xoxb-1"), openTrusting(t, url, "xoxb-2")
	d := setAside(t, url, j, other)
	statement(t, url, `UPDATE set_aside SET retry = 1, unknown_key = 0`)
	for i := range 64 {
		statement(t, url, fmt.Sprintf(`INSERT INTO set_aside (id, kind, confirmation_id, task_ids, set_aside_at, why, seal, content, tasks, retry)
			VALUES (CAST('b%d' AS BLOB), 'decisions', 'x', '1', '2030-01-01 00:00:00+00:00', '', '', '{}', '[]', 1)`, i))
	}
	for range 3 {
		if _, err := other.ReturnSetAside(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := other.Get(t.Context(), d.ID); err != nil {
		t.Error(err)
	}
}

// A genuine row whose key is stored as a blob isn't found by its key, so it is set
// aside instead of being taken again and again.
func TestBlobKeysAreSetAside(t *testing.T) {
	url := "sqlite:" + t.TempDir() + "/journal.db"
	j := openTrusting(t, url, "xoxb-1")
	must(t, j.Opened(t.Context(), journal.Request{ID: "R1", MessageTS: "1.2", Confirmation: "x"}, 0, -time.Minute))
	must(t, j.Refused(t.Context(), decision.Note{Person: "U1", Code: "no", At: time.Now()}))
	statement(t, url, `UPDATE requests SET confirmation_id = CAST(confirmation_id AS BLOB)`)
	statement(t, url, `UPDATE audit SET id = CAST(id AS BLOB), sent_at = NULL`)
	if all, err := j.TakeEnded(t.Context(), 1); len(all) > 0 || err != nil {
		t.Error(all, err)
	}
	if n, err := j.TakeNote(t.Context()); !errors.Is(err, journal.ErrGone) {
		t.Error(n, err)
	}
	if all, err := j.SetAsides(t.Context(), journal.Query{}); len(all) != 2 || err != nil {
		t.Error(all, err)
	}
}

// A time that isn't one, or a counter at its limit, fails nothing.
func TestOddTimesAndCountersFailNothing(t *testing.T) {
	bothEngines(t, func(t *testing.T, url string) {
		j, other := openTrusting(t, url, "xoxb-1"), openTrusting(t, url, "xoxb-2")
		setAside(t, url, j, other)
		at := "'infinity'"
		if strings.HasPrefix(url, "sqlite") {
			at = "'odd'"
		}
		statement(t, url, `INSERT INTO set_aside (id, kind, confirmation_id, task_ids, set_aside_at, why, seal, content, tasks)
			VALUES ('odd', 'decisions', 'x', '1', `+at+`, '', '', '{}', '[]')`)
		if all, err := j.SetAsides(t.Context(), journal.Query{}); len(all) != 2 || err != nil {
			t.Error(all, err)
		}
		statement(t, url, `INSERT INTO pause (one, paused_at, note) VALUES (1, `+at+`, 'n')`)
		if p, err := j.Paused(t.Context()); !p.Active() || err != nil {
			t.Error(p, err)
		}
		_, err := j.Resume(t.Context())
		must(t, err)
		d := j.click(1)
		l := won(t, j.Journal, d)
		for position := range d.Tasks {
			_, err := j.Finish(t.Context(), l, position, decision.Result{Outcome: decision.Unknown, Title: "Payroll"}, true)
			must(t, err)
		}
		must(t, j.MarkAnnounced(t.Context(), decision.Record{ID: d.ID}, "1.2"))
		statement(t, url, "UPDATE decisions SET check_after = 1, checks = 9223372036854775807")
		held, err := j.TakeUnsettled(t.Context(), 1, nil)
		must(t, err)
		must(t, j.CheckLater(t.Context(), held[0].Lease, time.Minute))
	})
}

// Someone else writes a note's row before the bot does. The bot's note is written all
// the same.
func TestForgedNoteKeepsNoneOut(t *testing.T) {
	bothEngines(t, func(t *testing.T, url string) {
		j := openTrusting(t, url, "xoxb-1")
		d := j.click(1)
		l := won(t, j.Journal, d)
		for position := range d.Tasks {
			_, err := j.Finish(t.Context(), l, position, decision.Result{Outcome: decision.Cancelled}, false)
			must(t, err)
		}
		for _, mac := range []string{"", "unknown-.x"} {
			statement(t, url, `DELETE FROM audit`)
			forge(t, url, `UPDATE decisions SET announced_at = NULL`)
			statement(t, url, fmt.Sprintf(`INSERT INTO audit (id, kind, noted_at, confirmation_id, task_ids, team_id, channel_id, person, code, sent_at, mac)
				VALUES ('a-%[1]s', 'announcement', '2026-01-01 00:00:00+00:00', '%[1]s', '7', 'T', 'C', 'U', 'x', '2026-01-01 00:00:00+00:00', '%[2]s')`, d.ID, mac))
			must(t, j.MarkAnnounced(t.Context(), decision.Record{ID: d.ID}, "1.2"))
			if n, err := j.TakeNote(t.Context()); n.ConfirmationID != d.ID || err != nil {
				t.Error(n, err)
			}
		}
		if all, err := j.SetAsides(t.Context(), journal.Query{}); len(all) != 2 || err != nil {
			t.Errorf("set aside: %+v %v", all, err)
		}
		if len(j.reported) != 2 {
			t.Errorf("reported: %+v", j.reported)
		}
	})
}

// A task's row that carries the ID of a prompt before it is confirmed doesn't become
// part of its decision. On Postgres a foreign key keeps such rows out.
func TestStrayTaskJoinsNoDecision(t *testing.T) {
	for _, position := range []int{0, 1, 5} {
		url := "sqlite:" + t.TempDir() + "/journal.db"
		j := openTrusting(t, url, "xoxb-1")
		d := j.click(1)
		statement(t, url, fmt.Sprintf(`INSERT INTO tasks (confirmation_id, position, task_id) VALUES ('%s', %d, 999)`, d.ID, position))
		won(t, j.Journal, d)
		got, err := j.Get(t.Context(), d.ID)
		must(t, err)
		if got.Tasks[0].ID != d.Tasks[0].ID || got.Tasks[1].ID != d.Tasks[1].ID || len(got.Tasks) != 2 {
			t.Errorf("at %d: %v", position, got.IDs())
		}
	}
}
