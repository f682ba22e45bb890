package journal_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/journal"
	"github.com/cancelbot/cancelbot/chamelio"
)

const year = 365 * 24 * time.Hour

// oldDecision inserts an old decision, which is announced unless its outcome
// is "".
func oldDecision(t *testing.T, j *journal.Journal, id string, task int64, age time.Duration, o decision.Outcome) {
	t.Helper()
	d := sampleDecision(id, task)
	d.DecidedAt = time.Now().Add(-age)
	lease := won(t, j, d)
	if o == "" {
		return
	}
	_, err := j.Finish(t.Context(), lease, 0, decision.Result{Outcome: o}, true)
	must(t, err)
	must(t, j.MarkAnnounced(t.Context(), decision.Record{ID: d.ID}, ""))
}

func ids(t *testing.T, j *journal.Journal) (all []string) {
	t.Helper()
	left, err := j.Recent(t.Context(), journal.Query{Limit: 100})
	must(t, err)
	for _, d := range left {
		all = append(all, string(d.ID))
	}
	slices.Sort(all)
	return all
}

// A row is deleted only if nothing is left to do about it.
func TestDeleteOldKeepsNeededRows(t *testing.T) {
	bothEngines(t, func(t *testing.T, url string) {
		j, err := journal.Open(t.Context(), url, journal.Options{Audit: true})
		must(t, err)
		defer j.Close()
		ctx := t.Context()
		oldDecision(t, j, "finished", 1, 2*year, decision.Cancelled)
		oldDecision(t, j, "young", 2, time.Hour, decision.Cancelled)
		oldDecision(t, j, "under way", 3, 2*year, "")
		oldDecision(t, j, "followed up", 4, 2*year, decision.Unknown)
		oldDecision(t, j, "settled", 5, 2*year, decision.Unknown)
		oldDecision(t, j, "open request", 6, 2*year, decision.Failed)
		oldDecision(t, j, "to be copied", 7, 2*year, decision.Failed)
		_, _, err = j.Withdraw(ctx, decision.Record{ID: "withdrawn", Tasks: []decision.Item{{ID: 8}}, DecidedAt: time.Now().Add(-2 * year)})
		must(t, err)
		must(t, j.MarkSettled(ctx, "settled"))
		must(t, j.Opened(ctx, journal.Request{ID: "open request"}, 0, time.Hour))
		for about, age := range map[decision.ID]time.Duration{"": 2 * year, "old": 2 * year, "under way": 2 * year, "expired": year / 2} {
			must(t, j.Refused(ctx, decision.Note{ConfirmationID: about, At: time.Now().Add(-age), Person: "U9"}))
		}
		must(t, j.Refused(ctx, decision.Note{Tasks: []chamelio.TaskID{1}, At: time.Now().Add(-2 * year), Person: "U1"}))
		statement(t, url, "UPDATE audit SET sent_at = noted_at WHERE confirmation_id NOT IN ('to be copied') AND person <> 'U9'")
		statement(t, url, "INSERT INTO retention (delete_before) VALUES ('2001-01-01')") // an operator's own

		deleted, err := j.DeleteOld(ctx, year, 100)
		must(t, err)
		if want := (journal.Deleted{Decisions: 3, Notes: 3}); deleted != want {
			t.Errorf("deleted %+v, want %+v", deleted, want)
		}
		if got, want := ids(t, j), []string{"followed up", "open request", "to be copied", "under way", "young"}; !slices.Equal(got, want) {
			t.Errorf("left %q, want %q", got, want)
		}
		if refusals, err := j.Refusals(ctx, journal.Query{}); err != nil || len(refusals) != 2 || refusals[0].ConfirmationID != "expired" || refusals[1].ConfirmationID != "under way" {
			t.Errorf("refusals left: %+v, %v", refusals, err)
		}
		// The permission ended with the call, and an operator's own didn't.
		var permissions int
		must(t, j.Pool().QueryRowContext(ctx, "SELECT count(*) FROM retention").Scan(&permissions))
		if permissions != 1 {
			t.Errorf("%d permissions are left", permissions)
		}
		refused(t, url, "DELETE FROM decisions WHERE confirmation_id = 'young'")
		won(t, j, sampleDecision("again", 1))
	})
}

// A refusal that was due is deleted after AUDIT_CHANNEL was removed.
func TestDueRefusalsAreDeletedWithoutAnAuditChannel(t *testing.T) {
	bothEngines(t, func(t *testing.T, url string) {
		with, err := journal.Open(t.Context(), url, journal.Options{Audit: true})
		must(t, err)
		must(t, with.Refused(t.Context(), decision.Note{Person: "U1", Code: "guest", At: time.Now().Add(-2 * year)}))
		must(t, with.Close())
		if n, err := open(t, url, 0).DeleteOld(t.Context(), year, 5); err != nil || n.Notes != 1 {
			t.Errorf("%+v %v", n, err)
		}
	})
}

