package carry

import (
	"context"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/journal"
)

// followUps is what following up needs of the journal.
type followUps interface {
	TakeUnsettled(ctx context.Context, limit int, mine []decision.ID) ([]journal.Held, error)
	LookAgain(ctx context.Context, l journal.Lease, wait time.Duration) error
	BeginSettling(ctx context.Context, l journal.Lease, o decision.Outcome, detail string) (journal.Lease, error)
	MarkSettled(context.Context, decision.ID) error
}

// settle saves the final result of an unknown outcome.
func (l *life) settle() decision.Event {
	if l.result.Outcome == "" {
		l.result = decision.Describe(l.facts.task)
		l.result.Outcome, l.result.Cause = l.state.Outcome, l.state.Cause
	}
	return l.renew(l.Journal.BeginSettling(l.ctx, l.current(), l.result.Outcome, l.result.Encode()))
}

// clear saves that the final result was posted, also while the process stops.
func (l *life) clear() decision.Event {
	ctx, cancel := l.detached()
	defer cancel()
	return l.event(l.Journal.MarkSettled(ctx, l.ID))
}
