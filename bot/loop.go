package bot

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// loop does something again and again, in a goroutine of whoever calls run.
type loop struct {
	name  string // what it does, for logs, metrics and /readyz
	every time.Duration
	do    func(context.Context) error
	log   *slog.Logger

	wake chan struct{}
	last atomic.Pointer[time.Time] // when it last succeeded, or began
}

// loopStalled is how long a loop may go without success until the process is
// not ready.
const loopStalled = 12 * time.Second

func newLoop(name string, every time.Duration, log *slog.Logger, do func(context.Context) error) *loop {
	return &loop{name: name, every: every, do: do, log: log, wake: make(chan struct{}, 1)}
}

// soon has the loop run at once. It never blocks.
func (l *loop) soon() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// run runs until ctx ends. A failure is logged when it begins and when it is
// over, not each time.
func (l *loop) run(ctx context.Context) {
	l.succeeded()
	failing := false
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
		case <-l.wake:
		case <-ctx.Done():
			return
		}
		err := l.do(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil && !failing:
			l.log.Error("a background loop fails; it goes on trying", "loop", l.name, "error", err)
		case err == nil && failing:
			l.log.Info("a background loop works again", "loop", l.name)
		}
		if failing = err != nil; !failing {
			l.succeeded()
		}
		timer.Reset(l.every)
	}
}

func (l *loop) succeeded() { l.last.Store(new(time.Now())) }

// age is how long ago the loop last succeeded; 0 before it runs.
func (l *loop) age() time.Duration {
	last := l.last.Load()
	if last == nil {
		return 0
	}
	return time.Since(*last)
}

// retry calls try until it returns nil or a permanent error (backoff.Permanent)
// or ctx ends; with a limit, not for longer than that. Between two tries it
// waits as long as a backoff.RetryAfterError says, else ever longer, at most
// maxRetryPause.
func retry(ctx context.Context, limit time.Duration, try func() error) error {
	wait := backoff.NewExponentialBackOff()
	wait.InitialInterval, wait.MaxInterval = 200*time.Millisecond, maxRetryPause
	_, err := backoff.Retry(ctx, func() (struct{}, error) { return struct{}{}, try() },
		backoff.WithBackOff(wait), backoff.WithMaxElapsedTime(limit))
	return err
}

const maxRetryPause = 5 * time.Second

// sleep waits; false if ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}
