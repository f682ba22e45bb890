package journal_test

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/journal"
	"github.com/cancelbot/cancelbot/chamelio"
)

// several returns a decision about several tasks.
func several(id string, tasks ...chamelio.TaskID) decision.Record {
	d := sampleDecision(id, 0)
	d.Tasks = nil
	for _, task := range tasks {
		d.Tasks = append(d.Tasks, decision.Item{ID: task, Title: "Task " + task.String(), URL: "https://app.chamelio.ai/workflows/tasks/" + task.String()})
	}
	return d
}

// outcomes returns the outcomes of a decision's tasks, "" for one without.
func outcomes(t *testing.T, j *journal.Journal, id decision.ID) []decision.Outcome {
	t.Helper()
	d, err := j.Get(t.Context(), id)
	must(t, err)
	var all []decision.Outcome
	for _, task := range d.Tasks {
		all = append(all, task.Outcome)
	}
	return all
}

// TestClaimSkipsTasksHeldElsewhere is law 14: a task that another decision has
// doesn't stop the others.
func TestClaimSkipsTasksHeldElsewhere(t *testing.T) {
	bothEngines(t, func(t *testing.T, url string) {
		j := open(t, url, 0)
		won(t, j, sampleDecision("under way", 2))
		done := won(t, j, sampleDecision("cancelled", 4))
		_, err := j.Finish(t.Context(), done, 0, decision.Result{Outcome: decision.Cancelled}, false)
		must(t, err)
		d := several("x", 5, 4, 3, 2, 1)
		c, err := j.Claim(t.Context(), d)
		must(t, err)
		want := []decision.Outcome{"", decision.Failed, "", decision.Failed, ""}
		if got := outcomes(t, j, "x"); !c.Won || !slices.Equal(got, want) || c.Tasks[1].Result().Cause != decision.CauseHeld {
			t.Fatalf("won %t: %q, %+v", c.Won, got, c.Tasks)
		}
		again, err := j.Claim(t.Context(), d)
		must(t, err)
		if !again.Won || !slices.Equal(outcomes(t, j, "x"), want) || again.Tasks[3].Outcome != decision.Failed || again.Tasks[0].Title != "Task 5" {
			t.Errorf("claimed again: %+v", again)
		}
		// Each has its own requests and its own outcome.
		l, err := j.MarkSent(t.Context(), c.Lease, 4)
		must(t, err)
		l, err = j.MarkUnsent(t.Context(), l, 2)
		must(t, err)
		l, err = j.Finish(t.Context(), l, 0, decision.Result{Outcome: decision.Cancelled}, false)
		must(t, err)
		got, err := j.Get(t.Context(), "x")
		must(t, err)
		if got.Tasks[4].Tries != 2 || got.Tasks[0].Tries != 1 || got.Tasks[2].Sent || !got.Tasks[4].Sent || got.Done() != 1 {
			t.Errorf("%+v", got.Tasks)
		}
		if _, err := j.BeginAnnouncing(t.Context(), l); !errors.Is(err, journal.ErrLost) {
			t.Errorf("announced before each task has an outcome: %v", err)
		}
		if got := take(t, open(t, url, 0), journal.ToAnnounce); len(got) != 0 {
			t.Errorf("taken over to be announced: %+v", got)
		}
		for _, task := range []int{2, 4} {
			l, err = j.Finish(t.Context(), l, task, decision.Result{Outcome: decision.Unknown}, task == 4)
			must(t, err)
		}
		_, err = j.MarkSent(t.Context(), l, 0)
		if !errors.Is(err, journal.ErrLost) {
			t.Errorf("a request after the outcome: %v", err)
		}
		must(t, j.MarkAnnounced(t.Context(), decision.Record{ID: "x"}, "1.2"))
		if got, err := j.Get(t.Context(), "x"); err != nil || got.Outcome() != decision.Various || got.SettledOutcome() != "" {
			t.Errorf("%+v, %v", got, err)
		}
	})
}

func TestClaimOfTakenTasksIsLost(t *testing.T) {
	bothEngines(t, func(t *testing.T, url string) {
		j := open(t, url, 0)
		won(t, j, several("first", 1, 2))
		c, err := j.Claim(t.Context(), several("second", 2, 1))
		must(t, err)
		if c.Won || c.Winners[0].ID != "first" || len(c.Winners[0].Tasks) != 2 {
			t.Errorf("%+v", c)
		}
		if _, err := j.Get(t.Context(), "second"); !errors.Is(err, journal.ErrGone) {
			t.Errorf("the loser left a row: %v", err)
		}
	})
}

