package texts

import (
	"strings"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/policy"
	"github.com/cancelbot/cancelbot/chamelio"
)

// A task is left out because another decision has it, which may be taken back. The
// announcement promises no result, and says what to type if none appears.
func TestLeftOutPromisesNoResult(t *testing.T) {
	w := Texts{Command: "/cancel-task"}
	d := decision.Record{Channel: "C1", Requester: "U1", Confirmer: "U1", Tasks: []decision.Item{{ID: 1}, {ID: 2}, {ID: 3}}}
	held := decision.Result{Outcome: decision.Failed, Cause: decision.CauseHeld}
	for again, results := range map[string][]decision.Result{
		"see another result for the one left out within a few minutes, type `/cancel-task 2`.": {{Outcome: decision.Cancelled}, held, {Outcome: decision.Cancelled}},
		"see another result for those left out within a few minutes, type `/cancel-task 2 3`.": {{Outcome: decision.Cancelled}, held, held},
	} {
		said := w.Announcement(d.With(results...).AsOfNow(), time.Now()).Text
		if !strings.Contains(said, again) || strings.Contains(said, "posted separately") || strings.Contains(said, "someone had already confirmed") {
			t.Errorf("it says: %s", said)
		}
	}
}

// While a decision is under way, texts name the tasks that its claim got.
func TestUnderWayNamesOnlyClaimedTasks(t *testing.T) {
	w := Texts{Command: "/cancel-task"}
	d := decision.Record{ID: "x", Channel: "C1", Requester: "U1", Confirmer: "U2", Tasks: []decision.Item{{ID: 500}, {ID: 501}}}
	d = d.With(decision.Result{}, decision.Result{Outcome: decision.Failed, Cause: decision.CauseHeld})
	c := decision.Confirmation{ID: "x", Public: true, Channel: "C1", Requester: "U1", Tasks: []decision.Named{{ID: 500}, {ID: 501}}}
	for name, m := range map[string]Message{
		"counted": w.Counted(d), "came second": w.CameSecond(c, "U3", d.AsOfNow()), "pressed again": w.CameSecond(c, "U2", d.AsOfNow()), "too late": w.TooLateToWithdraw(c, d.AsOfNow(), "U1"),
		"cancelling": w.Cancelling(d), "slow": w.StillTrying(d), "progress": w.Progress(d), "overtaken": w.Overtaken(c, d.AsOfNow()),
	} {
		if !strings.Contains(m.Text, "task 500") || strings.Contains(m.Text, "501") || strings.Contains(m.Text, "2 tasks") || strings.Contains(m.Text, "of 2") {
			t.Errorf("%s: %s", name, m.Text)
		}
	}
	if said := w.TooLateToWithdraw(c, d.With(decision.Result{}, decision.Result{}).AsOfNow(), "U1").Text; !strings.Contains(said, "I'm cancelling them now") {
		t.Errorf("too late to keep two: %s", said)
	}
}

// Advice about several tasks isn't about "that task".
func TestAdviceCountsTasks(t *testing.T) {
	w := Texts{Command: "/cancel-task"}
	unknown := result{Result: decision.Result{Outcome: decision.Unknown}}
	if one, two := w.nextForSeveral([]result{unknown}), w.nextForSeveral([]result{unknown, unknown}); !strings.Contains(one, "that task's page") || !strings.Contains(two, "those tasks' pages") {
		t.Errorf("one: %s; two: %s", one, two)
	}
}

