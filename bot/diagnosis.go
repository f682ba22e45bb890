package bot

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/slack-go/slack"
)

// Mend says what to do about an error of Slack's with a token. variable is
// where the token stands, SLACK_APP_TOKEN or SLACK_BOT_TOKEN.
func Mend(variable string, err error) string {
	where := "Copy the Bot User OAuth Token from the app's page (OAuth & Permissions) into SLACK_BOT_TOKEN"
	again := "Install the app again (Install App), and copy the new Bot User OAuth Token into SLACK_BOT_TOKEN"
	if variable == "SLACK_APP_TOKEN" {
		where = "Copy the app-level token from the app's page (Basic Information → App-Level Tokens) into SLACK_APP_TOKEN"
		again = "Generate an app-level token with the scope connections:write (Basic Information → App-Level Tokens), and put it into SLACK_APP_TOKEN"
	}
	var answer slack.SlackErrorResponse
	var off disconnected
	switch {
	case errors.As(err, &off) && off == reasonLinkDisabled:
		return "Switch Socket Mode on, on the app's page (Socket Mode → Enable)"
	case errors.As(err, &off):
		return "Slack lets no more connections in: at most 10 may be open at once, over all replicas"
	case !errors.As(err, &answer):
		return "Slack cannot be reached: check the machine's network, its proxy (HTTPS_PROXY) and SLACK_API_URL"
	}
	switch answer.Err {
	case "token_revoked", "account_inactive", "token_expired", "missing_scope", "no_permission":
		return again
	case "not_allowed_token_type":
		return "It is a token of the other kind: xapp-… belongs into SLACK_APP_TOKEN, xoxb-… into SLACK_BOT_TOKEN"
	}
	return where
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
