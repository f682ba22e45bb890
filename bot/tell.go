package bot

import (
	"context"
	"errors"
	"time"

	"github.com/cenkalti/backoff/v5"
	"go.opentelemetry.io/otel/attribute"

	"github.com/cancelbot/cancelbot/bot/internal/journal"
	"github.com/cancelbot/cancelbot/bot/internal/slackapi"
	"github.com/cancelbot/cancelbot/bot/internal/texts"
	"github.com/cancelbot/cancelbot/bot/internal/work"
)

const (
	// postPatience is how long chat.postMessage alone is tried until the
	// channel is told by the click's response_url.
	postPatience = 15 * time.Second

	// troubled is how long a channel counts as one in which chat.postMessage
	// does not work: the next announcements there do not wait for it again.
	troubled = time.Minute

	// maxTellPause bounds the pause between two rounds of tries.
	maxTellPause = 30 * time.Second

	// personPatience is how long everything is tried until, where the click
	// can no longer be answered, the requester alone is told.
	personPatience = 5 * time.Minute

	finalTimeout = 2 * time.Second
)

// tell brings one outcome to its channel and records it. It ends when that is
// done, or when the decision is not ours any more.
func (a *announcer) tell(t *telling, c *channel) {
	held := true
	defer func() {
		if held { // cut off, or a panic
			a.set.letGo(t.h)
		}
	}()
	defer work.RecoverPanic(t.h.log)
	ctx, told := a.trace.Step(a.trace.Resume(t.h.ctx, t.h.ID), "announce",
		attribute.String("cancelbot.confirmation", string(t.h.ID)), attribute.String("cancelbot.outcome", string(t.res.Outcome)))
	ts, how, err := a.untilTold(ctx, t, c)
	told(err)
	switch {
	case err == nil:
		a.metrics.Announcements.WithLabelValues(how).Inc()
		a.metrics.AnnouncementSeconds.Observe(time.Since(t.h.DecidedAt).Seconds())
		a.record(t, ts)
		t.h.log.Info("announced", "outcome", t.res.Outcome, "by", how, "after", time.Since(t.h.DecidedAt).Round(time.Millisecond))
		a.set.drop(t.h)
		held = false
		if t.told != nil {
			a.work.Run(t.told) // it may wait for Slack, and the channel goes on
		}
	case lost(err):
		t.h.log.Warn("another process tells an outcome that this one had taken over before")
		a.set.drop(t.h)
		held = false
	}
}

// untilTold goes on until the outcome is told somewhere. Before each try it
// makes sure that the outcome is ours to tell and that the journal knows.
func (a *announcer) untilTold(ctx context.Context, t *telling, c *channel) (ts, how string, err error) {
	wait := backoff.NewExponentialBackOff()
	wait.InitialInterval, wait.MaxInterval = 500*time.Millisecond, maxTellPause
	started := time.Now()
	for {
		if err := a.allow(ctx, t); err != nil {
			if lost(err) || context.Cause(ctx) != nil {
				return "", "", err
			}
			t.h.log.Warn("the journal does not take note of an announcement; it is not posted yet", "error", err)
			work.Sleep(ctx, min(wait.NextBackOff(), work.MaxPause))
			continue
		}
		ts, how, err = a.somewhere(ctx, t, c, started)
		if err == nil {
			return ts, how, nil
		}
		if ctx.Err() != nil {
			return "", "", context.Cause(ctx)
		}
		if lost(err) { // perhaps: the journal knows
			work.Sleep(ctx, min(wait.NextBackOff(), work.MaxPause))
			continue
		}
		said, asked := slackapi.Classify(err)
		if said != slackapi.Unclear {
			if l, err := a.journal.NotTold(ctx, t.h.current()); err == nil {
				t.h.renewed(l)
			}
		}
		pause := wait.NextBackOff()
		if asked > 0 {
			pause = max(pause, min(asked, maxTellPause))
		}
		a.metrics.Retries.WithLabelValues("announcement").Inc()
		t.h.log.Warn("Slack does not take an announcement; trying again", "error", err, "pause", pause)
		work.Sleep(ctx, pause)
	}
}

