package carry

import (
	"context"
	"errors"
	"math"
	"sync"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/slackapi"
	"github.com/cancelbot/cancelbot/bot/internal/texts"
	"github.com/cancelbot/cancelbot/bot/internal/work"
)

const (
	// runningAfter is how long a decision may take before its prompt says that
	// it is in progress. Most are done by then.
	runningAfter = 700 * time.Millisecond

	// countEvery is the pause between two numbers of tasks that are done.
	countEvery = 5 * time.Second

	// maxUses is how often Slack accepts an answer to a click (docs.slack.dev:
	// interactivity/handling-user-interaction). The announcement keeps one, and
	// the last update minLast more, unless they were spent before (law 12).
	// maxProgress bounds the updates that only show progress.
	maxUses     = 5
	minLast     = 2
	maxProgress = 2

	// lastUpdateFor bounds the tries of the last update: nothing else tells the
	// person, and Slack may ask to wait.
	lastUpdateFor = slackapi.ResponseURLLife
)

// prompt keeps the clicked message up to date, next to the work and never in its
// way: only the latest state is shown. It counts the uses of the response_url as they are
// spent; an update that got no answer counts.
type prompt struct {
	ctx context.Context // ends when the process stops
	run func(func())    // runs a goroutine that the process waits for

	mu       sync.Mutex
	screen   screen
	uses     int // left to the prompt before the announcement
	progress progress
	next     slackapi.Choose // what to show next; may be nil
	last     bool            // next is the last update, or it has been shown
	showing  chan struct{}
	abort    context.CancelFunc // of the last update, while it is tried
}

// screen is the message that a prompt updates, or the modal, and how.
type screen struct {
	update func(context.Context, slackapi.Choose) error // nil if it can't be updated
	direct func(context.Context, slackapi.Choose) error // the same without a use of the response_url; nil if there is no such way
	shown  <-chan struct{}                              // closed when what was shown before has arrived; may be nil
	bound  bounding                                     // of a call that shows anything but the last state; may be nil
}

// progress is how a prompt says that the work goes on.
type progress struct {
	lines   int                        // left
	holds   func(context.Context) bool // whether they may be shown
	counted texts.Message              // shown when the timer fires
	timer   *time.Timer
	doubt   *time.Timer // says that it isn't known whether the click is saved
	unsure  bool        // the prompt may say that
}

// bounding returns a context and a Choose for a call, which is cut off when a text that
// others show may replace its own.
type bounding func(context.Context, slackapi.Choose) (context.Context, slackapi.Choose, context.CancelFunc)

// ifStill returns a Choose for a text that is shown if it is still true when it is its
// turn; otherwise the error is errNotTrue.
func ifStill(still func(context.Context) bool, m texts.Message) slackapi.Choose {
	return func(ctx context.Context) (texts.Message, error) {
		if !still(ctx) {
			return texts.Message{}, errNotTrue
		}
		return m, nil
	}
}

// newPrompt returns the prompt of a decision. A fresh press shows progress.
// After a takeover, it isn't known how many uses are left, so only the outcome
// is shown, after the announcement.
func (c *Carrier) newPrompt(h *holding, fresh *Press) *prompt {
	r := h.Record
	p := &prompt{ctx: c.process, run: c.group.Run, uses: maxUses, screen: screen{bound: h.whileOurs}}
	p.progress.holds = func(context.Context) bool { return c.underWay(h) }
	if fresh != nil {
		p.uses = max(maxUses-1-fresh.Spent, 0)
		if !fresh.Confirmation.Public { // the prompt shows what follows
			p.screen.shown = fresh.Sign.Stop()
			p.uses = max(p.uses-fresh.Sign.Spent(), 0)
		}
		p.progress.lines = min(max(p.uses-minLast, 0), maxProgress)
		if p.screen.shown != nil && !c.reached.Contains(r.Channel) { // another replica may have got the click as well, and spent as much
			p.progress.lines = 0
		}
	}
	if fresh != nil && fresh.View != "" {
		c.showInModal(p, *fresh)
		return p
	}
	if fresh != nil && fresh.Confirmation.Public && fresh.Message != "" {
		p.progress.lines = maxProgress
		p.screen.direct = func(ctx context.Context, choose slackapi.Choose) error {
			return c.Poster.UpdatePrompt(ctx, fresh.Confirmation.ID, fresh.Channel, fresh.Message, choose)
		}
	}
	if r.ResponseURL != "" && c.now().Sub(r.DecidedAt) < c.Protocol.ResponseURLLife {
		p.screen.update = func(ctx context.Context, choose slackapi.Choose) error {
			return c.Poster.Respond(ctx, slackapi.Target{Channel: r.Channel, User: r.Confirmer, ResponseURL: r.ResponseURL, Prompt: string(r.ID)}, choose, slackapi.ReplaceOriginal)
		}
	}
	return p
}

