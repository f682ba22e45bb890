package bot

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/cancelbot/cancelbot/bot/internal/journal"
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
	who, err := b.slack.with(text).AuthTestContext(ctx)
	if err != nil {
		return authError(err)
	}
	if was, is := b.gate.where.Load(), workspaceOf(who); was != nil && (was.TeamID != is.TeamID || was.EnterpriseID != is.EnterpriseID) {
		return ErrOtherWorkspace
	}
	if err := b.keys.rotate(ctx, text); err != nil {
		return fmt.Errorf("keeping what the earlier bot token has signed: %w", err)
	}
	b.slack.use(text)
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

// errKeysAway means that a row does not verify by the keys that are known, and
// that the journal does not say whether there are others.
var errKeysAway = errors.New("whether a row is genuine cannot be told now")

// genuine is verify, with the keys of earlier tokens that another process may
// have left in the journal.
func (s signer) genuine(ctx context.Context, d journal.Decision) error {
	first := s.verify(d)
	if first == nil {
		return first
	}
	if err := s.load(ctx); err != nil {
		return fmt.Errorf("%w: %w", errKeysAway, err)
	}
	return s.verify(d)
}

// examine tells whether a row that was taken may be acted upon. One that no
// genuine click made is set aside. Where that cannot be told now, nothing is
// done: the row comes again when its lease has run out.
func (s signer) examine(ctx context.Context, d journal.Decision, setAside func(why error) error) (genuine bool, err error) {
	switch err := s.genuine(ctx, d); {
	case err == nil:
		return true, nil
	case errors.Is(err, errKeysAway):
		return false, err
	default:
		return false, setAside(err)
	}
}
