package journal

import (
	"context"
	"database/sql"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/signed"
	"github.com/cancelbot/cancelbot/chamelio"
)

// TestNoStatementScansATable asks SQLite for its plan of every statement that
// the journal prepares. Tables that grow over time may only be searched
// through an index, or walked through an index of the due rows.
func TestNoStatementScansATable(t *testing.T) {
	now := time.Now()
	j, err := Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "journal.db"), Options{Audit: true, Now: func() time.Time {
		now = now.Add(10 * time.Second) // leases lapse, and everything becomes due
		return now
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	everyCall(t.Context(), j)
	setEverythingAside(t, j)
	db := j.engine.(*sqlite)
	seen := 0
	for _, cache := range []*statements{db.writing, db.reading} {
		for query := range cache.known {
			if regexp.MustCompile(`^\s*(BEGIN|COMMIT|ROLLBACK|UPDATE set_aside SET retry)`).MatchString(query) {
				continue
			}
			seen++
			for _, line := range plan(t, db.reader, query) {
				if strings.Contains(query, "DELETE FROM decisions") && (strings.Contains(line, "audit_due") || strings.Contains(line, "audit_unsent_at")) {
					t.Errorf("%s\nof\n%s", line, query) // once for each decision
				}
				if walks.MatchString(line) && !due.MatchString(line) {
					t.Errorf("%s\nof\n%s", line, query)
				}
			}
		}
	}
	if seen < 30 {
		t.Errorf("only %d statements were seen", seen)
	}
}

var (
	walks = regexp.MustCompile(`^SCAN (decisions|tasks|audit|requests|asked|set_aside|d|t)\b`)
	due   = regexp.MustCompile(`INDEX (decisions_unannounced|decisions_unsettled|audit_due|audit_unsent_at|requests_ends|requests_reminders|set_aside_at|set_aside_retry|set_aside_unknown)\b`)
)

func plan(t *testing.T, db *sql.DB, query string) (lines []string) {
	t.Helper()
	args := make([]any, 30)
	args[29] = sql.Named("now", 0)
	rows, err := db.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+query, args...)
	if err != nil {
		t.Fatalf("%v\n%s", err, query)
	}
	defer rows.Close()
	for rows.Next() {
		var id, parent, unused int
		var line string
		if err := rows.Scan(&id, &parent, &unused, &line); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, strings.TrimSpace(line))
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return lines
}

