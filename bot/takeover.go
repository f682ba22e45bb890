package bot

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/journal"
	"github.com/cancelbot/cancelbot/bot/internal/observe"
	"github.com/cancelbot/cancelbot/bot/internal/signed"
	"github.com/cancelbot/cancelbot/bot/internal/slackapi"
	"github.com/cancelbot/cancelbot/bot/internal/texts"
	"github.com/cancelbot/cancelbot/bot/internal/work"
)

const (
	takeEvery = 2 * time.Second

	// maxTaken bounds how many decisions are taken over at a time.
	maxTaken = 64
)

// leftovers is what taking over needs of the journal.
type leftovers interface {
	TakeExpired(ctx context.Context, w journal.Work, limit int, mine []decision.ID) ([]journal.Held, error)
	SetAside(context.Context, journal.Lease) error
	Release(context.Context, ...journal.Lease) error
}

// taker takes over what some process left behind, this one's last life
// included. What is to be resolved and what is to be told do not wait for each
// other.
type taker struct {
	journal   leftovers
	set       *workingSet
	signer    signed.Signer
	carrier   *carrier
	announcer *announcer
	poster    *slackapi.Poster
	texts     texts.Texts
	metrics   *observe.Metrics
	now       func() time.Time
	ctx       context.Context // of what is taken over
	work      *work.Group
	log       *slog.Logger
}

// toResolve is a loop's.
func (t *taker) toResolve(ctx context.Context) error {
	return t.take(ctx, journal.ToResolve, func(h *holding) {
		h.log.Info("resuming a decision", "epoch", h.current().Epoch, "sent", h.Sent)
		t.work.Run(func() { t.carrier.carry(h, t.lastWord(h)) })
	})
}

// toTell is a loop's.
func (t *taker) toTell(ctx context.Context) error {
	return t.take(ctx, journal.ToTell, func(h *holding) {
		h.log.Info("resuming an announcement", "epoch", h.current().Epoch)
		res := h.Record.Result()
		p, last := t.lastWord(h), t.texts.OutcomeLine(h.Record, res)
		t.announcer.announce(&telling{h: h, res: res, told: func() { p.end(&last) }})
	})
}

func (t *taker) take(ctx context.Context, w journal.Work, begin func(*holding)) error {
	limit := min(t.set.free(), maxTaken)
	if limit == 0 {
		return nil
	}
	taken, err := t.journal.TakeExpired(ctx, w, limit, t.set.ids())
	if err != nil {
		return err
	}
	var failed error
	for _, held := range taken {
		genuine, err := t.signer.Examine(ctx, held.Record, func(why error) error { return t.setAside(ctx, held, why) })
		failed = errors.Join(failed, err)
		if genuine {
			begin(t.set.add(t.ctx, held.Record, held.Lease))
		}
	}
	return failed
}

// setAside closes a row that no genuine click made. Nothing is done about it,
// and nothing told in anybody's name.
func (t *taker) setAside(ctx context.Context, held journal.Held, why error) error {
	t.metrics.Unverified.Inc()
	t.log.Error("a row of the journal is not genuine: it is set aside, nothing is cancelled and nothing told. Somebody or something else has written to the database, or the bot token has changed since",
		"confirmation", string(held.Record.ID), "task", held.TaskID, "channel", held.Channel, "reason", why)
	return t.journal.SetAside(ctx, held.Lease)
}

// lastWord is a prompt that only the outcome is still shown in: how many uses
// its response_url has left is not known.
func (t *taker) lastWord(h *holding) *prompt {
	if h.ResponseURL == "" || t.now().Sub(h.DecidedAt) > slackapi.ResponseURLLife {
		return newPrompt(h.ctx, t.ctx, 0, nil)
	}
	return newPrompt(h.ctx, t.ctx, 0, func(ctx context.Context, m texts.Message) {
		t.poster.Answer(ctx, h.log, h.ResponseURL, m, slackapi.ReplaceOriginal)
	})
}
