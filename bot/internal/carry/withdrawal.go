package carry

import (
	"context"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
)

// withdrawal is what is known about the presses of Keep task on one prompt. It exists
// from the receipt of the first one until it is known how the prompt ended. Later clicks
// on Cancel task wait for it: the first press counts.
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
	one := w.pressed[id]
	if one == nil {
		one = &withdrawal{done: make(chan struct{})}
		w.pressed[id] = one
	}
	one.presses++
	return func(known bool) {
		w.mu.Lock()
		defer w.mu.Unlock()
		one.known = one.known || known
		if one.presses--; one.presses == 0 {
			delete(w.pressed, id)
			close(one.done)
		}
	}
}

// withdrawn returns the withdrawal of a prompt; nil if there is none now.
func (w *workingSet) withdrawn(id decision.ID) *withdrawal {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.pressed[id]
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
