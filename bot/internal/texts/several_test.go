package texts

import (
	"strings"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
)

// A task is left out because another decision has it, which may be taken back. The
// announcement promises no result, and says what to type if none appears.
func TestLeftOutPromisesNoResult(t *testing.T) {
	w := Texts{Command: "/cancel-task"}
	d := decision.Record{Channel: "C1", Requester: "U1", Confirmer: "U1", Tasks: []decision.Item{{ID: 1}, {ID: 2}, {ID: 3}}}
	held := decision.Result{Outcome: decision.Failed, Cause: decision.CauseHeld}
	for again, results := range map[string][]decision.Result{
		"appears for the one left out within a few minutes, type `/cancel-task 2`.": {{Outcome: decision.Cancelled}, held, {Outcome: decision.Cancelled}},
		"appears for those left out within a few minutes, type `/cancel-task 2 3`.": {{Outcome: decision.Cancelled}, held, held},
	} {
		said := w.Announcement(d.With(results...), time.Now()).Text
		if !strings.Contains(said, again) || strings.Contains(said, "posted separately") || strings.Contains(said, "someone had already confirmed") {
			t.Errorf("it says: %s", said)
		}
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
