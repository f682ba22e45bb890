package chamelio

import (
	"context"
	"time"

	"golang.org/x/time/rate"
)

// limiter keeps a key under its limit per minute. Urgent calls (wait) reserve
// their place, going into debt if need be; patient ones (yield) take a token
// only once no debt is left. So urgent calls always go first.
type limiter struct{ tokens *rate.Limiter }

// assumedPerMinute holds until OrgInfo has told the real limit; it is the
// value in the API reference's example.
const assumedPerMinute = 120

func newLimiter() *limiter {
	l := &limiter{tokens: rate.NewLimiter(rate.Inf, 1)}
	l.set(assumedPerMinute)
	return l
}

// set splits the limit into a burst and a steady rate whose sum over any
// minute stays within it, however the server cuts its minutes.
func (l *limiter) set(perMinute int) {
	if perMinute <= 0 {
		return
	}
	burst := max(perMinute/4, 1)
	steady := max(float64(perMinute-burst), 0.5)
	l.tokens.SetBurst(burst)
	l.tokens.SetLimit(rate.Limit(steady / 60))
}

func (l *limiter) wait(ctx context.Context) error { return l.tokens.Wait(ctx) }

func (l *limiter) yield(ctx context.Context) error {
	for !l.tokens.Allow() {
		missing := 1 - l.tokens.Tokens()
		delay := time.Duration(missing / float64(l.tokens.Limit()) * float64(time.Second))
		timer := time.NewTimer(max(delay, time.Millisecond))
		select {
		case <-ctx.Done():
			timer.Stop()
			return context.Cause(ctx)
		case <-timer.C:
		}
	}
	return nil
}
