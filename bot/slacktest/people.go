package slacktest

import (
	"slices"
	"strings"
	"time"
)

// userInfo serves users.info (docs.slack.dev/reference/methods/users.info).
func (s *Server) userInfo(args params) reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	u, ok := s.users[args["user"]]
	if !ok {
		return failure("user_not_found")
	}
	return reply{"user": s.describe(u)}
}

// lookupByEmail serves users.lookupByEmail. Slack ignores case, and finds
// neither deactivated people nor those of another workspace.
func (s *Server) lookupByEmail(args params) reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	if args["email"] == "" {
		return failure("users_not_found")
	}
	for _, id := range sortedKeys(s.users) {
		u := s.users[id]
		if strings.EqualFold(u.Email, args["email"]) && !u.Deleted && !u.IsBot && s.has(u) {
			return reply{"user": s.describe(u)}
		}
	}
	return failure("users_not_found")
}

// describe returns a user object
// (docs.slack.dev/reference/objects/user-object). It must be called with mu
// held.
func (s *Server) describe(u User) reply {
	out := reply{
		"id": u.ID, "name": u.Name, "deleted": u.Deleted, "profile": s.profile(u),
		"is_bot": u.IsBot, "is_app_user": false, "updated": 1717171717,
	}
	if !u.NoTeamID {
		out["team_id"] = u.TeamID
	}
	if s.installation.EnterpriseID != "" && !u.IsBot {
		out["enterprise_user"] = s.enterpriseUser(u)
	}
	if u.IsStranger {
		out["is_stranger"] = true
	}
	if u.Deleted { // Slack says no more about them
		return out
	}
	if u.IsInvited {
		out["is_invited_user"] = true
	}
	name := u.TZ
	if name == "" {
		name = "Europe/Amsterdam"
	}
	label, offset := zone(name, s.now())
	for k, v := range (reply{
		"real_name": u.RealName, "color": "9f69e7", "tz": name, "tz_label": label, "tz_offset": offset,
		"is_admin": u.IsAdmin || u.IsOwner, "is_owner": u.IsOwner, "is_primary_owner": false,
		"is_restricted": u.IsRestricted || u.IsUltraRestrict, "is_ultra_restricted": u.IsUltraRestrict,
		"is_email_confirmed": !u.EmailUnconfirmed && !u.IsBot, "has_2fa": false,
		"who_can_share_contact_card": "EVERYONE",
	}) {
		out[k] = v
	}
	return out
}

func (s *Server) profile(u User) reply {
	first, last, _ := strings.Cut(u.RealName, " ")
	profile := reply{
		"title": "", "phone": "", "skype": "", "first_name": first, "last_name": last,
		"real_name": u.RealName, "real_name_normalized": u.RealName,
		"display_name": u.Name, "display_name_normalized": u.Name,
		"status_text": "", "status_text_canonical": "", "status_emoji": "", "status_emoji_display_info": []any{},
		"status_expiration": 0, "avatar_hash": "g0123456789a", "is_custom_image": false, "fields": nil,
		"huddle_state": "default_unset", "team": u.TeamID,
	}
	for _, size := range []string{"24", "32", "48", "72", "192", "512"} {
		profile["image_"+size] = "https://avatars.slack.test/" + u.ID + "-" + size + ".png"
	}
	if u.IsBot {
		profile["api_app_id"], profile["bot_id"], profile["always_active"] = "", "B"+u.ID[1:], false
		if u.ID == BotUser {
			profile["api_app_id"], profile["bot_id"] = AppID, BotID
		}
	}
	if slices.Contains(s.scopes, "users:read.email") && u.Email != "" {
		profile["email"] = u.Email
	}
	return profile
}

func (s *Server) enterpriseUser(u User) reply {
	id, name := s.installation.EnterpriseID, s.installation.EnterpriseName
	if u.EnterpriseID != "" && u.EnterpriseID != id {
		id, name = u.EnterpriseID, u.EnterpriseID
	}
	return reply{
		"id": u.ID, "enterprise_id": id, "enterprise_name": name,
		"is_admin": u.IsAdmin || u.IsOwner, "is_owner": u.IsOwner, "is_primary_owner": false, "teams": s.teamsOf(u),
	}
}

// zone returns a time zone's display name and its offset in seconds. If the
// machine has no zone data, it is UTC.
func zone(name string, at time.Time) (string, int) {
	place, err := time.LoadLocation(name)
	if err != nil {
		place = time.UTC
	}
	return at.In(place).Zone()
}

func (s *Server) groupUsers(args params) reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	users, ok := s.groups[args["usergroup"]]
	if !ok {
		return failure("no_such_subteam")
	}
	return reply{"users": users}
}

// botInfo serves bots.info. With an organisation's token it needs a workspace.
func (s *Server) botInfo(args params) reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.installation.OrgWide && !strings.HasPrefix(args["team_id"], "T") {
		return failure("missing_argument")
	}
	if args["bot"] != BotID {
		return failure("bot_not_found")
	}
	return reply{"bot": reply{
		"id": BotID, "deleted": false, "name": "cancelbot", "updated": 1717171717, "app_id": AppID, "user_id": BotUser,
		"icons": reply{"image_36": "https://avatars.slack.test/bot-36.png", "image_48": "https://avatars.slack.test/bot-48.png", "image_72": "https://avatars.slack.test/bot-72.png"},
	}}
}

// authTest serves auth.test. For an organisation-wide installation the team
// is the organisation.
func (s *Server) authTest(params) reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.installation
	out := reply{
		"url": "https://" + i.TeamDomain + ".slack.com/", "team": i.TeamName, "team_id": i.TeamID,
		"user": "cancelbot", "user_id": BotUser, "bot_id": BotID, "is_enterprise_install": i.OrgWide,
	}
	if i.EnterpriseID != "" {
		out["enterprise_id"] = i.EnterpriseID
	}
	if i.OrgWide {
		out["team"], out["team_id"] = i.EnterpriseName, i.EnterpriseID
	}
	return out
}

// teamInfo serves team.info.
func (s *Server) teamInfo(args params) reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.installation
	if team := args["team"]; team != "" && team != i.TeamID {
		return failure("team_not_found")
	}
	team := reply{
		"id": i.TeamID, "name": i.TeamName, "domain": i.TeamDomain, "email_domain": i.TeamDomain + ".example",
		"url": "https://" + i.TeamDomain + ".slack.com/", "icon": reply{"image_default": true}, "is_verified": false,
	}
	if i.EnterpriseID != "" {
		team["enterprise_id"], team["enterprise_name"] = i.EnterpriseID, i.EnterpriseName
	}
	return reply{"team": team}
}
