package journal_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/journal"
	"github.com/cancelbot/cancelbot/bot/internal/signed"
	"github.com/cancelbot/cancelbot/chamelio"
)

// returned wants a number of rows to return.
func returned(t *testing.T, j *trusting, want int) {
	t.Helper()
	if n, err := j.ReturnSetAside(t.Context()); n != want || err != nil {
		t.Errorf("%d returned, %v, want %d", n, err, want)
	}
}

// TestForgedRowInPlaceOfOneSetAside sets genuine rows of each table aside, because
// their key isn't known, and writes forged ones in their place. The genuine ones
// return.
func TestForgedRowInPlaceOfOneSetAside(t *testing.T) {
	const forgedDecision = `INSERT INTO decisions (confirmation_id, team_id, channel_id, requester, confirmer, reason, requested_at, decided_at, announced_at, epoch)
		VALUES ('%[1]s', 'T1', 'C1', 'U1', 'U9', 'x', '2026-11-28 10:00:00+00:00', '2026-11-28 10:00:00+00:00', '2026-11-28 10:00:00+00:00', 1)`
	const part = `INSERT INTO tasks (confirmation_id, position, task_id) VALUES ('%s', %d, %d)`
	bothEngines(t, func(t *testing.T, url string) {
		for name, write := range map[string]func(d decision.Record){
			"nothing": func(decision.Record) {},
			"a row":   func(d decision.Record) { forge(t, url, fmt.Sprintf(forgedDecision+";"+part, d.ID, d.ID, 0, 999)) },
			"half a row": func(d decision.Record) {
				forge(t, url, fmt.Sprintf(forgedDecision, d.ID))
			},
			"others with its tasks": func(d decision.Record) {
				for i, task := range d.Tasks {
					other := fmt.Sprint("f", i)
					forge(t, url, fmt.Sprintf(forgedDecision+";"+part, other, other, 0, task.ID))
				}
			},
			"a stray task at its first place": func(d decision.Record) { stray(t, url, fmt.Sprintf(part, d.ID, 0, 999)) },
			"a stray task at another place":   func(d decision.Record) { stray(t, url, fmt.Sprintf(part, d.ID, 7, 999)) },
			"a stray row of its task":         func(d decision.Record) { stray(t, url, fmt.Sprintf(part, "f", 0, d.Tasks[1].ID)) },
		} {
			j, other := openTrusting(t, url, "xoxb-1"), openTrusting(t, url, "xoxb-2")
			d := setAside(t, url, j, other)
			write(d)
			returned(t, other, 1)
			if got, err := other.Get(t.Context(), d.ID); err != nil || len(got.Tasks) != 2 || got.Tasks[0].ID != d.Tasks[0].ID {
				t.Errorf("%s: %+v %v", name, got, err)
			}
			if name == "a row" && len(other.reported) != 1 {
				t.Errorf("%s: reported %+v", name, other.reported)
			}
			forge(t, url, "DELETE FROM set_aside; UPDATE decisions SET announced_at = NULL; DELETE FROM decisions; DELETE FROM tasks")
		}
	})
}

// rotated makes j a process that has replaced its token xoxb-1 by xoxb-2 now. Its clock
// can be put ahead later.
func rotated(t *testing.T, j *trusting, ahead *time.Duration) signed.Signer {
	t.Helper()
	s, err := signed.NewSigner("xoxb-1", chamelio.DefaultBaseURL, j, func() time.Time { return time.Now().Add(*ahead) })
	must(t, err)
	must(t, s.Rotate(t.Context(), "xoxb-2"))
	j.Trust(s, func(u journal.Unverified) { j.reported = append(j.reported, u) })
	return s
}

// TestRowOfATokenThatComesBackReturns has a process that has replaced its token three days
// ago, and reads a row of one that uses it again. The row waits, is set aside, and
// returns once the process uses the token, too.
func TestRowOfATokenThatComesBackReturns(t *testing.T) {
	bothEngines(t, func(t *testing.T, url string) {
		j, other := openTrusting(t, url, "xoxb-2"), openTrusting(t, url, "xoxb-1")
		var ahead time.Duration
		s := rotated(t, j, &ahead)
		ahead = 72 * time.Hour
		d := setAside(t, url, j, other)
		if len(j.reported) != 2 || !j.reported[0].Waits || !errors.Is(j.reported[1].Why, decision.ErrStaleKey) {
			t.Errorf("reported %+v", j.reported)
		}
		returned(t, j, 0)
		must(t, s.Rotate(t.Context(), "xoxb-1"))
		returned(t, j, 1)
		if _, err := j.Get(t.Context(), d.ID); err != nil {
			t.Error(err)
		}
	})
}

