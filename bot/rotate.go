package bot

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/cancelbot/cancelbot/bot/internal/secret"
	"github.com/cancelbot/cancelbot/bot/socketmode"
)

// Reasons to reject a replacement token. Another try doesn't help.
var (
	ErrNoToken        = errors.New("it isn't a token of that kind")
	ErrOtherWorkspace = errors.New("it is a token of another installation")
)

// errNoTime means that the journal's clock isn't known yet.
var errNoTime = errors.New("the journal doesn't say yet what time it is")

// UseBotToken replaces the bot token for all new calls, if Slack accepts the
// new one for the same installation. Signatures made with the earlier token
// stay valid as long as they may be needed, even after a restart, so this
// needs the journal. If another try doesn't help, the error is a *TokenError,
// an *OtherAppError, ErrNoToken or ErrOtherWorkspace.
func (b *Bot) UseBotToken(ctx context.Context, token secret.Value) error {
	text := token.Reveal()
	if !isBotToken(text) {
		return ErrNoToken
	}
	who, err := b.slack.With(text).AuthTestContext(ctx)
	if err != nil {
		return authError(err)
	}
	if was, is := b.gate.where.Load(), workspaceOf(who); was != nil && (was.TeamID != is.TeamID || was.EnterpriseID != is.EnterpriseID) {
		return ErrOtherWorkspace
	}
	var other *OtherAppError
	if err := SameApp(ctx, b.slack.With(text), b.cfg.AppToken.Reveal()); errors.As(err, &other) {
		return other
	}
	if !b.clock.measured() { // the keys end by it
		return errNoTime
	}
	if err := b.signer.Rotate(ctx, text); err != nil {
		return fmt.Errorf("saving the earlier bot token's keys: %w", err)
	}
	b.slack.Use(text)
	return nil
}

// UseAppToken replaces the app token for all new connections, if Slack accepts
// the new one. Open connections stay. If another try doesn't help, the error
// is a *TokenError, an *OtherAppError or ErrNoToken.
func (b *Bot) UseAppToken(ctx context.Context, token secret.Value) error {
	options := socketmode.Options{AppToken: token.Reveal(), APIURL: b.cfg.SlackAPI, HTTPClient: b.http}
	if !strings.HasPrefix(options.AppToken, "xapp-") {
		return ErrNoToken
	}
	if is, was := socketmode.AppIDOf(options.AppToken), b.app(); is != "" && was != "" && is != was {
		return &OtherAppError{AppToken: is, BotToken: was}
	}
	if err := appTokenError(socketmode.CheckToken(ctx, options)); err != nil {
		return fmt.Errorf("asking Slack about the new app token: %w", err)
	}
	return b.socket.UseToken(options.AppToken)
}

// CheckAppToken asks Slack whether the app token is valid. The error is a
// *TokenError if Slack refuses it.
func (b *Bot) CheckAppToken(ctx context.Context) error {
	return appTokenError(b.socket.CheckToken(ctx))
}

// appTokenError returns a *TokenError if err says that Slack refuses the app
// token; otherwise err.
func appTokenError(err error) error {
	if errors.Is(err, socketmode.ErrTokenRefused) {
		return &TokenError{Token: AppToken, Err: err}
	}
	return err
}
