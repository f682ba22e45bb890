package policy

import (
	"testing"
	"time"

	"github.com/slack-go/slack"
)

func TestListsMatchEitherID(t *testing.T) {
	api := newFake()
	api.users["W0ADA"] = api.users["U0ADA"] // asked by one id, Slack answers with the other
	for _, id := range []UserID{"W0ADA", "U0ADA"} {
		k := remembering(Rules{Mode: Listed, Users: []UserID{id}}, api)
		if _, v := k.Standing(t.Context(), questionBy("W0ADA", AtClick, "W0ADA"), begun); !v.Allowed() {
			t.Errorf("%s: %q", id, v.Code)
		}
	}
}

func TestFetchesOnlyRelevantFacts(t *testing.T) {
	inTime(t, func(t *testing.T, api *fakeSlack) {
		r := Rules{
			Mode: PeopleOnTask, Usergroups: []GroupID{"S0LEADS", "S0LEGAL"}, Channels: []ChannelID{"C0LEGAL"},
			SecondPerson: SecondPerson{Workflows: []string{"NDA"}}, Approvers: []string{"S0LEGAL"},
		}
		k := remembering(r, api)
		q := questionBy("U0GRACE", AtClick, "U0ADA")
		q.Place.Channel = "C0RANDOM"
		if _, v := k.Standing(t.Context(), q, begun); v.Code != CodeWrongChannel {
			t.Errorf("%q", v.Code)
		}
		api.wantCalls(t)
		cleared, v := k.Standing(t.Context(), questionBy("U0GRACE", AtClick, "U0ADA"), begun)
		if !v.Allowed() || !cleared.NeedsTask() {
			t.Errorf("%q", v.Code)
		}
		api.wantCalls(t, "users.info U0ADA", "users.info U0GRACE", "usergroups.users.list S0LEADS T1", "usergroups.users.list S0LEGAL T1") // all at once
		onIt := Task{Known: true, Workflow: "MSA", People: []string{"ada@acme.example", "grace@acme.example"}}
		if v := cleared.OnTask(t.Context(), onIt); !v.Allowed() {
			t.Errorf("%q", v.Code)
		}
		onIt.Workflow = "NDA"
		if v := cleared.OnTask(t.Context(), onIt); !v.Allowed() {
			t.Errorf("%q", v.Code)
		}
		if v := cleared.OnTask(t.Context(), Task{Known: true, Workflow: "MSA"}); !v.Allowed() {
			t.Errorf("%q", v.Code) // both by their groups
		}
		api.wantCalls(t)
	})
}

func TestTwoPeopleNeedTheirOwnFacts(t *testing.T) {
	inTime(t, func(t *testing.T, api *fakeSlack) {
		k := remembering(Rules{SecondPerson: SecondPerson{Always: true}}, api)
		ask := func(user, requester UserID, want Code) {
			t.Helper()
			if _, v := k.Standing(t.Context(), questionBy(user, AtClick, requester), begun); v.Code != want {
				t.Errorf("%q, want %q", v.Code, want)
			}
		}
		ask("U0ADA", "U0ADA", CodeNeedsSecondPerson)
		api.wantCalls(t)
		ask("U0GRACE", "U0ADA", CodeAllowed)
		api.wantCalls(t, "users.info U0GRACE", "users.info U0ADA")
		ask("U0GRACE", "", CodeCannotCheckRequester)
		ask("", "U0ADA", CodeCannotCheck)
		api.change("U0ADA", func(u *slack.User) { u.Deleted = true })
		time.Sleep(MaxFactsAge + 1)
		ask("U0GRACE", "U0ADA", CodeRequesterForbidden)
		// One person with two IDs, as Slack answers on Grid.
		api.change("W0GRACE", func(u *slack.User) { *u = api.users["U0GRACE"] })
		ask("U0GRACE", "W0GRACE", CodeNeedsSecondPerson)
		ask("W0GRACE", "U0GRACE", CodeNeedsSecondPerson)
	})
}

func TestOrgWideTokenNamesWorkspace(t *testing.T) {
	inTime(t, func(t *testing.T, api *fakeSlack) {
		api.change("U0ADA", func(u *slack.User) {
			u.Enterprise = slack.EnterpriseUser{ID: "W0ADA", EnterpriseID: "E1", Teams: []string{"T2", "T1"}}
		})
		api.groups["S0LEADS T2"] = []string{"W0ADA"}
		k := remembering(Rules{Mode: Listed, Usergroups: []GroupID{"S0LEADS"}}, api)
		q := questionBy("U0ADA", AtClick, "U0ADA")
		q.Installation, q.Origin, q.Place.Workspace = orgWide, originOf(orgWide), "T2"
		if _, v := k.Standing(t.Context(), q, begun); !v.Allowed() {
			t.Errorf("%q", v.Code)
		}
		api.wantCalls(t, "users.info U0ADA", "usergroups.users.list S0LEADS T2")
	})
}

func TestNothingClearedClearsNothing(t *testing.T) {
	var none Cleared
	if v := none.OnTask(t.Context(), task); v.Code != CodeCannotCheck || none.NeedsTask() || !none.NeedsSecondPerson(task) {
		t.Errorf("%+v", v)
	}
	cleared, _ := remembering(Rules{}, newFake()).Standing(t.Context(), questionBy("U0ADA", AtCommand, ""), begun)
	if cleared.NeedsSecondPerson(task) || cleared.NeedsTask() {
		t.Error("nobody asked for a second person")
	}
	two, _ := remembering(Rules{SecondPerson: SecondPerson{Workflows: []string{"NDA"}}}, newFake()).Standing(t.Context(), questionBy("U0ADA", AtCommand, ""), begun)
	if !two.NeedsSecondPerson(task) || !two.NeedsTask() {
		t.Error("the rules ask for a second person")
	}
}

// Rules that never have enough facts are a bug; in that case no one may
// cancel.
func TestEndlessLookupIsRefused(t *testing.T) {
	k := remembering(Rules{}, nil)
	asked := 0
	_, v := k.complete(t.Context(), Case{}, func(Case) Verdict {
		asked++
		return Verdict{missing: &missing{user: "U0NOBODY"}}
	}, time.Time{})
	if v.Code != CodeCannotCheck || asked != maxLookUps {
		t.Errorf("after %d questions: %+v", asked, v)
	}
}
