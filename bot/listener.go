package bot

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/slack-go/slack"
	"golang.org/x/sync/errgroup"
)

const (
	// longestWait bounds the pause between two tries to connect.
	longestWait = 15 * time.Second

	// lossWait bounds the pause after a connection that had been made was
	// lost. It is short, since Slack is evidently there; it grows at all for
	// the sake of a proxy that lets connections in and throws them out.
	lossWait = 2 * time.Second

	// settled is how long a connection must have lived before its end counts
	// as something new, not as the last failure going on.
	settled = 5 * time.Second
)

// listener keeps several Socket Mode connections open, so that one always
// serves while Slack replaces another. Each place makes its next connection
// before the last one breaks.
type listener struct {
	api      *slack.Client
	insecure bool          // ws:// to a stand-in on loopback is fine
	count    int           // connections
	stagger  time.Duration // between the first connects, so that Slack does not refresh all at once
	receive  receiver
	metrics  *metrics
	log      *slog.Logger
	open     atomic.Int32 // connections that serve and are not called back
}

// run serves until ctx ends, or until Slack refuses the app token for good.
func (l *listener) run(ctx context.Context) error {
	places, ctx := errgroup.WithContext(ctx)
	for i := range l.count {
		places.Go(func() error {
			if !sleep(ctx, time.Duration(i)*l.stagger) {
				return nil
			}
			return l.keep(ctx, l.log.With("connection", i+1))
		})
	}
	return places.Wait()
}

// keep serves one place. It returns only after every connection it opened,
// called back or not, has ended.
func (l *listener) keep(ctx context.Context, log *slog.Logger) error {
	var draining sync.WaitGroup
	defer draining.Wait()
	wait := &backoff.ExponentialBackOff{
		InitialInterval: 250 * time.Millisecond, RandomizationFactor: 0.5, Multiplier: 2, MaxInterval: longestWait,
	}
	wait.Reset()
	for ctx.Err() == nil {
		s, err := openSocket(ctx, l.api, l.insecure, log)
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			if tokenRefused(err) {
				return &TokenError{Variable: "SLACK_APP_TOKEN", Err: err}
			}
			l.metrics.reconnects.WithLabelValues("cannot connect").Inc()
			pause := min(wait.NextBackOff(), longestWait)
			logConnectFailure(log, err, pause)
			sleep(ctx, pause)
			continue
		}
		s.acked = l.metrics.acks.Observe
		started := time.Now()
		log.Info("connected to Slack")
		ended := make(chan error, 1)
		l.open.Add(1)
		draining.Go(func() { ended <- s.serve(ctx, l.receive) })
		select {
		case err := <-ended:
			l.open.Add(-1)
			if ctx.Err() != nil {
				return nil
			}
			l.metrics.reconnects.WithLabelValues("lost").Inc()
			if time.Since(started) > settled {
				wait.Reset()
			}
			pause := min(wait.NextBackOff(), lossWait)
			log.Warn("a connection to Slack was lost", "error", err, "again_in", pause)
			sleep(ctx, pause)
		case <-s.retired:
			l.open.Add(-1)
			l.calledBack(ctx, s, started, wait, log)
		}
	}
	return nil
}

// calledBack reports why, and waits where connecting at once would be
// pointless: Socket Mode is off, or connections are called back as fast as
// they are made.
func (l *listener) calledBack(ctx context.Context, s *socket, started time.Time, wait *backoff.ExponentialBackOff, log *slog.Logger) {
	reason, _ := s.reason.Load().(string)
	l.metrics.reconnects.WithLabelValues(knownReason(reason)).Inc()
	switch {
	case reason == reasonLinkDisabled:
		logSocketModeOff(log)
		sleep(ctx, min(wait.NextBackOff(), longestWait))
	case time.Since(started) < 200*time.Millisecond:
		sleep(ctx, min(wait.NextBackOff(), longestWait))
	default:
		wait.Reset()
		log.Info("Slack asks for a fresh connection", "reason", reason)
	}
}

// knownReason keeps what Slack says from making metrics without end.
func knownReason(reason string) string {
	switch reason {
	case "warning", "refresh_requested", reasonLinkDisabled, "too_many_websockets":
		return reason
	}
	return "other"
}

func logConnectFailure(log *slog.Logger, err error, pause time.Duration) {
	var d disconnected
	if errors.As(err, &d) && d == reasonLinkDisabled {
		logSocketModeOff(log)
		return
	}
	log.Warn("cannot connect to Slack", "error", err, "again_in", pause)
}

func logSocketModeOff(log *slog.Logger) {
	log.Error("Socket Mode was switched off for this app: Slack delivers nothing until it is on again (app settings → Socket Mode → Enable). The bot keeps trying")
}

// TokenError means that Slack refuses a token for good: no retry helps, only
// somebody who puts another value into Variable.
type TokenError struct {
	Variable string // the environment variable that holds it
	Err      error
}

func (e *TokenError) Error() string {
	return fmt.Sprintf("Slack refuses the token in %s: %v", e.Variable, e.Err)
}

// Unwrap gives Slack's answer.
func (e *TokenError) Unwrap() error { return e.Err }

// tokenRefused tells answers about the token itself from everything that may
// pass (api.slack.com/methods/apps.connections.open and auth.test, errors).
func tokenRefused(err error) bool {
	var answer slack.SlackErrorResponse
	if !errors.As(err, &answer) {
		return false
	}
	switch answer.Err {
	case "invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired",
		"not_allowed_token_type", "missing_scope", "no_permission", "org_login_required":
		return true
	}
	return false
}

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
