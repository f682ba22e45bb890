package bot

import (
	"cmp"
	"context"
	"errors"
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
	begun, later := false, time.Duration(0)
	err := work.Retry(ctx, askPatience, func() error {
		var why error
		err := r.poster.BroadcastIf(ctx, one.Channel, cmp.Or(one.Thread, one.MessageTS), func(ctx context.Context) (texts.Message, error) {
			var left decision.Confirmation
			if left, why = r.mayRemind(ctx, one, !begun); why == nil {
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
	case begun && later > 0: // the process may be stopping
		err = errors.Join(err, r.journal.RemindLater(context.WithoutCancel(ctx), one.Request.ID, later))
		one.log.Info("request reminder put off", "reason", err)
	default:
		one.log.Warn("request reminder failed", "error", err)
	}
}

// mayRemind returns what is left of a request that is still open. It returns an
// error if it isn't, if cancelling is paused or, for its first try, if another process has tried to remind of
// it. If its state isn't known, nothing may be said.
func (r *requests) mayRemind(ctx context.Context, one request, first bool) (left decision.Confirmation, err error) {
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
	case !first:
		return left, nil
	}
	switch mine, err := r.journal.BeginReminding(ctx, one.Request.ID); {
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
