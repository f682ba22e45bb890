package carry

import (
	"testing"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
)

// A row that vanished is restored with the outcomes that were found until then. So
// two lives can both be the last to record theirs; one of them announces.
func TestOneLifeAnnounces(t *testing.T) {
	s := newShared(decision.Record{Tasks: make([]decision.Item, 3)})
	if s.announces(0) {
		t.Error("it announces while two tasks have no outcome")
	}
	s.record(0)
	done := decision.Item{Outcome: decision.Cancelled}
	s.take([]decision.Item{done, done, done}) // as restored
	if !s.announces(2) || s.announces(1) || !s.announces(2) || s.announces(0) {
		t.Error("more than one life announces, or none")
	}
}
