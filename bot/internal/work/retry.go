package work

import (
	"context"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// MaxPause is the longest pause between two tries of Retry, unless an error
// asks for a longer one.
const MaxPause = 5 * time.Second

// Retry calls try until it returns nil or a permanent error
// (backoff.Permanent), or ctx ends, or limit has passed; 0 is no limit. It
// pauses between tries for as long as a backoff.RetryAfterError says, or else
// with exponential backoff, at most MaxPause.
func Retry(ctx context.Context, limit time.Duration, try func() error) error {
	wait := backoff.NewExponentialBackOff()
	wait.InitialInterval, wait.MaxInterval = 200*time.Millisecond, MaxPause
	_, err := backoff.Retry(ctx, func() (struct{}, error) { return struct{}{}, try() },
		backoff.WithBackOff(wait), backoff.WithMaxElapsedTime(limit))
	return err
}

// OnceMore calls try once more, within limit, if it failed with err and ctx has ended:
// a process that stops tries a last time. It returns the last error.
func OnceMore(ctx context.Context, err error, limit time.Duration, try func(context.Context) error) error {
	if err == nil || ctx.Err() == nil {
		return err
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), limit)
	defer cancel()
	return try(last)
}

// Permanent returns an error after which Retry doesn't try again.
func Permanent(err error) error { return backoff.Permanent(err) }

// Sleep waits for d. It returns false if ctx ends first.
func Sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}