// showInModal shows the states in the modal that was submitted. That can be updated as
// often as one likes, while it is open. Once it is closed, the person reads the last state
// where it was opened, by the uses of the response_url that are left.
func (c *Carrier) showInModal(p *prompt, pressed Press) {
	left := p.uses
	p.uses, p.progress.lines = math.MaxInt, math.MaxInt
	p.screen.update = func(ctx context.Context, choose slackapi.Choose) error {
		if !p.isLast() {
			return c.Poster.Show(ctx, pressed.View, choose)
		}
		err := c.Poster.ShowLast(ctx, pressed.View, choose)
		if status, _ := slackapi.Classify(err); status != slackapi.Refused || left == 0 || pressed.ResponseURL == "" {
			return err
		}
		left--
		return c.Poster.Respond(ctx, pressed.Target(), choose, ephemeral)
	}
}

// soon shows a first line, unless something else is shown first; at once if the prompt
// says that saving isn't certain.
func (p *prompt) soon(m texts.Message) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stopTimer()
	if p.progress.unsure {
		p.showLocked(m)
		return
	}
	p.progress.timer = time.AfterFunc(runningAfter, func() { p.show(m) })
}

// count shows how many of several tasks are done: the latest number, after a
// pause.
func (p *prompt) count(m texts.Message) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.last {
		return
	}
	pause := runningAfter
	if p.progress.counted.Text != "" {
		pause = countEvery
	}
	p.progress.counted = m
	if p.progress.unsure {
		p.showLocked(m)
		return
	}
	p.stopDoubt()
	if p.progress.timer != nil {
		return
	}
	p.progress.timer = time.AfterFunc(pause, func() {
		p.mu.Lock()
		latest := p.progress.counted
		p.mu.Unlock()
		p.show(latest)
	})
}

// saving shows after a while that it isn't known whether the click is saved, if that is
// still so. It leaves a use to the line that replaces it once the click is saved. In place
// of the text that the click is being checked, which another replica may show as well, it
// appears only where progress may.
func (p *prompt) saving(after time.Duration, m texts.Message, still func(context.Context) bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var timer *time.Timer
	timer = time.AfterFunc(after, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.progress.doubt == timer && p.uses > minLast && (p.screen.shown == nil || p.progress.lines > 0) {
			p.progress.unsure, p.progress.lines = true, max(min(p.progress.lines, p.uses-1-minLast), 1)
			p.put(ifStill(still, m))
		}
	})
	p.progress.doubt = timer
}

// show shows progress, as often as there are lines for it. A process that was
// suspended meanwhile shows none: another one may have shown the outcome.
func (p *prompt) show(m texts.Message) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.showLocked(m)
}

// showLocked is show with mu held.
func (p *prompt) showLocked(m texts.Message) {
	p.stopTimer()
	p.progress.unsure = false
	if !p.last && p.progress.lines > 0 {
		p.progress.lines--
		p.put(ifStill(p.progress.holds, m))
	}
}

// end shows the last state, after which only a newer last state is shown.
func (p *prompt) end(m texts.Message) { p.endAs(slackapi.Always(m)) }

// endAs is end for a text that is chosen at each try.
func (p *prompt) endAs(choose slackapi.Choose) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stopTimer()
	p.last = true
	p.put(choose)
}

// isLast reports whether the last state is being shown.
func (p *prompt) isLast() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.last
}

// close waits until everything has been shown.
func (p *prompt) close() {
	p.mu.Lock()
	p.stopTimer()
	p.progress.lines = 0
	showing, shown := p.showing, p.screen.shown
	p.mu.Unlock()
	if showing != nil {
		<-showing
	}
	if shown != nil {
		<-shown
	}
}

