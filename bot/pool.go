package bot

import (
	"context"
	"log/slog"
	"runtime/debug"
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

// try takes a job on, or reports false if the pool is full or closed. The job
// is run even when ctx has ended by then: it sees that itself.
func (p *pool) try(ctx context.Context, job func(context.Context)) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || p.taken == p.limit {
		return false
	}
	p.taken++
	go func() {
		defer p.done()
		if p.workers.Acquire(ctx, 1) == nil {
			defer p.workers.Release(1)
		}
		defer p.survive()
		job(ctx)
	}()
	return true
}

// load is how many jobs are taken on and not done.
func (p *pool) load() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.taken
}

// survive keeps one job's panic from taking the others down. A decision it
// leaves behind is taken up again from the journal.
func (p *pool) survive() {
	if reason := recover(); reason != nil {
		p.log.Error("a job panicked; this is a bug", "panic", reason, "stack", string(debug.Stack()))
	}
}

func (p *pool) done() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.taken--
	if p.closed && p.taken == 0 {
		close(p.empty)
	}
}

// free tells how many more jobs the pool would take.
func (p *pool) free() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return 0
	}
	return p.limit - p.taken
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

// waitGroup is a sync.WaitGroup for functions that run until their context
// ends.
type waitGroup struct{ sync.WaitGroup }

func (g *waitGroup) run(ctx context.Context, f func(context.Context)) { g.Go(func() { f(ctx) }) }
