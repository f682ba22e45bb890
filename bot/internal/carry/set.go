package carry

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/journal"
)

// maxHeld bounds how many decisions this process carries at a time. A click
// beyond it is turned away before it is claimed.
const maxHeld = 4096

// leases is the part of the journal that the working set needs.
type leases interface {
	RenewAll(context.Context, []journal.Lease) ([]journal.Lease, error)
	Release(context.Context, ...journal.Lease) error
	Lease() time.Duration
}

// trouble remembers when a call to the journal last failed. One that was given up,
// because the process stops, says nothing about the journal.
type trouble struct{ last atomic.Pointer[time.Time] }

func (t *trouble) note(ctx context.Context, err error) {
	if err != nil && ctx.Err() == nil {
		t.last.Store(new(time.Now()))
	}
}

// within reports whether a call failed within the last d.
func (t *trouble) within(d time.Duration) bool {
	last := t.last.Load()
	return last != nil && time.Since(*last) < d
}

// workingSet is the set of decisions that this process carries. Only their
// leases are renewed: a dropped decision is released, and the lease of a
// forgotten one expires.
type workingSet struct {
	journal leases
	log     *slog.Logger

	mu      sync.Mutex
	held    map[decision.ID]*holding
	waiting []journal.Lease             // releases that the journal hasn't taken yet
	changed chan struct{}               // closed and replaced when a decision leaves
	pressed map[decision.ID]*withdrawal // by prompt, while presses of Keep task are being answered
	trouble trouble
}

func newWorkingSet(j leases, log *slog.Logger) *workingSet {
	return &workingSet{journal: j, log: log, held: map[decision.ID]*holding{}, changed: make(chan struct{}), pressed: map[decision.ID]*withdrawal{}}
}

// enter adds a click that is about to be claimed. If the decision is held
// already, it returns that holding and false; nil if there is no room.
func (w *workingSet) enter(ctx context.Context, r decision.Record) (h *holding, fresh bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if h := w.held[r.ID]; h != nil {
		return h, false
	}
	if len(w.held) >= maxHeld {
		return nil, false
	}
	h = newHolding(ctx, r, w.log)
	w.held[r.ID] = h
	return h, true
}

// add adds a decision that was taken over. An earlier holding of the same
// decision, at an older epoch, ends. One whose claim isn't known yet finds the
// decision by itself.
func (w *workingSet) add(ctx context.Context, r decision.Record, l journal.Lease, check bool) *holding {
	h := newHolding(ctx, r, w.log)
	h.check = check
	h.lease = l
	h.to(carried)
	w.mu.Lock()
	defer w.mu.Unlock()
	if former := w.held[r.ID]; former != nil && former.saving() == carried {
		former.cancel(journal.ErrLost)
	}
	w.held[r.ID] = h
	return h
}

// get returns the holding of a decision; nil if there is none.
func (w *workingSet) get(id decision.ID) *holding {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.held[id]
}

// free returns how many more decisions there is room for.
func (w *workingSet) free() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return max(maxHeld-len(w.held), 0)
}

// drop ends a holding. Called again it does nothing.
func (w *workingSet) drop(h *holding) {
	w.mu.Lock()
	defer w.mu.Unlock()
	h.cancel(nil)
	if w.held[h.ID] == h {
		delete(w.held, h.ID)
	}
	h.to(over)
	close(w.changed)
	w.changed = make(chan struct{})
}

// letGo ends a holding whose decision still needs a process, and releases its
// lease.
func (w *workingSet) letGo(h *holding) {
	if l := h.current(); l.ID != "" {
		w.mu.Lock()
		w.waiting = append(w.waiting, l)
		w.mu.Unlock()
	}
	w.drop(h)
}

// ids returns the decisions that are held, claimed or not.
func (w *workingSet) ids() []decision.ID {
	w.mu.Lock()
	defer w.mu.Unlock()
	ids := make([]decision.ID, 0, len(w.held))
	for id := range w.held {
		ids = append(ids, id)
	}
	return ids
}

// leases returns the current lease of everything that is claimed.
func (w *workingSet) leases() []journal.Lease {
	all := make([]journal.Lease, 0, len(w.held))
	for _, h := range w.held {
		if l := h.current(); l.ID != "" {
			all = append(all, l)
		}
	}
	return all
}

// renew renews the leases of held decisions, and releases those that were let
// go. It runs in a loop.
func (w *workingSet) renew(ctx context.Context) error {
	w.mu.Lock()
	all, waiting := w.leases(), w.waiting
	w.waiting = nil
	w.mu.Unlock()

	var released error
	if len(waiting) > 0 {
		if released = w.journal.Release(ctx, waiting...); released != nil {
			w.mu.Lock()
			w.waiting = append(w.waiting, waiting...) // bounded by what was ever held; the leases expire in the meantime
			w.mu.Unlock()
		}
	}
	still, err := w.journal.RenewAll(ctx, all)
	w.trouble.note(ctx, err)
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
			continue // dropped, or taken over again, in the meantime
		}
		if l, ok := kept[asked.ID]; ok {
			h.renewed(l)
		} else {
			h.doubt()
		}
	}
	return released
}

// empty waits until nothing is held but checks of unknown outcomes; false if ctx
// ends first.
func (w *workingSet) empty(ctx context.Context) bool {
	for {
		w.mu.Lock()
		changed, n := w.changed, 0
		for _, h := range w.held {
			if !h.check {
				n++
			}
		}
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

// endChecks ends the checks of unknown outcomes, which another process then
// continues.
func (w *workingSet) endChecks() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, h := range w.held {
		if h.check {
			h.cancel(context.Canceled)
		}
	}
}

// releaseAll releases everything at the end of the process.
func (w *workingSet) releaseAll(ctx context.Context) error {
	w.mu.Lock()
	all := slices.Concat(w.waiting, w.leases())
	for _, h := range w.held {
		h.cancel(nil)
	}
	w.held, w.waiting = map[decision.ID]*holding{}, nil
	w.mu.Unlock()
	if len(all) == 0 {
		return nil
	}
	return w.journal.Release(ctx, all...)
}
