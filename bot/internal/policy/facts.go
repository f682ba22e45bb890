package policy

import (
	"slices"
	"strings"
	"time"
)

// Slack's ids (docs.slack.dev, object types). Each is a type, because a
// workspace taken for an organisation, or a person for a group, would decide
// who may cancel.
type (
	UserID       string // U… or W…
	GroupID      string // S…
	ChannelID    string // C…, G… or D…
	TeamID       string // T…, a workspace
	EnterpriseID string // E…, an Enterprise Grid organisation
	AppID        string // A…
)

// slackbot is the one bot whose is_bot is false (docs.slack.dev, user object).
const slackbot UserID = "USLACKBOT"

// Installation is where the app is installed, as auth.test and hello say.
// People are judged against it, and never against what a payload says of
// itself. The zero Installation accepts nobody.
type Installation struct {
	TeamID       TeamID       // the workspace; empty if OrgWide
	EnterpriseID EnterpriseID // the organisation it belongs to, if any
	OrgWide      bool         // installed for the whole organisation
	AppID        AppID        // empty until the first hello
}

// NewInstallation reads the answer of auth.test. For an organisation-wide
// token Slack tells the organisation's id, E…, where else the workspace's is.
func NewInstallation(teamID, enterpriseID string, enterpriseInstall bool, app AppID) Installation {
	if strings.HasPrefix(teamID, "E") {
		enterpriseInstall = true
		if enterpriseID == "" {
			enterpriseID = teamID
		}
	}
	i := Installation{TeamID: TeamID(teamID), EnterpriseID: EnterpriseID(enterpriseID), OrgWide: enterpriseInstall, AppID: app}
	if i.OrgWide {
		i.TeamID = ""
	}
	return i
}

// Origin is what a payload says of where it comes from. It is only ever
// compared with the Installation.
type Origin struct {
	AppID        AppID        // api_app_id
	TeamID       TeamID       // team_id or team.id; empty where team is null
	EnterpriseID EnterpriseID // enterprise_id, enterprise.id or team.enterprise_id
}

// Place is where somebody asks.
type Place struct {
	Channel ChannelID

	// Workspace is the one that the command came from: of a command its
	// team_id, of a click the one that the signed confirmation carries. Only an
	// organisation-wide installation goes by it. A payload may say what it
	// likes: it counts only together with a profile that has the workspace
	// among the organisation's.
	Workspace TeamID
}

// Known says how much is known of a fact. The zero value is nothing.
type Known int

// The states of a fact.
const (
	NotAsked     Known = iota
	Answered           // the fact is as it says
	NotAnswered        // Slack or Chamelio failed, or took too long
	NotPermitted       // the app lacks a scope, or access
	Gone               // what was asked for does not exist any more
)

// code is the refusal for a fact about a person that is not known.
func (k Known) code() Code {
	switch k {
	case NotPermitted:
		return CodeCannotCheckScope
	case Gone:
		return CodeCannotCheckGroup
	case NotAsked, Answered, NotAnswered:
	}
	return CodeCannotCheck
}

// Person is what users.info says of somebody, and which usergroups they are
// in. With Known at anything but Answered only ID is filled.
type Person struct {
	Known Known
	Cause error     // why it is not known
	Asked time.Time // when Slack was asked; zero if it gave no answer to remember

	ID           UserID       // as the payload has it
	AnsweredID   UserID       // as users.info answers, which on Grid can be another
	GlobalID     UserID       // enterprise_user.id
	TeamID       TeamID       // the home workspace
	EnterpriseID EnterpriseID // enterprise_user.enterprise_id
	Teams        []TeamID     // enterprise_user.teams

	Deactivated, Bot, Stranger, Guest, Invited bool

	Email          string
	EmailConfirmed bool

	Groups map[GroupID]Membership
}

// Membership is whether somebody is in a usergroup.
type Membership struct {
	Known Known
	Cause error
	Asked time.Time
	In    bool
}

