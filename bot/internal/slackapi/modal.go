package slackapi

import (
	"context"
	"fmt"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/slack-go/slack"

	"github.com/cancelbot/cancelbot/bot/internal/texts"
	"github.com/cancelbot/cancelbot/bot/internal/work"
)

// This file shows views in modals. A message may be shown again, since nothing follows
// it but the next message. A form may not: meanwhile its person may have submitted it,
// to another replica.

// ackSettles is how long Slack may take to handle the acknowledgement of a
// submitted modal, which arrives by a different way than the result.
const ackSettles = 1500 * time.Millisecond

// Show shows a message in a modal, in one try.
func (p *Poster) Show(ctx context.Context, viewID string, choose Choose) error {
	_, err := p.updateView(ctx, viewID, "", func(ctx context.Context) (slack.ModalViewRequest, error) {
		m, err := choose(ctx)
		if err != nil {
			return slack.ModalViewRequest{}, err
		}
		return texts.ModalOf(m), nil
	})
	return err
}

// ShowLast is Show for a modal that was just submitted. It shows the message
// again a moment later, because an acknowledgement that Slack handles late
// would replace it; but not once something newer is shown.
func (p *Poster) ShowLast(ctx context.Context, viewID string, choose Choose) error {
	turn := p.turns.next(viewID)
	var m texts.Message
	err := p.Show(ctx, viewID, func(ctx context.Context) (_ texts.Message, err error) {
		m, err = choose(ctx)
		return m, err
	})
	if err == nil && work.Sleep(ctx, ackSettles) && p.turns.latest(viewID) == turn {
		_ = p.Show(ctx, viewID, Always(m)) // it was there already
	}
	return err
}

// Settle shows a message in a modal that was just submitted, once Slack has handled
// the acknowledgement. It returns the view's hash, for ShowOver.
func (p *Poster) Settle(ctx context.Context, viewID string, m texts.Message) (hash string, err error) {
	if !work.Sleep(ctx, ackSettles) {
		return "", ctx.Err()
	}
	return p.updateView(ctx, viewID, "", always(texts.ModalOf(m)))
}

// ShowOver shows a view, which may be a form, in place of the one with the hash, in
// one try. If the modal has another view by then, an earlier try succeeded, and what
// came after it stays.
func (p *Poster) ShowOver(ctx context.Context, viewID, hash string, view slack.ModalViewRequest) error {
	_, err := p.updateView(ctx, viewID, hash, always(view))
	if Code(err) == "hash_conflict" {
		return nil
	}
	return err
}

// always returns a function that returns a view that stays true.
func always(view slack.ModalViewRequest) func(context.Context) (slack.ModalViewRequest, error) {
	return func(context.Context) (slack.ModalViewRequest, error) { return view, nil }
}

// updateView replaces the view with a hash, or whatever the modal shows if hash is "",
// with the one that choose returns when it's the call's turn. It returns the new view's
// hash.
func (p *Poster) updateView(ctx context.Context, viewID, hash string, choose func(context.Context) (slack.ModalViewRequest, error)) (next string, err error) {
	ctx, release, err := begin(ctx, p.answers, viewID, "")
	if err != nil {
		return "", err
	}
	defer release()
	view, err := choose(ctx)
	if err != nil {
		return "", err
	}
	updated, err := p.slack.UpdateViewContext(ctx, view, "", hash, viewID)
	if err != nil {
		return "", fmt.Errorf("updating a modal (views.update): %w", err)
	}
	return updated.Hash, nil
}

// maxViews bounds how many modals are remembered.
const maxViews = 4096

// viewTurns counts what each modal has shown.
type viewTurns struct {
	mu    sync.Mutex
	turns *lru.Cache[string, *int]
}

func newViewTurns() *viewTurns { return &viewTurns{turns: work.NewCache[string, *int](maxViews)} }

func (v *viewTurns) next(viewID string) int {
	v.mu.Lock()
	defer v.mu.Unlock()
	n, known := v.turns.Get(viewID)
	if !known {
		n = new(int)
		v.turns.Add(viewID, n)
	}
	*n++
	return *n
}

func (v *viewTurns) latest(viewID string) int {
	v.mu.Lock()
	defer v.mu.Unlock()
	if n, known := v.turns.Get(viewID); known {
		return *n
	}
	return 0
}
