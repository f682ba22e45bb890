package bot

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/cancelbot/cancelbot/bot/socketmode"
)

const (
	// handBackTimeout bounds the wait for envelopes that Slack had already
	// sent, when connections are given back.
	handBackTimeout = 5 * time.Second

	// askOthersTimeout bounds the query whether another replica is connected.
	askOthersTimeout = 2 * time.Second

	// releaseTimeout bounds the calls to the journal at the end.
	releaseTimeout = 3 * time.Second
)

func (b *Bot) socketOptions() socketmode.Options {
	m := b.metrics
	return socketmode.Options{
		AppToken: b.cfg.AppToken.Reveal(), TokenPatience: b.cfg.AppTokenPatience, AppID: socketmode.AppIDOf(b.cfg.AppToken.Reveal()), APIURL: b.cfg.SlackAPI, HTTPClient: b.http, Handler: b,
		Connections: b.cfg.Connections, Stagger: b.cfg.Stagger, Log: b.log,
		Observer: socketmode.Observer{
			Connected: func(h socketmode.Hello) {
				b.appID.Store(h.AppID)
				b.beats.Soon() // the others may be waiting for it
			},
			Reconnect: func(r socketmode.Reason) {
				b.pulse.acknowledged()
				m.Reconnects.WithLabelValues(string(r)).Inc()
			},
			Acked: func(d time.Duration) {
				b.pulse.acknowledged()
				m.AckSeconds.Observe(d.Seconds())
			},
			Anomaly: func(a socketmode.Anomaly) { m.Anomalies.WithLabelValues(string(a)).Inc() },
		},
	}
}

// Accept accepts an envelope from Slack. It is for the Socket Mode client.
func (b *Bot) Accept(e socketmode.Envelope) (ack any, work func()) {
	defer b.pulse.accept()()
	return b.router.accept(envelope{ID: e.ID, Type: e.Type, Payload: e.Payload, AcceptsAck: e.AcceptsResponse, Received: e.Received, At: b.at(e.Received)})
}

// Run serves until ctx ends, then drains: it starts nothing new, lets
// decisions finish within Config.Grace, and closes the connections. Unfinished
// decisions are in the journal; the next start, or another replica, resumes
// them. Run returns nil after ctx ends, a *TokenError if Slack refuses the app token, and
// an *OtherAppError if the tokens belong to two apps (socketmode.ErrOtherApp if Slack
// doesn't say which app the bot token belongs to). No goroutine outlives it. It must be
// called only once.
//
// Run connects, and takes over what others left, only once the journal has said
// what time it is: clicks and decisions are judged by that.
func (b *Bot) Run(ctx context.Context) error {
	// The loops and the connections outlive ctx: the drain needs them.
	detached := context.WithoutCancel(ctx)
	looping, stopLoops := context.WithCancel(detached)
	defer stopLoops()
	connected, disconnect := context.WithCancel(detached)
	defer disconnect()

	var loops sync.WaitGroup
	for _, l := range b.loops {
		loops.Go(func() {
			if l == b.beats || b.clock.wait(looping) {
				l.Run(looping)
			}
		})
	}
	listening := make(chan error, 1)
	go func() {
		b.clock.wait(connected)
		listening <- b.socket.Run(connected)
	}()

	var failed error
	select {
	case <-ctx.Done():
		b.log.Info("stopping", "grace", b.cfg.Grace)
	case failed = <-listening:
	}
	defer time.AfterFunc(b.cfg.Grace, b.carrier.Poster.Close).Stop()
	b.drain(detached)
	stopLoops()
	disconnect()
	if failed == nil {
		failed = <-listening
	}
	b.carrier.Wait()
	loops.Wait()
	b.lanes.wait()
	b.leave(detached)
	b.http.CloseIdleConnections()
	return appTokenError(b.whoseApp(detached, failed))
}

// drain waits for work in progress, at most Config.Grace, then cancels it. If
// another replica is connected, it first gives the connections back to Slack,
// so that Slack sends new envelopes there. If none is, people read that the
// bot is restarting.
func (b *Bot) drain(ctx context.Context) {
	grace, cancel := context.WithTimeout(ctx, b.cfg.Grace)
	defer cancel()
	b.askOthers(grace)
	if b.others.Load() > 0 {
		handing, cancel := context.WithTimeout(grace, handBackTimeout)
		if err := b.socket.HandBack(handing); err != nil {
			b.log.Warn("connections not given back to Slack in time", "error", err)
		}
		cancel()
	}
	b.draining.Store(true)
	b.beats.Soon()
	b.router.close()
	if !b.router.wait(grace) || !b.carrier.Drained(grace) {
		b.log.Warn("stopped with work left; the next start, or another replica, resumes it")
	}
	b.stopWork(errStopped)
	b.router.wait(ctx)
	b.carrier.Stop(errStopped)
}

// askOthers asks the journal whether another replica is connected now, which
// may have changed since the last heartbeat.
func (b *Bot) askOthers(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, askOthersTimeout)
	defer cancel()
	if err := b.beat(ctx); err != nil {
		b.log.Warn("can't check whether another replica is connected", "error", err)
	}
}

// leave releases the leases, so that other processes needn't wait until they
// expire.
func (b *Bot) leave(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, releaseTimeout)
	defer cancel()
	if err := errors.Join(b.carrier.Release(ctx), b.journal.Leave(ctx)); err != nil {
		b.log.Warn("leases not released; they will expire", "error", err)
	}
}
