package bot

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/cancelbot/cancelbot/bot/internal/secret"
	"github.com/cancelbot/cancelbot/bot/socketmode"
)

// Why another token is not taken in place of one that is in use. Trying again
// does not help.
var (
	ErrNoToken        = errors.New("it is no token of the kind")
	ErrOtherWorkspace = errors.New("it is a token of another installation")
)

// UseBotToken makes another bot token the one for all calls from now on, once
// Slack has accepted it for the same installation. What the earlier token has
// signed stays good for as long as it can be under way, also over a restart: so
// the journal has to be there. The error is a *TokenError, ErrNoToken or
// ErrOtherWorkspace where another try does not help.
func (b *Bot) UseBotToken(ctx context.Context, token secret.Value) error {
	text := token.Reveal()
	if !strings.HasPrefix(text, "xoxb-") {
		return ErrNoToken
	}
	who, err := b.slack.With(text).AuthTestContext(ctx)
	if err != nil {
		return authError(err)
	}
	if was, is := b.gate.where.Load(), workspaceOf(who); was != nil && (was.TeamID != is.TeamID || was.EnterpriseID != is.EnterpriseID) {
		return ErrOtherWorkspace
	}
	if err := b.signer.Rotate(ctx, text); err != nil {
		return fmt.Errorf("keeping what the earlier bot token has signed: %w", err)
	}
	b.slack.Use(text)
	return nil
}

// UseAppToken makes another app token the one for all connections from now on,
// once Slack has accepted it. Those that are open stay. The error is a
// *TokenError or ErrNoToken where another try does not help.
func (b *Bot) UseAppToken(ctx context.Context, token secret.Value) error {
	options := socketmode.Options{AppToken: token.Reveal(), APIURL: b.cfg.SlackAPI, HTTPClient: b.http}
	if !strings.HasPrefix(options.AppToken, "xapp-") {
		return ErrNoToken
	}
	if err := appTokenError(socketmode.CheckToken(ctx, options)); err != nil {
		return fmt.Errorf("asking Slack about the new app token: %w", err)
	}
	return b.socket.UseToken(options.AppToken)
}

// CheckAppToken asks Slack whether the app token in use is good. A *TokenError
// if Slack refuses it.
func (b *Bot) CheckAppToken(ctx context.Context) error {
	return appTokenError(b.socket.CheckToken(ctx))
}

// appTokenError makes a *TokenError of an error by which Slack refuses the app
// token.
func appTokenError(err error) error {
	if errors.Is(err, socketmode.ErrTokenRefused) {
		return &TokenError{Token: AppToken, Err: err}
	}
	return err
}
