package policy

import (
	"regexp"
	"slices"
	"strings"
)

// Field names a setting. The caller knows its name in the configuration.
type Field string

// The settings.
const (
	FieldMode         Field = "mode"
	FieldMembersOf    Field = "members_of"
	FieldUsers        Field = "users"
	FieldUsergroups   Field = "usergroups"
	FieldChannels     Field = "channels"
	FieldSecondPerson Field = "second_person"
	FieldApprovers    Field = "approvers"
	FieldShared       Field = "shared"
)

// Problem is something wrong with a field of a configuration. It never quotes
// the value, which may be a secret in the wrong place.
type Problem struct {
	Field  Field
	Advice string // what it must be, to be read after the field's name
}

var (
	userForm    = regexp.MustCompile(`^[UW][A-Z0-9]{2,20}$`)
	groupForm   = regexp.MustCompile(`^S[A-Z0-9]{2,20}$`)
	channelForm = regexp.MustCompile(`^[CGD][A-Z0-9]{2,20}$`)
)

// Validate returns everything that is wrong with the rules: above all a
// restriction that would restrict nothing.
func (r Rules) Validate() []Problem {
	problems := r.wrongValues()
	if len(problems) > 0 {
		return problems // further checks would only repeat it
	}
	return append(r.withoutEffect(), r.nobodyCould()...)
}

// wrongValues checks each setting by itself.
func (r Rules) wrongValues() (problems []Problem) {
	add := func(f Field, advice string) {
		if advice != "" {
			problems = append(problems, Problem{f, advice})
		}
	}
	switch r.Mode {
	case "", Members, PeopleOnTask, Listed:
	default:
		add(FieldMode, "must be members, people-on-task or listed")
	}
	switch r.MembersOf {
	case "", OfWorkspace, OfOrganisation:
	default:
		add(FieldMembersOf, "must be workspace or organization")
	}
	switch r.Shared {
	case "", SharedFull, SharedUntitled, SharedRefused:
	default:
		add(FieldShared, "must be full, untitled or refuse")
	}
	add(FieldUsers, wrongIDs(r.Users, "a person", "U012AB3CD or W012AB3CD", userForm))
	add(FieldUsergroups, wrongIDs(r.Usergroups, "a usergroup", "S012AB3CD", groupForm))
	add(FieldChannels, wrongIDs(r.Channels, "a conversation", "C012AB3CD, G012AB3CD or D012AB3CD", channelForm))
	add(FieldApprovers, wrongIDs(r.Approvers, "a person or a usergroup", "U012AB3CD or S012AB3CD", userForm, groupForm))
	add(FieldSecondPerson, r.SecondPerson.wrongNames())
	return problems
}

// wrongIDs checks a list. Empty entries are ignored, but a list of only empty
// entries was meant as a restriction, and would either restrict nothing or
// lock everyone out.
func wrongIDs[T ~string](list []T, what, like string, forms ...*regexp.Regexp) string {
	named := false
	for _, id := range list {
		id := strings.TrimSpace(string(id))
		if id == "" {
			continue
		}
		named = true
		if !slices.ContainsFunc(forms, func(form *regexp.Regexp) bool { return form.MatchString(id) }) {
			return "has an entry that is not the id of " + what + ": use ids such as " + like
		}
	}
	if len(list) > 0 && !named {
		return "is set but names nothing: fill it in, or remove it"
	}
	return ""
}

func (s SecondPerson) wrongNames() string {
	for _, name := range s.Workflows {
		switch {
		case skeleton(name) == "":
			return "has no letter, digit or symbol where a workflow's name should be: use names of workflows, separated by commas"
		case looksLikeSwitch(name):
			return "has an entry that looks like true or false, not like a workflow's name: use names of workflows, separated by commas"
		}
	}
	if s.Always && len(s.Workflows) > 0 {
		return "names workflows although every task needs a second person: choose one of the two"
	}
	return ""
}

// withoutEffect finds restrictions that would silently have no effect.
func (r Rules) withoutEffect() (problems []Problem) {
	if r.Mode == "" || r.Mode == Members {
		const advice = "has no effect while every full member may cancel: choose people-on-task or listed as the policy, or remove this list"
		if len(r.Users) > 0 {
			problems = append(problems, Problem{FieldUsers, advice})
		}
		if len(r.Usergroups) > 0 {
			problems = append(problems, Problem{FieldUsergroups, advice})
		}
	}
	if len(r.Approvers) > 0 && !r.SecondPerson.Ever() {
		problems = append(problems, Problem{FieldApprovers, "has no effect unless a second person is required: require one, or remove this list"})
	}
	if r.Mode == Listed && len(r.Usergroups) == 0 {
		users, _ := r.approvers()
		if slices.ContainsFunc(users, func(id UserID) bool { return !contains(r.Users, id) }) {
			problems = append(problems, Problem{FieldApprovers, "names a person who isn't on the list of people who may cancel, and so couldn't confirm anything: add them there too"})
		}
	}
	return problems
}

// nobodyCould finds policies under which no one can cancel anything.
func (r Rules) nobodyCould() []Problem {
	if r.Mode != Listed || len(r.Usergroups) > 0 {
		return nil
	}
	switch people := unique(r.Users); {
	case len(people) == 0:
		return []Problem{{FieldMode, "lets only listed people cancel, and none are listed: list people or usergroups, or choose another policy"}}
	case len(people) == 1 && r.SecondPerson.Ever():
		return []Problem{{FieldSecondPerson, "asks for two people, and only one is listed: list another, or require no second person"}}
	}
	return nil
}

// unique removes empty entries and duplicates.
func unique[T ~string](list []T) []T {
	var kept []T
	for _, id := range list {
		if id = trim(id); id != "" && !slices.Contains(kept, id) {
			kept = append(kept, id)
		}
	}
	return kept
}
