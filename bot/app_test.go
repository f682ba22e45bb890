package bot_test

import (
	"context"
	"errors"
	"testing"

	"github.com/slack-go/slack"

	"github.com/cancelbot/cancelbot/bot"
	"github.com/cancelbot/cancelbot/bot/internal/secret"
	"github.com/cancelbot/cancelbot/bot/slacktest"
)

// appAPI is a bot token of an app.
type appAPI struct {
	app string
	err error
}

func (a appAPI) AuthTestContext(context.Context) (*slack.AuthTestResponse, error) {
	return &slack.AuthTestResponse{BotID: "B1", TeamID: "T1"}, nil
}

func (a appAPI) GetBotInfoContext(_ context.Context, p slack.GetBotInfoParameters) (*slack.Bot, error) {
	if p.Bot != "B1" || p.TeamID != "T1" {
		return nil, errors.New("asked for another bot")
	}
	return &slack.Bot{AppID: a.app}, a.err
}

func TestTokensOfTwoAppsAreRejected(t *testing.T) {
	for _, one := range []struct {
		token string
		api   appAPI
		other bool
	}{
		{"xapp-1-A1-1-x", appAPI{app: "A1"}, false},
		{"xapp-1-A1-1-x", appAPI{app: "A2"}, true},
		{"xapp-1-A1-1-x", appAPI{app: ""}, false},
		{"xapp-1-A1-1-x", appAPI{app: "A2", err: slack.SlackErrorResponse{Err: "missing_scope"}}, false},
		{"xapp-wrong", appAPI{app: "A2"}, false},
		{"xapp-1-a1-1-x", appAPI{app: "A2"}, false},
	} {
		var other *bot.OtherAppError
		err := bot.SameApp(t.Context(), one.api, one.token)
		if is := errors.As(err, &other); is != one.other || !is && err != nil {
			t.Errorf("%s with %+v: %v", one.token, one.api, err)
		}
	}
	var unknown *bot.UnknownAppError
	if err := bot.SameApp(t.Context(), appAPI{app: "A1", err: errors.New("the network fails")}, "xapp-1-A1-1-x"); !errors.As(err, &unknown) {
		t.Errorf("if Slack can't be asked: %v", err)
	}
}

// A rotated token works like any other, even for earlier prompts.
func TestRotatedBotTokenIsUsed(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w := newWorld(t)
		prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12344"))
		for _, token := range []string{"xoxe.xoxb-1-first", "xoxe.xoxb-1-second"} {
			w.slack.AddToken(token)
			w.must(w.bot.UseBotToken(t.Context(), secret.New(token)))
		}
		w.slack.RefuseToken(slacktest.BotToken, "token_revoked")
		w.confirm(ada, prompt)
		if w.api.Effects(12344) != 1 {
			t.Error("nothing was cancelled")
		}
		if err := w.bot.UseBotToken(t.Context(), secret.New("xoxe-1-refresh")); !errors.Is(err, bot.ErrNoToken) {
			t.Errorf("a refresh token: %v", err)
		}
		w.slack.AddToken("xapp-1-A0OTHER-1-x")
		var other *bot.OtherAppError
		if err := w.bot.UseAppToken(t.Context(), secret.New("xapp-1-A0OTHER-1-x")); !errors.As(err, &other) {
			t.Errorf("an app token of another app: %v", err)
		}
	})
}
