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
		"first claim":         {claiming, answers{err: journal.ErrGone}, true},
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

// Progress is shown once a decision is claimed: before that, it may never be carried out.
func TestProgressIsOfAClaimedDecision(t *testing.T) {
	own := decision.Record{ID: "x", MAC: "own", Tasks: []decision.Item{{ID: 1}}}
	for name, tt := range map[string]struct {
		phase phase
		want  bool
	}{
		"being claimed": {claiming, false},
		"unsure":        {unsure, false},
		"claimed":       {carried, true},
		"over":          {over, false},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHolding(t.Context(), own, slog.New(slog.DiscardHandler))
			if tt.phase == carried {
				h.lease.Until = time.Now().Add(time.Minute)
			}
			h.to(tt.phase)
			c := &Carrier{Options: Options{Journal: answers{}}}
			if got := c.underWay(h); got != tt.want {
				t.Errorf("under way: %t", got)
			}
		})
	}
}
