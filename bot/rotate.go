package bot

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/cancelbot/cancelbot/bot/internal/journal"
	"github.com/cancelbot/cancelbot/bot/internal/secret"
	"github.com/cancelbot/cancelbot/bot/socketmode"
)

// Reasons to reject a replacement token. Another try doesn't help.
var (
	ErrNoToken        = errors.New("it isn't a token of that kind")
	ErrOtherWorkspace = errors.New("it is a token of another installation")

	// ErrUnknownWorkspace means that Slack has never said which installation this
	// process works for, and that nothing else shows that the new token is for the same.
	ErrUnknownWorkspace = errors.New("nothing shows that it is a token of the same installation; a restart uses it")
)

// past is the part of the journal that shows where the bot was installed.
type past interface {
	Recent(context.Context, journal.Query) ([]journal.Recorded, error)
}

// errNoTime means that the journal's clock isn't known yet.
var errNoTime = errors.New("the journal doesn't say yet what time it is")

// UseBotToken replaces the bot token for all new calls, if Slack accepts the
// new one for the same installation. Signatures made with the earlier token
// stay valid as long as they may be needed, even after a restart, so this
// needs the journal. If another try doesn't help, the error is a *TokenError,
// an *OtherAppError, ErrNoToken, ErrOtherWorkspace or ErrUnknownWorkspace.
func (b *Bot) UseBotToken(ctx context.Context, token secret.Value) error {
	text := token.Reveal()
	if !isBotToken(text) {
		return ErrNoToken
	}
	api := b.slack.With(text)
	who, err := api.AuthTestContext(ctx)
	if err != nil {
		return authError(err)
	}
	is := workspaceOf(who)
	if err := b.sameInstallation(ctx, is, func(in []string) (string, error) { return appOf(ctx, api, who, in) }); err != nil {
		return err
	}
	if !b.clock.measured() { // the keys end by it
		return errNoTime
	}
	if err := b.signer.Rotate(ctx, text); err != nil {
		return fmt.Errorf("saving the earlier bot token's keys: %w", err)
	}
	b.slack.Use(text)
	b.gate.introduced(is)
	return nil
}

// sameInstallation returns nil if a token that is for an installation is for the one that
// this process works for. app asks for the token's app, in one of the workspaces in which
// decisions were made. If Slack couldn't say it, the token isn't used yet. If Slack has
// never said which installation this process works for, because it refused the earlier
// token from the start, the decisions on record say so, or else the app: a restart would
// compare no more.
func (b *Bot) sameInstallation(ctx context.Context, is Workspace, app func(in []string) (string, error)) error {
	was := b.gate.where.Load()
	if was != nil && !was.same(is) {
		return ErrOtherWorkspace
	}
	decided, unread := b.decidedIn(ctx)
	found, err := app(decided)
	expected := cmp.Or(socketmode.AppIDOf(b.cfg.AppToken.Reveal()), b.app())
	compared := found != "" && expected != ""
	switch {
	case compared && found != expected:
		return &OtherAppError{AppToken: expected, BotToken: found}
	case err != nil && (was == nil || !wontSay(err)):
		return err
	case was != nil:
		return nil
	case unread != nil:
		return unread
	case is.OrgWide || len(decided) == 0:
		if !compared {
			return ErrUnknownWorkspace
		}
	case !slices.Contains(decided, is.TeamID):
		return ErrOtherWorkspace
	}
	return nil
}

// decidedIn returns the workspaces in which the last decisions on record were made. There
// may be several if the bot is installed for an organisation.
func (b *Bot) decidedIn(ctx context.Context) ([]string, error) {
	last, err := b.journal.Recent(ctx, journal.Query{})
	var teams []string
	for _, d := range last {
		if d.Unverified == nil {
			teams = append(teams, d.Team)
		}
	}
	return teams, err
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
