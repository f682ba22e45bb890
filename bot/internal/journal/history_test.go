package journal_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/journal"
)

// manyRows inserts 600 rows of each kind of history for each time: more than a page has.
// As many decisions without tasks are in between.
func manyRows(t *testing.T, url string, times ...string) {
	t.Helper()
	const numbers = ` WITH RECURSIVE number(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < 600) `
	const decisions = `INSERT INTO decisions (confirmation_id, team_id, channel_id, requester, confirmer, reason, requested_at, decided_at, epoch)` +
		numbers + `SELECT '%s-' || n, 'T', 'C', 'U', 'U', '', '2020-01-01 00:00:00+00:00', %s, 1 FROM number`
	for i, at := range times {
		statement(t, url, fmt.Sprintf(decisions, fmt.Sprint("d", i), at))
		statement(t, url, fmt.Sprintf(`INSERT INTO audit (id, kind, noted_at, confirmation_id, task_ids, team_id, channel_id, person, code)`+
			numbers+`SELECT 'n%d-' || n, 'refusal', %s, '', '7', '', '', '', '' FROM number`, i, at))
		statement(t, url, fmt.Sprintf(`INSERT INTO set_aside (id, kind, confirmation_id, task_ids, set_aside_at, why, seal, content, tasks)`+
			numbers+`SELECT 's%d-' || n, '', '', '7', %s, '', '', '', '' FROM number`, i, at))
	}
	statement(t, url, `INSERT INTO tasks (confirmation_id, position, task_id, outcome) SELECT confirmation_id, 0, 7, 'failed' FROM decisions`)
	statement(t, url, fmt.Sprintf(decisions, "half", "'2023-01-01 00:00:00+00:00'"))
}

// reading counts the pages that are read of a history.
type reading[T journal.Row] struct {
	*testing.T
	what  string
	read  func(context.Context, journal.Query) ([]T, error)
	id    func(T) string
	pages int
}

func (r *reading[T]) page(ctx context.Context, q journal.Query) ([]T, error) {
	r.pages++
	return r.read(ctx, q)
}

// all checks that a query reads a number of different rows, each page only after the
// one before was used.
func (r *reading[T]) all(q journal.Query, want int) {
	r.Helper()
	seen, used := map[string]bool{}, 0
	r.pages = 0
	err := journal.Pages(r.Context(), q, r.page, func(page []T) error {
		used++
		if len(page) > 500 || r.pages != used {
			r.Errorf("%s: %d rows in a page, %d read when %d was used", r.what, len(page), r.pages, used)
		}
		for _, row := range page {
			seen[r.id(row)] = true
		}
		return nil
	})
	if most := want/500 + 1; err != nil || len(seen) != want || used > most {
		r.Errorf("%s, %+v: %d different rows of %d in %d pages, %v", r.what, q, len(seen), want, used, err)
	}
}

// TestHistoryIsReadInPages reads more rows of each kind than a page has, with many of
// the same time, and times that only someone else writes.
func TestHistoryIsReadInPages(t *testing.T) {
	bothEngines(t, func(t *testing.T, url string) {
		j := open(t, url, 0)
		odd := []string{"'infinity'", "'20000-01-01 00:00:00+00:00'"}
		if strings.HasPrefix(url, "sqlite:") {
			odd = []string{"x'00ff'", "CAST(x'3930ff00' AS TEXT)", "'2026-11-28 10:00:00+24:00'"}
		}
		times := append(slices.Clone(odd), "'2022-01-01 00:00:00.001+00:00'", "'2024-01-01 00:00:00+00:00'")
		manyRows(t, url, times...)
		decisions := &reading[journal.Recorded]{t, "decisions", j.Recent, func(r journal.Recorded) string { return string(r.ID) }, 0}
		refusals := &reading[journal.Noted]{t, "refusals", j.Refusals, func(n journal.Noted) string { return n.ID }, 0}
		asides := &reading[journal.SetAside]{t, "rows set aside", j.SetAsides, func(s journal.SetAside) string { return s.ID }, 0}
		since := time.Date(2023, 6, 1, 0, 0, 0, 0, time.UTC)
		for _, all := range []func(journal.Query, int){decisions.all, refusals.all, asides.all} {
			all(journal.Query{Limit: 1_000_000}, len(times)*600)
			all(journal.Query{Limit: 1_000_000, Task: 7, Since: since}, (len(times)-1)*600)
			all(journal.Query{Limit: 1_000_000, Task: 8}, 0)
			all(journal.Query{Limit: 701}, 701)
			all(journal.Query{}, 20)
		}
	})
}

// TestPagesAreInOrder reads decisions of two times. No page is read after one that
// couldn't be used.
func TestPagesAreInOrder(t *testing.T) {
	url := "sqlite:" + t.TempDir() + "/journal.db"
	j := open(t, url, 0)
	manyRows(t, url, "'2022-01-01 00:00:00+00:00'", "'2024-01-01 00:00:00+00:00'")
	var last time.Time
	err := journal.Pages(t.Context(), journal.Query{Limit: 2000}, j.Recent, func(page []journal.Recorded) error {
		for _, d := range page {
			if !last.IsZero() && d.DecidedAt.After(last) {
				t.Fatalf("%s after %s", d.DecidedAt, last)
			}
			last = d.DecidedAt
		}
		return nil
	})
	must(t, err)
	full := errors.New("disk full")
	used := 0
	if err := journal.Pages(t.Context(), journal.Query{Limit: 2000}, j.Recent, func([]journal.Recorded) error { used++; return full }); !errors.Is(err, full) || used != 1 {
		t.Errorf("%d pages, %v", used, err)
	}
}
