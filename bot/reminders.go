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

// remindOf posts a reminder of a request that is still open, once. If it certainly
// isn't posted now, it is due again, until the request ends.
func (r *requests) remindOf(ctx context.Context, one request) {
	begun, putOff, by := false, time.Duration(0), rand.Uint32()
	err := work.Retry(ctx, askPatience, func() error {
		var why error
		putOff = requestsEvery
		_, err := r.poster.Post(ctx, one.Channel, cmp.Or(one.Thread, one.MessageTS), func(ctx context.Context) (texts.Message, error) {
			var left decision.Confirmation
			if left, why = r.mayRemind(ctx, one); why == nil {
				begun = true // also if the journal's answer is lost
				why = r.beginReminding(ctx, one, by)
			}
			return r.texts.Reminder(left), why
		})
		if why != nil {
			return why
		}
		switch said, pause := slackapi.Classify(err); said {
		case slackapi.Later:
			if pause == 0 && slackapi.Answered(err) { // the next try here would be too soon
				putOff = putOffFor(r.now().Sub(one.ExpiresAt.Add(-r.remind)))
				return backoff.Permanent(err)
			}
			putOff = max(pause, requestsEvery)
		default:
			putOff = 0
		}
		return slackapi.UnlessPosted(err)
	})
	switch {
	case err == nil:
		one.log.Info("request reminder posted")
	case errors.Is(err, errDecided), errors.Is(err, signed.ErrExpired):
	case putOff == 0:
		one.log.Warn("request reminder failed", "error", err)
	default:
		if begun { // otherwise it is still due
			err = errors.Join(err, r.remindLater(ctx, one, by, putOff))
		}
		one.log.Info("request reminder put off", "reason", err)
	}
}

// putOffFor returns for how long a reminder is put off if Slack doesn't say. It is as
// long as the reminder has been late, so it about doubles each time, up to a minute.
func putOffFor(late time.Duration) time.Duration {
	return min(max(late, 10*time.Second), time.Minute)
}

// remindLater makes a reminder due again, unless the request ends before the journal
// answers. If the process stops, it tries a last time.
func (r *requests) remindLater(ctx context.Context, one request, by uint32, wait time.Duration) error {
	again := func(ctx context.Context) error { return r.journal.RemindLater(ctx, one.Request.ID, by, wait) }
	open := max(one.ExpiresAt.Sub(r.now()), time.Nanosecond) // 0 would be no limit
	err := work.Retry(ctx, open, func() error { return again(ctx) })
	return work.OnceMore(ctx, err, lastList, again)
}

// mayRemind returns what is left of a request that is still open. It returns an error
// if the request isn't open, or if cancelling is paused. If its state isn't known,
// nothing may be said.
func (r *requests) mayRemind(ctx context.Context, one request) (left decision.Confirmation, err error) {
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
	case r.judging.has(one.Confirmation.ID) || r.carrier.Carries(one.Confirmation):
		return left, errPressed
	}
	pause, err := r.journal.Paused(ctx)
	if err == nil && pause.Active() {
		err = backoff.Permanent(errPaused)
	}
	return left, err
}

// beginReminding notes that a reminder is about to be posted by someone. It returns an
// error if someone else has tried to remind of the request.
func (r *requests) beginReminding(ctx context.Context, one request, by uint32) error {
	mine, err := r.journal.BeginReminding(ctx, one.Request.ID, by)
	if err == nil && !mine {
		err = backoff.Permanent(errDecided)
	}
	return err
}

var (
	errDecided = errors.New("it is decided")
	errPaused  = errors.New("cancelling is paused")
	errPressed = errors.New("someone has pressed a button, and it isn't decided yet")
)
