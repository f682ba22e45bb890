package bot

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/slack-go/slack"
	"go.opentelemetry.io/otel/attribute"

	"github.com/cancelbot/cancelbot/bot/internal/journal"
)

const (
	// channelsAtOnce bounds how many channels are announced in side by side.
	channelsAtOnce = 64

	// sweepEvery is how often the journal is asked for announcements that
	// nobody woke us for: resumed ones, and those that were postponed.
	sweepEvery = 2 * time.Second

	// postponeFor is how long an announcement waits that Slack takes in no
	// place at all, until it is tried again.
	postponeFor = time.Minute
)

// announcer tells outcomes in their channels: in each channel one at a time,
// in the order in which they came to be, no faster than Slack likes, for as
// long as it takes. What is due stands in the journal, not in memory.
type announcer struct {
	journal Journal
	slack   *slack.Client
	respond *responder
	words   words
	gap     time.Duration
	log     *slog.Logger
	metrics *metrics
	trace   *tracer

	due  chan string        // channels to look at
	idle chan chan struct{} // asks to be told when nothing is due
}

func newAnnouncer(j Journal, api *slack.Client, r *responder, w words, gap time.Duration, log *slog.Logger) *announcer {
	return &announcer{
		journal: j, slack: api, respond: r, words: w, gap: gap, log: log,
		due: make(chan string, 256), idle: make(chan chan struct{}),
	}
}

// wake says that a channel has something due. It never blocks: what does not
// fit is found by the next sweep.
func (a *announcer) wake(channel string) {
	select {
	case a.due <- channel:
	default:
	}
}

// drain waits until nothing is due any more; false if ctx ended first.
func (a *announcer) drain(ctx context.Context) bool {
	told := make(chan struct{})
	select {
	case a.idle <- told:
	case <-ctx.Done():
		return false
	}
	select {
	case <-told:
		return true
	case <-ctx.Done():
		return false
	}
}

// run owns the channels at work: one goroutine each, until nothing is due
// there.
func (a *announcer) run(ctx context.Context) {
	working := map[string]bool{} // channel → look again when its goroutine is done
	done := make(chan string)
	start := func(channel string) {
		if _, busy := working[channel]; busy {
			working[channel] = true
		} else if len(working) < channelsAtOnce {
			working[channel] = false
			go func() {
				a.serve(ctx, channel)
				done <- channel
			}()
		}
	}
	sweep := time.NewTicker(sweepEvery)
	defer sweep.Stop()
	var waiting chan struct{}
	for {
		select {
		case channel := <-a.due:
			start(channel)
		case channel := <-done:
			again := working[channel]
			delete(working, channel)
			if again {
				start(channel)
			}
		case <-sweep.C:
			a.sweep(ctx, start)
		case waiting = <-a.idle:
			a.sweep(ctx, start)
		case <-ctx.Done():
			for range working {
				<-done
			}
			return
		}
		if waiting != nil && len(working) == 0 && len(a.due) == 0 {
			close(waiting)
			waiting = nil
		}
	}
}

func (a *announcer) sweep(ctx context.Context, start func(string)) {
	channels, err := a.journal.DueChannels(ctx)
	if err != nil {
		if ctx.Err() == nil {
			a.log.Error("cannot see which announcements are due; trying again", "error", err)
		}
		return
	}
	for _, channel := range channels {
		start(channel)
	}
}

// serve announces what is due in one channel.
func (a *announcer) serve(ctx context.Context, channel string) {
	for ctx.Err() == nil {
		d, ok, err := a.journal.Due(ctx, channel)
		if err != nil {
			if ctx.Err() == nil {
				a.log.Error("cannot read what is due; trying again", "channel", channel, "error", err)
			}
			return // the next sweep comes back
		}
		if !ok {
			return
		}
		a.announce(ctx, d)
		sleep(ctx, a.gap)
	}
}