// setEverythingAside makes the journal prepare the statements for rows that
// don't verify.
func setEverythingAside(t *testing.T, j *Journal) {
	t.Helper()
	sign, err := signed.NewSigner("xoxb-test", chamelio.DefaultBaseURL, j, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	_, _ = j.Claim(ctx, decision.Record{ID: "forged", Tasks: []decision.Item{{ID: 7}}})
	_ = j.Refused(ctx, decision.Note{Tasks: []chamelio.TaskID{1}})
	_ = j.CredentialTried(ctx, "api_key", "expired", true)
	_ = j.Opened(ctx, Request{ID: "forged"}, 0, 0)
	j.Trust(sign, func(Unverified) {})
	_, _ = j.Get(ctx, "forged")
	_, _ = j.TakeNote(ctx)
	_ = j.CredentialTried(ctx, "api_key", "", true)
	_, _ = j.TakeEnded(ctx, 1)
	_ = j.clearStrays(ctx, "x", []chamelio.TaskID{1})
	aside, err := written(ctx, j.write, func(ctx context.Context, q querier) (int64, error) {
		return q.exec(ctx, `UPDATE set_aside SET retry = 1`)
	})
	if err != nil || aside < 4 {
		t.Fatalf("%d rows were set aside, %v", aside, err)
	}
	if n, err := j.ReturnSetAside(ctx); err != nil || n != int(aside) {
		t.Errorf("%d rows returned of %d, %v", n, aside, err)
	}
	everyPage(ctx, j)
}

// everyPage makes the journal prepare the statements of the history's first and further
// pages.
func everyPage(ctx context.Context, j *Journal) {
	for _, q := range []Query{{}, {Task: 1}, {After: Mark{time.Now(), 1}}, {Task: 1, After: Mark{time.Now(), 1}}} {
		_, _ = j.Recent(ctx, q)
		_, _ = j.Refusals(ctx, q)
		_, _ = j.SetAsides(ctx, q)
	}
}

// everyCall makes the journal prepare each of its statements. Their results
// don't matter.
func everyCall(ctx context.Context, j *Journal) {
	d := decision.Record{ID: "x", Tasks: []decision.Item{{ID: 1}, {ID: 3}}}
	c, _ := j.Claim(ctx, d)
	other, _ := j.Claim(ctx, decision.Record{ID: "y", Tasks: []decision.Item{{ID: 2}}})
	_, _ = j.Claim(ctx, decision.Record{ID: "z", Tasks: []decision.Item{{ID: 1}}})
	_, _, _ = j.Withdraw(ctx, decision.Record{ID: "w", Tasks: []decision.Item{{ID: 1}}})
	_, _ = j.MarkSent(ctx, c.Lease, 0)
	_, _ = j.MarkSent(ctx, Lease{ID: "x"}, 0)
	_, _ = j.MarkUnsent(ctx, c.Lease, 0)
	_, _ = j.Renew(ctx, c.Lease)
	_, _ = j.RenewAll(ctx, []Lease{c.Lease})
	_, _ = j.Finish(ctx, c.Lease, 0, decision.Result{Outcome: decision.Unknown}, false)
	_, _ = j.Finish(ctx, c.Lease, 0, decision.Result{Outcome: decision.Unknown}, true)
	_, _ = j.BeginAnnouncing(ctx, c.Lease)
	_, _ = j.NotAnnounced(ctx, c.Lease)
	_ = j.Release(ctx, c.Lease)
	for _, w := range []Work{ToResolve, ToAnnounce} {
		_, _ = j.TakeExpired(ctx, w, 10, nil)
	}
	_ = j.MarkAnnounced(ctx, d, "1.2")
	_, _ = j.TakeUnsettled(ctx, 10, nil)
	_, _ = j.Settle(ctx, c.Lease, 0, decision.Result{Outcome: decision.Failed})
	_, _ = j.BeginSettling(ctx, c.Lease)
	_ = j.CheckLater(ctx, c.Lease, time.Minute)
	_ = j.MarkSettled(ctx, "x")
	_, _ = j.TakeExpired(ctx, ToResolve, 10, nil)
	_ = j.GiveUp(ctx, other.Lease, decision.Withdrawn)
	_, _, _ = j.Restore(ctx, d)
	_, _ = j.Unsettled(ctx, "x", 1)
	_, _ = j.Taken(ctx, d)
	_, _ = j.Backlog(ctx)
	_ = j.Healthy(ctx)
	_ = j.bury(ctx, []string{"dead"})
	_ = j.Refused(ctx, decision.Note{Tasks: []chamelio.TaskID{1}})
	n, _ := j.TakeNote(ctx)
	_ = j.PutOff(ctx, n, time.Minute)
	_ = j.MarkNoted(ctx, n)
	_ = j.CredentialTried(ctx, "api_key", "expired", true)
	_ = j.CredentialTried(ctx, "api_key", "", true)
	_, _ = j.BeginAsking(ctx, "x", "y")
	_, _ = j.Became(ctx, "x", []chamelio.TaskID{1})
	_, _ = j.Having(ctx, []chamelio.TaskID{1}, time.Time{})
	_ = j.Opened(ctx, Request{ID: "x"}, time.Minute, time.Minute)
	_, _ = j.TakeToRemind(ctx, 1)
	_, _ = j.TakeEnded(ctx, 1)
	_ = j.Forget(ctx, "x")
	_ = j.Writable(ctx)
	_ = j.Pause(ctx, "")
	_, _ = j.Paused(ctx)
	_, _ = j.Resume(ctx)
	_, _ = j.DeleteOld(ctx, 0, 10)
}
