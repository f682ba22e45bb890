package slacktest

import (
	"slices"
	"strconv"
	"strings"
)

// conversationInfo serves conversations.info. For a private conversation
// without the bot, Slack answers as if it didn't exist.
func (s *Server) conversationInfo(args params) reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, ok := s.channels[args["channel"]]
	if !ok || c.Kind != Public && !c.BotIsMember {
		return failure("channel_not_found")
	}
	return reply{"channel": s.describeConversation(c)}
}

// describeConversation returns a conversation object
// (docs.slack.dev/reference/objects/conversation-object). It must be called
// with mu held.
func (s *Server) describeConversation(c Conversation) reply {
	team := c.TeamID
	if team == "" {
		team = s.installation.TeamID
	}
	out := reply{
		"id": c.ID, "created": 1717171717, "is_archived": c.Archived, "is_member": c.BotIsMember, "is_org_shared": false,
		"is_channel": c.Kind != DM, "is_group": c.Kind == Private, "is_im": c.Kind == DM, "is_mpim": false,
		"is_private": c.Kind != Public, "is_shared": c.Shared, "is_ext_shared": c.Shared,
		"context_team_id": team, "updated": 1717171717000,
	}
	if c.Kind == DM {
		for _, u := range c.Members {
			if u != BotUser {
				out["user"] = u
			}
		}
		return out
	}
	out["name"], out["name_normalized"], out["is_general"] = c.Name, c.Name, c.ID == General
	out["creator"], out["unlinked"], out["shared_team_ids"] = Linus, 0, []string{team}
	about := reply{"value": "", "creator": "", "last_set": 0}
	out["topic"], out["purpose"], out["previous_names"] = about, about, []string{}
	return out
}

// listConversations serves conversations.list, page by page. With an
// organisation-wide installation, Slack requires a workspace
// (docs.slack.dev/reference/methods/conversations.list).
func (s *Server) listConversations(args params) reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.installation.OrgWide && args["team_id"] == "" {
		return failure("missing_argument")
	}
	types := strings.Split(args["types"], ",")
	if args["types"] == "" {
		types = []string{"public_channel"}
	}
	names := map[Kind]string{Public: "public_channel", Private: "private_channel", DM: "im"}
	limit, _ := strconv.Atoi(args["limit"])
	if limit <= 0 {
		limit = 100
	}
	page, next := []reply{}, ""
	for _, c := range s.sortedChannels() {
		switch {
		case !slices.Contains(types, names[c.Kind]), c.Kind != Public && !c.BotIsMember:
		case args["exclude_archived"] == "true" && c.Archived, c.ID <= args["cursor"]:
		case len(page) == limit:
			return reply{"channels": page, "response_metadata": reply{"next_cursor": next}}
		default:
			page, next = append(page, s.describeConversation(c)), c.ID
		}
	}
	return reply{"channels": page, "response_metadata": reply{"next_cursor": ""}}
}

// openConversation serves conversations.open for a direct message between the
// bot and one person.
func (s *Server) openConversation(args params) reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	u, ok := s.users[args["users"]]
	switch {
	case args["users"] == "" && args["channel"] == "":
		return failure("users_list_not_supplied")
	case args["channel"] != "":
		c, ok := s.channels[args["channel"]]
		if !ok || c.Kind != DM || !c.BotIsMember {
			return failure("channel_not_found")
		}
		return reply{"channel": reply{"id": c.ID}, "no_op": true, "already_open": true}
	case !ok:
		return failure("user_not_found")
	case u.Deleted:
		return failure("user_disabled")
	case u.IsBot:
		return failure("cannot_dm_bot")
	}
	_, before := s.channels["D"+u.ID]
	c := s.appHome(u.ID)
	if args["return_im"] == "true" {
		return reply{"channel": s.describeConversation(c), "no_op": before, "already_open": before}
	}
	return reply{"channel": reply{"id": c.ID}, "no_op": before, "already_open": before}
}
