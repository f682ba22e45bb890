package policy

import (
	"slices"
	"strings"
	"time"
)

// Slack's IDs (docs.slack.dev, object types). Each is a type of its own,
// because confusing a workspace with an organisation, or a person with a
// group, would change who may cancel.
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

// Installation is where the app is installed, according to auth.test and
// hello. People are judged by it, and never by what a payload claims. The zero
// Installation accepts no one.
type Installation struct {
	TeamID       TeamID       // the workspace; empty if OrgWide
	EnterpriseID EnterpriseID // its organisation, if any
	OrgWide      bool         // installed for the whole organisation
	AppID        AppID        // empty until the first hello
}

// NewInstallation reads the answer of auth.test. For an organisation-wide
// token, Slack returns the organisation's ID, E…, as the team's.
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

// Origin is where a payload claims to come from. It is only compared with the
// Installation.
type Origin struct {
	AppID        AppID        // api_app_id
	TeamID       TeamID       // team_id or team.id; empty if team is null
	EnterpriseID EnterpriseID // enterprise_id, enterprise.id or team.enterprise_id
}

// Place is where a person asks.
type Place struct {
	Channel ChannelID

	// Workspace is the one that the command came from: a command's team_id, or
	// for a click the one in the signed confirmation. Only an
	// organisation-wide installation uses it. It counts only if the person's
	// profile lists it among the organisation's workspaces, whatever a payload
	// claims.
	Workspace TeamID
}

// Known says whether a fact is known. The zero value means that it isn't.
type Known int

// The states of a fact.
const (
	NotAsked     Known = iota
	Answered           // the fact is known
	NotAnswered        // Slack or Chamelio failed, or took too long
	NotPermitted       // the app lacks a scope, or access
	Gone               // it doesn't exist any more
)

// code returns the refusal for an unknown fact about a person.
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

// Person has a user's profile from users.info, and their usergroups. Unless
// Known is Answered, only ID is set.
type Person struct {
	Known Known
	Cause error     // why it isn't known
	Asked time.Time // when Slack was asked; zero if there is no answer to cache

	ID           UserID       // as the payload has it
	AnsweredID   UserID       // in the answer of users.info, which on Grid can be another
	GlobalID     UserID       // enterprise_user.id
	TeamID       TeamID       // the home workspace
	EnterpriseID EnterpriseID // enterprise_user.enterprise_id
	Teams        []TeamID     // enterprise_user.teams

	Deactivated, Bot, Stranger, Guest, Invited bool

	Email          string
	EmailConfirmed bool

	Groups map[GroupID]Membership
}

// Membership is whether a person is in a usergroup.
type Membership struct {
	Known Known
	Cause error
	Asked time.Time
	In    bool
}

// is reports whether an ID is this person's. On Grid a person can have
// several.
func (p Person) is(id UserID) bool {
	return id != "" && (id == p.ID || id == p.AnsweredID || id == p.GlobalID)
}

// same reports whether two users are the same person.
func (p Person) same(other Person) bool {
	return p.is(other.ID) || p.is(other.AnsweredID) || p.is(other.GlobalID)
}

// in reports whether the profile says that the person belongs to a workspace.
// On Grid the list of workspaces decides: after a move, the home workspace can
// be one that they have left.
func (p Person) in(workspace TeamID) bool {
	if workspace == "" {
		return false
	}
	if p.EnterpriseID == "" {
		return p.TeamID == workspace
	}
	return slices.Contains(p.Teams, workspace)
}

// known refuses a person about whom nothing is known.
func (p Person) known() Verdict {
	switch {
	case p.Known == Answered && p.ID != "":
		return allow()
	case p.Known == NotAsked && p.ID != "":
		return Verdict{Code: CodeCannotCheck, missing: &missing{user: p.ID}}
	}
	return Verdict{Code: p.Known.code(), Cause: p.Cause}
}

// listed allows people on a list. If a usergroup that could change the answer
// isn't known, neither is the answer.
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

// Task has the parts of a task that the rules need.
type Task struct {
	Known    bool
	Cause    error     // why it isn't known
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

// oldest returns when the oldest fact was asked for; zero if there is none.
func (c Case) oldest() time.Time {
	oldest := older(c.Audience.Asked, c.Task.Asked)
	for _, p := range []Person{c.Person, c.Requester} {
		oldest = older(oldest, p.Asked)
		for _, m := range p.Groups {
			oldest = older(oldest, m.Asked)
		}
	}
	return oldest
}

// older returns the earlier of two times, ignoring zero times.
func older(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// has reports whether an address is one of the task's people. Only ASCII
// letters are compared without regard to case: Unicode folds the Kelvin sign
// to k, and an address with it belongs to someone else.
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
