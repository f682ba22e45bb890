package bot

import (
	"context"
	"log/slog"
	"runtime/debug"
	"sync"
)

// group owns goroutines: it knows when all have ended, and keeps one's panic
// from taking the others down.
type group struct {
	log *slog.Logger
	wg  sync.WaitGroup
}

func (g *group) run(f func()) {
	g.wg.Go(func() {
		defer recoverPanic(g.log)
		f()
	})
}

// wait waits until all have ended, or ctx has.
func (g *group) wait(ctx context.Context) {
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

// recoverPanic logs a panic and goes on. A decision that it leaves behind runs
// out of its lease, and is taken up again.
func recoverPanic(log *slog.Logger) {
	if reason := recover(); reason != nil {
		log.Error("a job panicked; this is a bug", "panic", reason, "stack", string(debug.Stack()))
	}
}
