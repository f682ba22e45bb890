package journal_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/journal"
	"github.com/cancelbot/cancelbot/chamelio"
)

// holders returns which tasks the winners of a lost claim have.
func holders(t *testing.T, j *journal.Journal, d decision.Record) map[decision.ID][]chamelio.TaskID {
	t.Helper()
	c, err := j.Claim(t.Context(), d)
	must(t, err)
	if c.Won {
		t.Fatalf("won %s", d.ID)
	}
	got := map[decision.ID][]chamelio.TaskID{}
	for _, w := range c.Winners {
		got[w.ID] = w.IDs()
	}
	return got
}

func TestLostClaimReturnsTheDecisionsThatHaveItsTasks(t *testing.T) {
	bothEngines(t, func(t *testing.T, url string) {
		j := open(t, url, 0)
		first := won(t, j, several("first", 1, 4, 5))
		second := won(t, j, several("second", 1, 2, 4)) // without 1 and 4
		lost := several("lost", 4, 2)
		want := map[decision.ID][]chamelio.TaskID{first.ID: {4}, second.ID: {2}}
		if got := holders(t, j, lost); !equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
		if got := holders(t, j, several("other", 5, 1)); !equal(got, map[decision.ID][]chamelio.TaskID{first.ID: {1, 5}}) {
			t.Errorf("one has both: %v", got)
		}
		if _, err := j.Get(t.Context(), lost.ID); !errors.Is(err, journal.ErrGone) {
			t.Errorf("the loser left a row: %v", err)
		}
		// Another decision can claim a task that failed, and then has it.
		_, err := j.Finish(t.Context(), second, 1, decision.Result{Outcome: decision.Failed}, false)
		must(t, err)
		_, err = j.Finish(t.Context(), first, 1, decision.Result{Outcome: decision.Cancelled}, false)
		must(t, err)
		third := won(t, j, several("third", 2))
		want = map[decision.ID][]chamelio.TaskID{first.ID: {4}, third.ID: {2}}
		if got := holders(t, j, lost); !equal(got, want) {
			t.Errorf("after a failure: got %v, want %v", got, want)
		}
		// The second click on a prompt gets the first one's decision, whole.
		again := several("first", 1, 4, 5)
		again.MAC = "another click"
		if got := holders(t, j, again); !equal(got, map[decision.ID][]chamelio.TaskID{first.ID: {1, 4, 5}}) {
			t.Errorf("second click: %v", got)
		}
	})
}

func equal(a, b map[decision.ID][]chamelio.TaskID) bool {
	for id := range a {
		if !slices.Equal(a[id], b[id]) {
			return false
		}
	}
	return len(a) == len(b)
}

// A request about one task that a decision about several has gets only that task's
// outcome.
// A prompt has expired. An unknown outcome of another decision about its task counts as the
// task's only since the prompt was asked for, and unless another one has the task; if it
// can't be verified yet, nothing is said.
func TestExpiredPromptBecameUnknown(t *testing.T) {
	bothEngines(t, func(t *testing.T, url string) {
		j, other := openTrusting(t, url, "xoxb-1"), openTrusting(t, url, "xoxb-2")
		now := time.Now()
		decided := func(by *trusting, at time.Time, outcome decision.Outcome) decision.Record {
			d := by.clickAt(1, at)
			l := won(t, by.Journal, d)
			for position := range d.Tasks {
				var err error
				l, err = by.Finish(t.Context(), l, position, decision.Result{Outcome: outcome}, false)
				must(t, err)
			}
			return d
		}
		ended := func(at time.Time) decision.Record {
			d := j.clickAt(1, at)
			if row, _, err := j.Expire(t.Context(), d); err != nil || row.Outcome() != decision.Expired {
				t.Fatalf("%+v, %v", row, err)
			}
			return d
		}
		became := func(d decision.Record, want decision.ID) {
			t.Helper()
			if got, err := j.Became(t.Context(), d.ID, d.IDs()); err != nil || len(got) != 1 || got[0].ID != want {
				t.Errorf("it became %+v, %v, not %s", got, err, want)
			}
		}
		unknown := decided(j, now.Add(-5*time.Minute), decision.Unknown)
		earlier, later := ended(now.Add(-5*time.Minute)), ended(now)
		became(earlier, unknown.ID)
		became(later, later.ID)
		cancelled := decided(j, now.Add(-10*time.Minute), decision.Cancelled)
		became(earlier, cancelled.ID)
		became(later, cancelled.ID)
		statement(t, url, `DELETE FROM decisions WHERE confirmation_id = '`+string(cancelled.ID)+`'`)
		decided(other, now, decision.Unknown)
		if got, err := j.Became(t.Context(), later.ID, later.IDs()); !journal.IsUnverified(err) {
			t.Errorf("with a row that isn't verified: %+v, %v", got, err)
		}
	})
}

func TestRequestBecameOneTaskOfSeveral(t *testing.T) {
	bothEngines(t, func(t *testing.T, url string) {
		j := open(t, url, 0)
		won(t, j, several("first", 1, 2, 3))
		d, err := j.Became(t.Context(), "request", []chamelio.TaskID{2})
		must(t, err)
		if d[0].ID != "first" || !slices.Equal(d[0].IDs(), []chamelio.TaskID{2}) {
			t.Errorf("%+v", d)
		}
		if d, err := j.Became(t.Context(), "first", []chamelio.TaskID{1, 2, 3}); err != nil || len(d) != 1 || len(d[0].Tasks) != 3 {
			t.Errorf("its own: %v, %v", d, err)
		}
	})
}

// A request is decided elsewhere once other decisions have all of its tasks.
func TestRequestBecameSeveralDecisions(t *testing.T) {
	bothEngines(t, func(t *testing.T, url string) {
		j := open(t, url, 0)
		won(t, j, several("first", 1, 2, 3))
		if _, err := j.Became(t.Context(), "request", []chamelio.TaskID{2, 4}); !errors.Is(err, journal.ErrGone) {
			t.Errorf("one can still be cancelled: %v", err)
		}
		won(t, j, several("second", 4))
		d, err := j.Became(t.Context(), "request", []chamelio.TaskID{2, 4})
		must(t, err)
		if len(d) != 2 || d[0].ID != "first" || !slices.Equal(d[0].IDs(), []chamelio.TaskID{2}) || d[1].ID != "second" {
			t.Errorf("%+v", d)
		}
	})
}
