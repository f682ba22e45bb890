// Package policy decides who may cancel a task, and where.
//
// The rules are pure: Rules.Decide is a function of facts, without Slack,
// clocks or contexts. Checker gathers the facts from Slack, and no more than
// the decision needs.
//
// Two laws hold for every rule. If a fact isn't known, the answer is no. And a
// restriction never allows anything that wasn't allowed without it: channels,
// the second person and approvers only narrow what the mode allows.
package policy

import (
	"fmt"
	"slices"
	"strings"
)

// Mode says which full members may cancel.
type Mode string

// The modes.
const (
	Members      Mode = "members"        // every full member; the default
	PeopleOnTask Mode = "people-on-task" // the task's owner, assignee and collaborators, and listed people
	Listed       Mode = "listed"         // listed people
)

// Scope says whether people have to be full members of the workspace or of the
// organisation, on Enterprise Grid. Without Grid there is only the workspace.
type Scope string

// The scopes.
const (
	OfWorkspace    Scope = "workspace"    // the app's; if installed org-wide, the one that the command came from; the default
	OfOrganisation Scope = "organization" // any workspace of the organisation; Slack's spelling
)

// Rules is the configured policy.
type Rules struct {
	Mode         Mode
	MembersOf    Scope
	Users        []UserID
	Usergroups   []GroupID
	Channels     []ChannelID // every conversation if empty
	SecondPerson SecondPerson
	Shared       SharedChannels

	// Approvers are the IDs of people and usergroups. If there are any, the
	// second person has to be one of them, and has to be allowed by Mode too.
	// To let someone confirm tasks that they aren't on, add them to Users or
	// Usergroups as well.
	Approvers []string
}

// Moment is when the rules are applied. The zero value counts as a click,
// which is stricter.
type Moment int

// The moments.
const (
	AtCommand Moment = iota + 1
	AtClick
)

// Case has everything that a decision depends on, apart from the rules.
type Case struct {
	Moment       Moment
	Installation Installation
	Origin       Origin
	Place        Place
	Audience     Audience
	Person       Person // who types, or presses "Cancel task"
	Requester    Person // for a click: who typed the command, often the same person
	TwoAsked     bool   // for a click: the prompt was addressed to a second person
	Task         Task   // not used by Standing
}

// Decide judges a whole case.
func (r Rules) Decide(c Case) Verdict {
	if v := r.Standing(c); !v.Allowed() {
		return v
	}
	return r.OnTask(c)
}

// Standing judges everything that doesn't need the task, so that someone who
// may cancel nothing costs no call to Chamelio.
func (r Rules) Standing(c Case) Verdict {
	if v := r.people(c); !v.Allowed() {
		return v
	}
	return r.audience(c)
}

// people judges the people, and where they are.
func (r Rules) people(c Case) Verdict {
	if !r.accepts(c) {
		return refuse(CodeOtherInstallation)
	}
	if len(r.Channels) > 0 && !contains(r.Channels, c.Place.Channel) {
		return refuse(CodeWrongChannel)
	}
	two := c.TwoAsked || r.SecondPerson.Always
	if c.Moment != AtCommand && two && c.Person.same(c.Requester) {
		return refuse(CodeNeedsSecondPerson) // before any lookup: the IDs are enough
	}
	if v := r.standing(c.Person, c); !v.Allowed() || c.Moment == AtCommand {
		return v
	}
	if v := r.pair(c, two); !v.Allowed() || c.Person.same(c.Requester) {
		return v
	}
	return ofRequester(r.standing(c.Requester, c), CodeRequesterForbidden)
}

// OnTask judges everything that depends on the task. It must be called after
// Standing.
func (r Rules) OnTask(c Case) Verdict {
	if v := r.onTask(c.Person, c.Task); !v.Allowed() || c.Moment == AtCommand {
		return v
	}
	if r.undecided(c) {
		return Verdict{Code: CodeCannotCheckTask, Cause: c.Task.Cause}
	}
	if v := r.pair(c, c.TwoAsked || r.NeedsSecondPerson(c.Task)); !v.Allowed() || c.Person.same(c.Requester) {
		return v
	}
	return ofRequester(r.onTask(c.Requester, c.Task), CodeRequesterOffTask)
}

// NeedsTask reports whether OnTask depends on the task.
func (r Rules) NeedsTask() bool { return r.Mode == PeopleOnTask || r.SecondPerson.byWorkflow() }

// NeedsSecondPerson reports whether two people are needed to cancel this task.
// If the workflow isn't known, the answer is yes if any workflow needs two.
func (r Rules) NeedsSecondPerson(t Task) bool { return r.SecondPerson.needed(t) }

// undecided reports that one person acts alone, as the prompt allowed, and
// that it isn't known whether the task needs two. The refusal must not claim
// that it does: another try may succeed.
func (r Rules) undecided(c Case) bool {
	return !c.TwoAsked && r.SecondPerson.byWorkflow() && !c.Task.Known && c.Person.same(c.Requester)
}

