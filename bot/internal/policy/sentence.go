package policy

import (
	"strconv"
	"strings"
)

// Sentence describes the policy to the operator in one sentence.
func (r Rules) Sentence() string {
	it := ""
	if r.Mode == PeopleOnTask {
		it = " it"
	}
	return r.who() + " may cancel" + it + ", " + r.where() + ", " + r.how() + "."
}

func (r Rules) who() string {
	member := "full member"
	of := ""
	if r.MembersOf == OfOrganisation {
		of = " of the organisation"
	}
	listed := listing(len(unique(r.Users)), len(unique(r.Usergroups)))
	switch r.Mode {
	case "", Members:
		return "Every " + member + of
	case PeopleOnTask:
		on := "who are on a task as owner, assignee or collaborator"
		if listed != "" {
			on += ", or are " + listed + ","
		}
		return "Only " + member + "s" + of + " " + on
	case Listed:
	}
	return "Only " + member + "s" + of + " who are " + listed
}

// listing returns "on a list of 2 people or in one of 3 usergroups".
func listing(users, groups int) string {
	var parts []string
	if users > 0 {
		parts = append(parts, "on a list of "+count(users, "person", "people"))
	}
	switch {
	case groups == 1:
		parts = append(parts, "in 1 usergroup")
	case groups > 1:
		parts = append(parts, "in one of "+count(groups, "usergroup", "usergroups"))
	}
	return strings.Join(parts, " or ")
}

func (r Rules) where() string {
	if n := len(unique(r.Channels)); n > 0 {
		return "in " + count(n, "channel", "channels") + " only"
	}
	return "in every channel"
}

func (r Rules) how() string {
	second := "a second person"
	if len(r.Approvers) > 0 {
		users, groups := r.approvers()
		second = "an approver (someone else who is " + listing(len(unique(users)), len(unique(groups))) + ")"
	}
	switch {
	case r.SecondPerson.Always:
		return "once " + second + " has confirmed"
	case len(r.SecondPerson.Workflows) == 0:
		return "alone"
	}
	names := quoted(r.SecondPerson.Workflows)
	workflows := "the workflow " + names
	if len(r.SecondPerson.Workflows) > 1 {
		workflows = "the workflows " + names
	}
	return "alone, except that " + second + " must confirm for tasks of " + workflows + ", and for tasks whose workflow isn't known"
}

// quoted returns “A”, “B” and “C”.
func quoted(names []string) string {
	var b strings.Builder
	for i, name := range names {
		switch {
		case i > 0 && i == len(names)-1:
			b.WriteString(" and ")
		case i > 0:
			b.WriteString(", ")
		}
		b.WriteString("“" + strings.TrimSpace(name) + "”")
	}
	return b.String()
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}
