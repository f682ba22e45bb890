package carry

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/journal"
	"github.com/cancelbot/cancelbot/bot/internal/slackapi"
	"github.com/cancelbot/cancelbot/bot/internal/work"
)

const (
	// maxFollowers bounds the followers, maxOfPerson those of one person: someone who presses
	// often, on whatever prompts, leaves room for others.
	maxFollowers = 2048
	maxOfPerson  = 32

	followEvery = time.Minute // while no one follows

	// followLimit is how long someone follows: later, nothing can be shown to them.
	// A claim may be in doubt for minutes.
	followLimit = slackapi.ResponseURLLife

	followPause = time.Second
)

// reader is the part of the journal that followers need.
type reader interface {
	Get(context.Context, decision.ID) (decision.Record, error)
}

// followers are people whose click came second. They get the outcome of the
// first one when it is known, even if another process carries it. Waiting
// costs no worker.
type followers struct {
	process context.Context
	journal reader
	group   *work.Group
	loop    *work.Loop

	mu   sync.Mutex
	here []follower
}

type follower struct {
	person  string
	winners []decision.Record // with the tasks that the click was about
	ready   func(decision.Record) bool
	until   time.Time
	deliver func(context.Context, []decision.Record)
}

// allDecided reports whether each decision has its outcome.
func allDecided(all []decision.Record) bool { return each(all, hasOutcome) }

func hasOutcome(d decision.Record) bool { return d.Outcome() != "" }

// each reports whether all decisions are ready.
func each(all []decision.Record, ready func(decision.Record) bool) bool {
	return !slices.ContainsFunc(all, func(d decision.Record) bool { return !ready(d) })
}

func newFollowers(process context.Context, j reader, group *work.Group, log *slog.Logger) *followers {
	f := &followers{process: process, journal: j, group: group}
	f.loop = work.NewLoop("followers", followEvery, log, f.check)
	return f
}

// add calls deliver when all decisions have their outcomes. Beyond the bounds it
// doesn't: people know already where the outcomes will be posted.
func (f *followers) add(person string, winners []decision.Record, deliver func(context.Context, []decision.Record)) {
	f.addUntil(hasOutcome, person, winners, deliver)
}

// addUntil is like add, but calls deliver when ready returns true for each decision.
func (f *followers) addUntil(ready func(decision.Record) bool, person string, winners []decision.Record, deliver func(context.Context, []decision.Record)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	theirs := 0
	for _, one := range f.here {
		if one.person == person {
			theirs++
		}
	}
	if theirs < maxOfPerson && len(f.here) < maxFollowers {
		f.loop.Soon()
		f.here = append(f.here, follower{person, winners, ready, time.Now().Add(followLimit), deliver})
	}
}

// check reads each decision that has followers. It doesn't wait for Slack, so
// one follower that can't be reached doesn't delay the others.
func (f *followers) check(ctx context.Context) error {
	f.mu.Lock()
	waiting := f.here
	f.here = nil
	f.mu.Unlock()
	var failed error
	known := map[decision.ID]decision.Record{}
	read := func(id decision.ID) decision.Record {
		d, asked := known[id]
		if !asked && failed == nil {
			var err error
			if d, err = f.journal.Get(ctx, id); err != nil && !errors.Is(err, journal.ErrGone) && !journal.IsUnverified(err) {
				failed = err // the journal's; the others are about this row
			}
			known[id] = d
		}
		return d
	}
	var still []follower
	for _, one := range waiting {
		switch one.winners = updated(one.winners, one.ready, read); {
		case each(one.winners, one.ready):
			f.group.Run(func() { f.send(one) })
		case time.Now().Before(one.until):
			still = append(still, one)
		}
	}
	f.mu.Lock()
	f.here = append(still, f.here...)
	if len(f.here) > 0 {
		time.AfterFunc(followPause, f.loop.Soon)
	}
	f.mu.Unlock()
	return failed
}

// updated returns decisions in their current state, as far as it can be read; those that
// are ready already, as they are.
func updated(before []decision.Record, ready func(decision.Record) bool, read func(decision.ID) decision.Record) []decision.Record {
	now := slices.Clone(before)
	for i, d := range now {
		if ready(d) {
			continue
		}
		ids := d.IDs()
		found := read(d.ID).Only(func(t decision.Item) bool { return slices.Contains(ids, t.ID) })
		if len(found.Tasks) == len(ids) {
			now[i] = found
		}
	}
	return now
}

// send sends the outcomes to one follower.
func (f *followers) send(one follower) {
	ctx, cancel := context.WithTimeout(f.process, followLimit)
	defer cancel()
	one.deliver(ctx, one.winners)
}
