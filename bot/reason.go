package bot

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
	"unicode/utf8"

	"github.com/slack-go/slack"
	"go.opentelemetry.io/otel/attribute"

	"github.com/cancelbot/cancelbot/bot/internal/carry"
	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/input"
	"github.com/cancelbot/cancelbot/bot/internal/signed"
	"github.com/cancelbot/cancelbot/bot/internal/slackapi"
	"github.com/cancelbot/cancelbot/bot/internal/texts"
)

// triggerLife is how long after a click a modal can be opened
// (docs.slack.dev: interactivity/handling-user-interaction).
const triggerLife = 3 * time.Second

// reasons asks for a reason if none was typed. A click without one opens a
// modal instead of deciding anything. Submitting it is a click on the same
// confirmation, now with a reason, and is checked like any other.
type reasons struct {
	required bool
	views    interface {
		// views.open
		OpenViewContext(ctx context.Context, trigger string, view slack.ModalViewRequest) (*slack.ViewResponse, error)
	}
	signer signed.Signer
	poster *slackapi.Poster
	texts  texts.Texts
}

// missing reports whether a confirmation needs a reason and has none.
func (r *reasons) missing(c decision.Confirmation) bool { return r.required && c.Reason == "" }

// ask opens the modal. The click decides nothing. If the modal may not have opened, ask
// says so. It spends no more than nextToDialog if it may have: someone who has read
// CheckingReason knows what to do then.
func (r *reasons) ask(ctx context.Context, p carry.Press) reply {
	p.Sign.Stop()
	err := r.open(ctx, p.Click, p.Confirmation)
	switch {
	case err == nil:
		p.Log.Info("asked for a reason")
		return reply{}
	case slackapi.Opened(err):
		p.Log.Info("click delivered twice")
		return reply{}
	}
	p.Log.Warn("can't ask for a reason (views.open)", "error", err)
	m := r.texts.NotAskedForReason(p.Confirmation)
	switch status, _ := slackapi.Classify(err); {
	case errors.Is(err, errNotOpened) || status != slackapi.Unclear:
		return alone(m)
	case p.Sign.Shown():
		return reply{}
	}
	return reply{then: func(ctx context.Context) { sayNextTo(ctx, p.Log, r.poster, p.Target(), m) }}
}

// errNotOpened means that Slack wasn't asked to open a modal.
var errNotOpened = errors.New("no modal to open")

func (r *reasons) open(ctx context.Context, k slackapi.Click, c decision.Confirmation) error {
	left := triggerLife - time.Since(k.Received)
	if left <= 0 {
		return fmt.Errorf("%w: the click is too old", errNotOpened)
	}
	carried, err := r.signer.EncodeModal(signed.Modal{
		Kind: texts.ModalReason, Value: k.Value, ResponseURL: k.ResponseURL, Ephemeral: k.Ephemeral, Spent: nextToDialog, Opened: k.At.Unix(),
	}, k.User)
	if err != nil {
		return fmt.Errorf("%w: %w", errNotOpened, err)
	}
	ctx, cancel := context.WithTimeout(ctx, left)
	defer cancel()
	view := r.texts.ReasonModal(c)
	view.PrivateMetadata = carried
	_, err = r.views.OpenViewContext(ctx, k.Trigger, view)
	return err
}

// nextToDialog is how many of its response_url's uses a dialog leaves to what is said
// next to it: that it hasn't opened, or doesn't show what it should.
const nextToDialog = 1

// sayNextTo says something next to a dialog that may be open.
func sayNextTo(ctx context.Context, log *slog.Logger, post *slackapi.Poster, to slackapi.Target, m texts.Message) {
	if err := post.Tell(ctx, to, slackapi.Always(m)); err != nil {
		log.Info("can't send a private answer", "error", err)
	}
}

// reasoned is a submitted modal: the click that opened it, and the
// confirmation with the reason that was given.
type reasoned struct {
	click        slackapi.Click // without its value
	confirmation decision.Confirmation
}

// read verifies a submission, and returns it, or an error to show in the
// modal. It has no side effects: the modal is waiting for its acknowledgement.
func (r *reasons) read(s slackapi.Submission, e envelope) (given reasoned, wrong string) {
	data, err := r.signer.DecodeModal(texts.ModalReason, s.Metadata, s.User, e.At)
	if err != nil {
		return reasoned{}, r.texts.ModalOutdated()
	}
	c, err := r.signer.Decode(data.Value, e.At)
	switch {
	case errors.Is(err, signed.ErrExpired):
		return reasoned{}, r.texts.ModalExpired(c)
	case err != nil:
		return reasoned{}, r.texts.ModalOutdated()
	}
	if c, wrong = r.parse(c, s.Reason, true); wrong != "" {
		return reasoned{}, wrong
	}
	return reasoned{slackapi.Click{
		User: s.User, Origin: s.Origin, Channel: c.Channel, Action: texts.ActionCancel,
		ResponseURL: data.ResponseURL, Ephemeral: data.Ephemeral, Spent: data.Spent, Received: e.Received, At: e.At,
	}, c}, ""
}

// parse returns a confirmation with a reason that was typed in a modal, or an error to
// show there. It doesn't shorten the reason: the person is there to do it.
func (r *reasons) parse(c decision.Confirmation, typed string, required bool) (given decision.Confirmation, wrong string) {
	c.Reason = input.ParseReason(input.Clean(typed))
	switch n := utf8.RuneCountInString(c.Reason); {
	case n == 0 && required:
		return decision.Confirmation{}, r.texts.ModalEmpty()
	case n > input.MaxReason:
		return decision.Confirmation{}, r.texts.ModalTooLong(n)
	case !signed.FitsReason(c):
		return decision.Confirmation{}, r.texts.ModalNoRoom(c)
	}
	return c, ""
}

// reasonGiven accepts a submitted modal that asked for a reason.
func (r *router) reasonGiven(log *slog.Logger, e envelope, s slackapi.Submission) (ack any, work func()) {
	given, wrong := r.clicks.reasons.read(s, e)
	if wrong != "" {
		return slackapi.ModalAck(texts.BlockReason, wrong), func() { log.Info("reason not accepted", "reply", wrong) }
	}
	job := r.pressed.Reserve(func(ctx context.Context) {
		ctx, end := r.trace.Step(ctx, "click", attribute.String("slack.envelope", e.ID))
		defer end(nil)
		k := given.click
		k.Value = r.clicks.signer.Encode(given.confirmation)
		r.pressButton(ctx, log, k)
	})
	if job == nil {
		return r.noRoom(log, texts.BlockReason)
	}
	return nil, r.start(job)
}
