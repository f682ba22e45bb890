package carry

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"golang.org/x/sync/errgroup"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/journal"
	"github.com/cancelbot/cancelbot/bot/internal/slackapi"
	"github.com/cancelbot/cancelbot/bot/internal/texts"
)

const (
	// checkTimeout bounds a GET for a follow-up, which gives way to everything
	// else, and checksAtOnce how many run at a time for one decision.
	checkTimeout = 30 * time.Second
	checksAtOnce = 4
)

// followUps is the part of the journal that following up needs.
type followUps interface {
	TakeUnsettled(ctx context.Context, limit int, mine []decision.ID) ([]journal.Held, error)
	CheckLater(ctx context.Context, l journal.Lease, wait time.Duration) error
	Settle(ctx context.Context, l journal.Lease, task int, res decision.Result) (journal.Lease, error)
	BeginSettling(context.Context, journal.Lease) (journal.Lease, error)
	MarkSettled(context.Context, decision.ID) error
}

// checkAll gets each task without a final result.
func (l *life) checkAll() decision.Event {
	l.checks.Add(1)
	defer l.checks.Add(-1)
	last := l.past(l.Protocol.FollowFor) && time.Since(l.up) >= l.Protocol.TryFor
	l.settled = make([]decision.Result, len(l.Tasks))
	var gets errgroup.Group
	gets.SetLimit(checksAtOnce)
	for i, t := range l.Tasks {
		if t.Outcome == decision.Unknown && t.SettledOutcome == "" {
			gets.Go(func() error {
				l.settled[i] = l.check(t, last)
				return nil
			})
		}
	}
	_ = gets.Wait() // they return nothing
	before, after := l.Record, l.final()
	switch {
	case after.SettledOutcome() != "":
		return decision.Event{Kind: decision.AllKnown}
	case settledOf(after) > settledOf(before):
		return decision.Event{Kind: decision.SomeKnown}
	}
	return decision.Event{Kind: decision.NoneKnown}
}

func settledOf(r decision.Record) int {
	n := 0
	for _, t := range r.Tasks {
		if t.SettledOutcome != "" {
			n++
		}
	}
	return n
}

// check gets a task whose outcome is unknown, and returns its final result, zero
// if it isn't known yet.
func (l *life) check(t decision.Item, last bool) decision.Result {
	ctx, end := l.Tracer.Step(l.ctx, "get", attribute.Int64("chamelio.task", int64(t.ID)))
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	task, err := l.Chamelio.Preview(ctx, t.ID)
	end(err)
	if err != nil {
		l.log.Warn("status check failed", "error", err)
	}
	outcome, cause, known := decision.Final(new(facts).seen(task, err, time.Now()).Kind, last)
	if !known || l.ctx.Err() != nil {
		return decision.Result{}
	}
	res := decision.Describe(task)
	res.Outcome, res.Cause, res.People = outcome, cause, t.Result().People // who read that it's unknown
	res.Was = texts.Moved(t.Named(), res)
	return res
}

// final returns the decision with the final results that are known.
func (l *life) final() decision.Record { return l.WithSettled(l.settled...) }

// settle saves the final results that are known, and that they are about to be posted.
func (l *life) settle() decision.Event {
	for i, res := range l.settled {
		if res.Outcome == "" {
			continue
		}
		if e := l.renew(l.Journal.Settle(l.ctx, l.lease(), i, res)); e.Kind != decision.Done {
			return e
		}
	}
	return l.renew(l.Journal.BeginSettling(l.ctx, l.lease()))
}

// edit puts the final results into the announcement. Two edits do no harm.
func (l *life) edit() decision.Event {
	say := func(d decision.Current) texts.Message { return l.Texts.Announcement(d, l.AnnouncedAt) }
	ctx, choose, end := l.whileOurs(l.ctx, l.ifOurs(l.toReplace(), l.final(), say))
	defer end()
	err := l.Poster.Update(ctx, l.Channel, l.MessageTS, choose)
	if e, withheld := withheld(err); withheld {
		return e
	}
	if err != nil {
		l.log.Info("can't edit an announcement", "error", err)
	}
	status, pause := slackapi.Classify(err)
	return decision.Event{Kind: posts[status], Pause: pause}
}

// clear saves that the final results were posted, even while the process
// stops.
func (l *life) clear() decision.Event {
	ctx, cancel := l.detached()
	defer cancel()
	return l.event(l.Journal.MarkSettled(ctx, l.ID))
}
