package bot

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/journal"
	"github.com/cancelbot/cancelbot/bot/internal/signed"
	"github.com/cancelbot/cancelbot/bot/internal/slackapi"
	"github.com/cancelbot/cancelbot/bot/internal/texts"
	"github.com/cancelbot/cancelbot/bot/internal/work"
)

const (
	requestsEvery = 2 * time.Second
	maxRequests   = 32 // taken at a time

	// askPatience bounds the tries of chat.postMessage, before the command's
	// response_url is used instead.
	askPatience = 5 * time.Second

	// endMargin is the time between the end of a request and the text that says
	// so. Clicks that came in time have mostly been decided by then.
	endMargin = 3 * time.Second
)

// openRequests is what the requests need from the journal.
type openRequests interface {
	Opened(ctx context.Context, r journal.Request, remind, end time.Duration) error
	TakeToRemind(ctx context.Context, limit int) ([]journal.Request, error)
	TakeEnded(ctx context.Context, limit int) ([]journal.Request, error)
	Forget(context.Context, decision.ID) error
	Became(ctx context.Context, prompt decision.ID, task int64) (decision.Record, error)
}

// requests are the prompts in a channel that a second person must confirm. The
// journal's list of them says what is due and has no authority: a click counts
// by what the button carries.
type requests struct {
	journal openRequests
	poster  *slackapi.Poster
	signer  signed.Signer
	texts   texts.Texts
	remind  time.Duration // before the end; 0 for never
	now     func() time.Time
	log     *slog.Logger
}

// ask posts a request in its channel and lists it, so that it is replaced when
// it expires. If the bot can't post there, the reply has the request instead;
// only a late click replaces that one.
func (r *requests) ask(ctx context.Context, log *slog.Logger, c decision.Confirmation, m texts.Message) reply {
	var ts string
	err := work.Retry(ctx, askPatience, func() (err error) {
		ts, err = r.poster.Post(ctx, c.Channel, "", m)
		return slackapi.UnlessPosted(err)
	})
	if err != nil {
		log.Info("cannot post a request in the channel; answering the command instead", "reason", err)
		return reply{message: m, where: slackapi.InChannel}
	}
	left := c.ExpiresAt.Sub(r.now())
	remind := time.Duration(0)
	if r.remind > 0 {
		remind = max(left-r.remind, time.Millisecond)
	}
	open := journal.Request{ID: decision.ID(c.ID), MessageTS: ts, Confirmation: r.signer.Encode(c)}
	if err := work.Retry(ctx, askPatience, func() error { return r.journal.Opened(ctx, open, remind, left+endMargin) }); err != nil {
		log.Warn("a request is not on the list of open ones: nothing will say when it runs out", "error", err)
	}
	return reply{}
}

// look sends the reminders that are due, and replaces the requests that have
// ended.
func (r *requests) look(ctx context.Context) error {
	due, failed := r.journal.TakeToRemind(ctx, maxRequests)
	for _, one := range due {
		r.remindOf(ctx, r.of(one), one)
	}
	ended, err := r.journal.TakeEnded(ctx, maxRequests)
	failed = errors.Join(failed, err)
	for _, one := range ended {
		failed = errors.Join(failed, r.end(ctx, r.of(one), one))
	}
	return failed
}

func (r *requests) of(one journal.Request) *slog.Logger {
	return r.log.With("confirmation", string(one.ID))
}

// remindOf reminds of a request that is still open, once.
func (r *requests) remindOf(ctx context.Context, log *slog.Logger, one journal.Request) {
	c, err := r.signer.Decode(one.Confirmation, r.now())
	if err != nil {
		return
	}
	if _, err := r.journal.Became(ctx, one.ID, int64(c.Task)); !errors.Is(err, journal.ErrGone) {
		return // decided; or not known, and then nothing may be said
	}
	err = work.Retry(ctx, askPatience, func() error {
		_, err := r.poster.Broadcast(ctx, c.Channel, one.MessageTS, r.texts.Reminder(c))
		return slackapi.UnlessPosted(err)
	})
	if err != nil {
		log.Warn("cannot remind of a request", "error", err)
		return
	}
	log.Info("reminded of a request")
}

// end gives a request its last text: what became of it. A click may be decided
// in the meantime, so it checks the decision again after the text was shown,
// until both agree.
func (r *requests) end(ctx context.Context, log *slog.Logger, one journal.Request) error {
	c, err := r.signer.Decode(one.Confirmation, r.now())
	switch {
	case err == nil:
		return nil // by this clock a click still counts: taken again later
	case !errors.Is(err, signed.ErrExpired) || c.ID != string(one.ID):
		log.Warn("forgot a request that is not ours, or from before the bot token was changed", "reason", err)
		return r.journal.Forget(ctx, one.ID)
	}
	shown := ""
	for {
		d, err := r.journal.Became(ctx, one.ID, int64(c.Task))
		if err != nil && !errors.Is(err, journal.ErrGone) {
			return err
		}
		last, over := r.texts.LastOf(c, d)
		switch {
		case last == nil || last.Text == shown:
			if over {
				return r.journal.Forget(ctx, one.ID)
			}
			return nil // more is to come; taken again later
		case !over && shown == "":
			return nil // the process that carries it out shows that; taken again later
		}
		if err := r.poster.Update(ctx, c.Channel, one.MessageTS, *last); err != nil {
			if said, _ := slackapi.Classify(err); said.MayWork() {
				log.Warn("Slack does not take the last text of a request; trying again", "error", err)
				return nil // taken again later
			}
			log.Info("a request cannot be turned", "reason", err) // deleted, or the channel is gone
			return r.journal.Forget(ctx, one.ID)
		}
		shown = last.Text
		log.Info("a request has ended", "outcome", string(d.Outcome))
	}
}
