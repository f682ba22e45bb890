package bot

import (
	"context"
	"net/url"
	"sync"

	"github.com/cancelbot/cancelbot/bot/internal/slackapi"
	"github.com/cancelbot/cancelbot/bot/internal/transport"
	"github.com/cancelbot/cancelbot/bot/internal/work"
)

// connect returns the loop's function that keeps a connection open to each
// host that a decision needs, so that no TLS handshake and no DNS query delays
// a click's cancel request. A failure doesn't make the bot unready: a request
// without a connection opens one.
func (b *Bot) connect(api *url.URL) func(context.Context) error {
	var open []func(context.Context) error
	for _, host := range []*url.URL{api, slackapi.ResponseURLHost(api)} {
		open = append(open, func(ctx context.Context) error { return transport.Connect(ctx, b.cfg.Transport, host) })
	}
	open = append(open, b.tasks.Connect)
	return func(ctx context.Context) error {
		var all sync.WaitGroup
		for _, f := range open {
			all.Go(func() {
				defer work.RecoverPanic(b.log)
				if err := f(ctx); err != nil && ctx.Err() == nil {
					b.log.Debug("can't keep a connection open", "error", err)
				}
			})
		}
		all.Wait()
		return nil
	}
}
