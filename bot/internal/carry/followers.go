package carry

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/work"
)

const (
	maxFollowers  = 512
	followEvery   = time.Minute // while no one follows
	followPause   = time.Second
	followLimit   = 5 * time.Minute
	followTimeout = 10 * time.Second
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
	id      decision.ID
	until   time.Time
	deliver func(context.Context, decision.Record)
}

func newFollowers(process context.Context, j reader, group *work.Group, log *slog.Logger) *followers {
	f := &followers{process: process, journal: j, group: group}
	f.loop = work.NewLoop("followers", followEvery, log, f.check)
	return f
}

// add calls deliver when a decision has its outcome. Beyond maxFollowers it doesn't:
// people know already where the outcome will be posted.
func (f *followers) add(id decision.ID, deliver func(context.Context, decision.Record)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.here) < maxFollowers {
		f.loop.Soon()
		f.here = append(f.here, follower{id, time.Now().Add(followLimit), deliver})
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
	var still []follower
	for _, one := range waiting {
		d, asked := known[one.id]
		if !asked && failed == nil {
			var err error
			if d, err = f.journal.Get(ctx, one.id); err != nil {
				failed = err
			}
			known[one.id] = d
		}
		switch {
		case d.Outcome() != "":
			f.group.Run(func() { f.send(one, d) })
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

// send sends the outcome to one follower.
func (f *followers) send(one follower, d decision.Record) {
	ctx, cancel := context.WithTimeout(f.process, followTimeout)
	defer cancel()
	one.deliver(ctx, d)
}
