package policy

import (
	"slices"
	"testing"
	"testing/synctest"

	"github.com/slack-go/slack"
	"pgregory.net/rapid"
)

// Two users are the same person if any of their IDs is the same, in either
// order.
func TestPeopleAreTheSameByAnyID(t *testing.T) {
	id := rapid.SampledFrom([]UserID{"", "U1", "U2", "W1", "W2", "W3"})
	person := rapid.Custom(func(t *rapid.T) Person {
		return Person{ID: id.Draw(t, "id"), AnsweredID: id.Draw(t, "answered"), GlobalID: id.Draw(t, "global")}
	})
	rapid.Check(t, func(t *rapid.T) {
		a, b := person.Draw(t, "a"), person.Draw(t, "b")
		ids := func(p Person) []UserID { return []UserID{p.ID, p.AnsweredID, p.GlobalID} }
		shared := slices.ContainsFunc(ids(a), func(id UserID) bool { return id != "" && slices.Contains(ids(b), id) })
		if a.same(b) != shared || b.same(a) != shared {
			t.Fatalf("%+v and %+v: %t, %t, want %t", ids(a), ids(b), a.same(b), b.same(a), shared)
		}
		for _, one := range ids(a) {
			if a.is(one) != (one != "") {
				t.Fatalf("%+v is not %q", a, one)
			}
		}
	})
}

// Someone is asked for by one ID, answered with another, and has a third in the
// organisation. Every list and usergroup knows them by any of these, and they
// can't be their own second person under another one.
func TestListsKnowPeopleByAnyID(t *testing.T) {
	const asked, answered, global = UserID("U1ADA"), UserID("W2ADA"), UserID("W3ADA")
	for _, listed := range []UserID{asked, answered, global, "U0OTHER"} {
		for name, rules := range map[string]Rules{
			"users":          {Mode: Listed, Users: []UserID{listed}},
			"group":          {Mode: Listed, Usergroups: []GroupID{"S0LEADS"}},
			"approvers":      {SecondPerson: SecondPerson{Always: true}, Approvers: []string{string(listed)}},
			"approver group": {SecondPerson: SecondPerson{Always: true}, Approvers: []string{"S0LEADS"}},
		} {
			synctest.Test(t, func(t *testing.T) {
				api := newFake()
				ada := api.users["U0ADA"]
				ada.ID, ada.Enterprise.ID = string(answered), string(global)
				for _, id := range []UserID{asked, answered, global} {
					api.users[string(id)] = ada
				}
				api.groups["S0LEADS T1"] = []string{string(listed)}
				k := remembering(rules, api)
				requester := asked
				if rules.SecondPerson.Always {
					requester = "U0GRACE"
				}
				_, v := k.Standing(t.Context(), questionBy(asked, AtClick, requester), begun)
				if v.Allowed() != (listed != "U0OTHER") {
					t.Errorf("%s has %s: %s", name, listed, v.Code)
				}
				for _, other := range []UserID{asked, answered, global} {
					_, v := remembering(Rules{SecondPerson: SecondPerson{Always: true}}, api).Standing(t.Context(), questionBy(asked, AtClick, other), begun)
					if v.Code != CodeNeedsSecondPerson {
						t.Errorf("their own second person, as %s and %s: %s", asked, other, v.Code)
					}
				}
			})
		}
	}
	// Without these answers there is one ID alone.
	if p := personOf(slack.User{ID: "U1"}); !p.is("U1") || p.is("") {
		t.Errorf("%+v", p)
	}
}
