package doctor

import (
	"cmp"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/slack-go/slack"

	"github.com/cancelbot/cancelbot/bot"
	"github.com/cancelbot/cancelbot/bot/internal/transport"
	"github.com/cancelbot/cancelbot/bot/socketmode"
)

const socketModeOff = "Switch Socket Mode on, on the app's page (Socket Mode → Enable)"

// otherAppRemedy is the remedy for tokens of two apps.
const otherAppRemedy = "Copy both tokens from the page of one app: SLACK_APP_TOKEN from Basic Information → App-Level Tokens, SLACK_BOT_TOKEN from OAuth & Permissions"

// Remedy returns what to do about an error of a call to Slack, at an address,
// with a token. It returns "" if the cause is neither the token, nor the
// network, nor Slack, but the request, such as a channel that doesn't exist.
func Remedy(token bot.Token, address string, err error) string {
	var disconnected *socketmode.DisconnectError
	switch {
	case errors.Is(err, socketmode.ErrSocketModeOff):
		return socketModeOff
	case errors.Is(err, socketmode.ErrTooManyConnections), errors.As(err, &disconnected):
		return "Slack lets no more connections in: at most 10 may be open at once, over all replicas"
	case notSlack(err):
		return addressRemedy(address)
	case unreachable(err):
		return cmp.Or(transport.Explain(err).Remedy, "Slack cannot be reached: check the machine's network, its proxy (HTTPS_PROXY) and SLACK_API_URL")
	}
	return tokenRemedy(token, slackCode(err))
}

// causeOf returns the cause that an error with the bot token shares with
// others, if any.
func causeOf(err error) cause {
	if notSlack(err) || unreachable(err) {
		return causeSlack
	}
	switch code := slackCode(err); code {
	case codeTrouble:
		return causeSlack
	case "missing_scope":
		return causeScopes
	case "invalid_auth", "not_authed", "token_revoked", "account_inactive", "token_expired", "no_permission", "not_allowed_token_type", "org_login_required":
		return causeBotToken
	}
	return ""
}

func tokenRemedy(token bot.Token, code string) string {
	where := "Copy the Bot User OAuth Token from the app's page (OAuth & Permissions) into SLACK_BOT_TOKEN"
	again := "Install the app again (Install App), and copy the new Bot User OAuth Token into SLACK_BOT_TOKEN"
	scope := "Add the missing scope (OAuth & Permissions → Scopes), then install the app again (Install App)"
	if token == bot.AppToken {
		where = "Copy the app-level token from the app's page (Basic Information → App-Level Tokens) into SLACK_APP_TOKEN"
		again = "Generate an app-level token with the scope connections:write (Basic Information → App-Level Tokens), and put it into SLACK_APP_TOKEN"
		scope = again
	}
	switch code {
	case "":
		return ""
	case "invalid_auth", "not_authed":
		return where
	case "token_revoked", "account_inactive", "token_expired", "no_permission":
		return again
	case "missing_scope":
		return scope
	case "not_allowed_token_type":
		return "It is a token of the other kind: xapp-… belongs into SLACK_APP_TOKEN, xoxb-… into SLACK_BOT_TOKEN"
	case "link_disabled":
		return socketModeOff
	case "unknown_method":
		return addressRemedy("")
	}
	switch class := socketmode.Classify(code); {
	case code == codeTrouble, class == socketmode.Transient:
		return "Slack is busy or in trouble: try again in a minute, and see slack-status.com"
	case class == socketmode.Configuration:
		return "Ask an administrator of the Slack workspace: the token is accepted, but a setting blocks it"
	}
	return ""
}

func addressRemedy(address string) string {
	if address != "" && !strings.HasSuffix(strings.TrimSuffix(address, "/"), "/api") {
		return "SLACK_API_URL lacks the /api/ at its end: " + host(address) + " has no Web API without it. Slack's own is https://slack.com/api/"
	}
	return "Correct SLACK_API_URL, or remove it: the server there isn't Slack's Web API, which is at https://slack.com/api/"
}

// notSlack reports whether an answer can't be from Slack's Web API, which
// describes errors in JSON with the status 200.
func notSlack(err error) bool {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	var code slack.StatusCodeError
	var socket *socketmode.APIError
	wrong := func(status int) bool { return status >= 300 && status < 500 && status != http.StatusTooManyRequests }
	return errors.As(err, &syntax) || errors.As(err, &kind) || errors.As(err, &code) && wrong(code.Code) ||
		errors.As(err, &socket) && socket.Code == "" && (wrong(socket.Status) || socket.Status == http.StatusOK)
}

// codeTrouble represents every answer that says nothing about the request.
const codeTrouble = "trouble"

// slackCode returns Slack's error code; "" if there is none.
func slackCode(err error) string {
	var answer slack.SlackErrorResponse
	var status slack.StatusCodeError
	var limited *slack.RateLimitedError
	var socket *socketmode.APIError
	switch {
	case errors.As(err, &status), errors.As(err, &limited), errors.Is(err, socketmode.ErrRateLimited):
		return codeTrouble
	case errors.As(err, &answer):
		return answer.Err
	case errors.As(err, &socket) && socket.Code != "":
		return socket.Code
	case errors.As(err, &socket):
		return codeTrouble
	}
	return ""
}

// unreachable reports whether there was no answer: no connection was made, or
// it broke, or it timed out.
func unreachable(err error) bool {
	var request *url.Error
	var network net.Error
	return errors.Is(err, socketmode.ErrUnreachable) || errors.As(err, &request) || errors.As(err, &network)
}
