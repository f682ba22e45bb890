package bot

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/slack-go/slack"

	"github.com/cancelbot/cancelbot/bot/internal/slackapi"
	"github.com/cancelbot/cancelbot/bot/socketmode"
)

// OtherAppError means that the two tokens belong to different apps: the bot
// would post as one, and clicks on its messages would go to the other.
type OtherAppError struct {
	AppToken, BotToken string // the IDs of the apps, A…
}

func (e *OtherAppError) Error() string {
	return fmt.Sprintf("the app token belongs to app %s, and the bot token to app %s", e.AppToken, e.BotToken)
}

// UnknownAppError means that Slack didn't say which app the bot token belongs to, because
// the call failed. Another try may help.
type UnknownAppError struct{ Err error }

func (e *UnknownAppError) Error() string {
	return fmt.Sprintf("asking Slack for the bot's app (bots.info): %v", e.Err)
}

func (e *UnknownAppError) Unwrap() error { return e.Err }

// AppAPI has the methods that SameApp calls. *slack.Client implements it.
type AppAPI interface {
	// auth.test
	AuthTestContext(context.Context) (*slack.AuthTestResponse, error)
	// bots.info
	GetBotInfoContext(context.Context, slack.GetBotInfoParameters) (*slack.Bot, error)
}

// SameApp returns nil if the bot token, which api uses, belongs to the same
// app as the app token, or if Slack won't say. The error is an *OtherAppError if it
// doesn't. Any other means that they weren't compared: a *TokenError, an
// *UnknownAppError or another of Slack's.
func SameApp(ctx context.Context, api AppAPI, appToken string) error {
	expected := socketmode.AppIDOf(appToken)
	if expected == "" {
		return nil
	}
	who, err := api.AuthTestContext(ctx)
	if err != nil {
		return authError(err)
	}
	switch app, err := appOf(ctx, api, who, nil); {
	case err != nil && !wontSay(err):
		return err
	case app != "" && app != expected:
		return &OtherAppError{AppToken: expected, BotToken: app}
	}
	return nil
}

// wontSay reports whether appOf failed because Slack refuses to say which app it is, as
// it does if the bot lacks a scope. Another try doesn't help.
func wontSay(err error) bool {
	status, _ := slackapi.Classify(err)
	return status == slackapi.Refused
}

// appOf asks Slack for the app of a bot token, about which auth.test has said who; "" if
// Slack doesn't say. Slack wants a workspace with an organisation's token
// (docs.slack.dev/reference/methods/bots.info): one of those in which the app is installed,
// if any is known.
func appOf(ctx context.Context, api AppAPI, who *slack.AuthTestResponse, workspaces []string) (string, error) {
	asked := append([]string{who.TeamID}, workspaces...)
	i := slices.IndexFunc(asked, func(id string) bool { return strings.HasPrefix(id, "T") })
	if who.BotID == "" || i < 0 {
		return "", nil
	}
	info, err := api.GetBotInfoContext(ctx, slack.GetBotInfoParameters{Bot: who.BotID, TeamID: asked[i]})
	if err != nil {
		return "", &UnknownAppError{err}
	}
	return info.AppID, nil
}

// SameApp returns nil if both tokens belong to one app. See the function
// SameApp.
func (b *Bot) SameApp(ctx context.Context) error {
	return SameApp(ctx, b.slack, b.cfg.AppToken.Reveal())
}

// whoseApp asks Slack for the bot token's app if hello named another app than
// the app token's, so that the error names both.
func (b *Bot) whoseApp(ctx context.Context, err error) error {
	if !errors.Is(err, socketmode.ErrOtherApp) {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, releaseTimeout)
	defer cancel()
	var other *OtherAppError
	if errors.As(b.SameApp(ctx), &other) {
		return other
	}
	return err
}

// isBotToken reports whether a text has the form of a bot token. Apps with
// token rotation get tokens that begin with xoxe.xoxb-
// (docs.slack.dev/authentication/using-token-rotation).
func isBotToken(text string) bool {
	return strings.HasPrefix(text, "xoxb-") || strings.HasPrefix(text, "xoxe.xoxb-")
}
