package bot

import (
	"context"
	"slices"
	"sync"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/sync/errgroup"

	"github.com/cancelbot/cancelbot/bot/internal/carry"
	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/texts"
	"github.com/cancelbot/cancelbot/bot/internal/work"
	"github.com/cancelbot/cancelbot/chamelio"
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

// first reports whether the click wasn't judged before.
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
// first one's result. A click that is delivered twice shows nothing the second
// time.
func (c *clicks) watch(ctx context.Context, p carry.Press, m texts.Message) *carry.Sign {
	replaces := c.judging.first(p.Confirmation.ID)
	if !c.judging.first(p.ResponseURL + " " + p.Confirmation.Reason) {
		return nil
	}
	return c.carrier.Watch(ctx, p, m, replaces)
}

// restore shows a private prompt again after it was replaced, below the answer to the
// press. If another click has decided the prompt, it shows the result instead.
func (c *clicks) restore(ctx context.Context, p carry.Press, answer texts.Message) {
	shown := texts.Preview{Tasks: c.seenTasks(ctx, p.Confirmation)}
	c.carrier.Restore(p, answer.Above(c.texts.Prompt(p.Confirmation, shown, p.Value)))
}

// seenTasks returns the tasks of a prompt as it showed them, or as they are now if
// another replica showed them.
func (c *clicks) seenTasks(ctx context.Context, asked decision.Confirmation) []chamelio.Task {
	ctx, cancel := context.WithTimeout(ctx, taskTimeout)
	defer cancel()
	tasks := make([]chamelio.Task, len(asked.Tasks))
	var getting errgroup.Group
	getting.SetLimit(previewsAtOnce)
	for i, t := range asked.Tasks {
		seen, known := c.details.Seen(t.ID)
		if tasks[i] = seen; known {
			continue
		}
		getting.Go(func() (err error) {
			if tasks[i], err = c.tasks.Task(ctx, t.ID); err != nil {
				tasks[i] = chamelio.Task{ID: t.ID, Title: t.Title, URL: t.URL}
			}
			return nil
		})
	}
	_ = getting.Wait() // they return nothing
	return tasks
}
