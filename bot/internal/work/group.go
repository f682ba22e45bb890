package work

import (
	"context"
	"log/slog"
	"runtime/debug"
	"sync"
)

// Group runs goroutines, recovers their panics, and waits for them to end. Run
// may be called while others wait.
type Group struct {
	log *slog.Logger

	mu      sync.Mutex
	running int
	ended   chan struct{} // closed when running is zero again; nil while it is zero
}

// NewGroup returns an empty group that logs panics to log.
func NewGroup(log *slog.Logger) *Group { return &Group{log: log} }

// Run calls f in a new goroutine.
func (g *Group) Run(f func()) {
	g.begin()
	go func() {
		defer g.end()
		defer RecoverPanic(g.log)
		f()
	}()
}

func (g *Group) begin() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.running == 0 {
		g.ended = make(chan struct{})
	}
	g.running++
}

func (g *Group) end() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.running--; g.running == 0 {
		close(g.ended)
		g.ended = nil
	}
}

// Wait blocks until no goroutine runs or ctx ends. It doesn't wait for
// goroutines that begin after the last one has ended.
func (g *Group) Wait(ctx context.Context) {
	g.mu.Lock()
	ended := g.ended
	g.mu.Unlock()
	if ended == nil {
		return
	}
	select {
	case <-ended:
	case <-ctx.Done():
	}
}

// RecoverPanic logs a panic, if there is one, and stops it. It must be
// deferred.
func RecoverPanic(log *slog.Logger) {
	if reason := recover(); reason != nil {
		log.Error("job panicked; this is a bug", "panic", reason, "stack", string(debug.Stack()))
	}
}