// announce tells one outcome and records that it is told. Between the two
// lies the only window in which a crash makes an announcement appear twice.
func (a *announcer) announce(ctx context.Context, d journal.Decision) {
	log := a.log.With("confirmation", d.ConfirmationID, "task", d.TaskID, "channel", d.Channel)
	if err := a.journal.Hold(ctx, d.ConfirmationID); err != nil {
		if !errors.Is(err, journal.ErrLost) && ctx.Err() == nil {
			log.Error("cannot make sure that an announcement is ours to make; trying again", "error", err)
		}
		return
	}
	telling, told := a.trace.step(a.trace.resume(ctx, d.ConfirmationID), "announce", attribute.String("cancelbot.confirmation", d.ConfirmationID), attribute.String("cancelbot.outcome", d.Outcome))
	ts, how, err := a.tell(telling, log, d)
	told(err)
	if err != nil {
		if ctx.Err() != nil {
			return
		}
		log.Error("Slack takes an announcement nowhere; trying again later", "error", err, "again_in", postponeFor)
		if err := a.journal.Postpone(ctx, d.ConfirmationID, postponeFor); err != nil && ctx.Err() == nil {
			log.Error("cannot postpone an announcement", "error", err)
		}
		return
	}
	a.metrics.told.WithLabelValues(how).Inc()
	a.metrics.tellings.Observe(time.Since(d.DecidedAt).Seconds())
	a.record(ctx, log, d, ts)
	log.Info("announced", "outcome", d.Outcome, "by", how, "after", time.Since(d.DecidedAt).Round(time.Millisecond))
}

// record insists: the message is out, and must not go out again.
func (a *announcer) record(ctx context.Context, log *slog.Logger, d journal.Decision, ts string) {
	pause := 100 * time.Millisecond
	for {
		// Also when we are being stopped: a moment here spares a duplicate.
		final, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
		err := a.journal.Announced(final, d.ConfirmationID, ts)
		cancel()
		if err == nil || errors.Is(err, journal.ErrLost) {
			return
		}
		log.Error("an announcement is out but not recorded; trying again", "error", err)
		if !sleep(ctx, pause) {
			return
		}
		pause = min(2*pause, 5*time.Second)
	}
}

// tell finds a place that takes the announcement: the channel; the channel by
// the click's response_url, where the bot may not post; the requester, if the
// URL is used up.
func (a *announcer) tell(ctx context.Context, log *slog.Logger, d journal.Decision) (ts, how string, err error) {
	m := a.words.announcement(d, resultOf(d))
	if ts, err = a.post(ctx, log, d.Channel, m, 0); err == nil {
		return ts, "chat.postMessage", nil
	}
	log.Info("the bot may not post in the channel; answering the click instead", "reason", err)
	if d.ResponseURL != "" && time.Since(d.DecidedAt) < responseURLLife {
		err = a.patiently(ctx, log, time.Minute, func() error { return a.respond.post(ctx, d.ResponseURL, m, inPublic) })
		if err == nil {
			return "", "response_url", nil
		}
		log.Info("the click can no longer be answered; telling the requester alone", "reason", err)
	}
	// chat.postMessage to a person's id goes to their chat with the app, and
	// needs no scope besides chat:write.
	m = a.words.announcementInPerson(d, resultOf(d))
	if ts, err = a.post(ctx, log, d.Requester, m, 0); err == nil {
		return ts, "direct message", nil
	}
	return "", "", err
}

// post sends with patience: without a limit, as long as it takes.
func (a *announcer) post(ctx context.Context, log *slog.Logger, channel string, m message, limit time.Duration) (ts string, err error) {
	err = a.patiently(ctx, log, limit, func() error {
		_, ts, err = a.slack.PostMessageContext(ctx, channel,
			slack.MsgOptionText(m.text, false), slack.MsgOptionBlocks(m.blocks...),
			slack.MsgOptionDisableLinkUnfurl(), slack.MsgOptionDisableMediaUnfurl())
		return err
	})
	return ts, err
}

// patiently tries until it works, Slack says for good that it will not, or
// ctx ends; with a limit, no longer than that.
func (a *announcer) patiently(ctx context.Context, log *slog.Logger, limit time.Duration, send func() error) error {
	wait := backoff.NewExponentialBackOff()
	wait.MaxInterval = 30 * time.Second
	started := time.Now()
	for {
		err := send()
		pause, again := passing(err)
		if !again {
			return err
		}
		if pause == 0 {
			pause = wait.NextBackOff()
		}
		if limit > 0 && time.Since(started)+pause > limit {
			return err
		}
		a.metrics.retries.WithLabelValues("announcement").Inc()
		log.Warn("Slack does not take an announcement now; trying again", "error", err, "pause", pause)
		if !sleep(ctx, pause) {
			return ctx.Err()
		}
	}
}
