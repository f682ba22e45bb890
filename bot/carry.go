package bot

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/journal"
	"github.com/cancelbot/cancelbot/bot/internal/observe"
	"github.com/cancelbot/cancelbot/bot/internal/texts"
	"github.com/cancelbot/cancelbot/bot/internal/work"
)

// carrier carries a decision from its claim to its announcement.
type carrier struct {
	resolver  *resolver
	announcer *announcer
	journal   outbox
	set       *workingSet
	texts     texts.Texts
	metrics   *observe.Metrics
}

// carry brings a decision to its outcome and hands it to the announcer. What
// it cannot bring to an end is let go, for whoever takes it over.
func (c *carrier) carry(h *holding, p *prompt) {
	begun, handedOver := false, false
	defer func() {
		if handedOver {
			return
		}
		// Cut off, lost, or a panic.
		if begun {
			c.announcer.giveTurn(h.Channel)
		}
		c.set.letGo(h)
		p.end(nil)
	}()
	res, err := c.resolver.resolve(h, p)
	if err != nil {
		c.gone(h, "a decision was cut off", err)
		return
	}
	begun = c.announcer.takeTurn(h.Channel)
	if res, err = c.finish(h, res, begun); err != nil {
		c.gone(h, "an outcome was not recorded", err)
		return
	}
	last := c.texts.OutcomeLine(h.Record, res)
	t := &telling{h: h, res: res, begun: begun}
	if h.resumed() { // not before it is told: former owners may have left one use
		t.told = func() { p.end(&last) }
	}
	c.announcer.announce(t)
	handedOver = true
	if t.told == nil {
		p.end(&last)
	}
}

func (c *carrier) gone(h *holding, what string, err error) {
	if lost(err) {
		h.log.Warn(what+": another process has taken it over", "error", err)
		return
	}
	h.log.Warn(what+"; it will be resumed", "error", err)
}

// finish records the outcome, for as long as it takes and is ours to do. What
// it returns is what stands there then.
func (c *carrier) finish(h *holding, res decision.Result, tell bool) (decision.Result, error) {
	wait := backoff.NewExponentialBackOff()
	wait.InitialInterval, wait.MaxInterval = 100*time.Millisecond, work.MaxPause
	for {
		l, err := c.journal.Finish(h.ctx, h.current(), res.Outcome, res.Encode(), tell)
		if errors.Is(err, journal.ErrGone) {
			err = h.putBack(h.ctx, c.journal, c.metrics, res)
			if errors.Is(err, errOverruled) {
				res, err = res.Overruled(), nil
			}
			if err == nil {
				continue
			}
		}
		switch {
		case err == nil:
			h.renewed(l)
			c.metrics.Decisions.WithLabelValues(string(res.Outcome)).Inc()
			c.metrics.OutcomeSeconds.Observe(time.Since(h.DecidedAt).Seconds())
			h.log.Info("finished", "outcome", string(res.Outcome), "cause", string(res.Cause), "requester", h.Requester)
			return res, nil
		case lost(err):
			return res, err
		}
		h.log.Error("the journal does not take an outcome; trying again", "error", err, "outcome", string(res.Outcome))
		if !work.Sleep(h.ctx, wait.NextBackOff()) {
			return res, fmt.Errorf("recording an outcome: %w", context.Cause(h.ctx))
		}
	}
}