// TestUnknownOutcomeOutlivesItsToken has a process whose token was replaced while an
// unknown outcome was followed. Its row is read for as long as the outcome may be followed,
// although the keys that sealed it have ended, and no longer.
func TestUnknownOutcomeOutlivesItsToken(t *testing.T) {
	bothEngines(t, func(t *testing.T, url string) {
		j, other := openTrusting(t, url, "xoxb-2"), openTrusting(t, url, "xoxb-1")
		d := announcedUnknown(t, other)
		var ahead time.Duration
		rotated(t, j, &ahead)
		ahead = decision.MaxWork - time.Hour
		if got, err := j.Get(t.Context(), d.ID); err != nil || got.Outcome() != decision.Unknown || got.MessageTS != "1.2" {
			t.Errorf("%+v, %v", got, err)
		}
		ahead = decision.MaxWork + time.Hour
		if got, err := j.Get(t.Context(), d.ID); !journal.IsUnverified(err) {
			t.Errorf("when it is overdue: %+v, %v", got, err)
		}
	})
}

// stray writes a task without a decision. On Postgres a foreign key keeps it out.
func stray(t *testing.T, url, text string) {
	t.Helper()
	if strings.HasPrefix(url, "sqlite:") {
		forge(t, url, text)
	}
}

// TestForgedRowsInPlaceOfOthersSetAside is the same for requests and notes.
func TestForgedRowsInPlaceOfOthersSetAside(t *testing.T) {
	bothEngines(t, func(t *testing.T, url string) {
		j, other := openTrusting(t, url, "xoxb-1"), openTrusting(t, url, "xoxb-2")
		ctx := t.Context()
		request := journal.Request{ID: "p", MessageTS: "3.4", Confirmation: "y"}
		must(t, other.Opened(ctx, request, 0, -time.Minute))
		must(t, other.Refused(ctx, decision.Note{ConfirmationID: "p", Tasks: []chamelio.TaskID{1}, Person: "U1", Code: "guest", At: time.Now()}))
		for range 2 {
			_, _ = j.TakeEnded(ctx, 5)
			_, _ = j.TakeNote(ctx)
			j.Later(11 * time.Minute)
			forge(t, url, `UPDATE requests SET taken_until = 0`)
		}
		if aside, err := j.SetAsides(ctx, journal.Query{}); err != nil || len(aside) != 2 {
			t.Fatalf("set aside: %+v %v", aside, err)
		}
		forge(t, url, fmt.Sprintf(forgedNote, "r-p-U1-guest-1", "refusal", "p", ""))
		forge(t, url, `INSERT INTO requests (confirmation_id, message_ts, confirmation, remind_at, ends_at) VALUES ('p', '9.9', 'x', 0, 1)`)
		returned(t, other, 2)
		forge(t, url, `UPDATE requests SET taken_until = 0; UPDATE audit SET leased_until = 0`)
		if got, err := other.TakeEnded(ctx, 5); err != nil || len(got) != 1 || got[0] != request {
			t.Errorf("%+v %v", got, err)
		}
		if n, err := other.TakeNote(ctx); err != nil || n.Person != "U1" {
			t.Errorf("%+v %v", n, err)
		}
	})
}

// TestProcessesDontReplaceEachOthersRows has two processes that don't know each
// other's keys. The row that is in place stays, and the other returns once it is gone.
func TestProcessesDontReplaceEachOthersRows(t *testing.T) {
	bothEngines(t, func(t *testing.T, url string) {
		j, other := openTrusting(t, url, "xoxb-1"), openTrusting(t, url, "xoxb-2")
		d := setAside(t, url, j, other)
		c := j.click(1)
		won(t, j.Journal, c)
		for range 2 {
			other.Later(24 * time.Hour)
			returned(t, other, 0)
		}
		if _, err := j.Get(t.Context(), c.ID); err != nil || len(other.reported) != 0 {
			t.Errorf("%v, reported %+v", err, other.reported)
		}
		statement(t, url, fmt.Sprintf("DELETE FROM decisions WHERE confirmation_id = '%s'", c.ID))
		returned(t, other, 1)
		if _, err := other.Get(t.Context(), d.ID); err != nil {
			t.Error(err)
		}
	})
}

// TestFinishedTaskIsNotInTheWay returns a decision with a failed task, which a genuine
// decision has claimed since, and a cancelled one, which only a forged row has.
func TestFinishedTaskIsNotInTheWay(t *testing.T) {
	bothEngines(t, func(t *testing.T, url string) {
		j, other := openTrusting(t, url, "xoxb-1"), openTrusting(t, url, "xoxb-2")
		d := other.click(1_000_001)
		l := won(t, other.Journal, d)
		for position, outcome := range []decision.Outcome{decision.Failed, decision.Cancelled} {
			_, err := other.Finish(t.Context(), l, position, decision.Result{Outcome: outcome}, false)
			must(t, err)
		}
		for range 2 {
			expire(t, url, string(d.ID))
			take(t, j.Journal, journal.ToAnnounce)
			j.Later(11 * time.Minute)
		}
		won(t, other.Journal, other.click(1)) // and 1,000,001
		if !strings.HasPrefix(url, "sqlite:") {
			forge(t, url, `INSERT INTO decisions (confirmation_id, team_id, channel_id, requester, confirmer, reason, requested_at, decided_at, epoch)
				VALUES ('f', 'T1', 'C1', 'U1', 'U9', 'x', '2026-11-28 10:00:00+00:00', '2026-11-28 10:00:00+00:00', 1)`)
		}
		forge(t, url, `INSERT INTO tasks (confirmation_id, position, task_id) VALUES ('f', 0, 2000001)`)
		returned(t, other, 1)
	})
}

