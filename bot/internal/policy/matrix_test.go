package policy

import (
	"iter"
	"slices"
	"strings"
	"testing"
)

// everyRules returns all combinations of rules.
func everyRules() iter.Seq[Rules] {
	return func(yield func(Rules) bool) {
		lists := []Rules{{}, {Users: []UserID{"U0ADA"}}, {Usergroups: []GroupID{"S0LEADS"}}, {Users: []UserID{"U0GRACE"}, Usergroups: []GroupID{"S0LEGAL"}}}
		seconds := []SecondPerson{{}, {Always: true}, {Workflows: []string{"nda"}}}
		for _, r := range lists {
			for _, r.Mode = range []Mode{Members, PeopleOnTask, Listed} {
				if r.Mode == Listed && len(r.Users)+len(r.Usergroups) == 0 {
					continue
				}
				for _, r.MembersOf = range []Scope{OfWorkspace, OfOrganisation} {
					for _, r.Channels = range [][]ChannelID{nil, {"C0LEGAL"}} {
						for _, r.SecondPerson = range seconds {
							for _, r.Approvers = range [][]string{nil, {"U0GRACE"}, {"S0LEADS"}} {
								if !yield(r) {
									return
								}
							}
						}
					}
				}
			}
		}
	}
}

// everyPerson returns all kinds of people, each with the ID and address of p.
func everyPerson(p Person) []Person {
	changes := []func(*Person){
		func(*Person) {},
		func(p *Person) { p.Deactivated = true },
		func(p *Person) { p.Bot = true },
		func(p *Person) { p.Stranger = true },
		func(p *Person) { p.Guest = true },
		func(p *Person) { p.Invited = true },
		func(p *Person) { p.Known = NotAnswered },
		func(p *Person) { p.Email = "" },
		func(p *Person) { p.EmailConfirmed = false },
		func(p *Person) { p.Groups = nil },
		func(p *Person) { p.TeamID, p.Teams = "T2", []TeamID{"T2"} },
		func(p *Person) { p.TeamID, p.EnterpriseID, p.Teams = "T9EVIL", "", nil },
		func(p *Person) { p.TeamID, p.EnterpriseID, p.Teams = "T9EVIL", "E9EVIL", []TeamID{"T9EVIL"} },
	}
	var all []Person
	for _, change := range changes {
		all = append(all, p.changed(change))
	}
	return all
}

// everyCase returns all combinations of people, places, moments and tasks.
func everyCase() iter.Seq[Case] {
	tasks := []Task{task, {Known: true, Workflow: "MSA", People: []string{"grace@acme.example", "ada@acme.example"}}, {Known: true}, {}}
	all := everyPerson(ada)
	requesters := []Person{all[0], all[1], all[6], all[8], grace}
	return func(yield func(Case) bool) {
		for _, i := range []Installation{single, grid, orgWide} {
			for _, p := range append(everyPerson(ada), everyPerson(grace)...) {
				for _, task := range tasks {
					for _, channel := range []ChannelID{"C0LEGAL", "C0RANDOM"} {
						c := commandBy(p, i)
						c.Task, c.Place.Channel = task, channel
						// A command has no requester yet, even if the caller names the
						// person as the requester.
						if !yield(c) || !yield(c.with(func(c *Case) { c.Requester = c.Person })) {
							return
						}
						for _, requester := range requesters {
							c.Moment, c.Requester = AtClick, requester.on(i)
							if !yield(c) || !yield(c.with(func(c *Case) { c.TwoAsked = true })) {
								return
							}
						}
					}
				}
			}
		}
	}
}

// oracle implements the policy independently of the rules, in the words of the
// README.
func oracle(r Rules, c Case) bool {
	full := func(p Person) bool {
		if p.Known != Answered || p.Deactivated || p.Bot || p.Stranger || p.Guest || p.Invited {
			return false
		}
		switch {
		case c.Installation.EnterpriseID == "":
			return p.TeamID == "T1" && p.EnterpriseID == "" || slices.Contains(p.Teams, "T1")
		case r.MembersOf == OfOrganisation:
			return p.EnterpriseID == "E1"
		}
		return p.EnterpriseID == "E1" && slices.Contains(p.Teams, "T1")
	}
	named := func(p Person, list string) bool {
		if strings.Contains(list, string(p.ID)) {
			return true
		}
		for group, m := range p.Groups {
			if m.In && strings.Contains(list, string(group)) {
				return true
			}
		}
		return false
	}
	list := ""
	for _, id := range r.Users {
		list += string(id) + " "
	}
	for _, id := range r.Usergroups {
		list += string(id) + " "
	}
	may := func(p Person) bool {
		if !full(p) || len(r.Channels) == 1 && c.Place.Channel != "C0LEGAL" {
			return false
		}
		onTask := false
		for _, address := range c.Task.People {
			onTask = onTask || p.EmailConfirmed && p.Email != "" && strings.TrimSpace(strings.ToLower(address)) == p.Email
		}
		return r.Mode == Members || r.Mode == Listed && named(p, list) || r.Mode == PeopleOnTask && c.Task.Known && (onTask || named(p, list))
	}
	if c.Moment == AtCommand {
		return may(c.Person)
	}
	grave := len(r.SecondPerson.Workflows) > 0 && (c.Task.Workflow == "" || c.Task.Workflow == "NDA")
	if c.Person.ID == c.Requester.ID {
		return may(c.Person) && !c.TwoAsked && !r.SecondPerson.Always && !grave
	}
	approver := len(r.Approvers) == 0 || named(c.Person, strings.Join(r.Approvers, " "))
	return may(c.Person) && may(c.Requester) && (approver || !c.TwoAsked && !r.SecondPerson.Always && !grave)
}

// aboutTwo are the refusals that compare the person who clicks with the one who
// asked.
var aboutTwo = []Code{CodeNeedsSecondPerson, CodeNotAnApprover, CodeRequesterForbidden, CodeRequesterOffTask, CodeCannotCheckRequester}

// TestPolicyByPersonPlaceAndMoment compares the rules with the oracle. With
// -short it takes every seventh combination: no list has seven, so each value
// still meets each.
func TestPolicyByPersonPlaceAndMoment(t *testing.T) {
	n, allowed := 0, 0
	for r := range everyRules() {
		for c := range everyCase() {
			if n++; testing.Short() && n%7 != 0 {
				continue
			}
			got, want := r.Decide(c), oracle(r, c)
			if want {
				allowed++
			}
			if got.Allowed() != want || got.Code == "" {
				t.Fatalf("%q, want %v\n%+v\n%+v", got.Code, want, r, c)
			}
			if c.Moment == AtCommand && slices.Contains(aboutTwo, got.Code) { // the texts of these name both
				t.Fatalf("%q at a command\n%+v\n%+v", got.Code, r, c)
			}
		}
	}
	t.Logf("%d combinations, %d allowed", n, allowed)
}