// stopTimer stops both timers. It must be called with mu held.
func (p *prompt) stopTimer() {
	p.stopDoubt()
	if p.progress.timer != nil {
		p.progress.timer.Stop()
		p.progress.timer = nil
	}
}

// certain stops what would be shown while it isn't known how a click ends.
func (p *prompt) certain() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stopDoubt()
}

// stopDoubt must be called with mu held.
func (p *prompt) stopDoubt() {
	if p.progress.doubt != nil {
		p.progress.doubt.Stop()
		p.progress.doubt = nil
	}
}

// put shows a text next. Must be called with mu held.
func (p *prompt) put(next slackapi.Choose) {
	if p.screen.update == nil {
		return
	}
	p.next = next
	if p.showing == nil {
		p.showing = make(chan struct{})
		shown := p.screen.shown
		p.run(func() { p.showAll(shown) })
	}
}

// showAll shows what there is to show next, until there is nothing, once what was shown
// before has arrived.
func (p *prompt) showAll(before <-chan struct{}) {
	if before != nil {
		<-before
	}
	for {
		p.mu.Lock()
		next, last := p.next, p.last
		p.next = nil
		if next == nil {
			close(p.showing)
			p.showing = nil
			p.mu.Unlock()
			return
		}
		p.mu.Unlock()
		if last {
			p.insist(next)
		} else {
			_ = p.once(p.ctx, next) // the next state says more
		}
	}
}

// insist tries the last update as long as there are uses, and Slack may accept
// it; and once again when the process stops.
func (p *prompt) insist(last slackapi.Choose) {
	ctx, cancel := context.WithTimeout(p.ctx, lastUpdateFor)
	defer cancel()
	p.mu.Lock()
	p.abort = cancel
	p.mu.Unlock()
	err := work.Retry(ctx, 0, func() error { return slackapi.Retryable(p.once(ctx, last)) })
	_ = work.OnceMore(p.ctx, err, finalTimeout, func(ctx context.Context) error { return p.once(ctx, last) })
}

// left returns how many uses are left.
func (p *prompt) left() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.uses
}

// release lets the prompt use all remaining uses, because no announcement
// needs one.
func (p *prompt) release() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.uses = math.MaxInt
}

// stop shows nothing more, because another process carries the decision now,
// and may need the remaining uses of the response_url.
func (p *prompt) stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stopTimer()
	p.last, p.next, p.screen.update, p.screen.direct = true, nil, nil, nil
	if p.abort != nil {
		p.abort()
	}
}

// indirect leaves only the response_url to the prompt, because Slack refused an update
// without one.
func (p *prompt) indirect() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.screen.direct = nil
	p.spendLocked(0)
}

// errSpent means that the remaining uses of the response_url belong to the
// announcement.
var errSpent = errors.New("the response_url's other uses are kept for the announcement")

// once tries an update. A use of the response_url counts unless Slack certainly didn't
// accept it. If the uses that are left are kept for something else, or the response_url
// doesn't take the last text, the message is updated directly, where that's possible.
func (p *prompt) once(ctx context.Context, next slackapi.Choose) error {
	p.mu.Lock()
	on, last, spent := p.screen, p.last, p.uses == 0
	kept, bounded := !last && p.uses <= minLast, !last && on.bound != nil
	p.mu.Unlock()
	if bounded {
		var end context.CancelFunc
		ctx, next, end = on.bound(ctx, next)
		defer end()
	}
	switch {
	case on.update == nil:
		return nil // stopped
	case on.direct != nil && (spent || kept):
		return p.directly(ctx, on, next)
	case spent:
		return errSpent
	}
	err := on.update(ctx, next)
	if errors.Is(err, errNotTrue) {
		return err // nothing was sent
	}
	if status, _ := slackapi.Classify(err); status == slackapi.Posted || status == slackapi.Unclear {
		p.mu.Lock()
		p.uses--
		p.mu.Unlock()
	}
	if err != nil && last && on.direct != nil && p.directly(ctx, on, next) == nil {
		return nil
	}
	return err
}

// directly tries an update without the response_url, which is all that is left once Slack
// refuses it.
func (p *prompt) directly(ctx context.Context, on screen, next slackapi.Choose) error {
	err := on.direct(ctx, next)
	if status, _ := slackapi.Classify(err); status == slackapi.Refused && !errors.Is(err, errNotTrue) {
		p.indirect()
		return errSpent
	}
	return err
}
