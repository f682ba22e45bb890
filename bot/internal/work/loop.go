package work

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"
)

// Loop runs a function periodically.
type Loop struct {
	Name  string // for logs, metrics and /readyz
	Every time.Duration

	do   func(context.Context) error
	log  *slog.Logger
	wake chan struct{}
	last atomic.Pointer[time.Time] // when do last succeeded, or Run was called
}

// NewLoop returns a loop that calls do every so often once it runs.
func NewLoop(name string, every time.Duration, log *slog.Logger, do func(context.Context) error) *Loop {
	return &Loop{Name: name, Every: every, do: do, log: log, wake: make(chan struct{}, 1)}
}

// Soon makes the loop run now instead of at its next interval. It never
// blocks.
func (l *Loop) Soon() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// Run runs the loop until ctx ends. It logs the first of several failures in a
// row, and the recovery.
func (l *Loop) Run(ctx context.Context) {
	l.succeeded()
	failing := false
	timer := time.NewTimer(l.Every)
	defer timer.Stop()
	for ctx.Err() == nil {
		err := l.do(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil && !failing:
			l.log.Error("background loop failed; retrying", "loop", l.Name, "error", err)
		case err == nil && failing:
			l.log.Info("background loop recovered", "loop", l.Name)
		}
		if failing = err != nil; !failing {
			l.succeeded()
		}
		timer.Reset(l.Every)
		select {
		case <-timer.C:
		case <-l.wake:
		case <-ctx.Done():
		}
	}
}

// Last returns when the loop last succeeded, or began to run; zero before it
// runs.
func (l *Loop) Last() time.Time {
	if last := l.last.Load(); last != nil {
		return *last
	}
	return time.Time{}
}

func (l *Loop) succeeded() { l.last.Store(new(time.Now())) }

// Age returns how long ago the loop last succeeded; 0 before it runs.
func (l *Loop) Age() time.Duration {
	last := l.Last()
	if last.IsZero() {
		return 0
	}
	return time.Since(last)
}
