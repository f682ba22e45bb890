package work

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"
)

// Pool runs jobs, each in its own goroutine. It bounds how many run at a time,
// and how many are accepted, running or waiting.
type Pool struct {
	workers *semaphore.Weighted
	limit   int
	log     *slog.Logger

	mu      sync.Mutex
	taken   int
	waiting int       // jobs that were started and wait for a worker
	moved   time.Time // when a job last got a worker, or started to wait with none before it
	closed  bool
	empty   chan struct{} // closed when closed and taken == 0
}

// NewPool returns a pool that runs up to workers jobs at a time and accepts up
// to limit.
func NewPool(workers, limit int, log *slog.Logger) *Pool {
	return &Pool{workers: semaphore.NewWeighted(int64(workers)), limit: limit, log: log, empty: make(chan struct{})}
}

// Reserve accepts a job, or returns nil if the pool is full or closed. The
// caller must call the returned function exactly once, with the context of the
// job, to start it. A job that is still waiting when its context ends is
// dropped.
func (p *Pool) Reserve(job func(context.Context)) func(context.Context) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || p.taken == p.limit {
		return nil
	}
	p.taken++
	return func(ctx context.Context) {
		go func() {
			defer p.done()
			if !p.acquire(ctx) {
				return
			}
			defer p.workers.Release(1)
			defer RecoverPanic(p.log)
			job(ctx)
		}()
	}
}

// acquire waits for a worker.
func (p *Pool) acquire(ctx context.Context) bool {
	p.mu.Lock()
	if p.waiting == 0 {
		p.moved = time.Now()
	}
	p.waiting++
	p.mu.Unlock()
	err := p.workers.Acquire(ctx, 1)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.waiting--
	p.moved = time.Now()
	return err == nil
}

// Stalled returns for how long jobs have waited without one getting a worker; 0
// if none waits.
func (p *Pool) Stalled() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.waiting == 0 {
		return 0
	}
	return time.Since(p.moved)
}

// Load returns how many jobs are accepted and not done.
func (p *Pool) Load() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.taken
}

func (p *Pool) done() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.taken--
	if p.closed && p.taken == 0 {
		close(p.empty)
	}
}

// Close makes the pool reject further jobs.
func (p *Pool) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.closed {
		p.closed = true
		if p.taken == 0 {
			close(p.empty)
		}
	}
}

// Wait blocks until the pool is closed and its jobs are done. It returns false
// if ctx ends first.
func (p *Pool) Wait(ctx context.Context) bool {
	select {
	case <-p.empty:
		return true
	case <-ctx.Done():
		return false
	}
}