// allow makes sure that the outcome is still to be told, and that the journal
// knows that a post is about to be tried. Whether the right to it still holds is
// asked once more right before each.
func (a *announcer) allow(ctx context.Context, t *telling) error {
	if t.begun && t.h.valid() {
		t.begun = false
		return nil
	}
	l, err := a.journal.BeginTelling(ctx, t.h.current())
	if errors.Is(err, journal.ErrGone) {
		return a.putBack(ctx, t)
	}
	if err == nil {
		t.h.renewed(l)
	}
	return err
}

// putBack writes a finished decision again that the journal has lost.
func (a *announcer) putBack(ctx context.Context, t *telling) error {
	err := t.h.putBack(ctx, a.journal, a.metrics, t.res)
	if errors.Is(err, errOverruled) {
		t.res, err = t.res.Overruled(), nil
	}
	if err != nil {
		return err
	}
	l, err := a.journal.Finish(ctx, t.h.current(), t.res.Outcome, t.res.Encode(), true)
	if err != nil {
		return err
	}
	t.h.renewed(l)
	return nil
}

// somewhere tries the channel; the channel by the click's response_url, where
// the bot may not or cannot post; the requester, where that cannot be answered
// any more.
func (a *announcer) somewhere(ctx context.Context, t *telling, c *channel, started time.Time) (ts, how string, err error) {
	d := t.h.Record
	m := a.texts.Announcement(d, t.res)
	ts, err = a.inChannel(ctx, t, c, m)
	if err == nil {
		return ts, "chat.postMessage", nil
	}
	if !t.h.valid() {
		return "", "", journal.ErrLost
	}
	posting, _ := slackapi.Classify(err)
	t.h.log.Info("cannot post in the channel; answering the click instead", "reason", err)
	answerMayWork := d.ResponseURL != "" && time.Since(d.DecidedAt) < slackapi.ResponseURLLife
	if answerMayWork {
		failed := a.poster.Respond(ctx, d.ResponseURL, m, slackapi.InChannel)
		if failed == nil {
			return "", "response_url", nil
		}
		t.h.log.Info("the click cannot be answered", "reason", failed)
		answering, _ := slackapi.Classify(failed)
		answerMayWork = answering.MayWork()
		if answering == slackapi.Unclear {
			err = failed
		}
	}
	if answerMayWork || posting.MayWork() && time.Since(started) < personPatience {
		return "", "", err
	}
	if !t.h.valid() {
		return "", "", journal.ErrLost
	}
	// chat.postMessage to a person's id goes to their chat with the app, and
	// needs no scope besides chat:write.
	if _, err = a.poster.Post(ctx, d.Requester, "", a.texts.AnnouncementInPerson(d, t.res)); err == nil {
		return "", "direct message", nil
	}
	return "", "", err
}

// inChannel posts, for a while also where Slack is in trouble.
func (a *announcer) inChannel(ctx context.Context, t *telling, c *channel, m texts.Message) (ts string, err error) {
	a.mu.Lock()
	limit := postPatience
	if time.Since(c.trouble) < troubled {
		limit = time.Millisecond // once
	}
	a.mu.Unlock()
	err = work.Retry(ctx, limit, func() error {
		if !t.h.valid() {
			return backoff.Permanent(journal.ErrLost)
		}
		ts, err = a.poster.Post(ctx, t.h.Channel, "", m)
		return slackapi.Retryable(err)
	})
	if err != nil && ctx.Err() == nil {
		a.mu.Lock()
		c.trouble = time.Now()
		a.mu.Unlock()
	}
	return ts, err
}

// record insists: the message is out, and must not go out again. Until the
// journal has taken it the decision stays held, so that nobody else has it.
func (a *announcer) record(t *telling, ts string) {
	wait := backoff.NewExponentialBackOff()
	wait.InitialInterval, wait.MaxInterval = 100*time.Millisecond, work.MaxPause
	for first := true; ; first = false {
		// Also when we are being stopped: a moment here spares a duplicate.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.h.ctx), finalTimeout)
		err := a.journal.MarkAnnounced(ctx, t.h.ID, ts)
		if errors.Is(err, journal.ErrGone) {
			if err = a.putBack(ctx, t); err == nil || lost(err) {
				err = a.journal.MarkAnnounced(ctx, t.h.ID, ts)
			}
		}
		cancel()
		if err == nil {
			return
		}
		if first {
			t.h.log.Error("an announcement is out but not recorded; trying again", "error", err)
		}
		if !work.Sleep(a.ctx, wait.NextBackOff()) {
			return // the process stops; the lease outlasts a restart by a good while
		}
	}
}
