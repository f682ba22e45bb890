package cli

import (
	"slices"
	"strings"

	"github.com/cancelbot/cancelbot/bot/internal/policy"
)

// idList is a variable with a list of IDs, and how the policy checks one of
// them.
type idList struct {
	variable string
	example  string // a well-formed ID
	alone    func(id string) policy.Rules
}

var idLists = []idList{
	{"ALLOWED_USERS", "U00000000", func(id string) policy.Rules {
		return policy.Rules{Mode: policy.PeopleOnTask, Users: []policy.UserID{policy.UserID(id)}}
	}},
	{"ALLOWED_USERGROUPS", "S00000000", func(id string) policy.Rules {
		return policy.Rules{Mode: policy.PeopleOnTask, Usergroups: []policy.GroupID{policy.GroupID(id)}}
	}},
	{"ALLOWED_CHANNELS", "C00000000", func(id string) policy.Rules {
		return policy.Rules{Channels: []policy.ChannelID{policy.ChannelID(id)}}
	}},
	{"SECOND_PERSON_APPROVERS", "U00000000", func(id string) policy.Rules {
		return policy.Rules{SecondPerson: policy.SecondPerson{Always: true}, Approvers: []string{id}}
	}},
}

func idListOf(variable string) (idList, bool) {
	i := slices.IndexFunc(idLists, func(l idList) bool { return l.variable == variable })
	if i < 0 {
		return idList{}, false
	}
	return idLists[i], true
}

// wrongEntries returns the entries that aren't IDs.
func (l idList) wrongEntries(value string) (wrong []string) {
	for entry := range strings.SplitSeq(value, ",") {
		if entry = strings.TrimSpace(entry); entry != "" && len(l.alone(entry).Validate()) > 0 {
			wrong = append(wrong, entry)
		}
	}
	return wrong
}
