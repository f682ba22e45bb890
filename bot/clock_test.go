package bot_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot"
	"github.com/cancelbot/cancelbot/bot/internal/clock"
)

// skewed is the journal as seen by a machine whose clock is ahead.
type skewed struct {
	bot.Journal
	by time.Duration
}

func (j skewed) ClockOffset(context.Context) (clock.Offset, error) {
	return clock.Offset{By: j.by, Error: 5 * time.Millisecond}, nil
}

// TestReplicasWithDifferentClocks makes a replica handle a prompt of another
// one whose clock is ten minutes off.
func TestReplicasWithDifferentClocks(t *testing.T) {
	for name, by := range map[string]time.Duration{"ahead": 10 * time.Minute, "behind": -10 * time.Minute} {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				var o options
				w := newWorld(t, secondPerson, func(all *options) { o = *all })
				first, second := w.ask(ada, general, "/cancel-task 12345"), w.ask(ada, general, "/cancel-task 12344")
				w.must(w.stop())
				o.journal = skewed{w.journal, by}
				o.bot.Now = func() time.Time { return time.Now().Add(by) }
				stop := w.start(o)
				defer func() { w.must(stop()) }()
				w.eventually("the bot is back", func() bool { return w.slack.Connections() == 2 })
				time.Sleep(5 * time.Second) // its clock is measured
				w.wantPrompt(w.now(second))
				w.confirm(grace, first)
				if d := w.row().DecidedAt; time.Since(d).Abs() > time.Minute {
					t.Errorf("decided at %s", d)
				}
				time.Sleep(9 * time.Minute)
				w.wantPrompt(w.now(second))
				time.Sleep(90 * time.Second)
				if now := w.now(second); !strings.Contains(now.Text, "No approval") {
					t.Errorf("it says: %s", now.Text)
				}
				third := w.ask(ada, general, "/cancel-task 12344")
				if end := w.endOf(third); time.Until(end) > 11*time.Minute || time.Until(end) < 9*time.Minute {
					t.Errorf("a prompt ends at %s", end)
				}
			})
		})
	}
}
