package carry

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/journal"
	"github.com/cancelbot/cancelbot/bot/internal/observe"
	"github.com/cancelbot/cancelbot/bot/internal/slackapi"
	"github.com/cancelbot/cancelbot/bot/internal/texts"
	"github.com/cancelbot/cancelbot/bot/internal/work"
	"github.com/cancelbot/cancelbot/chamelio"
)

// holding is a decision that this process carries. Its context ends when the
// decision is lost or the process stops.
type holding struct {
	decision.Record
	ctx    context.Context
	cancel context.CancelCauseFunc
	log    *slog.Logger

	mu    sync.Mutex
	lease journal.Lease // zero until it is claimed
	phase phase
	kept  *decision.Record // of the person who pressed Keep task; nil if no one has
	check bool             // only checks unknown outcomes; a stop needn't wait for it
	known chan struct{}    // closed when phase is no longer claiming
	woken chan struct{}    // closed when the person pressed Keep task

	tasks shared // what its lives know about each task
}

// phase says how far the saving of a click is.
type phase int

const (
	claiming phase = iota // the first claim is under way
	unsure                // it got no clear answer, or lost, which is being saved
	carried               // it is claimed
	over                  // it isn't held any more
)

func newHolding(ctx context.Context, r decision.Record, log *slog.Logger) *holding {
	h := &holding{
		Record: r, known: make(chan struct{}), woken: make(chan struct{}),
		log: observe.Traced(ctx, log).With("confirmation", string(r.ID), "channel", r.Channel), tasks: newShared(r),
	}
	h.ctx, h.cancel = context.WithCancelCause(chamelio.OnBehalfOf(ctx, r.Confirmer))
	return h
}

// current returns the lease as it was last renewed.
func (h *holding) current() journal.Lease {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.lease
}

// renewed keeps a newer lease of the same row. An answer that comes late never
// shortens it.
func (h *holding) renewed(l journal.Lease) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if l.Epoch == h.lease.Epoch && l.Until.After(h.lease.Until) {
		h.lease = l
	}
}

// replaced sets the lease of a decision that was claimed or restored.
func (h *holding) replaced(l journal.Lease) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.lease = l
}

// doubt voids the lease after a renewal that didn't find the row. The next step
// finds out whether the decision is announced, taken over, or gone.
func (h *holding) doubt() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.lease.Until = time.Time{}
}

// valid reports whether the right to act holds now.
func (h *holding) valid() bool { return h.validFor(0) }

// validFor reports whether the right to act holds for d from now.
func (h *holding) validFor(d time.Duration) bool {
	return h.ctx.Err() == nil && Before(time.Now().Add(d), h.current().Until)
}

// whileOurs returns ctx and choose for a call that replaces a text, which a successor may
// replace, too. Slack mustn't handle the older call last. So choose has to find that the
// lease holds for toReplace, and when it ends, the call is cut off. A click that isn't
// claimed has no lease.
func (h *holding) whileOurs(ctx context.Context, choose slackapi.Choose) (context.Context, slackapi.Choose, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	stop := func() bool { return false }
	return ctx, func(ctx context.Context) (texts.Message, error) {
		m, err := choose(ctx)
		if h.saving() == carried {
			stop = time.AfterFunc(time.Until(h.current().Until), cancel).Stop
		}
		return m, err
	}, func() { stop(); cancel() }
}

// toReplace returns how long a lease has to hold for a text to be replaced: long enough
// for Slack, and less than what is left of a lease that is renewed.
func (c *Carrier) toReplace() time.Duration { return c.Journal.Lease() / 2 }

// Before reports whether a time hasn't come yet, by both clocks: the monotonic
// one stops while the machine is suspended (pkg.go.dev/time, Monotonic
// Clocks), and the wall clock can be set back.
func Before(now, until time.Time) bool {
	return now.Before(until) && now.Round(0).Before(until.Round(0))
}

// to sets the phase.
func (h *holding) to(p phase) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.move(p)
}

// move sets the phase. It must be called with mu held.
func (h *holding) move(p phase) {
	if h.phase == claiming && p != claiming {
		close(h.known)
	}
	h.phase = p
}

// keep records that the person pressed Keep task, by the row of that press. It
// returns false if it is already known whether the click counts.
func (h *holding) keep(r decision.Record) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.phase != unsure {
		return false
	}
	if h.kept == nil {
		h.kept = &r
		close(h.woken)
	}
	return true
}

// keptBy returns the row of the press of Keep task.
func (h *holding) keptBy() decision.Record {
	h.mu.Lock()
	defer h.mu.Unlock()
	return *h.kept
}

// saving returns how far the saving of the click is.
func (h *holding) saving() phase {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.phase
}

// saved waits until it is known whether the click counts, until knownFor after another
// press.
func (h *holding) saved(ctx context.Context, another Press) error {
	ctx, cancel := another.knowable(ctx)
	defer cancel()
	return work.Retry(ctx, 0, func() error {
		if h.saving() < carried {
			return errNotKnown
		}
		return nil
	})
}

// isKept reports whether the person pressed Keep task. If not, and the decision is
// to be carried out, it is too late for that from now on.
func (h *holding) isKept(won bool) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if won && h.kept == nil {
		h.move(carried)
	}
	return h.kept != nil
}