// is reports whether an ID means this person. On Grid someone can have several.
func (p Person) is(id UserID) bool {
	return id != "" && (id == p.ID || id == p.AnsweredID || id == p.GlobalID)
}

// same reports whether both are one human.
func (p Person) same(other Person) bool {
	return p.is(other.ID) || p.is(other.AnsweredID) || p.is(other.GlobalID)
}

// in reports whether the profile says that the person belongs to a workspace.
// On Grid the list of workspaces decides: the home workspace of somebody who
// was moved can be one that they have left.
func (p Person) in(workspace TeamID) bool {
	if workspace == "" {
		return false
	}
	if p.EnterpriseID == "" {
		return p.TeamID == workspace
	}
	return slices.Contains(p.Teams, workspace)
}

// known refuses a person of whom nothing is known.
func (p Person) known() Verdict {
	switch {
	case p.Known == Answered && p.ID != "":
		return allow()
	case p.Known == NotAsked && p.ID != "":
		return Verdict{Code: CodeCannotCheck, missing: &missing{user: p.ID}}
	}
	return Verdict{Code: p.Known.code(), Cause: p.Cause}
}

// listed allows people on a list. If a usergroup that could have made the
// difference is not known, neither is the answer.
func (p Person) listed(users []UserID, groups []GroupID, otherwise Code) Verdict {
	if slices.ContainsFunc(users, func(id UserID) bool { return p.is(trim(id)) }) {
		return allow()
	}
	verdict := refuse(otherwise)
	var unasked []GroupID
	for _, group := range groups {
		group = trim(group)
		m := p.Groups[group]
		switch {
		case group == "":
		case m.Known == Answered && m.In:
			return allow()
		case m.Known == NotAsked:
			unasked = append(unasked, group)
		case m.Known != Answered:
			verdict = Verdict{Code: m.Known.code(), Cause: m.Cause}
		}
	}
	if len(unasked) > 0 {
		return Verdict{Code: CodeCannotCheck, missing: &missing{user: p.ID, groups: unasked}}
	}
	return verdict
}

// Task is what Chamelio says of a task, as far as rules go by it.
type Task struct {
	Known    bool
	Cause    error     // why it is not known
	Asked    time.Time // when Chamelio was asked
	Workflow string
	People   []string // e-mail addresses of owner, assignee and collaborators
}

// workspace returns the workspace in which usergroups are looked up.
func (c Case) workspace() TeamID {
	if c.Installation.OrgWide {
		return c.Place.Workspace
	}
	return c.Installation.TeamID
}

// peopleAsked returns when the oldest profile was asked for, sharedAsked the
// oldest of what concerns many people; zero for none.
func (c Case) peopleAsked() time.Time { return older(c.Person.Asked, c.Requester.Asked) }

func (c Case) sharedAsked() time.Time {
	oldest := c.Audience.Asked
	for _, p := range []Person{c.Person, c.Requester} {
		for _, m := range p.Groups {
			oldest = older(oldest, m.Asked)
		}
	}
	return oldest
}

// older returns the earlier of two times. A zero time is none.
func older(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// has reports whether an address is one of the task's people. Cases are
// folded in ASCII alone: to Unicode the Kelvin sign is a k, and an address
// with it is somebody else's.
func (t Task) has(email string) bool {
	email = asciiFold(email)
	return email != "" && slices.ContainsFunc(t.People, func(one string) bool { return asciiFold(one) == email })
}

func asciiFold(text string) string {
	folded := []byte(strings.TrimSpace(text))
	for i, b := range folded {
		if 'A' <= b && b <= 'Z' {
			folded[i] = b + 'a' - 'A'
		}
	}
	return string(folded)
}

func trim[T ~string](id T) T { return T(strings.TrimSpace(string(id))) }

func contains[T ~string](list []T, id T) bool {
	return id != "" && slices.ContainsFunc(list, func(one T) bool { return trim(one) == id })
}
