package doctor

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/cancelbot/cancelbot/bot"
	"github.com/cancelbot/cancelbot/bot/cli/internal/environ"
	"github.com/cancelbot/cancelbot/bot/internal/journal"
	"github.com/cancelbot/cancelbot/bot/socketmode"
)

// Name identifies a precondition, in the output of check and in the log.
type Name string

// The preconditions.
const (
	Environment  Name = "environment"
	Journal      Name = "journal"
	BotToken     Name = "bot token"
	Scopes       Name = "scopes"
	AppToken     Name = "app token"
	APIKey       Name = "API key"
	AuditChannel Name = "audit channel"
	WhoMayCancel Name = "who may cancel"
	Clock        Name = "clock"
)

// AtStart is the bot's reaction at its start if a precondition doesn't hold.
type AtStart string

// The reactions. A temporary problem, such as a network that is down, never
// stops the bot.
const (
	Ends    AtStart = "ends"    // the bot reports it and stops
	Reports AtStart = "reports" // the bot reports it and runs
)

// Precondition is a condition that must hold for the bot to do all of its
// work.
type Precondition struct {
	Name    Name
	Proves  string // what is known if it holds
	AtStart AtStart

	variables []string // it isn't measured while one of these is wrong
	measure   func(*checkup, context.Context) []Result
}

// Preconditions returns all of them, in the order of check's output.
// "cancelbot check" measures each. The start has the same list: it reports a
// failure by the functions below, and so in the same words.
func Preconditions() []Precondition {
	slackVariables := []string{"SLACK_BOT_TOKEN", "SLACK_API_URL"}
	return []Precondition{
		{Environment, "each variable is known, and has a value that makes sense by itself and with the others", Ends, nil, (*checkup).environment},
		{Journal, "the journal is there or can be made, this user may read and write it, and nothing in between breaks sessions", Ends, []string{"DATABASE_URL"}, (*checkup).database},
		{BotToken, "Slack accepts the token, and it belongs to the same app as the app token", Ends, slackVariables, (*checkup).botToken},
		{Scopes, "the installed app may do what the configuration needs", Reports, slackVariables, (*checkup).scopes},
		{AppToken, "Slack accepts the token, Socket Mode is on, and WebSockets get through", Ends, []string{"SLACK_APP_TOKEN", "SLACK_API_URL"}, (*checkup).appToken},
		{APIKey, "Chamelio accepts the key, and it belongs to the journal's organisation", Reports, []string{"CHAMELIO_API_KEY", "CHAMELIO_API_URL", "CHAMELIO_TIMEOUT"}, (*checkup).apiKey},
		{AuditChannel, "the bot may post there", Reports, slices.Concat(slackVariables, []string{"AUDIT_CHANNEL"}), (*checkup).auditChannel},
		{WhoMayCancel, "Slack knows each person and usergroup that the policy names", Reports, slices.Concat(slackVariables, policyVariables()), (*checkup).policy},
		{Clock, "this machine's clock agrees with Slack's and the journal's", Reports, nil, (*checkup).clock},
	}
}

func policyVariables() []string {
	return []string{"CANCEL_POLICY", "MEMBER_SCOPE", "ALLOWED_USERS", "ALLOWED_USERGROUPS", "ALLOWED_CHANNELS", "ANNOUNCE_IN_SHARED_CHANNELS", "SECOND_PERSON", "SECOND_PERSON_APPROVERS"}
}

// EnvironmentFailed reports a wrong variable.
func EnvironmentFailed(p environ.Problem) Result { return bad(Environment, p.Found, p.Remedy) }

// JournalFailed reports why the journal can't be opened or used.
func JournalFailed(databaseURL string, err error) Result {
	why := journal.Diagnose(databaseURL, err)
	return bad(Journal, why.Found, why.Remedy)
}

// BotTokenFailed reports why asking Slack about the bot token failed. api is
// Slack's address.
func BotTokenFailed(api string, err error) Result {
	var other *bot.OtherAppError
	if errors.As(err, &other) {
		return bad(BotToken, other.Error(), otherAppRemedy)
	}
	asked := "who we are (auth.test)"
	if unknown := new(bot.UnknownAppError); errors.As(err, &unknown) {
		asked = "whether both tokens belong to one app (bots.info)"
	}
	return bad(BotToken, tokenFound(bot.BotToken, asked, err), remedyOr(bot.BotToken, api, err,
		"Slack's error says what is wrong with the token; a new installation (Install App) gives a new one")).because(causeOf(err))
}

// AppTokenFailed reports why asking Slack for a connection failed.
func AppTokenFailed(api string, err error) Result {
	var other *bot.OtherAppError
	if errors.As(err, &other) || errors.Is(err, socketmode.ErrOtherApp) {
		return bad(AppToken, err.Error(), otherAppRemedy)
	}
	no := bad(AppToken, tokenFound(bot.AppToken, "for a connection (apps.connections.open)", err), remedyOr(bot.AppToken, api, err,
		"Slack's error says what is wrong with the token; generate a new one (Basic Information → App-Level Tokens)"))
	if causeOf(err) == causeSlack { // else it is about this token alone
		no = no.because(causeSlack)
	}
	return no
}

// tokenFound describes Slack's answer to a call with a token.
func tokenFound(token bot.Token, asked string, err error) string {
	if tokenRefused(err) {
		return fmt.Sprintf("Slack refuses the %s token: %s", token, Explain(err))
	}
	return fmt.Sprintf("asking Slack %s: %s", asked, Explain(err))
}

// tokenRefused reports whether only another token helps.
func tokenRefused(err error) bool {
	return socketmode.Classify(slackCode(err)) == socketmode.TokenRefused
}

// APIKeyFailed reports why asking Chamelio about the key failed. It is a
// warning if that says nothing about the key or the address.
func APIKeyFailed(err error) Result {
	no := bad(APIKey, ExplainKey(err), KeyRemedy(err))
	if passes(err) {
		no.Level = Warn
	}
	return no
}
