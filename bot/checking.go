package bot

import (
	"context"
	"slices"
	"sync"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/cancelbot/cancelbot/bot/internal/carry"
	"github.com/cancelbot/cancelbot/bot/internal/texts"
	"github.com/cancelbot/cancelbot/bot/internal/work"
)

// maxPrompts bounds how many pressed prompts are remembered.
const maxPrompts = 8192

// judging knows the clicks that are being judged.
type judging struct {
	mu      sync.Mutex
	now     map[string][]chan struct{}   // by the confirmation's ID, in the order of their receipt; closed when judged
	pressed *lru.Cache[string, struct{}] // prompts and clicks that were judged before
}

func newJudging() *judging {
	return &judging{now: map[string][]chan struct{}{}, pressed: work.NewCache[string, struct{}](maxPrompts)}
}

// begin adds a click. The caller must call end once it is judged, and carried if it
// is allowed. wait waits for the clicks on the same prompt that began before, or
// until ctx ends.
func (j *judging) begin(id string) (wait func(context.Context), end func()) {
	j.mu.Lock()
	defer j.mu.Unlock()
	earlier, one := slices.Clone(j.now[id]), make(chan struct{})
	j.now[id] = append(j.now[id], one)
	wait = func(ctx context.Context) {
		for _, before := range earlier {
			select {
			case <-before:
			case <-ctx.Done():
			}
		}
	}
	return wait, func() {
		j.mu.Lock()
		defer j.mu.Unlock()
		close(one)
		j.now[id] = slices.DeleteFunc(j.now[id], func(other chan struct{}) bool { return other == one })
		if len(j.now[id]) == 0 {
			delete(j.now, id)
		}
	}
}

// first reports whether what (a prompt's ID, or a click's response_url and reason) comes
// for the first time, and remembers it.
func (j *judging) first(what string) bool {
	again, _ := j.pressed.ContainsOrAdd(what, struct{}{})
	return !again
}

// has reports whether a click on the prompt is being judged.
func (j *judging) has(id string) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return len(j.now[id]) > 0
}

// watch begins to watch p, and shows m if its answer takes long. Only the first
// click on a private prompt replaces it: at the next one it may already show the
// first one's result. Nor does a click after which the prompt stays. A click that is
// delivered twice shows nothing the second time.
func (c *clicks) watch(ctx context.Context, p carry.Press, m texts.Message, stays bool) *carry.Sign {
	replaces := c.judging.first(p.Confirmation.ID) && !stays
	if !c.judging.first(p.ResponseURL + " " + p.Confirmation.Reason) {
		return nil
	}
	return c.carrier.Watch(ctx, p, m, replaces)
}