// accepts compares where a payload claims to come from with the installation.
func (r Rules) accepts(c Case) bool {
	own, origin := c.Installation, c.Origin
	sameOrganisation := own.EnterpriseID != "" && origin.EnterpriseID == own.EnterpriseID
	switch {
	case own.AppID != "" && origin.AppID != own.AppID:
		return false
	case own.EnterpriseID != "" && origin.EnterpriseID != "" && !sameOrganisation:
		return false
	case own.OrgWide:
		return sameOrganisation
	case own.TeamID == "":
		return false
	case origin.TeamID == own.TeamID:
		return true
	}
	// A click in a channel that several workspaces of the organisation share
	// has the clicker's workspace, or none. A command with another workspace
	// was typed at another installation of the app.
	return sameOrganisation && (origin.TeamID == "" || c.Moment != AtCommand || r.MembersOf == OfOrganisation)
}

// standing judges one person, without regard to the task.
func (r Rules) standing(p Person, c Case) Verdict {
	if v := p.known(); !v.Allowed() {
		return v
	}
	if v := r.membership(p, c); !v.Allowed() {
		return v
	}
	switch r.Mode {
	case "", Members, PeopleOnTask:
		return allow()
	case Listed:
	}
	return p.listed(r.Users, r.Usergroups, CodeNotListed) // also for an invalid mode
}

// membership reports whether a person is a full member, and of the right
// workspace. The refusals are ordered: the first one that applies is the most
// useful.
func (r Rules) membership(p Person, c Case) Verdict {
	own, workspace := c.Installation, c.Installation.TeamID
	if own.OrgWide {
		workspace = c.Place.Workspace
	}
	wholeOrganisation := r.MembersOf == OfOrganisation // without Grid, the cases below for an empty own.EnterpriseID decide
	switch {
	case p.Deactivated:
		return refuse(CodeDeactivated)
	case p.Bot || p.is(slackbot):
		return refuse(CodeBot)
	case p.Stranger:
		return refuse(CodeStranger)
	case own.EnterpriseID != "" && p.EnterpriseID != own.EnterpriseID:
		return refuse(CodeOtherOrganisation)
	case own.EnterpriseID == "" && !p.in(workspace):
		return refuse(CodeOtherOrganisation)
	case p.Invited:
		return refuse(CodeInvited)
	case p.Guest:
		return refuse(CodeGuest)
	case !wholeOrganisation && workspace == "":
		return refuse(CodeUnknownWorkspace)
	case !wholeOrganisation && !p.in(workspace):
		return refuse(CodeOtherWorkspace)
	}
	return allow()
}

// onTask judges one person's relation to the task.
func (r Rules) onTask(p Person, t Task) Verdict {
	if r.Mode != PeopleOnTask {
		return allow()
	}
	if v := p.known(); !v.Allowed() {
		return v
	}
	switch {
	case !t.Known:
		return Verdict{Code: CodeCannotCheckTask, Cause: t.Cause}
	case strings.TrimSpace(p.Email) == "":
		return p.listed(r.Users, r.Usergroups, CodeNoEmail)
	case !p.EmailConfirmed:
		return p.listed(r.Users, r.Usergroups, CodeEmailUnconfirmed)
	case !t.has(p.Email):
		return p.listed(r.Users, r.Usergroups, CodeNotOnTask)
	}
	return allow()
}

// pair judges the confirmer as the second person, if one is needed.
func (r Rules) pair(c Case, two bool) Verdict {
	switch {
	case !two:
		return allow()
	case c.Person.same(c.Requester):
		return refuse(CodeNeedsSecondPerson)
	case len(r.Approvers) == 0:
		return allow()
	}
	users, groups := r.approvers()
	return c.Person.listed(users, groups, CodeNotAnApprover)
}

// groups returns the usergroups that may change the answer, judging by the
// IDs.
func (r Rules) groups(c Case) []GroupID {
	var all []GroupID
	if !contains(r.Users, c.Person.ID) || c.Moment != AtCommand && !contains(r.Users, c.Requester.ID) {
		all = append(all, r.Usergroups...)
	}
	if users, groups := r.approvers(); c.Moment != AtCommand && c.Person.ID != c.Requester.ID && !contains(users, c.Person.ID) {
		all = append(all, groups...)
	}
	for i := range all {
		all[i] = trim(all[i])
	}
	slices.Sort(all)
	return slices.DeleteFunc(slices.Compact(all), func(id GroupID) bool { return id == "" })
}

// approvers separates people from usergroups by the form of the ID.
func (r Rules) approvers() (users []UserID, groups []GroupID) {
	for _, id := range r.Approvers {
		if id = strings.TrimSpace(id); groupForm.MatchString(id) {
			groups = append(groups, GroupID(id))
		} else if id != "" {
			users = append(users, UserID(id))
		}
	}
	return users, groups
}

// ofRequester turns a refusal of the requester into one for the confirmer, who reads
// it: no if it is a real "no". An unknown fact about the requester stays unknown, and
// theirs. The refusals that only the operator can do something about name no one.
func ofRequester(v Verdict, no Code) Verdict {
	switch {
	case v.missing != nil:
		return v
	case v.Code.Final():
		return Verdict{Code: no, Cause: fmt.Errorf("the requester: %s", v.Code)}
	case v.Code == CodeCannotCheck:
		return Verdict{Code: CodeCannotCheckRequester, Cause: v.Cause}
	}
	return v
}
