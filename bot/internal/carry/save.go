package carry

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/journal"
	"github.com/cancelbot/cancelbot/chamelio"
)

// claims is the part of the journal that saving a click needs.
type claims interface {
	Claim(context.Context, decision.Record) (journal.Claim, error)
	Withdraw(context.Context, decision.Record) (first decision.Record, withdrawn bool, err error)
	Expire(context.Context, decision.Record) (first decision.Record, expired bool, err error)
	Abandon(context.Context, decision.Record) (first decision.Record, abandoned bool, err error)
	Supersede(context.Context, decision.Record) (first decision.Record, superseded bool, err error)
	Became(ctx context.Context, prompt decision.ID, tasks []chamelio.TaskID) ([]decision.Record, error)
	Having(ctx context.Context, tasks []chamelio.TaskID, since time.Time) ([]decision.Record, error)
	GiveUp(ctx context.Context, l journal.Lease, as decision.Outcome) error
}

// save claims the decision.
func (l *life) save() decision.Event {
	ctx, claimed := l.Tracer.Step(l.ctx, "claim",
		attribute.String("cancelbot.confirmation", string(l.ID)), attribute.Int64Slice("chamelio.tasks", numbers(l.IDs())))
	claim, err := l.Journal.Claim(ctx, l.Record)
	claimed(err)
	var paused *journal.PausedError
	switch {
	case errors.As(err, &paused) && !l.state.Save.Unsure: // else an earlier try may still be saved
		l.paused = paused
		return decision.Event{Kind: decision.Beaten}
	case errors.Is(err, journal.ErrDecided):
		l.winners = nil
		return decision.Event{Kind: decision.Beaten}
	case err != nil:
		if l.state.Tries == 0 {
			l.log.Error("not known whether a decision was saved; checking", "error", err)
		}
		l.to(unsure)
		return decision.Event{Kind: decision.Uncertain}
	case !claim.Won:
		l.winners = claim.Winners
		return decision.Event{Kind: decision.Beaten}
	}
	l.tasks.take(claim.Tasks) // those that others have
	l.replaced(claim.Lease)
	l.epoch = claim.Lease.Epoch
	l.Tracer.Begin(l.ctx, l.ID)
	l.task = l.tasks.open()[0]
	l.log = l.holding.log.With("task", int64(l.item().ID))
	l.facts.details = l.Details.find(l.ctx, l.log, l.Record, l.task)
	return decision.Event{Kind: decision.Won}
}

func numbers(ids []chamelio.TaskID) []int64 {
	all := make([]int64, len(ids))
	for i, id := range ids {
		all[i] = int64(id)
	}
	return all
}

// closePrompt makes sure that the click is never carried out.
func (l *life) closePrompt(as decision.Outcome) decision.Event {
	end, row := l.Journal.Abandon, l.Record
	if as == decision.Withdrawn {
		end, row = l.Journal.Withdraw, l.keptBy()
	}
	_, closed, err := end(l.ctx, row)
	switch {
	case errors.Is(err, journal.ErrDecided): // the claim finds that, too
		return decision.Event{Kind: decision.Occupied}
	case err != nil:
		return decision.Event{Kind: decision.Uncertain}
	case !closed:
		return decision.Event{Kind: decision.Occupied}
	}
	return decision.Event{Kind: decision.Done}
}
