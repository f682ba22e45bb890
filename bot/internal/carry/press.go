package carry

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/slackapi"
	"github.com/cancelbot/cancelbot/bot/internal/texts"
	"github.com/cancelbot/cancelbot/bot/internal/work"
)

const (
	ephemeral       = slackapi.Ephemeral
	replaceOriginal = slackapi.ReplaceOriginal
)

// Press is a click on one of the buttons of a genuine confirmation.
type Press struct {
	slackapi.Click
	Confirmation decision.Confirmation
	Log          *slog.Logger
	FactsAge     time.Duration // how old the facts are by which the press is allowed
	Sign         *Sign         // until the press is answered; may be nil
}

// id returns the ID of the decision that the press may make.
func (p Press) id() decision.ID { return decision.ID(p.Confirmation.ID) }

// Target returns where the answers to the press go.
func (p Press) Target() slackapi.Target {
	to := p.Click.Target()
	to.Prompt = p.Confirmation.ID
	if p.Confirmation.Public {
		to.Message = p.Message
	}
	return to
}

// whereSigned returns where to answer a press about another click: in place of the prompt
// only if the press's Sign has replaced it.
func (p Press) whereSigned() slackapi.Placement {
	if p.Sign.Replaced() {
		return replaceOriginal
	}
	return ephemeral
}

// signedBelow reports whether the person read below the clicked message that the press
// is being checked.
func (p Press) signedBelow() bool { return p.View == "" && p.Sign.Below() }

// A saying composes the text of an answer from the current rows.
type saying func(rows ...decision.Current) texts.Message

// always returns a saying that ignores the rows.
func always(m texts.Message) saying {
	return func(...decision.Current) texts.Message { return m }
}

// cameSecond returns the saying for an answer about the decisions that came before a
// press.
func (c *Carrier) cameSecond(p Press) saying {
	return func(rows ...decision.Current) texts.Message {
		return c.Texts.CameSecond(p.Confirmation, p.User, rows...)
	}
}

// answer answers a press, privately or in place of its message, and where its sign is.
// Each try reads the rows in about again, and say composes the text from them. If they
// have no outcome yet, answer follows them. about is empty if the prompt had no decision.
// The text of a request, which everyone reads, doesn't wait for the sign below it.
func (c *Carrier) answer(ctx context.Context, p Press, where slackapi.Placement, say saying, about ...decision.Record) {
	if where == replaceOriginal && p.Confirmation.Public {
		p.Sign.Stop()
	} else {
		p.Sign.Wait()
	}
	redelivered := false
	sent := c.Poster.Answer(ctx, p.Log, p.Target(), func(ctx context.Context) (texts.Message, error) {
		about = c.asTheyAre(ctx, about)
		if where != replaceOriginal {
			return say(c.Quoted(ctx, about...)...), nil
		}
		newer, err := c.newer(ctx, p, about)
		switch {
		case err != nil:
			return texts.Message{}, err
		case newer.ID == "":
			return say(c.Quoted(ctx, about...)...), nil
		}
		about, say = []decision.Record{newer}, c.cameSecond(p)
		if p.redelivers(newer) && !announced(newer) {
			redelivered = true
			return texts.Message{}, work.Permanent(errRedelivered)
		}
		return say(c.Quoted(ctx, about...)...), nil
	}, where)
	if redelivered {
		c.redelivered(p, about[0], false)
		return
	}
	if sent {
		c.await(p, where, say, about)
	}
	if where == replaceOriginal {
		c.below(ctx, p, say, about...)
	}
}

// below answers a press below its private prompt, too, if its sign is there: nothing
// else ends that. A request's text is for everyone; its clicker's is sent by itself.
func (c *Carrier) below(ctx context.Context, p Press, say saying, about ...decision.Record) {
	if p.Confirmation.Public || !p.signedBelow() {
		return
	}
	c.Poster.Answer(ctx, p.Log, p.Target(), func(ctx context.Context) (texts.Message, error) {
		return say(c.Quoted(ctx, c.asTheyAre(ctx, about)...)...), nil
	}, ephemeral)
}

// AnswerUndecided answers a press that decides nothing. In place of its prompt,
// that gives way to the result of another press.
func (c *Carrier) AnswerUndecided(ctx context.Context, p Press, m texts.Message, where slackapi.Placement) {
	c.answer(ctx, p, where, always(m))
}

// asTheyAre returns rows in their current state, as this process knows it or the journal
// returns it within undecidedTimeout; otherwise they are unchanged.
func (c *Carrier) asTheyAre(ctx context.Context, rows []decision.Record) []decision.Record {
	ctx, cancel := context.WithTimeout(ctx, undecidedTimeout)
	defer cancel()
	return updated(rows, hasOutcome, func(id decision.ID) decision.Record {
		if h := c.set.get(id); h != nil && h.saving() == carried {
			return h.With(h.tasks.saved()...)
		}
		row, _ := c.Journal.Get(ctx, id) // on an error, the row stays as it was
		return row
	})
}

