package journal_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/journal"
)

// unsettled returns a genuine decision whose outcome was announced as unknown, and
// that is due for a check after all forged ones.
func unsettled(t *testing.T, url string, j *trusting) decision.Record {
	t.Helper()
	d := j.click(1)
	l := won(t, j.Journal, d)
	for position := range d.Tasks {
		_, err := j.Finish(t.Context(), l, position, decision.Result{Outcome: decision.Unknown, Title: "Payroll"}, true)
		must(t, err)
	}
	must(t, j.MarkAnnounced(t.Context(), decision.Record{ID: d.ID}, "1.2"))
	statement(t, url, `UPDATE decisions SET check_after = 2`)
	return d
}

// forgedUnsettled are columns and values of a forged decision that is due for a check.
const forgedUnsettled = `INSERT INTO decisions (confirmation_id, team_id, channel_id, requester, confirmer, reason, requested_at, decided_at, announced_at, epoch, follow_up, check_after, mac)
	VALUES ('f%d', 'T', 'C', 'U', 'U', 'x', '2020-01-01 00:00:00+00:00', '2020-01-01 00:00:00+00:00', '2020-01-01 00:00:00+00:00', 1, 1, 1, '%s')`

// TestHalfDecisionsStarveNoCheck has more decisions without tasks due for a check than
// are taken at a time.
func TestHalfDecisionsStarveNoCheck(t *testing.T) {
	bothEngines(t, func(t *testing.T, url string) {
		j := openTrusting(t, url, "xoxb-1")
		d := unsettled(t, url, j)
		for i := range 9 {
			statement(t, url, fmt.Sprintf(forgedUnsettled, i, ""))
		}
		if held, err := j.TakeUnsettled(t.Context(), 8, nil); err != nil || len(held) != 1 || held[0].Record.ID != d.ID {
			t.Errorf("%+v %v", held, err)
		}
	})
}

// TestBacklogCountsWhatIsTaken has decisions without tasks, and one with an impossible
// time. The first aren't counted, and neither hides how old a genuine one is.
func TestBacklogCountsWhatIsTaken(t *testing.T) {
	bothEngines(t, func(t *testing.T, url string) {
		j := openTrusting(t, url, "xoxb-1")
		late := unsettled(t, url, j)
		early := j.click(2)
		won(t, j.Journal, early)
		odd := []string{`'infinity'`, `'-infinity'`, `'294276-12-31 00:00:00+00'`, `'4713-01-01 00:00:00+00 BC'`}
		if strings.HasPrefix(url, "sqlite:") {
			odd = []string{`'odd'`, `x'00'`, `9223372036854775807`, `-1`, `1.5`, `2460000`, `9e999`, `''`, `'0000-01-01 00:00:00+00:00'`}
		}
		for i, at := range append(odd, `'2020-01-01 00:00:00+00:00'`) {
			for follow, announced := range []string{"NULL", "requested_at"} {
				id := fmt.Sprint(i, announced)
				statement(t, url, fmt.Sprintf(`INSERT INTO decisions (confirmation_id, team_id, channel_id, requester, confirmer, reason, requested_at, decided_at, epoch, follow_up)
					VALUES ('%s', 'T', 'C', 'U', 'U', 'x', '2020-01-01 00:00:00+00:00', %s, 1, %d)`, id, at, follow))
				statement(t, url, fmt.Sprintf(`UPDATE decisions SET announced_at = %s WHERE confirmation_id = '%s'`, announced, id))
				if i < len(odd) {
					statement(t, url, fmt.Sprintf(`INSERT INTO tasks (confirmation_id, position, task_id, outcome) VALUES ('%s', 0, 9, 'unknown')`, id))
				}
			}
		}
		b, err := j.Backlog(t.Context())
		must(t, err)
		if n := len(odd) + 1; b.Unannounced != n || b.Unknown != n {
			t.Errorf("counted: %+v, not %d", b, n)
		}
		if !b.OldestUnannounced.Equal(early.DecidedAt) || !b.OldestUnknown.Equal(late.DecidedAt) {
			t.Errorf("%+v, not %v and %v", b, early.DecidedAt, late.DecidedAt)
		}
	})
}

// TestUnknownKeysStarveNoCheck has many decisions with unknown keys due for a check.
// Each is taken once, and waits without taking the place of a genuine one.
func TestUnknownKeysStarveNoCheck(t *testing.T) {
	bothEngines(t, func(t *testing.T, url string) {
		j := openTrusting(t, url, "xoxb-1")
		d := unsettled(t, url, j)
		const forged = 24
		for i := range forged {
			statement(t, url, fmt.Sprintf(forgedUnsettled, i, "aaaaaaaa.b.c.d"))
			statement(t, url, fmt.Sprintf(`INSERT INTO tasks (confirmation_id, position, task_id, outcome) VALUES ('f%d', 0, %d, 'unknown')`, i, 5000+i))
		}
		for round := range forged/8 + 1 {
			j.Later(time.Duration(round) * time.Minute)
			statement(t, url, `UPDATE decisions SET leased_until = 0`)
			held, err := j.TakeUnsettled(t.Context(), 8, nil)
			must(t, err)
			if taken := len(held) == 1 && held[0].Record.ID == d.ID; taken != (round == forged/8) {
				t.Errorf("round %d: %+v", round, held)
			}
		}
	})
}

// TestWaitingDecisionIsTakenWhenItsKeyIsKnown takes a decision over as soon as its
// key is in the journal.
func TestWaitingDecisionIsTakenWhenItsKeyIsKnown(t *testing.T) {
	bothEngines(t, func(t *testing.T, url string) {
		j, other := openTrusting(t, url, "xoxb-1"), openTrusting(t, url, "xoxb-2")
		d := other.click(1)
		won(t, other.Journal, d)
		for range 2 {
			expire(t, url, string(d.ID))
			if held := take(t, j.Journal, journal.ToResolve); len(held) != 0 {
				t.Fatalf("taken: %+v", held)
			}
		}
		must(t, other.Rotate(t.Context(), "xoxb-1")) // keeps its keys for holders of the next token
		if held := take(t, j.Journal, journal.ToResolve); len(held) != 1 || held[0].Record.ID != d.ID {
			t.Errorf("taken: %+v", held)
		}
	})
}
