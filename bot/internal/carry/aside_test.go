package carry

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/journal"
)

// answers is a journal that has one answer to what became of a decision.
type answers struct {
	Journal
	row decision.Record
	err error
}

func (a answers) Lease() time.Duration { return 10 * time.Second }

func (a answers) Get(context.Context, decision.ID) (decision.Record, error) { return a.row, a.err }

// That a click is being saved is said only while nothing else is known (law 4):
// another replica may have used the same prompt.
func TestClickIsInDoubtUntilSomethingIsKnown(t *testing.T) {
	row := func(mac string, o decision.Outcome) decision.Record {
		return decision.Record{ID: "x", MAC: mac, Tasks: []decision.Item{{ID: 1, Outcome: o}}}
	}
	for name, tt := range map[string]struct {
		phase   phase
		journal answers
		want    bool
	}{
		"no row":              {unsure, answers{err: journal.ErrGone}, true},
		"no answer":           {unsure, answers{err: errors.New("the connection broke")}, true},
		"its own row":         {unsure, answers{row: row("own", "")}, true},
		"its own outcome":     {unsure, answers{row: row("own", decision.Cancelled)}, false},
		"another click's row": {unsure, answers{row: row("another", "")}, false},
		"first claim":         {claiming, answers{err: journal.ErrGone}, false},
		"carried":             {carried, answers{err: journal.ErrGone}, false},
	} {
		t.Run(name, func(t *testing.T) {
			l := &life{Carrier: &Carrier{Options: Options{Journal: tt.journal}}, holding: newHolding(t.Context(), row("own", ""), slog.New(slog.DiscardHandler))}
			l.to(tt.phase)
			if got := l.inDoubt(t.Context()); got != tt.want {
				t.Errorf("in doubt: %t", got)
			}
		})
	}
}

// Progress is shown once a decision is claimed. A private prompt may show it before, if
// the journal doesn't say that something else became of the prompt.
func TestProgressIsOfTheDecisionInTheJournal(t *testing.T) {
	own := decision.Record{ID: "x", MAC: "own", Tasks: []decision.Item{{ID: 1}}}
	gone, another := answers{err: journal.ErrGone}, answers{row: decision.Record{ID: "x", MAC: "another"}}
	for name, tt := range map[string]struct {
		phase   phase
		private bool
		journal answers
		want    bool
	}{
		"private, being claimed":  {claiming, true, gone, true},
		"private, no answer":      {claiming, true, answers{err: errors.New("the connection broke")}, true},
		"private, decided before": {claiming, true, another, false},
		"private, unsure":         {unsure, true, another, false},
		"request, being claimed":  {claiming, false, gone, false},
		"request, unsure":         {unsure, false, gone, false},
		"claimed":                 {carried, false, gone, true},
		"over":                    {over, true, gone, false},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHolding(t.Context(), own, slog.New(slog.DiscardHandler))
			if tt.phase == carried {
				h.lease.Until = time.Now().Add(time.Minute)
			}
			h.to(tt.phase)
			c := &Carrier{Options: Options{Journal: tt.journal}}
			if got := c.underWay(t.Context(), h, tt.private); got != tt.want {
				t.Errorf("under way: %t", got)
			}
		})
	}
}