// Only a task that was certainly cancelled by a decision's request is said to be
// cancelled by its requester; the others are cancelled.
func TestSeveralNamesOnlyWhoCertainlyCancelled(t *testing.T) {
	w := Texts{Command: "/cancel-task"}
	d := decision.Record{Channel: "C1", Requester: "U1", Confirmer: "U1", Tasks: []decision.Item{{ID: 1}, {ID: 2}}}
	by, seen := decision.Result{Outcome: decision.Cancelled}, decision.Result{Outcome: decision.Cancelled, Cause: decision.CauseSeen}
	ended, unknown := decision.Result{Outcome: decision.NotCancellable, Status: chamelio.Completed}, decision.Result{Outcome: decision.Unknown}
	for name, c := range map[string]struct {
		d            decision.Record
		headline     string
		line, person string
		requested    int // how many lines say that the request did it
	}{
		"both by the requests":  {d.With(by, by), "<@U1> cancelled 2 tasks.", "Cancelled 2 of 2 tasks (1 and 2).", "You cancelled 2 tasks.", 0},
		"both seen afterwards":  {d.With(seen, seen), "2 tasks are cancelled.", "2 tasks (1 and 2) are cancelled.", "2 tasks are cancelled.", 0},
		"one of each":           {d.With(by, seen), "2 tasks are cancelled.", "2 tasks (1 and 2) are cancelled.", "2 tasks are cancelled.", 1},
		"one seen, one ended":   {d.With(seen, ended), "1 of 2 tasks is cancelled.", "1 task (1) is cancelled.", "1 of 2 tasks is cancelled.", 0},
		"one settled afterward": {d.With(unknown, ended).WithSettled(seen), "1 of 2 tasks is cancelled.", "1 task (1) is cancelled.", "1 of 2 tasks is cancelled.", 0},
	} {
		t.Run(name, func(t *testing.T) {
			said := w.Announcement(c.d.AsOfNow(), time.Now()).Text
			if !strings.Contains(said, " "+c.headline) || strings.Count(said, "as requested") != c.requested {
				t.Errorf("everyone reads: %s", said)
			}
			if line := w.OutcomeLine(c.d.AsOfNow()).Text; !strings.Contains(line, c.line) && name != "one settled afterward" {
				t.Errorf("in place of the prompt: %s", line)
			}
			if said := w.AnnouncementInPerson("U1", c.d.AsOfNow(), time.Now()).Text; !strings.Contains(said, c.person) {
				t.Errorf("the requester reads: %s", said)
			}
		})
	}
}

