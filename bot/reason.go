package bot

import (
	"bytes"
	"context"
	"crypto/hmac"
	"encoding/base64"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/slack-go/slack"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/input"
	"github.com/cancelbot/cancelbot/bot/internal/texts"
)

const (
	// maxMetadata bounds what a modal carries (docs.slack.dev: reference/views).
	maxMetadata = 3000

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
	signer signer
	poster *poster
	texts  texts.Texts
}

func newReasons(required bool, client *webAPI, sign signer, post *poster, words texts.Texts) *reasons {
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
	carried, err := json.Marshal(modalData{
		Value: k.value, ResponseURL: k.responseURL, Ephemeral: k.ephemeral, MAC: modalMAC(r.signer.signing().clicks, k.value, k.responseURL, k.ephemeral, k.user),
	})
	if err != nil || len(carried) > maxMetadata {
		return errors.New("the prompt does not fit into a modal")
	}
	ctx, cancel := context.WithTimeout(ctx, left)
	defer cancel()
	view := r.texts.ReasonModal(c)
	view.PrivateMetadata = string(carried)
	_, err = r.views.OpenViewContext(ctx, k.trigger, view)
	return err
}

// modalData is what the modal carries: the click that opened it.
type modalData struct {
	Value       string `json:"value"`
	ResponseURL string `json:"response_url"`
	Ephemeral   bool   `json:"ephemeral"`
	MAC         string `json:"mac"` // over the rest, and who clicked
}

func modalMAC(key []byte, value, responseURL string, ephemeral bool, user string) string {
	text, err := json.Marshal([]any{"reason", value, responseURL, ephemeral, user})
	if err != nil {
		panic(err) // a list of strings always encodes
	}
	return base64.RawURLEncoding.EncodeToString(mac(key, string(text)))
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

// genuine tells what our modal carries, for the person for whom it was opened.
func (r *reasons) genuine(data modalData, user string) bool {
	return slices.ContainsFunc(r.signer.accepted(promptsOutlive), func(k signingKeys) bool {
		return hmac.Equal([]byte(data.MAC), []byte(modalMAC(k.clicks, data.Value, data.ResponseURL, data.Ephemeral, user)))
	})
}

// click makes a click of a submission, on the confirmation with its reason.
// What is wrong is said in the modal. It asks nobody: the modal waits for it.
func (r *reasons) click(s submission, received time.Time) (k click, wrong string) {
	var data modalData
	if json.Unmarshal([]byte(s.View.Metadata), &data) != nil ||
		!r.genuine(data, s.User.ID) {
		return click{}, r.texts.ModalOutdated()
	}
	c, err := r.signer.decode(data.Value, received)
	switch {
	case errors.Is(err, errExpired):
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
		user: s.User.ID, origin: s.origin(), channel: c.Channel, action: texts.ActionCancel, value: r.signer.encode(c),
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
