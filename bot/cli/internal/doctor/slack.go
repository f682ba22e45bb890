package doctor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"github.com/cancelbot/cancelbot/bot"
	"github.com/cancelbot/cancelbot/bot/internal/policy"
	"github.com/cancelbot/cancelbot/bot/internal/slackapi"
	"github.com/cancelbot/cancelbot/bot/internal/transport"
	"github.com/cancelbot/cancelbot/bot/socketmode"
)

// client returns a client that calls Slack with the bot token, without
// retries, and reads Slack's clock.
func (c *checkup) client() *slack.Client {
	api := cmp.Or(c.Bot.SlackAPI, bot.DefaultSlackAPI)
	if !strings.HasSuffix(api, "/") {
		api += "/"
	}
	return slack.New(c.Bot.BotToken.Reveal(), slack.OptionAPIURL(api), slack.OptionRetry(0),
		slack.OptionHTTPClient(&http.Client{Transport: c.slack.Transport(transport.New())}))
}

// found describes the result of a call to Slack in plain words.
func (c *checkup) found(doing string, err error) string { return doing + ": " + Explain(err) }

// remedy returns what to do about an error from Slack with the bot token.
// Problems with the token or the network come first; otherwise is about the
// check itself.
func (c *checkup) remedy(err error, otherwise string) string {
	return remedyOr(bot.BotToken, c.Bot.SlackAPI, err, otherwise)
}

func remedyOr(token bot.Token, api string, err error, otherwise string) string {
	return cmp.Or(Remedy(token, api, err), otherwise)
}

func (c *checkup) botToken(ctx context.Context) []Result {
	who, err := c.who()
	if err != nil {
		return []Result{BotTokenFailed(c.Bot.SlackAPI, err)}
	}
	if err := bot.SameApp(ctx, c.client(), c.Bot.AppToken.Reveal()); err != nil {
		return []Result{BotTokenFailed(c.Bot.SlackAPI, err)}
	}
	if strings.HasPrefix(who.TeamID, "E") {
		return []Result{good(BotToken, "the whole organisation %s (%s), as @%s", who.Team, who.TeamID, who.User)}
	}
	return []Result{good(BotToken, "workspace %s (%s), as @%s", who.Team, who.TeamID, who.User)}
}

// scopes compares the token's scopes, which a header of every answer lists,
// with those that the configuration needs. If Slack doesn't answer, the bot
// token's check reports it.
func (c *checkup) scopes(context.Context) []Result {
	who, err := c.who()
	if err != nil {
		return nil
	}
	var granted []string
	for scope := range strings.SplitSeq(who.Header.Get("X-OAuth-Scopes"), ",") {
		granted = append(granted, strings.TrimSpace(scope))
	}
	var needed, missing []string
	for _, scope := range NeededScopes(c.Bot) {
		needed = append(needed, scope.Name)
		if !slices.Contains(granted, scope.Name) {
			missing = append(missing, scope.Name)
		}
	}
	if len(missing) > 0 {
		return []Result{bad(Scopes, "missing: "+strings.Join(missing, ", "),
			"Add under OAuth & Permissions → Scopes → Bot Token Scopes, then install the app again (Install App)").because(causeScopes)}
	}
	return []Result{good(Scopes, "%s", strings.Join(needed, ", "))}
}

// appToken asks Slack for the address of a connection. Only if no bot can be
// running, it also opens one, which shows whether Socket Mode is on and
// whether WebSockets get through: while it is open, Slack may send it a
// command that no one would answer.
func (c *checkup) appToken(ctx context.Context) []Result {
	options := socketmode.Options{AppToken: c.Bot.AppToken.Reveal(), APIURL: c.Bot.SlackAPI}
	err := socketmode.CheckToken(ctx, options)
	connect := c.Connect || <-c.journal == placeNew
	if err == nil && connect {
		_, err = socketmode.Probe(ctx, options)
	}
	switch {
	case err != nil:
		return []Result{AppTokenFailed(c.Bot.SlackAPI, err)}
	case connect:
		return []Result{good(AppToken, "Socket Mode is on, and Slack said hello")}
	}
	return []Result{good(AppToken, "Slack would connect the bot (no connection was opened, because a bot may be running; --connect opens one)")}
}