// A number out of all tasks would also say that no one cancelled the others. If another
// decision has one of them, or Chamelio hasn't shown how it is, there is no such number.
func TestCountsOnlyWhatIsKnownOfTheOthers(t *testing.T) {
	w := Texts{Command: "/cancel-task"}
	d := decision.Record{ID: "A", Channel: "C1", Requester: "U1", Confirmer: "U1", Tasks: []decision.Item{{ID: 1}, {ID: 2}}}
	by, seen := decision.Result{Outcome: decision.Cancelled}, decision.Result{Outcome: decision.Cancelled, Cause: decision.CauseSeen}
	failed := func(c decision.Cause) decision.Result { return decision.Result{Outcome: decision.Failed, Cause: c} }
	held, busy, locked := failed(decision.CauseHeld), failed(decision.CauseBusy), failed(decision.CauseRefused)
	gone, conflict := decision.Result{Outcome: decision.NotFound}, decision.Result{Outcome: decision.NotCancellable}
	runs := locked
	runs.Seen = time.Now()
	for name, c := range map[string]struct {
		d              decision.Current
		headline, line string
	}{
		"seen, and left out":              {d.With(seen, held).AsOfNow(), "1 task is cancelled.", "1 task (1) is cancelled. See the announcement"},
		"seen, and a conflict":            {d.With(seen, conflict).AsOfNow(), "1 task is cancelled.", "1 task (1) is cancelled. See the announcement"},
		"seen, and gone":                  {d.With(gone, seen).AsOfNow(), "1 task is cancelled.", "1 task (2) is cancelled. See the announcement"},
		"seen, and not asked":             {d.With(seen, busy).AsOfNow(), "1 task is cancelled.", "1 task (1) is cancelled. See the announcement"},
		"seen, and refused":               {d.With(seen, locked).AsOfNow(), "1 task is cancelled.", "1 task (1) is cancelled. See the announcement"},
		"seen, and refused while it runs": {d.With(seen, runs).AsOfNow(), "1 of 2 tasks is cancelled.", "1 task (1) is cancelled. See the announcement"},
		"seen, and taken since":           {d.With(seen, runs).AsOfNow(2), "1 task is cancelled.", "1 task (1) is cancelled. See the announcement"},
		"seen, and unknown to the end":    {d.With(seen, seen).WithSettled(decision.Result{}, decision.Result{Outcome: decision.Unknown}).AsOfNow(), "1 task is cancelled. 1 still unknown.", "1 task (1) is cancelled. See the announcement"},
		"cancelled, and left out":         {d.With(by, held).AsOfNow(), "<@U1> cancelled 1 task.", "Cancelled 1 task (1). See the announcement"},
		"cancelled, and taken since":      {d.With(by, busy).AsOfNow(2), "<@U1> cancelled 1 task.", "Cancelled 1 task (1). See the announcement"},
		"cancelled, and refused":          {d.With(by, locked).AsOfNow(), "<@U1> cancelled 1 of 2 tasks.", "Cancelled 1 of 2 tasks (1 and 2). See the announcement"},
		"left out":                        {d.With(held, busy).AsOfNow(), "This confirmation cancelled none of the 2 tasks.", ":warning: See the announcement for the results of 2 tasks (1 and 2)"},
		"refused":                         {d.With(locked, busy).AsOfNow(), "<@U1> couldn't cancel any of the 2 tasks.", "Cancelled 0 of 2 tasks (1 and 2). See the announcement"},
	} {
		t.Run(name, func(t *testing.T) {
			if said := w.Announcement(c.d, time.Now()).Text; !strings.Contains(said, " "+c.headline) {
				t.Errorf("everyone reads: %s", said)
			}
			if line := w.OutcomeLine(c.d).Text; !strings.Contains(line, c.line) {
				t.Errorf("in place of the prompt: %s", line)
			}
			asked := decision.Confirmation{ID: "B", Channel: "C1", Requester: "U2", Public: true, Tasks: []decision.Named{{ID: 1}, {ID: 2}}}
			for _, said := range []string{w.CameSecond(asked, "U2", c.d).Text, w.Overtaken(asked, c.d).Text} {
				if !strings.Contains(strings.ReplaceAll(said, "<#C1>", "the announcement"), strings.TrimPrefix(c.line, ":warning: ")) {
					t.Errorf("someone else reads: %s", said)
				}
			}
		})
	}
}

// A task whose details the rate limit hides may well be cancelled in a minute.
func TestNothingToCancelIsCertainOnlyOfEndedTasks(t *testing.T) {
	w := Texts{Command: "/cancel-task"}
	ended := Excluded{ID: 1, Why: "it has already completed", Over: true}
	for _, c := range []struct {
		left []Excluded
		want string
	}{
		{[]Excluded{ended, ended}, "None of these 2 tasks can be cancelled:"},
		{[]Excluded{ended, w.ExcludeUnseen(2)}, "I can't cancel any of these 2 tasks for you now:"},
	} {
		if said := w.NothingToCancel(c.left).Text; !strings.HasPrefix(said, c.want) {
			t.Errorf("they read: %s", said)
		}
	}
}

// Chamelio has answered that there is no such task, so another press won't help.
func TestRefusedClickSaysThatATaskIsGone(t *testing.T) {
	w := Texts{Command: "/cancel-task"}
	c := decision.Confirmation{Channel: "C1", Requester: "U1", Tasks: []decision.Named{{ID: 1}, {ID: 2}}}
	gone := &chamelio.Error{Kind: chamelio.ErrNotFound, Status: 404, FromAPI: true, Detail: "Task not found"}
	said := w.RefusedClick(policy.Verdict{Code: policy.CodeCannotCheckTask, Task: 2, Cause: gone}, c).Text
	if !strings.Contains(said, "Chamelio has no such task") || !strings.Contains(said, "type `/cancel-task 1`") || strings.Contains(said, "press") {
		t.Errorf("they read: %s", said)
	}
}
