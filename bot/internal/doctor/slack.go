package doctor

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"github.com/cancelbot/cancelbot/bot"
	"github.com/cancelbot/cancelbot/bot/internal/policy"
	"github.com/cancelbot/cancelbot/bot/socketmode"
)

// client asks Slack with the bot token, once.
func client(c bot.Config) *slack.Client {
	api := c.SlackAPI
	if api == "" {
		api = bot.DefaultSlackAPI
	}
	if !strings.HasSuffix(api, "/") {
		api += "/"
	}
	return slack.New(c.BotToken.Reveal(), slack.OptionAPIURL(api), slack.OptionRetry(0))
}

// installation is what auth.test tells, and the scopes that the token has (the
// header x-oauth-scopes).
type installation struct {
	team, teamID, user string
	orgWide            bool
	scopes             []string
}

func whoAmI(ctx context.Context, c bot.Config) (installation, error) {
	who, err := client(c).AuthTestContext(ctx)
	if err != nil {
		return installation{}, fmt.Errorf("asking Slack who we are (auth.test): %w", err)
	}
	i := installation{team: who.Team, teamID: who.TeamID, user: who.User, orgWide: strings.HasPrefix(who.TeamID, "E")}
	for scope := range strings.SplitSeq(who.Header.Get("X-OAuth-Scopes"), ",") {
		if scope = strings.TrimSpace(scope); scope != "" {
			i.scopes = append(i.scopes, scope)
		}
	}
	return i, nil
}

// socketMode opens one connection and closes it when Slack has said hello.
func socketMode(ctx context.Context, c bot.Config) error {
	_, err := socketmode.Probe(ctx, socketmode.Options{AppToken: c.AppToken.Reveal(), APIURL: c.SlackAPI})
	return err
}

// NeededScopes lists the scopes that a configuration needs (README.md says
// what for).
func NeededScopes(c bot.Config) []string {
	scopes := []string{"commands", "chat:write", "chat:write.public", "users:read"}
	if c.Policy.Mode == policy.PeopleOnTask {
		scopes = append(scopes, "users:read.email")
	}
	if len(groupsOf(c.Policy)) > 0 {
		scopes = append(scopes, "usergroups:read")
	}
	return scopes
}

func groupsOf(r policy.Rules) []string {
	var groups []string
	for _, g := range r.Usergroups {
		groups = append(groups, string(g))
	}
	for _, a := range r.Approvers {
		if strings.HasPrefix(a, "S") {
			groups = append(groups, a)
		}
	}
	return groups
}

// wrongIDs looks up each id of the policy's people and usergroups, and returns
// what it finds wrong. Channels cannot be looked up with the bot's scopes.
func wrongIDs(ctx context.Context, c bot.Config) []error {
	api := client(c)
	var wrong []error
	for _, id := range c.Policy.Users {
		if u, err := api.GetUserInfoContext(ctx, string(id)); err != nil {
			wrong = append(wrong, fmt.Errorf("ALLOWED_USERS has %s: %w", id, err))
		} else if u.Deleted {
			wrong = append(wrong, fmt.Errorf("ALLOWED_USERS has %s, who is deactivated", id))
		}
	}
	for _, id := range groupsOf(c.Policy) {
		if members, err := api.GetUserGroupMembersContext(ctx, id); err != nil {
			wrong = append(wrong, fmt.Errorf("ALLOWED_USERGROUPS has %s: %w", id, err))
		} else if len(members) == 0 {
			wrong = append(wrong, fmt.Errorf("ALLOWED_USERGROUPS has %s, which is empty", id))
		}
	}
	return wrong
}

// posting finds out whether the bot may post in a channel, without posting: it
// schedules a message and takes it back.
func posting(ctx context.Context, c bot.Config, channel string) error {
	api := client(c)
	later := fmt.Sprint(time.Now().AddDate(0, 0, 7).Unix())
	_, id, err := api.ScheduleMessageContext(ctx, channel, later, slack.MsgOptionText("cancelbot check: please ignore", false))
	if err != nil {
		return fmt.Errorf("posting in %s: %w", channel, err)
	}
	_, err = api.DeleteScheduledMessageContext(ctx, &slack.DeleteScheduledMessageParameters{Channel: channel, ScheduledMessageID: id})
	if err != nil {
		return fmt.Errorf("taking back what was scheduled in %s: %w", channel, err)
	}
	return nil
}
