// Package policy says who may cancel a task, and where.
//
// The rules are pure: Rules.Decide is a function of facts, and Slack, clocks
// and contexts are not among them. Checker gathers the facts from Slack, no
// more of them than the decision needs.
//
// Two laws hold for every rule. What is not known counts as no. And a further
// restriction never lets anybody do what they could not do without it; so
// channels, the second person and approvers all narrow what the mode allows,
// and none of them widens it.
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
	PeopleOnTask Mode = "people-on-task" // the task's owner, assignee and collaborators, and those listed
	Listed       Mode = "listed"         // those listed
)

// Scope says of what somebody has to be a full member, on Enterprise Grid.
// Without Grid there is only the workspace.
type Scope string

// The scopes.
const (
	OfWorkspace    Scope = "workspace"    // the app's; org-wide: the one that the command came from; the default
	OfOrganisation Scope = "organization" // any workspace of the organisation; spelt as Slack does
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

	// Approvers are ids of people and of usergroups. If there are any, the
	// second person has to be one of them, and has to be allowed by Mode as
	// well. Somebody who is to confirm tasks that they are not on goes into Users
	// or Usergroups too.
	Approvers []string
}

// Moment is when somebody asks. Its zero value is taken for a click, which is
// the stricter.
type Moment int

// The moments.
const (
	AtCommand Moment = iota + 1
	AtClick
)

// Case is everything that a decision is a function of, besides the rules.
type Case struct {
	Moment       Moment
	Installation Installation
	Origin       Origin
	Place        Place
	Audience     Audience
	Person       Person // who types, or presses "Cancel task"
	Requester    Person // at a click: who typed the command, often the same person
	TwoAsked     bool   // at a click: the prompt was put to a second person
	Task         Task   // what Standing does not look at
}

// Decide judges a case whole.
func (r Rules) Decide(c Case) Verdict {
	if v := r.Standing(c); !v.Allowed() {
		return v
	}
	return r.OnTask(c)
}

// Standing judges all that can be judged without the task, so that somebody
// who may not cancel anything costs no call to Chamelio.
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
		return refuse(CodeNeedsSecondPerson) // before anything is looked up: the ids alone can tell
	}
	if v := r.standing(c.Person, c); !v.Allowed() || c.Moment == AtCommand {
		return v
	}
	if v := r.pair(c, two); !v.Allowed() || c.Person.same(c.Requester) {
		return v
	}
	return ofRequester(r.standing(c.Requester, c))
}

// OnTask judges what depends on the task. It comes after Standing.
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
	return ofRequester(r.onTask(c.Requester, c.Task))
}

// NeedsTask reports whether OnTask goes by the task at all.
func (r Rules) NeedsTask() bool { return r.Mode == PeopleOnTask || r.SecondPerson.byWorkflow() }

// NeedsSecondPerson reports whether two people are needed to cancel this
// task. A task whose workflow is not known needs two if any workflow does.
func (r Rules) NeedsSecondPerson(t Task) bool { return r.SecondPerson.needed(t) }

// undecided reports that one person acts alone, as the prompt had it, and that
// it cannot be told whether the task needs two. They are not told that it does:
// it may not, and another try may show it.
func (r Rules) undecided(c Case) bool {
	return !c.TwoAsked && r.SecondPerson.byWorkflow() && !c.Task.Known && c.Person.same(c.Requester)
}

// accepts compares where a payload says it comes from with the installation.
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
	// names the clicker's, or none. A command that names another workspace was
	// typed at another installation of the app.
	return sameOrganisation && (origin.TeamID == "" || c.Moment != AtCommand || r.MembersOf == OfOrganisation)
}

// standing judges one person, whatever the task.
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
	return p.listed(r.Users, r.Usergroups, CodeNotListed) // also for a mode that is none
}

// membership judges whether somebody is a full member, and of the right
// workspace. The first reason that is true of a person is the most useful one.
func (r Rules) membership(p Person, c Case) Verdict {
	own, workspace := c.Installation, c.Installation.TeamID
	if own.OrgWide {
		workspace = c.Place.Workspace
	}
	wholeOrganisation := r.MembersOf == OfOrganisation // without Grid the cases above have it
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

// onTask judges one person by the task.
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

// pair judges the confirmer as the second person, where there has to be one.
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

// groups returns the usergroups that may make a difference, as far as the IDs
// can tell.
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

// approvers tells people from usergroups by the form of the id.
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

// ofRequester turns a "no" to the requester into one that the confirmer can
// be told. What is not known stays what it is.
func ofRequester(v Verdict) Verdict {
	if v.Code.Final() {
		return Verdict{Code: CodeRequesterForbidden, Cause: fmt.Errorf("the requester: %s", v.Code)}
	}
	return v
}
