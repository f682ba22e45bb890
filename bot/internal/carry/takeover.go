package carry

import (
	"context"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/journal"
)

const (
	takeEvery     = 2 * time.Second
	followUpEvery = 5 * time.Second

	// ownersFirst is how long after the journal was away no announcement or audit
	// copy is taken over: longer than an owner that is alive needs to record what it posted.
	ownersFirst = 15 * time.Second

	// maxTaken bounds how many decisions are taken over at a time.
	maxTaken = 64

	// maxChecks bounds how many decisions with unknown outcomes are checked at a time.
	// One whose final result waits for Slack doesn't count, so a channel in which Slack
	// hangs delays no other. Decisions that are followed up leave roomForClicks.
	maxChecks     = 8
	roomForClicks = maxHeld / 2
)

// OwnersFirst reports whether the journal was away a moment ago, so that living
// owners record first what they posted.
func (c *Carrier) OwnersFirst() bool { return c.set.trouble.within(ownersFirst) }

// takeToResolve, takeToAnnounce and takeToFollowUp run in loops of their own, so
// that none waits behind another.
func (c *Carrier) takeToResolve(ctx context.Context) error {
	return c.take(ctx, "resuming a decision", maxTaken, func(ctx context.Context, limit int) ([]journal.Held, error) {
		return c.Journal.TakeExpired(ctx, journal.ToResolve, limit, c.set.ids())
	})
}

func (c *Carrier) takeToAnnounce(ctx context.Context) error {
	if c.OwnersFirst() {
		return nil
	}
	return c.take(ctx, "resuming an announcement", maxTaken, func(ctx context.Context, limit int) ([]journal.Held, error) {
		return c.Journal.TakeExpired(ctx, journal.ToAnnounce, limit, c.set.ids())
	})
}

func (c *Carrier) takeToFollowUp(ctx context.Context) error {
	limit := min(maxChecks-int(c.checks.Load()), c.set.free()-roomForClicks)
	if c.OwnersFirst() {
		return nil
	}
	return c.take(ctx, "checking an unknown outcome", limit, func(ctx context.Context, limit int) ([]journal.Held, error) {
		return c.Journal.TakeUnsettled(ctx, limit, c.set.ids())
	})
}

// take takes rows over that no living process holds, and carries them. The
// journal returns only rows that verify.
func (c *Carrier) take(ctx context.Context, doing string, limit int, take func(context.Context, int) ([]journal.Held, error)) error {
	if limit = min(limit, c.set.free()); limit <= 0 || c.draining.Load() {
		return nil
	}
	taken, err := take(ctx, limit)
	c.set.trouble.note(ctx, err)
	for _, held := range taken {
		c.resume(doing, held)
	}
	return err
}

// resume carries a row that was taken over.
func (c *Carrier) resume(doing string, held journal.Held) {
	r := held.Record
	states := decision.Resumed(r)
	check := states[0].Stage == decision.Following || states[0].Stage == decision.Settling
	h := c.set.add(c.Tracer.Resume(c.process, r.ID), r, held.Lease, check)
	h.tasks.begin(len(states))
	prompt := c.newPrompt(h, nil)
	for task, state := range states {
		l := &life{holding: h, prompt: prompt, job: job{task: task, state: state}}
		if state.Stage == decision.Resolving {
			l.facts.details = c.Details.find(l.ctx, h.log, r, task)
		}
		h.log.Info("taken over", "work", doing, "task", int64(r.Tasks[task].ID), "epoch", held.Lease.Epoch, "stage", state.Stage.String(), "sent", r.Tasks[task].Sent)
		c.start(l)
	}
}
