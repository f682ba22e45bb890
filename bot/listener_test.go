package bot_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot"
	"github.com/cancelbot/cancelbot/bot/slacktest"
)

func TestTheNextConnectionIsMadeBeforeTheLastOneBreaks(t *testing.T) {
	w := newWorld(t, func(o *options) { o.bot.Connections = 1 })
	w.slack.Disconnect("warning", time.Hour) // Slack takes its time
	w.eventually("a second connection beside the first", func() bool { return w.slack.Connections() == 2 })
	// Whichever of the two gets a command, also the one called back.
	for range 20 {
		w.slash(ada, general, "/cancel-task help")
	}
	if len(w.slack.Failed()) != 0 {
		t.Errorf("failed: %v", w.slack.Failed())
	}
}

func TestACutConnectionIsReplaced(t *testing.T) {
	w := newWorld(t)
	w.slack.Cut()
	w.eventually("both are back", func() bool { return w.slack.Opened() == 4 && w.slack.Connections() == 2 })
	w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
}

func TestSocketModeSwitchedOffIsSaidPlainlyAndSurvived(t *testing.T) {
	w := newWorld(t, func(o *options) { o.bot.Connections = 1 })
	w.slack.Disconnect("link_disabled", 0)
	w.eventually("the log says it", func() bool { return strings.Contains(w.log.String(), "Socket Mode was switched off") })
	w.eventually("it comes back when it is on again", func() bool { return w.slack.Opened() == 2 && w.slack.Connections() == 1 })
}

func TestARevokedAppTokenEndsTheBotAndNamesTheVariable(t *testing.T) {
	for _, answer := range []string{"invalid_auth", "token_revoked", "account_inactive", "not_authed", "missing_scope"} {
		w := newWorld(t)
		w.slack.RefuseToken(slacktest.AppToken, answer)
		w.slack.Cut()
		w.eventually("the bot gives up", func() bool {
			return strings.Contains(w.log.String(), "connection to Slack was lost") && w.slack.Connections() == 0
		})
		err := w.ended(10 * time.Second)
		var refused *bot.TokenError
		if !errors.As(err, &refused) || refused.Variable != "SLACK_APP_TOKEN" || !strings.Contains(err.Error(), answer) {
			t.Errorf("%s: Run returned %v", answer, err)
		}
	}
}

func TestEverythingElseIsRetried(t *testing.T) {
	w := newWorld(t)
	w.slack.Break(slacktest.Fault{Method: "apps.connections.open", Status: 500, Times: 1})
	w.slack.Break(slacktest.Fault{Method: "apps.connections.open", Error: "internal_error", Times: 1})
	w.slack.Break(slacktest.Fault{Method: "apps.connections.open", Cut: true, Times: 1})
	w.slack.Break(slacktest.Fault{Method: "apps.connections.open", Status: 404, Times: 1})
	w.slack.Cut()
	w.eventually("both are back", func() bool { return w.slack.Connections() == 2 && w.slack.Opened() == 4 })
}
