package bot

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"strings"

	"github.com/gorilla/websocket"
	"github.com/slack-go/slack"
)

// Mend says what to do about an error that came of asking Slack with a token.
// variable is where the token stands, SLACK_APP_TOKEN or SLACK_BOT_TOKEN. It
// returns nothing where neither token, nor network, nor Slack is at fault, but
// what was asked for, such as a channel that is not there.
func Mend(variable string, err error) string {
	where := "Copy the Bot User OAuth Token from the app's page (OAuth & Permissions) into SLACK_BOT_TOKEN"
	again := "Install the app again (Install App), and copy the new Bot User OAuth Token into SLACK_BOT_TOKEN"
	scope := "Add the missing scope (OAuth & Permissions → Scopes), then install the app again (Install App)"
	if variable == "SLACK_APP_TOKEN" {
		where = "Copy the app-level token from the app's page (Basic Information → App-Level Tokens) into SLACK_APP_TOKEN"
		again = "Generate an app-level token with the scope connections:write (Basic Information → App-Level Tokens), and put it into SLACK_APP_TOKEN"
		scope = again
	}
	var off disconnected
	switch {
	case errors.As(err, &off) && off == reasonLinkDisabled:
		return "Switch Socket Mode on, on the app's page (Socket Mode → Enable)"
	case errors.As(err, &off):
		return "Slack lets no more connections in: at most 10 may be open at once, over all replicas"
	case unreachable(err):
		return "Slack cannot be reached: check the machine's network, its proxy (HTTPS_PROXY) and SLACK_API_URL"
	}
	switch slackCode(err) {
	case "invalid_auth", "not_authed":
		return where
	case "token_revoked", "account_inactive", "token_expired", "no_permission", "org_login_required":
		return again
	case "missing_scope":
		return scope
	case "not_allowed_token_type":
		return "It is a token of the other kind: xapp-… belongs into SLACK_APP_TOKEN, xoxb-… into SLACK_BOT_TOKEN"
	case codeTrouble:
		return "Slack is busy or in trouble: try again in a minute, and see slack-status.com"
	}
	return ""
}

// codeTrouble stands for every answer that says nothing about the request.
const codeTrouble = "trouble"

// slackCode is Slack's word for what is wrong, or nothing.
func slackCode(err error) string {
	var answer slack.SlackErrorResponse
	var status slack.StatusCodeError
	var limited *slack.RateLimitedError
	switch {
	case errors.As(err, &status), errors.As(err, &limited):
		return codeTrouble
	case !errors.As(err, &answer):
		return ""
	}
	switch answer.Err {
	case "internal_error", "fatal_error", "service_unavailable", "request_timeout", "ratelimited":
		return codeTrouble
	}
	return answer.Err
}

// unreachable tells a connection that was not made, or broke, or gave nothing
// in time, from an answer.
func unreachable(err error) bool {
	var request *url.Error
	var network net.Error
	var closed *websocket.CloseError
	return errors.As(err, &request) || errors.As(err, &network) || errors.As(err, &closed) || errors.Is(err, websocket.ErrBadHandshake)
}

// Probe opens one Socket Mode connection and closes it when Slack has said
// hello: the token is good, its scope is there, Socket Mode is on.
func Probe(ctx context.Context, cfg Config) error {
	api, client, err := cfg.probe()
	if err != nil {
		return err
	}
	s, err := openSocket(ctx, client, strings.HasPrefix(api, "http://"), slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	return s.ws.Close()
}

// Scopes asks Slack where the bot token is for, and which scopes it has
// (auth.test; the header x-oauth-scopes).
func Scopes(ctx context.Context, cfg Config) (Workspace, []string, error) {
	_, client, err := cfg.probe()
	if err != nil {
		return Workspace{}, nil, err
	}
	who, err := client.AuthTestContext(ctx)
	if err != nil {
		return Workspace{}, nil, fmt.Errorf("asking Slack who we are (auth.test): %w", err)
	}
	var scopes []string
	for scope := range strings.SplitSeq(who.Header.Get("X-OAuth-Scopes"), ",") {
		if scope = strings.TrimSpace(scope); scope != "" {
			scopes = append(scopes, scope)
		}
	}
	return Workspace{Team: who.Team, TeamID: who.TeamID, BotUser: who.User}, scopes, nil
}

// probe completes what a look at Slack needs.
func (c *Config) probe() (api string, client *slack.Client, err error) {
	if _, err := c.complete(); err != nil {
		return "", nil, err
	}
	return c.SlackAPI, slack.New(c.BotToken.Reveal(), slack.OptionAppLevelToken(c.AppToken.Reveal()), slack.OptionAPIURL(c.SlackAPI), slack.OptionRetry(0)), nil
}

// NeededScopes lists the scopes that a configuration needs (README.md says
// what for).
func (c Config) NeededScopes() []string {
	scopes := []string{"commands", "chat:write", "chat:write.public", "users:read"}
	if c.Policy.Mode == PolicyPeopleOnTask {
		scopes = append(scopes, "users:read.email")
	}
	if len(c.Policy.Usergroups) > 0 {
		scopes = append(scopes, "usergroups:read")
	}
	return scopes
}

// CheckIDs looks up each id of the policy's people and usergroups, and returns
// what it finds wrong. Channels cannot be looked up with the bot's scopes.
func CheckIDs(ctx context.Context, cfg Config) []error {
	_, client, err := cfg.probe()
	if err != nil {
		return []error{err}
	}
	var wrong []error
	for _, id := range cfg.Policy.Users {
		if u, err := client.GetUserInfoContext(ctx, id); err != nil {
			wrong = append(wrong, fmt.Errorf("ALLOWED_USERS has %s: %w", id, err))
		} else if u.Deleted {
			wrong = append(wrong, fmt.Errorf("ALLOWED_USERS has %s, who is deactivated", id))
		}
	}
	for _, id := range cfg.Policy.Usergroups {
		if members, err := client.GetUserGroupMembersContext(ctx, id); err != nil {
			wrong = append(wrong, fmt.Errorf("ALLOWED_USERGROUPS has %s: %w", id, err))
		} else if len(members) == 0 {
			wrong = append(wrong, fmt.Errorf("ALLOWED_USERGROUPS has %s, which is empty", id))
		}
	}
	return wrong
}

// CheckPosting finds out whether the bot may post in a channel, without
// posting: it schedules a message and takes it back.
func CheckPosting(ctx context.Context, cfg Config, channel string) error {
	_, client, err := cfg.probe()
	if err != nil {
		return err
	}
	later := fmt.Sprint(cfg.Now().AddDate(0, 0, 7).Unix())
	_, id, err := client.ScheduleMessageContext(ctx, channel, later, slack.MsgOptionText("cancelbot check: please ignore", false))
	if err != nil {
		return fmt.Errorf("posting in %s: %w", channel, err)
	}
	_, err = client.DeleteScheduledMessageContext(ctx, &slack.DeleteScheduledMessageParameters{Channel: channel, ScheduledMessageID: id})
	if err != nil {
		return fmt.Errorf("taking back what was scheduled in %s: %w", channel, err)
	}
	return nil
}