// newer returns the row of the press's own prompt if the prompt has a decision and about
// doesn't include it. It returns a zero Record if the prompt is undecided, if it is closed
// and the decisions in about have its tasks, or if the journal doesn't answer within
// undecidedTimeout. It returns an error if a click on the prompt is being saved here, or
// if the prompt is a request that has a decision: then its message is updated elsewhere.
func (c *Carrier) newer(ctx context.Context, p Press, about []decision.Record) (decision.Record, error) {
	if slices.ContainsFunc(about, func(d decision.Record) bool { return d.ID == p.id() }) {
		return decision.Record{}, nil // asTheyAre has read it
	}
	ctx, cancel := context.WithTimeout(ctx, undecidedTimeout)
	defer cancel()
	row, err := c.Journal.Get(ctx, p.id())
	h := c.set.get(p.id())
	switch {
	case h != nil && (err != nil || h.saving() < carried):
		return decision.Record{}, work.Permanent(errNotKnown)
	case err != nil, row.Outcome() == decision.Superseded, len(about) > 0 && row.Outcome().Closed(): // those in about have its tasks
		return decision.Record{}, nil
	case p.Confirmation.Public:
		return decision.Record{}, work.Permanent(errDecidedSince)
	}
	return row, nil
}

// errDecidedSince means that a request shows the result of a later press.
var errDecidedSince = errors.New("another press has decided the request since")

// recordOf returns the decision of a press, with the MAC that authenticates
// it.
func (c *Carrier) recordOf(p Press) decision.Record {
	r := recordFrom(p.Confirmation, p.Value)
	r.Confirmer, r.ResponseURL = decision.Storable(p.User), p.recordURL()
	r.FactsAge = p.FactsAge.Truncate(time.Millisecond)
	r.DecidedAt = toMillisecond(p.At) // as the journal stores it: the MAC covers it
	r.MAC = c.Signer.SignClick(r)
	return r
}

// recordFrom returns the decision of a confirmation. value is its button's.
func recordFrom(c decision.Confirmation, value string) decision.Record {
	r := decision.Record{
		ID: decision.ID(c.ID), Team: c.Team, Channel: c.Channel, Thread: c.Thread, Untitled: c.Untitled,
		Requester: c.Requester, Reason: c.Reason, RequestedAt: c.RequestedAt, Confirmation: value,
	}
	for _, t := range c.Tasks {
		r.Tasks = append(r.Tasks, t.Item())
	}
	return r.Storable()
}

func toMillisecond(t time.Time) time.Time { return t.UTC().Truncate(time.Millisecond) }

// Decide starts to carry the decision of an allowed person's press, or answers the
// press. It returns false, and nothing is decided, if ctx has ended.
func (c *Carrier) Decide(ctx context.Context, p Press) bool {
	if earlier := c.set.withdrawn(p.id()); earlier != nil {
		c.apart(p, func(ctx context.Context) { c.afterWithdrawal(ctx, p, earlier) })
		return true
	}
	r := c.recordOf(p)
	for ctx.Err() == nil {
		h, fresh := c.set.enter(trace.ContextWithSpanContext(c.process, trace.SpanContextFromContext(ctx)), r)
		switch {
		case h == nil:
			p.Log.Warn("click turned away; too many decisions in progress")
			c.pressAgain(p, c.Texts.Overloaded(), c.Texts.CannotTell(p.Confirmation))
			return true
		case fresh:
			h.tasks.begin(1)
			c.start(&life{holding: h, press: &p, showing: showing{signing: p.Confirmation.Public}, prompt: c.newPrompt(h, &p), job: job{state: decision.Claimed(r)}})
			return true
		case c.second(ctx, p, h):
			return true
		}
	}
	return false
}

// second answers another press of a prompt that this process is deciding. It
// returns false if the earlier press had no effect: then this one is on its
// own.
func (c *Carrier) second(ctx context.Context, p Press, earlier *holding) bool {
	select {
	case <-earlier.known:
	case <-ctx.Done():
	}
	again := p.delivered(earlier.Record)
	switch phase := earlier.saving(); {
	case again && p.View == "": // answered by what the first delivery does. The announcement may need the last use of the response_url
		p.Sign.Stop()
		p.Log.Info("click delivered twice")
	case phase == claiming:
		c.cannotTell(ctx, p, ctx.Err())
	case phase == unsure:
		c.apart(p, func(ctx context.Context) { c.afterDoubt(ctx, p, earlier) })
	case phase == carried && again:
		c.showAgain(p, earlier.Record)
	case phase == carried:
		p.Log.Info("an earlier click counts", "confirmer", earlier.Confirmer)
		c.apart(p, func(ctx context.Context) { c.answer(ctx, p, p.whereSigned(), c.cameSecond(p), earlier.Record) })
	default:
		return false
	}
	return true
}

// afterDoubt decides a press once it is known whether an earlier one counts.
func (c *Carrier) afterDoubt(ctx context.Context, p Press, earlier *holding) {
	if err := earlier.saved(ctx, p); err != nil {
		c.cannotTell(ctx, p, err)
		return
	}
	if !c.Decide(ctx, p) {
		c.cannotTell(ctx, p, ctx.Err())
	}
}
