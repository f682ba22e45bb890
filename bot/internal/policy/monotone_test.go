package policy

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// drawRules returns any rules, including invalid ones: the law holds for them
// too.
func drawRules(r *rand.Rand) Rules {
	return Rules{
		Mode:         pick(r, Members, Mode(""), PeopleOnTask, Listed),
		MembersOf:    pick(r, OfOrganisation, OfOrganisation, OfWorkspace, Scope("")),
		Users:        draw(r, UserID("U0ADA"), "U0GRACE", "U0X", " "),
		Usergroups:   draw(r, GroupID("S0LEADS"), "S0LEGAL", ""),
		Channels:     pick(r, nil, nil, draw(r, ChannelID("C0LEGAL"), "C0RANDOM", "")),
		SecondPerson: pick(r, SecondPerson{}, SecondPerson{Always: true}, SecondPerson{Workflows: draw(r, "NDA", "MSA", "x")}),
		Approvers:    pick(r, nil, draw(r, "U0ADA", "U0GRACE", "S0LEADS", "S0LEGAL", " ")),
	}
}

func pick[T any](r *rand.Rand, from ...T) T { return from[r.IntN(len(from))] }

func draw[T any](r *rand.Rand, from ...T) []T {
	var some []T
	for _, one := range from {
		if r.IntN(2) == 0 {
			some = append(some, one)
		}
	}
	return some
}

func drop[T any](r *rand.Rand, list []T, atLeast int) []T {
	if len(list) <= atLeast {
		return list
	}
	i := r.IntN(len(list))
	return slices.Delete(slices.Clone(list), i, i+1)
}

// restrict adds one restriction. It keeps the last entry of a restricting
// list, because an empty one doesn't restrict.
func restrict(r *rand.Rand, rules Rules) Rules {
	switch r.IntN(8) {
	case 0:
		switch rules.Mode {
		case "", Members:
			rules.Mode = pick(r, PeopleOnTask, Listed, Mode("nonsense"))
		case PeopleOnTask:
			rules.Mode = Listed
			rules.Users, rules.Usergroups = nil, nil
		default: // the strictest of them
		}
	case 1:
		rules.MembersOf = OfWorkspace
	case 2:
		rules.Users = drop(r, rules.Users, 0)
	case 3:
		rules.Usergroups = drop(r, rules.Usergroups, 0)
	case 4:
		if rules.Channels = drop(r, rules.Channels, 1); len(rules.Channels) == 0 {
			rules.Channels = []ChannelID{pick(r, ChannelID("C0LEGAL"), "C0RANDOM", "")}
		}
	case 5:
		if rules.Approvers = drop(r, rules.Approvers, 1); len(rules.Approvers) == 0 {
			rules.Approvers = []string{pick(r, "U0ADA", "U0GRACE", "S0LEGAL", " ")}
		}
	case 6:
		rules.SecondPerson.Workflows = append(slices.Clone(rules.SecondPerson.Workflows), pick(r, "NDA", "MSA", "y"))
	default:
		rules.SecondPerson.Always = true
	}
	return rules
}

// unknown makes facts of a case unknown.
func unknown(r *rand.Rand, c Case) Case {
	switch r.IntN(6) {
	case 0:
		c.Task.Known = false
	case 1:
		c.TwoAsked = true
	case 2:
		c.Person.Known = pick(r, NotAsked, NotAnswered, NotPermitted, Gone)
	case 3:
		c.Person.Groups = map[GroupID]Membership{"S0LEADS": {Known: pick(r, NotAsked, NotAnswered, Gone), In: true}}
	case 4:
		c.Person.EmailConfirmed = false
	default:
		c.Requester.Known = NotAnswered
	}
	return c
}

// TestRestrictionsNeverAllowMore checks the law of the package: neither
// another restriction nor missing facts allow anything that wasn't allowed
// before.
func TestRestrictionsNeverAllowMore(t *testing.T) {
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 0))
	cases := slices.Collect(everyCase())
	allowed := 0
	for range 60_000 {
		rules, c := drawRules(r), pick(r, cases...)
		before := rules.Decide(c)
		narrower, darker := restrict(r, rules), unknown(r, c)
		if before.Allowed() {
			allowed++
			continue
		}
		if v := narrower.Decide(c); v.Allowed() {
			t.Fatalf("seed %d: %q, and allowed with more restrictions\n%+v\n%+v\n%+v", seed, before.Code, rules, narrower, c)
		}
		if v := rules.Decide(darker); v.Allowed() {
			t.Fatalf("seed %d: %q, and allowed knowing less\n%+v\n%+v\n%+v", seed, before.Code, rules, c, darker)
		}
	}
	if allowed < 2000 {
		t.Errorf("only %d were allowed at all: nothing is shown", allowed)
	}
}
