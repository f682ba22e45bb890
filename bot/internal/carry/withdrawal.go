package carry

import (
	"context"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
)

// withdrawal is the press, or are the presses, of Keep task on a prompt, from the
// first one's receipt until it is known what became of the prompt. Later clicks on
// Cancel task wait for it: the first press counts.
type withdrawal struct {
	presses int
	known   bool
	done    chan struct{} // closed when no press is left
}

// withdraw adds a press. The caller calls end when it is known what it did, or
// that this can't be known.
func (w *workingSet) withdraw(id decision.ID) (end func(known bool)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	one := w.kept[id]
	if one == nil {
		one = &withdrawal{done: make(chan struct{})}
		w.kept[id] = one
	}
	one.presses++
	return func(known bool) {
		w.mu.Lock()
		defer w.mu.Unlock()
		one.known = one.known || known
		if one.presses--; one.presses == 0 {
			delete(w.kept, id)
			close(one.done)
		}
	}
}

// withdrawn returns the withdrawal of a prompt; nil if there is none now.
func (w *workingSet) withdrawn(id decision.ID) *withdrawal {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.kept[id]
}

// afterWithdrawal decides a press once it is known what an earlier press of Keep
// task did. If that isn't known, this one doesn't count either.
func (c *Carrier) afterWithdrawal(ctx context.Context, p Press, earlier *withdrawal) {
	select {
	case <-earlier.done:
	case <-ctx.Done():
	}
	if ctx.Err() != nil || !earlier.known || !c.Decide(ctx, p) {
		c.cannotTell(ctx, p, errNotKnown)
	}
}