// asideRow is a row that was set aside, with its ID and the time.
const asideRow = `INSERT INTO set_aside (id, kind, confirmation_id, task_ids, set_aside_at, why, unknown_key, seal, content, tasks)
	VALUES ('%s', 'requests', 'x', '', '%s', '', 1, 'ABCDEFGH.', '{}', '[]')`

// Rows that were set aside are as personal as those in their tables.
func TestDeleteOldDeletesRowsSetAside(t *testing.T) {
	bothEngines(t, func(t *testing.T, url string) {
		j := open(t, url, 0)
		for id, age := range map[string]time.Duration{"old": 2 * year, "older": 3 * year, "young": year / 2} {
			statement(t, url, fmt.Sprintf(asideRow, id, time.Now().Add(-age).UTC().Format("2006-01-02 15:04:05+00:00")))
		}
		for _, want := range []int64{1, 1, 0} {
			if n, err := j.DeleteOld(t.Context(), year, 1); err != nil || n.SetAside != want {
				t.Errorf("%+v %v, want %d", n, err, want)
			}
		}
		if left, err := j.SetAsides(t.Context(), journal.Query{}); err != nil || len(left) != 1 || left[0].ID != "young" {
			t.Errorf("left: %+v %v", left, err)
		}
	})
}

// Rows that someone else writes keep no decision from being deleted.
func TestForgedRowsKeepNoOldDecision(t *testing.T) {
	bothEngines(t, func(t *testing.T, url string) {
		j := openTrusting(t, url, "xoxb-1")
		d := j.click(1)
		_, _, err := j.Withdraw(t.Context(), d)
		must(t, err)
		forge(t, url, `UPDATE decisions SET decided_at = '2020-01-01 00:00:00+00:00'`)
		forge(t, url, fmt.Sprintf(`INSERT INTO requests (confirmation_id, message_ts, confirmation, remind_at, ends_at) VALUES ('%s', '1.2', 'x', 0, 9000000000000)`, d.ID))
		if ended, err := j.TakeEnded(t.Context(), 5); err != nil || len(ended) != 0 {
			t.Errorf("%+v %v", ended, err)
		}
		forge(t, url, fmt.Sprintf(forgedNote, "f", "refusal", d.ID, "")+`; UPDATE audit SET sent_at = NULL, noted_at = '2100-01-01 00:00:00+00:00'`)
		if n, err := j.DeleteOld(t.Context(), year, 5); err != nil || n.Decisions != 0 {
			t.Errorf("deleted before its note is vetted: %+v %v", n, err)
		}
		if n, err := open(t, url, 0).DeleteOld(t.Context(), year, 5); err != nil || n.Decisions != 1 {
			t.Errorf("without an audit channel: deleted %+v %v", n, err)
		}
	})
}

// A clock that runs ahead deletes nothing that is younger by the other one.
func TestDeleteOldNeedsBothClocks(t *testing.T) {
	for ahead, want := range map[time.Duration]int64{2 * year: 1, 0: 1, -2 * year: 0} {
		url := "sqlite:" + t.TempDir() + "/journal.db"
		j, err := journal.Open(t.Context(), url, journal.Options{Now: func() time.Time { return time.Now().Add(ahead) }})
		must(t, err)
		defer j.Close()
		oldDecision(t, j, "young", 1, year/2, decision.Failed)
		oldDecision(t, j, "old", 2, 3*year/2, decision.Failed)
		if n, err := j.DeleteOld(t.Context(), year, 5); err != nil || n.Decisions != want {
			t.Errorf("%s ahead: %+v %v", ahead, n, err)
		}
	}
}

// A call deletes the oldest rows first, and no more than it may. No call goes
// below MinRetention.
func TestDeleteOldIsBounded(t *testing.T) {
	bothEngines(t, func(t *testing.T, url string) {
		j := open(t, url, 0)
		for i := range 5 {
			oldDecision(t, j, fmt.Sprint("d", i), int64(i+1), time.Duration(20-2*i)*12*time.Hour+6*time.Hour, decision.Failed)
		}
		for _, want := range []int64{2, 2, 0} { // those of 10, 9, 8 and 7 days
			deleted, err := j.DeleteOld(t.Context(), time.Nanosecond, 2)
			must(t, err)
			if deleted.Decisions != want {
				t.Errorf("deleted %+v, want %d", deleted, want)
			}
		}
		if got, want := ids(t, j), []string{"d4"}; !slices.Equal(got, want) {
			t.Errorf("left %q, want %q", got, want)
		}
	})
}
