package bot

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"time"
	"unicode/utf8"

	"github.com/slack-go/slack"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/input"
	"github.com/cancelbot/cancelbot/bot/internal/signed"
	"github.com/cancelbot/cancelbot/bot/internal/texts"
)

const (
	// triggerLife is how long after a click a modal can be opened
	// (docs.slack.dev: interactivity/handling-user-interaction).
	triggerLife = 3 * time.Second
)

// reasons asks for a reason where none was typed. A click without one opens a
// modal instead of deciding anything; what is submitted there becomes a click
// on the same confirmation, now with its reason, and goes the way of every
// click from the beginning.
type reasons struct {
	required bool
	views    interface {
		// views.open
		OpenViewContext(ctx context.Context, trigger string, view slack.ModalViewRequest) (*slack.ViewResponse, error)
	}
	signer signed.Signer
	poster *poster
	texts  texts.Texts
}

func newReasons(required bool, client *webAPI, sign signed.Signer, post *poster, words texts.Texts) *reasons {
	return &reasons{required: required, views: client, signer: sign, poster: post, texts: words}
}

// missing reports whether a confirmation needs a reason and has none.
func (r *reasons) missing(c decision.Confirmation) bool { return r.required && c.Reason == "" }

// ask opens the modal. Nothing is decided by the click.
func (r *reasons) ask(ctx context.Context, log *slog.Logger, k click, c decision.Confirmation) {
	err := r.open(ctx, k, c)
	if err == nil {
		log.Info("asked for a reason")
		return
	}
	log.Warn("cannot ask for a reason (views.open)", "error", err)
	r.poster.tell(ctx, log, k.responseURL, r.texts.NotAskedForReason(c), ephemeral)
}

func (r *reasons) open(ctx context.Context, k click, c decision.Confirmation) error {
	left := triggerLife - time.Since(k.received)
	if left <= 0 {
		return errors.New("the click is too old to open a modal")
	}
	carried, err := r.signer.EncodeModal(signed.Modal{Value: k.value, ResponseURL: k.responseURL, Ephemeral: k.ephemeral}, k.user)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, left)
	defer cancel()
	view := r.texts.ReasonModal(c)
	view.PrivateMetadata = carried
	_, err = r.views.OpenViewContext(ctx, k.trigger, view)
	return err
}

// submission is what is needed of a view_submission payload (docs.slack.dev:
// reference/interaction-payloads/view-interactions-payload).
type submission struct {
	clickPayload
	View struct {
		CallbackID string `json:"callback_id"`
		Metadata   string `json:"private_metadata"`
		State      struct {
			Values map[string]map[string]struct {
				Value string `json:"value"`
			} `json:"values"`
		} `json:"state"`
	} `json:"view"`
}

// parseSubmission tells a submission of our modal from everything else.
func parseSubmission(payload json.RawMessage) (submission, bool) {
	var s submission
	if !bytes.Contains(payload, []byte(slack.InteractionTypeViewSubmission)) || json.Unmarshal(payload, &s) != nil {
		return submission{}, false
	}
	return s, s.Type == string(slack.InteractionTypeViewSubmission) && s.View.CallbackID == texts.ModalReason
}

// click makes a click of a submission, on the confirmation with its reason.
// What is wrong is said in the modal. It asks nobody: the modal waits for it.
func (r *reasons) click(s submission, received time.Time) (k click, wrong string) {
	data, err := r.signer.DecodeModal(s.View.Metadata, s.User.ID)
	if err != nil {
		return click{}, r.texts.ModalOutdated()
	}
	c, err := r.signer.Decode(data.Value, received)
	switch {
	case errors.Is(err, signed.ErrExpired):
		return click{}, r.texts.ModalExpired(c)
	case err != nil:
		return click{}, r.texts.ModalOutdated()
	}
	reason := input.ParseReason(input.Clean(s.View.State.Values[texts.BlockReason][texts.InputReason].Value))
	switch n := utf8.RuneCountInString(reason); {
	case n == 0:
		return click{}, r.texts.ModalEmpty()
	case n > input.MaxReason:
		return click{}, r.texts.ModalTooLong(n)
	}
	c.Reason = reason
	return click{
		user: s.User.ID, origin: s.origin(), channel: c.Channel, action: texts.ActionCancel, value: r.signer.Encode(c),
		responseURL: data.ResponseURL, ephemeral: data.Ephemeral, received: received,
	}, ""
}

// modalError is the acknowledgement that leaves a modal open and says what is
// wrong with its input.
func modalError(wrong string) any {
	return map[string]any{"response_action": "errors", "errors": map[string]string{texts.BlockReason: wrong}}
}

// submitted takes a modal that somebody submitted.
func (r *router) submitted(log *slog.Logger, e envelope, s submission) (ack any, work func()) {
	log = log.With("user", s.User.ID)
	k, wrong := r.clicks.reasons.click(s, e.Received)
	if wrong != "" {
		return modalError(wrong), func() { log.Info("a reason was not accepted", "told", wrong) }
	}
	job := r.pressed.Reserve(func(ctx context.Context) { r.clicks.handle(ctx, log, k) })
	if job == nil {
		return modalError(r.texts.ModalBusy(r.stopping())), func() { log.Warn("a reason was turned away", "stopping", r.stopping()) }
	}
	return nil, r.start(job)
}