// Decisions that name the same tasks in different orders are claimed at once, by
// two processes. Each task goes to one of them, and none of them waits for the
// other forever.
func TestConcurrentClaimsShareTheTasks(t *testing.T) {
	bothEngines(t, func(t *testing.T, url string) {
		a, b := open(t, url, 0), open(t, url, 0)
		for round := range 20 {
			base := chamelio.TaskID(10 * round)
			claims := make([]journal.Claim, 2)
			errs := make([]error, 2)
			var both sync.WaitGroup
			for i, j := range []*journal.Journal{a, b} {
				tasks := []chamelio.TaskID{base + 1, base + 2, base + 3, base + chamelio.TaskID(4+i)}
				if i == 1 {
					slices.Reverse(tasks)
				}
				both.Go(func() {
					claims[i], errs[i] = j.Claim(t.Context(), several(string(rune('a'+i))+base.String(), tasks...))
				})
			}
			both.Wait()
			must(t, errors.Join(errs...))
			got := map[chamelio.TaskID]int{}
			for _, c := range claims {
				if !c.Won {
					t.Fatalf("lost, with a task of its own: %+v", c)
				}
				for _, task := range c.Tasks {
					if task.Outcome == "" {
						got[task.ID]++
					}
				}
			}
			for task := base + 1; task <= base+5; task++ {
				if got[task] != 1 {
					t.Errorf("task %d went to %d decisions", task, got[task])
				}
			}
		}
	})
}

func TestVanishedDecisionIsRestoredTaskByTask(t *testing.T) {
	bothEngines(t, func(t *testing.T, url string) {
		j := open(t, url, 0)
		d := several("x", 1, 2, 3)
		won(t, j, d)
		statement(t, url, "DELETE FROM decisions")
		won(t, j, sampleDecision("rival", 2))
		d = d.With(decision.Result{Outcome: decision.Cancelled}, decision.Result{}, decision.Result{})
		l, tasks, err := j.Restore(t.Context(), d)
		must(t, err)
		want := []decision.Outcome{decision.Cancelled, decision.Unknown, ""}
		if got := outcomes(t, j, "x"); !slices.Equal(got, want) || tasks[1].Result().Cause != decision.CauseOverruled {
			t.Errorf("%q, %+v", got, tasks)
		}
		if _, err := j.MarkSent(t.Context(), l, 2); err != nil {
			t.Error(err)
		}
	})
}

// The details of many tasks are longer together than any text that is stored.
func TestDecisionWithLongDetailsIsRestored(t *testing.T) {
	bothEngines(t, func(t *testing.T, url string) {
		j := open(t, url, 0)
		d := several("x", 1, 2, 3)
		won(t, j, d)
		statement(t, url, "DELETE FROM decisions")
		long := decision.Result{Outcome: decision.Cancelled, Title: strings.Repeat("x", decision.MaxStored/2)}
		l, _, err := j.Restore(t.Context(), d.With(long, long, decision.Result{}))
		must(t, err)
		if _, err := j.MarkSent(t.Context(), l, 2); err != nil {
			t.Error(err)
		}
	})
}

func TestWholePromptIsWithdrawn(t *testing.T) {
	bothEngines(t, func(t *testing.T, url string) {
		j := open(t, url, 0)
		first, withdrawn, err := j.Withdraw(t.Context(), several("x", 1, 2))
		must(t, err)
		if !withdrawn || first.Outcome() != decision.Withdrawn || len(outcomes(t, j, "x")) != 2 {
			t.Errorf("%t, %+v", withdrawn, first)
		}
		if c, err := j.Claim(t.Context(), several("x", 1, 2)); err != nil || c.Won {
			t.Errorf("claimed after it was withdrawn: %+v, %v", c, err)
		}
		won(t, j, several("y", 2, 1)) // nothing holds the tasks
	})
}

// A row that isn't genuine doesn't take a task away from a decision about
// several.
func TestForgedRowsTakeNoTaskFromADecisionAboutSeveral(t *testing.T) {
	bothEngines(t, func(t *testing.T, url string) {
		j := openTrusting(t, url, "xoxb-1")
		plain := open(t, url, 0) // seals nothing
		won(t, plain, several("forged", 2, 7))
		if strings.HasPrefix(url, "sqlite:") { // Postgres has a foreign key
			forge(t, url, "INSERT INTO tasks (confirmation_id, position, task_id, outcome) VALUES ('stray', 0, 1000001, 'cancelled')")
		}
		d := j.click(1) // about tasks 1 and 1000001
		d.Tasks[0].ID = 2
		c, err := j.Claim(t.Context(), d)
		must(t, err)
		if !c.Won || c.Tasks[0].Outcome != "" || c.Tasks[1].Outcome != "" {
			t.Errorf("%+v", c)
		}
		if len(j.reported) == 0 {
			t.Error("nothing was reported")
		}
	})
}
