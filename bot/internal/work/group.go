package work

import (
	"context"
	"log/slog"
	"runtime/debug"
	"sync"
)

// Group runs goroutines, recovers their panics, and waits for them to end.
type Group struct {
	log *slog.Logger
	wg  sync.WaitGroup
}

// NewGroup returns an empty group that logs panics to log.
func NewGroup(log *slog.Logger) *Group { return &Group{log: log} }

// Run calls f in a new goroutine.
func (g *Group) Run(f func()) {
	g.wg.Go(func() {
		defer RecoverPanic(g.log)
		f()
	})
}

// Wait blocks until all goroutines have ended or ctx has.
func (g *Group) Wait(ctx context.Context) {
	ended := make(chan struct{})
	go func() {
		g.wg.Wait()
		close(ended)
	}()
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
