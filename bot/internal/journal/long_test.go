package journal_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/journal"
	"github.com/cancelbot/cancelbot/chamelio"
)

const tooLong = 200_000 // bytes, longer than any text that is stored

// TestLongTextsOfOtherTables writes a text that is too long into each column of a
// request and of a note. The row is set aside, and its text isn't read.
func TestLongTextsOfOtherTables(t *testing.T) {
	long := strings.Repeat("x", tooLong)
	bothEngines(t, func(t *testing.T, url string) {
		j := openTrusting(t, url, "xoxb-1")
		aside := 0
		for _, column := range []string{"message_ts", "confirmation", "mac", "decided_mac"} {
			r := journal.Request{ID: decision.ID("R" + column), MessageTS: "1.2", Confirmation: "signed"}
			must(t, j.Opened(t.Context(), r, 0, time.Minute))
			statement(t, url, fmt.Sprintf(`UPDATE requests SET ends_at = 1, %s = '%s'`, column, long))
			if _, err := j.TakeEnded(t.Context(), 1); err != nil {
				t.Errorf("request, %s: %v", column, err)
			}
			if column == "decided_mac" {
				d := j.click(1)
				d.ID = r.ID
				if _, _, err := j.Withdraw(t.Context(), d); err != nil {
					t.Errorf("request, %s: %v", column, err)
				}
			}
			aside++
			wantAside(t, j, aside, "request, "+column)
		}
		for _, column := range []string{"kind", "confirmation_id", "task_ids", "team_id", "channel_id", "person", "code", "mac"} {
			must(t, j.Refused(t.Context(), decision.Note{ID: "n" + column, Kind: decision.NoteRefusal, Tasks: []chamelio.TaskID{1}, At: time.Now(), Team: "T1", Channel: "C1", Person: "U1"}))
			statement(t, url, fmt.Sprintf(`UPDATE audit SET %s = '%s'`, column, long))
			if _, err := j.TakeNote(t.Context()); !errors.Is(err, journal.ErrGone) {
				t.Errorf("note, %s: %v", column, err)
			}
			aside++
			wantAside(t, j, aside, "note, "+column)
		}
	})
}

// wantAside checks how many rows were set aside, and that no report quotes a long
// text.
func wantAside(t *testing.T, j *trusting, want int, after string) {
	t.Helper()
	rows, err := j.SetAsides(t.Context(), journal.Query{Limit: 100})
	if err != nil || len(rows) != want {
		t.Errorf("after %s: %d set aside, %v, want %d", after, len(rows), err, want)
	}
	for _, u := range j.reported {
		if len(u.ID)+len(u.Channel) > 1000 || len(u.Tasks) > 100 {
			t.Errorf("after %s: it reports a text of %d bytes", after, len(u.ID)+len(u.Channel))
		}
	}
}

// TestLongRowStaysAside makes a set-aside row too long to read, and sets retry.
func TestLongRowStaysAside(t *testing.T) {
	bothEngines(t, func(t *testing.T, url string) {
		j, other := openTrusting(t, url, "xoxb-1"), openTrusting(t, url, "xoxb-2")
		setAside(t, url, j, other)
		statement(t, url, `UPDATE set_aside SET retry = 1, content = '{"x": "`+strings.Repeat("x", 17<<20)+`"}'`)
		returned(t, other, 0)
		returned(t, other, 0)
		rows, err := other.SetAsides(t.Context(), journal.Query{})
		if err != nil || len(rows) != 1 || !strings.Contains(rows[0].Why, "it can't return: it is too long") {
			t.Errorf("%v, %v", rows, err)
		}
	})
}

// TestShiftedTasksAreSetAside changes the positions of a decision's tasks, but not
// their order. Later steps name a task by its position, so one's outcome would be
// recorded for another.
func TestShiftedTasksAreSetAside(t *testing.T) {
	bothEngines(t, func(t *testing.T, url string) {
		j := openTrusting(t, url, "xoxb-1")
		d := j.click(1)
		won(t, j.Journal, d)
		forge(t, url, `UPDATE tasks SET position = position + 10`)
		forge(t, url, `UPDATE tasks SET position = position - 9`)
		if _, err := j.Get(t.Context(), d.ID); !errors.Is(err, journal.ErrGone) {
			t.Errorf("it counts as genuine: %v", err)
		}
		if len(j.reported) != 1 {
			t.Errorf("reported: %+v", j.reported)
		}
	})
}

// TestOddValuesOfDecisions writes values that look like none when they are read, and
// like one in a condition. The row is set aside: no statement would ever match it.
func TestOddValuesOfDecisions(t *testing.T) {
	bothEngines(t, func(t *testing.T, url string) {
		for _, change := range []string{
			`UPDATE decisions SET announced_at = '%s'`,
			`UPDATE tasks SET outcome = ''`,
			`UPDATE tasks SET position = 0.5 WHERE position = 0`,
			`UPDATE tasks SET position = 'x' WHERE position = 0`,
		} {
			sqlite := strings.HasPrefix(url, "sqlite:")
			if !sqlite && strings.Contains(change, "position") {
				continue // Postgres accepts none
			}
			for _, instant := range []string{"infinity", "-infinity", "20000-01-01 00:00:00+00:00"} {
				if !strings.Contains(change, "%s") {
					instant = ""
				}
				j := openTrusting(t, url, "xoxb-1")
				d := j.click(1)
				won(t, j.Journal, d)
				statement := change
				if instant != "" {
					statement = fmt.Sprintf(change, instant)
				}
				forge(t, url, statement)
				if _, err := j.Get(t.Context(), d.ID); !errors.Is(err, journal.ErrGone) || len(j.reported) != 1 {
					t.Errorf("%s: %v, reported %+v", statement, err, j.reported)
				}
			}
		}
	})
}
