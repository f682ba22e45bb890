package bot

import (
	"context"
	"log/slog"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/journal"
)

// prompt keeps the requester's prompt up to date while a decision is under
// way, beside the work and never holding it up: only the latest state is
// shown.
type prompt struct {
	latest chan message
	closed chan struct{}
}

// promptLimit bounds the wait for Slack at the end of a decision.
const promptLimit = 20 * time.Second

// openPrompt takes charge of the prompt that was clicked. Close it.
func (b *Bot) openPrompt(ctx context.Context, log *slog.Logger, d journal.Decision) *prompt {
	p := &prompt{latest: make(chan message, 1), closed: make(chan struct{})}
	expired := d.ResponseURL == "" || b.now().Sub(d.DecidedAt) > responseURLLife
	go func() {
		defer close(p.closed)
		for m := range p.latest {
			if !expired {
				limited, cancel := context.WithTimeout(ctx, promptLimit)
				b.tell(limited, log, d.ResponseURL, m, instead)
				cancel()
			}
		}
	}()
	return p
}

// show replaces what the prompt says. The caller is one goroutine.
func (p *prompt) show(m message) {
	select {
	case <-p.latest: // overtaken before it was shown
	default:
	}
	p.latest <- m
}

// close waits until the last state is shown, or cannot be.
func (p *prompt) close() {
	close(p.latest)
	<-p.closed
}
