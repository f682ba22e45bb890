package bot

import (
	"cmp"
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/journal"
	"github.com/cancelbot/cancelbot/bot/internal/signed"
	"github.com/cancelbot/cancelbot/bot/internal/slackapi"
	"github.com/cancelbot/cancelbot/bot/internal/texts"
	"github.com/cancelbot/cancelbot/bot/internal/work"
)

// remindOf posts a reminder of a request that is still open, once. If Slack
// certainly doesn't post it now, it is due again, until the request ends.
func (r *requests) remindOf(ctx context.Context, one request) {
	begun, later, by := false, time.Duration(0), rand.Uint32()
	err := work.Retry(ctx, askPatience, func() error {
		var why error
		_, err := r.poster.Post(ctx, one.Channel, cmp.Or(one.Thread, one.MessageTS), func(ctx context.Context) (texts.Message, error) {
			var left decision.Confirmation
			if left, why = r.mayRemind(ctx, one, by); why == nil {
				begun = true
			}
			return r.texts.Reminder(left), why
		})
		if why != nil {
			return why
		}
		said, pause := slackapi.Classify(err)
		if later = 0; said == slackapi.Later {
			later = max(pause, requestsEvery)
		}
		return slackapi.UnlessPosted(err)
	})
	switch {
	case err == nil:
		one.log.Info("request reminder posted")
	case errors.Is(err, errDecided), errors.Is(err, signed.ErrExpired):
	case errors.Is(err, errPaused) && !begun: // due again soon
		one.log.Info("request reminder put off", "reason", err)
	case begun && later > 0:
		err = errors.Join(err, r.remindLater(ctx, one, by, later))
		one.log.Info("request reminder put off", "reason", err)
	default:
		one.log.Warn("request reminder failed", "error", err)
	}
}

// remindLater makes a reminder due again, even while the process stops.
func (r *requests) remindLater(ctx context.Context, one request, by uint32, wait time.Duration) error {
	again := func(ctx context.Context) error { return r.journal.RemindLater(ctx, one.Request.ID, by, wait) }
	err := work.Retry(ctx, replyPatience, func() error { return again(ctx) })
	return work.OnceMore(ctx, err, lastList, again)
}

// mayRemind returns what is left of a request that is still open, and notes that a
// reminder is about to be posted by someone. It returns an error if the request isn't
// open, if cancelling is paused, or if someone else has tried to remind of it. If its
// state isn't known, nothing may be said.
func (r *requests) mayRemind(ctx context.Context, one request, by uint32) (left decision.Confirmation, err error) {
	if !r.now().Before(one.ExpiresAt) {
		return left, backoff.Permanent(signed.ErrExpired)
	}
	others, err := r.journal.Became(ctx, one.Request.ID, one.IDs())
	left = leftOf(one.Confirmation, others)
	switch {
	case err == nil, errors.Is(err, journal.ErrDecided):
		return left, backoff.Permanent(errDecided)
	case !errors.Is(err, journal.ErrGone):
		return left, err
	}
	switch pause, err := r.journal.Paused(ctx); {
	case err != nil:
		return left, err
	case pause.Active():
		return left, backoff.Permanent(errPaused)
	}
	switch mine, err := r.journal.BeginReminding(ctx, one.Request.ID, by); {
	case err != nil:
		return left, err
	case !mine:
		return left, backoff.Permanent(errDecided)
	}
	return left, nil
}

var (
	errDecided = errors.New("it is decided")
	errPaused  = errors.New("cancelling is paused")
)
