package carry

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/slackapi"
	"github.com/cancelbot/cancelbot/bot/internal/texts"
)

// A process that was suspended for longer than its lease must not replace the
// outcome that another one has shown.
func TestPromptShowsProgressOnlyWhileItsLeaseHolds(t *testing.T) {
	for name, holds := range map[string]bool{"it holds": true, "it has run out": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var shown []string
				p := &prompt{
					ctx: t.Context(), run: func(f func()) { go f() }, uses: 1,
					progress: progress{lines: 1, holds: func(context.Context) bool { return holds }},
					screen: screen{update: func(ctx context.Context, choose slackapi.Choose) error {
						m, err := choose(ctx)
						if err == nil {
							shown = append(shown, m.Text)
						}
						return err
					}},
				}
				p.soon(texts.Message{Text: "Cancelling…"})
				time.Sleep(2 * runningAfter)
				p.close()
				if (len(shown) == 1) != holds {
					t.Errorf("shown: %v", shown)
				}
			})
		})
	}
}
