package bot

import (
	"context"
	"sync"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/texts"
)

const (
	// progressAfter is how long a decision may take until its prompt says that
	// it is under way. Most are done by then.
	progressAfter = 700 * time.Millisecond

	// maxProgress bounds the progress lines of a decision. A response_url has
	// five uses: these two, the outcome, the announcement where the bot may not
	// post, and one for a successor's announcement.
	maxProgress = 2

	// promptLimit bounds the wait for Slack at the end of a decision.
	promptLimit = 20 * time.Second
)

// prompt keeps the requester's prompt up to date while a decision is under
// way, beside the work and never holding it up: only the latest state is
// shown.
type prompt struct {
	show   func(ctx context.Context, m texts.Message)
	held   context.Context // as long as the decision is ours: for progress
	ctx    context.Context // the process's: for the last word
	mu     sync.Mutex
	left   int            // progress lines
	latest *texts.Message // to be shown next
	busy   chan struct{}  // closed when nothing is being shown; nil if so already
	closed bool
	timer  *time.Timer
}

// newPrompt takes charge of the prompt that was clicked. show shows a message
// in its place; nil where that cannot be done any more. Close it.
func newPrompt(held, process context.Context, lines int, show func(context.Context, texts.Message)) *prompt {
	if show == nil {
		show, lines = func(context.Context, texts.Message) {}, 0
	}
	return &prompt{held: held, ctx: process, show: show, left: lines}
}

// soon shows a first line, unless something else is shown before.
func (p *prompt) soon(m texts.Message) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.timer = time.AfterFunc(progressAfter, func() { p.progress(m) })
}

// progress says what is going on, as often as there are uses for it.
func (p *prompt) progress(m texts.Message) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.timer != nil {
		p.timer.Stop()
		p.timer = nil
	}
	if p.closed || p.left == 0 {
		return
	}
	p.left--
	p.put(m)
}

// put shows m next. Called with mu held.
func (p *prompt) put(m texts.Message) {
	p.latest = &m
	if p.busy == nil {
		p.busy = make(chan struct{})
		go p.showAll()
	}
}

func (p *prompt) showAll() {
	for {
		p.mu.Lock()
		m, ctx := p.latest, p.held
		if p.closed {
			ctx = p.ctx
		}
		p.latest = nil
		if m == nil {
			close(p.busy)
			p.busy = nil
			p.mu.Unlock()
			return
		}
		p.mu.Unlock()
		ctx, cancel := context.WithTimeout(ctx, promptLimit)
		p.show(ctx, *m)
		cancel()
	}
}

// end shows the last word, if there is one, and nothing after it. It returns
// when that is shown, or cannot be.
func (p *prompt) end(m *texts.Message) {
	p.mu.Lock()
	if p.timer != nil {
		p.timer.Stop()
	}
	if m != nil && !p.closed {
		p.latest = m
	}
	p.closed = true
	busy := p.busy
	if busy == nil {
		p.busy = make(chan struct{})
	}
	p.mu.Unlock()
	if busy != nil {
		<-busy // it shows the last word too
		return
	}
	p.showAll()
}
