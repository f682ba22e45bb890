package socketmode

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// How long a slot waits before it tries again, at first and at most. Each wait
// is about twice the last one, randomly varied by half.
const (
	// Slack can't be reached, or is in trouble.
	failureWait, maxFailureWait = 250 * time.Millisecond, 10 * time.Second

	// A connection broke. The wait is short, since Slack was reachable; it
	// grows in case a proxy accepts connections and then closes them.
	lossWait, maxLossWait = 250 * time.Millisecond, 5 * time.Second

	// Someone has to change something first: Socket Mode is off, or there are
	// ten connections already.
	slowWait, maxSlowWait = time.Second, 30 * time.Second
)

// slot keeps one connection open, and opens the next before it closes the
// last.
type slot struct {
	*Client
	log      *slog.Logger
	failures *backoff.ExponentialBackOff
	losses   *backoff.ExponentialBackOff
	slow     *backoff.ExponentialBackOff
	refused  time.Time // since when Slack refuses the token; zero if it doesn't
}

func newSlot(c *Client, log *slog.Logger) *slot {
	return &slot{
		Client: c, log: log, failures: newBackOff(failureWait, maxFailureWait),
		losses: newBackOff(lossWait, maxLossWait), slow: newBackOff(slowWait, maxSlowWait),
	}
}

func newBackOff(from, to time.Duration) *backoff.ExponentialBackOff {
	b := &backoff.ExponentialBackOff{InitialInterval: from, MaxInterval: to, Multiplier: 2, RandomizationFactor: 0.5}
	b.Reset()
	return b
}

// run keeps the slot's connection open until ctx ends or no retry can help.
// Connections leave when ctx ends, and quickly when stop is closed.
func (s *slot) run(ctx context.Context, stop <-chan struct{}) error {
	var cost float64
	for s.gate.pass(ctx, cost) {
		cost = 0
		c := newConnection(s.options.Handler, s.options.Observer, s.release)
		if err := s.opener.connect(ctx, c); err != nil {
			if wait, final := s.failed(ctx, err); final != nil {
				return final
			} else if !sleep(ctx, wait) {
				return nil
			}
			continue
		}
		started := time.Now()
		s.refused = time.Time{}
		s.open.Add(1)
		s.serving.Go(func() { c.serve(ctx.Done(), stop) })
		s.options.Observer.connected(c.hello)
		s.state.connected(s.log)
		s.watch(ctx, c)
		s.open.Add(-1)
		if ctx.Err() != nil {
			return nil
		}
		var wait time.Duration
		if wait, cost = s.after(c, time.Since(started)); !sleep(ctx, wait) {
			return nil
		}
	}
	return nil
}

// failed returns how long to wait after a connection couldn't be made, or an
// error if no retry can help.
func (s *slot) failed(ctx context.Context, err error) (wait time.Duration, final error) {
	if ctx.Err() != nil {
		return 0, nil
	}
	if errors.Is(err, ErrOtherApp) || errors.Is(err, ErrTokenRefused) && !s.awaitsToken() {
		return 0, err
	}
	s.options.Observer.reconnect(ReasonCannotConnect)
	answer, answered := errors.AsType[*APIError](err)
	switch {
	case answered && answer.limited():
		s.state.failed(s.log, err, s.gate.pause(answer.RetryAfter))
		return 0, nil
	case errors.Is(err, ErrSocketModeOff), errors.Is(err, ErrTooManyConnections),
		needsSetting(err), errors.Is(err, ErrTokenRefused):
		wait = s.slow.NextBackOff()
	default:
		wait = s.failures.NextBackOff()
	}
	s.state.failed(s.log, err, wait)
	return wait, nil
}

// awaitsToken reports whether another token may still replace the refused one.
func (s *slot) awaitsToken() bool {
	if s.refused.IsZero() {
		s.refused = time.Now()
	}
	return time.Since(s.refused) < s.options.TokenPatience
}

// watch returns when the connection doesn't serve any more, or ctx has ended.
func (s *slot) watch(ctx context.Context, c *connection) {
	settled := time.NewTimer(settledAfter)
	defer settled.Stop()
	for {
		select {
		case <-c.ended:
			return
		case <-c.calledBack:
			return
		case <-ctx.Done():
			return
		case <-settled.C:
			s.gate.settled()
			s.failures.Reset()
			s.losses.Reset()
			s.slow.Reset()
		}
	}
}

// after returns how long to wait after a connection that served, and what the
// next one costs at the gate.
func (s *slot) after(c *connection, lived time.Duration) (wait time.Duration, cost float64) {
	select {
	case <-c.calledBack:
		s.options.Observer.reconnect(c.reason)
		if c.reason == ReasonLinkDisabled || c.reason == ReasonTooMany {
			wait = s.slow.NextBackOff()
			s.state.failed(s.log, &DisconnectError{c.reason}, wait)
			return wait, 0
		}
		// Nothing is logged here: a blocked log must not delay the next
		// connection while this one is about to close.
		return 0, s.gate.cost(lived)
	default:
		s.options.Observer.reconnect(ReasonLost)
		wait = s.losses.NextBackOff()
		s.log.Warn("connection to Slack lost", "cause", cause(c.err), "lived", lived.Round(time.Millisecond), "again_in", wait)
		return wait, 0
	}
}
