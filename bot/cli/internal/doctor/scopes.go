package doctor

import (
	"slices"
	"strings"

	"github.com/cancelbot/cancelbot/bot"
	"github.com/cancelbot/cancelbot/bot/internal/policy"
)

// Scope is something that the app must be allowed to do.
type Scope struct {
	Name string
	For  string // what needs it
}

// NeededScopes lists what a configuration needs and no more, for the manifest
// that creates the app and for the check that it was installed so.
func NeededScopes(c bot.Config) []Scope {
	scopes := []Scope{
		{"commands", "the slash command"},
		{"chat:write", "announcements"},
		{"chat:write.public", "… in public channels that the bot has not joined"},
		{"users:read", "who is a full member and may cancel"},
	}
	if c.Policy.Mode == policy.PeopleOnTask || c.NotifyPeopleOnTask {
		scopes = append(scopes, Scope{"users:read.email", "who is on a task"})
	}
	if len(c.Policy.Usergroups) > 0 || slices.ContainsFunc(c.Policy.Approvers, isGroup) {
		scopes = append(scopes, Scope{"usergroups:read", "who is in a usergroup"})
	}
	if c.Policy.Shared != "" && c.Policy.Shared != policy.SharedFull {
		scopes = append(scopes, Scope{"channels:read", "which channels are shared with other organisations"}, Scope{"groups:read", "… of the private ones that the bot is in"})
	}
	return scopes
}

func isGroup(id string) bool { return strings.HasPrefix(strings.TrimSpace(id), "S") }