// auditChannel finds out whether the bot may post there, without posting: it
// schedules a message and deletes it.
func (c *checkup) auditChannel(ctx context.Context) []Result {
	const name = AuditChannel
	channel := c.Bot.AuditChannel
	if channel == "" {
		return nil
	}
	api, doing := c.client(), "posting in "+channel
	later := fmt.Sprint(time.Now().AddDate(0, 0, 7).Unix())
	_, id, err := api.ScheduleMessageContext(ctx, channel, later, slack.MsgOptionText(postTest, false))
	status, _ := slackapi.Classify(err)
	left := status == slackapi.Unclear
	if err == nil {
		doing = "deleting the message scheduled in " + channel
		err = unschedule(ctx, api, channel, id)
		left = err != nil
	}
	if err == nil {
		return []Result{good(name, "the bot may post in %s", channel)}
	}
	results := []Result{bad(name, c.found(doing, err), c.remedy(err, channelRemedy(err))).because(causeOf(err))}
	if left {
		results = append(results, warning(name, fmt.Sprintf("“%s” may appear in %s in a week", postTest, channel), "If it does, delete it there"))
	}
	return results
}

// unschedule deletes a scheduled message, and retries if that may help. The end of ctx
// doesn't cut it off.
func unschedule(ctx context.Context, api *slack.Client, channel, id string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), deleteLimit)
	defer cancel()
	return slackapi.Retry(ctx, deleteLimit, deleteLimit, func() error {
		_, err := api.DeleteScheduledMessageContext(ctx, &slack.DeleteScheduledMessageParameters{Channel: channel, ScheduledMessageID: id})
		if slackCode(err) == "invalid_scheduled_message_id" { // an earlier try has deleted it
			return nil
		}
		return slackapi.Retryable(err)
	})
}

// postTest is the text that auditChannel schedules, and deleteLimit the time for deleting
// it.
const (
	postTest    = "cancelbot check: please ignore"
	deleteLimit = 10 * time.Second
)

// channelRemedy returns the remedy for Slack's errors about a channel
// (docs.slack.dev, chat.postMessage, section "Errors").
func channelRemedy(err error) string {
	switch slackCode(err) {
	case "is_archived":
		return "The channel is archived: set AUDIT_CHANNEL to another, or unarchive it"
	case "restricted_action", "restricted_action_read_only_channel", "restricted_action_non_threadable_channel", "posting_to_general_channel_denied":
		return "Who may post in that channel is restricted: let the bot post there, or set AUDIT_CHANNEL to another"
	}
	return "Invite the bot to that channel (/invite @cancelbot), or correct AUDIT_CHANNEL: it is the id at the end of the channel's About tab"
}

// policy looks up each ID of the policy's people and usergroups. The bot's
// scopes don't allow looking up channels.
func (c *checkup) policy(ctx context.Context) []Result {
	const name = WhoMayCancel
	var results []Result
	for _, one := range c.listedIDs() {
		if err := c.lookUp(ctx, one.id); err != nil {
			results = append(results, bad(name, fmt.Sprintf("%s has %s: %s", one.variable, one.id, Explain(err)),
				c.remedy(err, "Correct or remove the ID; the bot refuses people it can't look up")).because(causeOf(err)))
		}
	}
	if len(results) > 0 {
		return results
	}
	found := c.Bot.Policy.Sentence()
	if len(c.Bot.Policy.Channels) > 0 {
		found += " (Channels were not looked up: that would need further scopes.)"
	}
	if p := c.Bot.Policy; p.Mode == policy.Members && !p.SecondPerson.Ever() {
		return []Result{warning(name, found, "If that isn't meant, set CANCEL_POLICY to people-on-task or listed, or let a second person confirm; see docs/configuration.md")}
	}
	return []Result{good(name, "%s", found)}
}

type listedID struct{ variable, id string }

func (c *checkup) listedIDs() (all []listedID) {
	for _, id := range c.Bot.Policy.Users {
		all = append(all, listedID{"ALLOWED_USERS", string(id)})
	}
	for _, id := range c.Bot.Policy.Usergroups {
		all = append(all, listedID{"ALLOWED_USERGROUPS", string(id)})
	}
	for _, id := range c.Bot.Policy.Approvers {
		all = append(all, listedID{"SECOND_PERSON_APPROVERS", id})
	}
	for i := range all {
		all[i].id = strings.TrimSpace(all[i].id)
	}
	return slices.DeleteFunc(all, func(l listedID) bool { return l.id == "" })
}

var (
	errDeactivated = errors.New("deactivated")
	errGuest       = errors.New("a guest, who may not cancel tasks")
	errBot         = errors.New("a bot")
	errEmpty       = errors.New("a usergroup without members")
)

func (c *checkup) lookUp(ctx context.Context, id string) error {
	if isGroup(id) {
		members, err := c.client().GetUserGroupMembersContext(ctx, id)
		if err == nil && len(members) == 0 {
			err = errEmpty
		}
		return err
	}
	u, err := c.client().GetUserInfoContext(ctx, id)
	switch {
	case err != nil:
		return err
	case u.Deleted:
		return errDeactivated
	case u.IsRestricted, u.IsUltraRestricted:
		return errGuest
	case u.IsBot, u.IsWorkflowBot, u.IsConnectorBot:
		return errBot
	}
	return nil
}
