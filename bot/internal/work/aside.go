package work

import (
	"context"
	"sync"
	"time"
)

// Aside runs jobs next to the workers, because they may wait for minutes. It bounds
// them, and those about one thing, such as a channel: where jobs wait, they take
// nothing from the others.
type Aside struct {
	group        *Group
	atOnce, each int

	mu      sync.Mutex
	running int
	about   map[string]int
}

// crowdedFor bounds a job for which there is no room.
const crowdedFor = 10 * time.Second

// NewAside returns an Aside that runs up to atOnce jobs at a time in group, and up to
// each of them about one thing.
func NewAside(group *Group, atOnce, each int) *Aside {
	return &Aside{group: group, atOnce: atOnce, each: each, about: map[string]int{}}
}

// Run runs job in a goroutine. If there is no room, it runs job itself, and ends
// the job's context after ten seconds.
func (a *Aside) Run(ctx context.Context, about string, job func(context.Context)) {
	if a.Try(ctx, about, job) {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, crowdedFor)
	defer cancel()
	job(ctx)
}

// Try runs job in a goroutine, or returns false if there is no room.
func (a *Aside) Try(ctx context.Context, about string, job func(context.Context)) bool {
	if !a.enter(about) {
		return false
	}
	a.group.Run(func() {
		defer a.leave(about)
		job(ctx)
	})
	return true
}

func (a *Aside) enter(about string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.running == a.atOnce || a.about[about] == a.each {
		return false
	}
	a.running++
	a.about[about]++
	return true
}

func (a *Aside) leave(about string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.running--
	if a.about[about]--; a.about[about] == 0 {
		delete(a.about, about)
	}
}
