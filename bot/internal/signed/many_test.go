package signed

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
)

// table stores sealed keys for a while, like the journal.
type table struct {
	clock *clockOf
	rows  map[string]tableRow

	stored int // rows, each time
}

type tableRow struct {
	sealed string
	until  time.Time
}

func newTable(clock *clockOf) *table { return &table{clock: clock, rows: map[string]tableRow{}} }

func (t *table) KeepSigningKeys(_ context.Context, id, sealed string, keep time.Duration) error {
	t.rows[id] = tableRow{sealed, t.clock.at.Add(keep)}
	t.stored++
	return nil
}

func (t *table) ShortenSigningKeys(_ context.Context, prefix, spared string, keep time.Duration) error {
	for id, row := range t.rows {
		if end := t.clock.at.Add(keep); strings.HasPrefix(row.sealed, prefix) && id != spared && row.until.After(end) {
			t.rows[id] = tableRow{row.sealed, end}
		}
	}
	return nil
}

func (t *table) SigningKeys(context.Context, int) (all []string, err error) {
	for id, row := range t.rows {
		if !t.clock.at.Before(row.until) {
			delete(t.rows, id)
			continue
		}
		all = append(all, row.sealed)
	}
	return all, nil
}

// The token changes every two hours for 40 days, at last in two replicas. The rows are no
// more than twice the keys that are kept, and a restart with the current token, or with
// one that was replaced within a day, finds all of these.
func TestManyChangesLeaveFewRows(t *testing.T) {
	t.Parallel()
	const (
		every = 2 * time.Hour
		last  = int(40 * 24 * time.Hour / every)
		kept  = int(keysKept / every)
	)
	clock := &clockOf{time.Now().Truncate(time.Second)}
	on := newTable(clock)
	token := func(n int) string { return fmt.Sprint("xoxb-", n) }
	replicas := []Signer{ringFor(t, token(0), on, clock)}
	var rows []decision.Record // one for each token
	for n := 1; n <= last; n++ {
		row := rowBy(replicas[0], clock.at)
		row.AnnouncedAt, row.Tasks[0].Outcome = row.DecidedAt, decision.Cancelled
		rows = append(rows, row)
		for i, s := range replicas {
			clock.at = clock.at.Add(time.Duration(i) * 15 * time.Minute)
			rotated(t, s, token(n))
		}
		switch n % 40 {
		case 0:
			replicas[0] = ringFor(t, token(n), on, clock) // a restart
		case 20:
			replicas = []Signer{replicas[0], ringFor(t, token(n), on, clock)}
		}
		if all, err := on.SigningKeys(t.Context(), 100); err != nil || len(all) > 3*kept {
			t.Fatalf("%d rows of %d keys after %d changes, %v", len(all), kept, n, err)
		}
		clock.at = clock.at.Add(every)
	}
	for _, back := range []int{0, 1, 10} {
		s := ringFor(t, token(last-back), on, clock)
		if err := s.Load(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, row := range rows {
			age := clock.at.Sub(row.DecidedAt)
			if err := s.VerifyRow(row); err != nil && age < keysKept {
				t.Fatalf("a restart with the token of %d changes ago, a row of %v ago: %v", back, age, err)
			}
		}
	}
}

// A failover loses the rows of signing keys. The process that stored them stores them
// again: one with the old token verifies the new one's rows, and a restart the old one's.
// While the rows are there, or once they have ended, it stores none.
func TestLostKeysAreStoredAgain(t *testing.T) {
	t.Parallel()
	clock := &clockOf{time.Now().Truncate(time.Second)}
	on := newTable(clock)
	x, y := ringFor(t, "xoxb-old", on, clock), ringFor(t, "xoxb-old", on, clock)
	before := rowBy(x, clock.at)
	rotated(t, x, "xoxb-new")
	stores := func(want int) {
		t.Helper()
		was := on.stored
		for range 3 {
			if err := errors.Join(x.Load(t.Context()), y.Load(t.Context())); err != nil {
				t.Fatal(err)
			}
		}
		if n := on.stored - was; n != want {
			t.Errorf("%d rows stored, want %d", n, want)
		}
	}
	clear(on.rows)
	stores(2)
	clock.at = clock.at.Add(handover)
	restarted := ringFor(t, "xoxb-new", on, clock)
	if err := errors.Join(restarted.Load(t.Context()), y.VerifyRow(rowBy(x, clock.at)), restarted.VerifyRow(before)); err != nil {
		t.Error(err)
	}
	rotated(t, y, "xoxb-new")
	stores(0)
	clock.at = clock.at.Add(rowsOutlive)
	clear(on.rows)
	stores(1) // the earlier keys, which are the same in both
	clock.at = clock.at.Add(keysKept)
	clear(on.rows)
	stores(0)
}
