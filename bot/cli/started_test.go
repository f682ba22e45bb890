package cli

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cancelbot/cancelbot/bot"
)

// At first Slack can't be asked for which app the bot token is. That is reported once, and
// once it says that it is another app than the app token's, the bot stops.
func TestAppsAreComparedUntilSlackAnswers(t *testing.T) {
	other := &bot.OtherAppError{AppToken: "A1", BotToken: "A2"}
	for name, answer := range map[string]error{"one app": nil, "two apps": other} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var log bytes.Buffer
				began := time.Now()
				err := compareApps(t.Context(), "", slog.New(slog.NewTextHandler(&log, nil)), func(context.Context) error {
					if time.Since(began) < time.Hour {
						return &bot.UnknownAppError{Err: errors.New("no answer")}
					}
					return answer
				})
				if (err == nil) != (answer == nil) || err != nil && err.Error() != other.Error() {
					t.Error(err)
				}
				if said := log.String(); strings.Count(said, "precondition failed") != 1 {
					t.Errorf("reported: %s", said)
				}
			})
		})
	}
}
