package bot

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/slackapi"
	"github.com/cancelbot/cancelbot/bot/internal/work"
)

const (
	// saveFor is how long after a click the bot goes on trying to save it
	// where the journal does not answer clearly. After that it makes sure that
	// nothing of it is ever carried out.
	saveFor = 2 * time.Minute

	// maxUnclear bounds how many clicks are in that state.
	maxUnclear = 1024
)

// unclearClick is a click of which nobody knows yet whether it was saved.
type unclearClick struct {
	kept chan struct{} // closed when the person has pressed the other button
	once sync.Once
}

// beginUnclear finds out what became of a claim whose answer was lost, beside
// everything else.
func (d *decider) beginUnclear(ctx context.Context, log *slog.Logger, k slackapi.Click, c decision.Confirmation, mine decision.Record) {
	d.mu.Lock()
	_, already := d.unclear[mine.ID]
	full := len(d.unclear) >= maxUnclear
	u := &unclearClick{kept: make(chan struct{})}
	if !already && !full {
		d.unclear[mine.ID] = u
	}
	d.mu.Unlock()
	switch {
	case already: // pressed again
		d.poster.Answer(ctx, log, k.ResponseURL, d.texts.StillSaving(c), slackapi.Ephemeral)
		return
	case full:
		// Too many to look after each. What was saved is carried out by
		// whoever takes it over; so nothing may be said but this.
		d.poster.Answer(ctx, log, k.ResponseURL, d.texts.MaybeSaved(c), slackapi.ReplaceOriginal)
		return
	}
	d.work.Run(func() {
		defer func() {
			d.mu.Lock()
			delete(d.unclear, mine.ID)
			d.mu.Unlock()
		}()
		d.poster.Answer(d.ctx, log, k.ResponseURL, d.texts.StillSaving(c), slackapi.ReplaceOriginal)
		d.clearUp(log, k, c, mine, u)
	})
}

// clearUp asks the journal until it is known whether the decision stands in
// it. Until saveFor it goes on trying to save it; after that, or once the
// person has pressed the other button, it closes the prompt for good.
func (d *decider) clearUp(log *slog.Logger, k slackapi.Click, c decision.Confirmation, mine decision.Record, u *unclearClick) {
	wait := backoff.NewExponentialBackOff()
	wait.InitialInterval, wait.MaxInterval = 200*time.Millisecond, work.MaxPause
	kept := u.kept
	for {
		select {
		case <-kept:
			kept = nil // once: from then on the journal is asked at the usual pace
		case <-time.After(wait.NextBackOff()):
		case <-d.ctx.Done():
			ctx, cancel := context.WithTimeout(context.WithoutCancel(d.ctx), lastWordTimeout)
			defer cancel()
			d.poster.Answer(ctx, log, k.ResponseURL, d.texts.MaybeSaved(c), slackapi.ReplaceOriginal)
			return
		}
		if giveUp := time.Since(k.Received) > saveFor || isClosed(u.kept); giveUp {
			if d.close(log, k, c, mine, isClosed(u.kept)) {
				return
			}
			continue
		}
		claim, err := d.journal.Claim(d.ctx, mine)
		if err != nil {
			continue
		}
		if claim.Won && isClosed(u.kept) {
			continue // pressed meanwhile
		}
		log.Info("it is known now what became of a decision", "won", claim.Won)
		// The prompt says that the decision could not be saved. Whoever has
		// the earlier click may have put it right before that was said.
		d.claimed(d.ctx, log, k, c, mine, claim, slackapi.ReplaceOriginal)
		return
	}
}

// lastWordTimeout bounds what is said when the process ends.
const lastWordTimeout = 2 * time.Second

// close makes sure that a click is never carried out, and tells the person so;
// false if that is not known yet.
func (d *decider) close(log *slog.Logger, k slackapi.Click, c decision.Confirmation, mine decision.Record, kept bool) bool {
	_, withdrawn, err := d.journal.Withdraw(d.ctx, mine)
	if err != nil {
		return false
	}
	if !withdrawn {
		claim, err := d.journal.Claim(d.ctx, mine) // whose is what came first?
		switch {
		case err != nil:
			return false
		case !claim.Won:
			d.follow(d.ctx, log, k, c, claim.Winner, slackapi.ReplaceOriginal)
			return true
		}
		if err := d.journal.GiveUp(d.ctx, claim.Lease); err != nil {
			return false // also where it was lost: the next round finds out
		}
	}
	log.Warn("a decision could not be saved in time, and was given up; nothing was cancelled", "kept", kept)
	answer := d.texts.NotSaved(c)
	if kept {
		answer = d.texts.Kept(c)
	}
	d.poster.Answer(d.ctx, log, k.ResponseURL, answer, slackapi.ReplaceOriginal)
	return true
}

// keepUnclear tells the goroutine that looks after an unclear click.
func (d *decider) keepUnclear(id decision.ID) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	u := d.unclear[id]
	if u != nil {
		u.once.Do(func() { close(u.kept) })
	}
	return u != nil
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
