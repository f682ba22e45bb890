package bot

import (
	"context"
	"log/slog"
	"sync"

	"golang.org/x/sync/semaphore"
)

// pool runs jobs in goroutines of their own: at most workers at a time, and
// at most limit taken on, the others waiting their turn.
type pool struct {
	workers *semaphore.Weighted
	limit   int
	log     *slog.Logger

	mu     sync.Mutex
	taken  int
	closed bool
	empty  chan struct{} // closed when closed and taken == 0
}

func newPool(workers, limit int, log *slog.Logger) *pool {
	return &pool{workers: semaphore.NewWeighted(int64(workers)), limit: limit, log: log, empty: make(chan struct{})}
}

// reserve takes a job on, or returns nil if the pool is full or closed. The
// job is begun by calling what is returned, exactly once, with the context of
// the workers. A job whose turn has not come when that ends is dropped.
func (p *pool) reserve(job func(context.Context)) func(context.Context) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || p.taken == p.limit {
		return nil
	}
	p.taken++
	return func(ctx context.Context) {
		go func() {
			defer p.done()
			if p.workers.Acquire(ctx, 1) != nil {
				return
			}
			defer p.workers.Release(1)
			defer recoverPanic(p.log)
			job(ctx)
		}()
	}
}

// load is how many jobs are taken on and not done.
func (p *pool) load() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.taken
}

func (p *pool) done() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.taken--
	if p.closed && p.taken == 0 {
		close(p.empty)
	}
}

// close stops the pool taking jobs.
func (p *pool) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.closed {
		p.closed = true
		if p.taken == 0 {
			close(p.empty)
		}
	}
}

// wait returns true once a closed pool is empty, false if ctx ended first.
func (p *pool) wait(ctx context.Context) bool {
	select {
	case <-p.empty:
		return true
	case <-ctx.Done():
		return false
	}
}
