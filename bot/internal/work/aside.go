package work

import (
	"context"
	"sync"
	"time"
)

// Aside runs jobs that may wait for minutes, each in a goroutine of its own. It limits
// how many run at once, in total and for each key, such as a channel, so jobs that wait
// for one channel leave room for the others.
type Aside struct {
	group          *Group
	atOnce, perKey int

	mu      sync.Mutex
	running int
	keys    map[string]int
}

// crowdedFor bounds a job for which there is no room.
const crowdedFor = 10 * time.Second

// NewAside returns an Aside that runs up to atOnce jobs at a time in group, and up to
// perKey of them with the same key.
func NewAside(group *Group, atOnce, perKey int) *Aside {
	return &Aside{group: group, atOnce: atOnce, perKey: perKey, keys: map[string]int{}}
}

// Run runs job in a goroutine. If there is no room, it runs job itself, and ends
// the job's context after ten seconds.
func (a *Aside) Run(ctx context.Context, key string, job func(context.Context)) {
	if a.Try(ctx, key, job) {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, crowdedFor)
	defer cancel()
	job(ctx)
}

// Try runs job in a goroutine, or returns false if there is no room.
func (a *Aside) Try(ctx context.Context, key string, job func(context.Context)) bool {
	if !a.enter(key) {
		return false
	}
	a.group.Run(func() {
		defer a.leave(key)
		job(ctx)
	})
	return true
}

func (a *Aside) enter(key string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.running == a.atOnce || a.keys[key] == a.perKey {
		return false
	}
	a.running++
	a.keys[key]++
	return true
}

func (a *Aside) leave(key string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.running--
	if a.keys[key]--; a.keys[key] == 0 {
		delete(a.keys, key)
	}
}
