package bot

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/journal"
	"github.com/cancelbot/cancelbot/bot/internal/observe"
)

// maxHeld bounds how many decisions this process works on at a time. What goes
// beyond is turned away before it is claimed.
const maxHeld = 4096

// leases is what ownership needs of the journal.
type leases interface {
	RenewAll(context.Context, []journal.Lease) ([]journal.Lease, error)
	Release(context.Context, ...journal.Lease) error
	Lease() time.Duration
}

// holding is a decision that this process works on: as long as it is held, its
// context lives.
type holding struct {
	decision.Record
	ctx    context.Context // ends when the decision is lost, or the process stops
	cancel context.CancelCauseFunc
	log    *slog.Logger

	mu    sync.Mutex
	lease journal.Lease
}

// current is the lease as it was last renewed.
func (h *holding) current() journal.Lease {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.lease
}

// renewed notes a newer lease. An answer that comes late never shortens it.
func (h *holding) renewed(l journal.Lease) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if l.Until.After(h.lease.Until) {
		h.lease = l
	}
}

// resumed tells a decision that somebody worked on before from a fresh one.
func (h *holding) resumed() bool { return h.current().Epoch > 1 }

// valid reports whether the right to act holds now, by the monotonic clock.
func (h *holding) valid() bool {
	return h.ctx.Err() == nil && time.Now().Before(h.current().Until)
}

// restorer is what putting a decision back needs of the journal.
type restorer interface {
	PutBack(context.Context, decision.Record) (journal.Lease, error)
}

// errOverruled means that a decision that had vanished was put back with an
// unknown outcome: another about the same task has been made since, and which
// of the two does what cannot be known.
var errOverruled = errors.New("another decision about the task was made since")

// putBack writes a decision again that has vanished from the journal, as a
// restored backup or a failover can make it, and makes it ours: under way if
// res is zero, else with that outcome, at once, so that nobody carries it out
// once more. errOverruled if all that is left is to tell its outcome as unknown,
// and to look after it.
func (h *holding) putBack(ctx context.Context, j restorer, m *observe.Metrics, res decision.Result) error {
	m.Vanished.Inc()
	l, err := j.PutBack(ctx, h.Record.With(res))
	overruled := errors.Is(err, journal.ErrTaken)
	if overruled {
		l, err = j.PutBack(ctx, h.Record.With(res.Overruled()))
	}
	if err != nil {
		return fmt.Errorf("a decision has vanished from the journal: %w", err)
	}
	h.log.Error("a decision had vanished from the journal; it was put back. Was the database restored from a backup, or failed over?", "overruled", overruled)
	h.replaced(l)
	if overruled {
		return errOverruled
	}
	return nil
}

// workingSet is the decisions that this process works on. Only these have
// their leases renewed: what is dropped is let go, and what is forgotten runs
// out.
type workingSet struct {
	journal leases
	log     *slog.Logger

	mu       sync.Mutex
	held     map[decision.ID]*holding
	reserved int
	toGo     []journal.Lease // releases that the journal did not take yet
	changed  chan struct{}   // closed and replaced when one leaves
}

func newWorkingSet(j leases, log *slog.Logger) *workingSet {
	return &workingSet{journal: j, log: log, held: map[decision.ID]*holding{}, changed: make(chan struct{})}
}

// reserve makes room for a decision that is about to be claimed; false if
// there is none. Call unreserve when it is claimed or not.
func (w *workingSet) reserve() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.held)+w.reserved >= maxHeld {
		return false
	}
	w.reserved++
	return true
}

func (w *workingSet) unreserve() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.reserved--
	w.signal()
}

// free is how many more decisions there is room for.
func (w *workingSet) free() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return max(maxHeld-len(w.held)-w.reserved, 0)
}

// add begins to hold a decision. A former holding of the same decision, at an
// older epoch, ends.
func (w *workingSet) add(ctx context.Context, d decision.Record, l journal.Lease) *holding {
	h := &holding{
		Record: d, lease: l,
		log: w.log.With("confirmation", string(d.ID), "task", d.TaskID, "channel", d.Channel),
	}
	h.ctx, h.cancel = context.WithCancelCause(ctx)
	w.mu.Lock()
	defer w.mu.Unlock()
	if former := w.held[d.ID]; former != nil {
		former.cancel(journal.ErrLost)
	}
	w.held[d.ID] = h
	return h
}

// drop ends a holding whose decision needs nobody any more, or is somebody
// else's.
func (w *workingSet) drop(h *holding) {
	w.mu.Lock()
	defer w.mu.Unlock()
	h.cancel(nil)
	if w.held[h.ID] == h {
		delete(w.held, h.ID)
	}
	w.signal()
}

// letGo ends a holding whose decision still needs somebody.
func (w *workingSet) letGo(h *holding) {
	w.mu.Lock()
	w.toGo = append(w.toGo, h.current())
	w.mu.Unlock()
	w.drop(h)
}

// ids are the decisions that are held.
func (w *workingSet) ids() []decision.ID {
	w.mu.Lock()
	defer w.mu.Unlock()
	ids := make([]decision.ID, 0, len(w.held))
	for id := range w.held {
		ids = append(ids, id)
	}
	return ids
}

// renew keeps what is held, and gives up what was let go. It is a loop's.
func (w *workingSet) renew(ctx context.Context) error {
	w.mu.Lock()
	all := make([]journal.Lease, 0, len(w.held))
	for _, h := range w.held {
		all = append(all, h.current())
	}
	toGo := w.toGo
	w.toGo = nil
	w.mu.Unlock()

	var released error
	if len(toGo) > 0 {
		if released = w.journal.Release(ctx, toGo...); released != nil {
			w.mu.Lock()
			w.toGo = append(w.toGo, toGo...) // bounded by what was ever held; the leases run out meanwhile
			w.mu.Unlock()
		}
	}
	still, err := w.journal.RenewAll(ctx, all)
	if err != nil {
		return errors.Join(err, released)
	}
	kept := make(map[decision.ID]journal.Lease, len(still))
	for _, l := range still {
		kept[l.ID] = l
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, asked := range all {
		h := w.held[asked.ID]
		if h == nil || h.current().Epoch != asked.Epoch {
			continue // dropped, or taken over anew, in the meantime
		}
		if l, ok := kept[asked.ID]; ok {
			h.renewed(l)
		} else {
			h.mayBeLost()
		}
	}
	return released
}

// mayBeLost is told to a holding that a renewal did not find. Its own next
// step finds out: the decision may be done, taken over, or gone.
func (h *holding) mayBeLost() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.lease.Until = time.Time{}
}

// empty waits until nothing is held; false if ctx ended first.
func (w *workingSet) empty(ctx context.Context) bool {
	for {
		w.mu.Lock()
		changed, n := w.changed, len(w.held)+w.reserved
		w.mu.Unlock()
		if n == 0 {
			return true
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return false
		}
	}
}

// releaseAll gives everything up at the end of the process.
func (w *workingSet) releaseAll(ctx context.Context) error {
	w.mu.Lock()
	all := w.toGo
	for _, h := range w.held {
		all = append(all, h.current())
		h.cancel(nil)
	}
	w.held, w.toGo = map[decision.ID]*holding{}, nil
	w.mu.Unlock()
	if len(all) == 0 {
		return nil
	}
	return w.journal.Release(ctx, all...)
}

// signal wakes whoever waits for the set to be empty. Called with mu held.
func (w *workingSet) signal() {
	close(w.changed)
	w.changed = make(chan struct{})
}

// replaced notes the lease of a decision that was put back.
func (h *holding) replaced(l journal.Lease) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.lease = l
}