// TestHalfADecisionDoesNotReturn removes the tasks of a decision that is set aside.
func TestHalfADecisionDoesNotReturn(t *testing.T) {
	bothEngines(t, func(t *testing.T, url string) {
		j, other := openTrusting(t, url, "xoxb-1"), openTrusting(t, url, "xoxb-2")
		setAside(t, url, j, other)
		statement(t, url, `UPDATE set_aside SET tasks = '[]'`)
		returned(t, other, 0)
		if aside, err := other.SetAsides(t.Context(), journal.Query{}); err != nil || len(aside) != 1 || !strings.Contains(aside[0].Why, "can't return") {
			t.Errorf("%+v %v", aside, err)
		}
	})
}

// TestRowReturnsWhenItsUnknownKeyIsKnown sets rows aside whose own key is known, and
// that carry another seal by a key that isn't. They stay aside until that one is known.
func TestRowReturnsWhenItsUnknownKeyIsKnown(t *testing.T) {
	bothEngines(t, func(t *testing.T, url string) {
		j, other := openTrusting(t, url, "xoxb-1"), openTrusting(t, url, "xoxb-2")
		d := j.click(1)
		l := won(t, j.Journal, d)
		_, err := j.Finish(t.Context(), l, 0, decision.Result{Outcome: decision.Failed}, false)
		must(t, err)
		closed := j.click(5)
		must(t, j.Opened(t.Context(), journal.Request{ID: closed.ID, MessageTS: "3.4", Confirmation: closed.Confirmation}, 0, time.Minute))
		forge(t, url, fmt.Sprintf(`UPDATE tasks SET outcome_mac = '%[1]s' WHERE position = 0; UPDATE requests SET decided_mac = '%[1]s'`, other.Seal("x")))
		for range 2 {
			expire(t, url, string(d.ID))
			take(t, j.Journal, journal.ToResolve)
			_, _, _ = j.Withdraw(t.Context(), closed)
			j.Later(11 * time.Minute)
		}
		if aside, err := j.SetAsides(t.Context(), journal.Query{}); err != nil || len(aside) != 2 {
			t.Fatalf("set aside: %+v %v", aside, err)
		}
		returned(t, j, 0)
		returned(t, other, 2)
	})
}

// TestRowsThatCannotReturnKeepNoOthersAside has more rows that can't return than are
// tried at a time, because rows with an unknown key are in their places. A genuine one
// returns.
func TestRowsThatCannotReturnKeepNoOthersAside(t *testing.T) {
	bothEngines(t, func(t *testing.T, url string) {
		for _, which := range []string{"unknown_key = 1", "retry = 1, unknown_key = 0"} {
			j, other := openTrusting(t, url, "xoxb-1"), openTrusting(t, url, "xoxb-2")
			d := setAside(t, url, j, other)
			for i := range 64 {
				forge(t, url, fmt.Sprintf(`INSERT INTO decisions (confirmation_id, team_id, channel_id, requester, confirmer, reason, requested_at, decided_at, announced_at, epoch, mac)
					VALUES ('f%d', 'T', 'C', 'U', 'U', 'x', '2020-01-01 00:00:00+00:00', '2020-01-01 00:00:00+00:00', '2020-01-01 00:00:00+00:00', 1, 'aaaaaaaa.b.c.d')`, i))
				forge(t, url, fmt.Sprintf(`INSERT INTO tasks (confirmation_id, position, task_id, outcome) VALUES ('f%d', 0, %d, 'failed')`, i, 5000+i))
				forge(t, url, fmt.Sprintf(`INSERT INTO set_aside (id, kind, confirmation_id, task_ids, set_aside_at, why, unknown_key, seal, content, tasks, tried_at)
					SELECT 'f%d', kind, 'f%d', task_ids, '2099-01-01 00:00:00+00:00', why, 1, seal, replace(content, '%s', 'f%d'), tasks, -1 FROM set_aside WHERE confirmation_id = '%s'`, i, i, d.ID, i, d.ID))
			}
			statement(t, url, `UPDATE set_aside SET `+which)
			returned(t, other, 0)
			returned(t, other, 1)
			if _, err := other.Get(t.Context(), d.ID); err != nil {
				t.Errorf("%s: %v", which, err)
			}
			forge(t, url, "DELETE FROM set_aside; UPDATE decisions SET announced_at = NULL; DELETE FROM decisions; DELETE FROM tasks")
		}
	})
}
