package policy

import (
	"testing"
	"time"

	"github.com/slack-go/slack"
)

func TestCommandsGoByMemoryAndClicksAskAnew(t *testing.T) {
	inTime(t, func(t *testing.T, api *fakeSlack) {
		k := NewChecker(Rules{Mode: Listed, Usergroups: []GroupID{"S0LEADS"}}, api)
		ask := func(m Moment, want Code) {
			t.Helper()
			if _, v := k.Standing(t.Context(), questionBy("U0ADA", m, "U0ADA")); v.Code != want {
				t.Errorf("%q, want %q", v.Code, want)
			}
		}
		both := []string{"users.info U0ADA", "usergroups.users.list S0LEADS T1"}
		ask(AtCommand, CodeAllowed)
		api.wantCalls(t, both...)
		time.Sleep(3*time.Minute - 1)
		ask(AtCommand, CodeAllowed)
		api.wantCalls(t)
		ask(AtClick, CodeAllowed)
		api.wantCalls(t, both...)
		ask(0, CodeAllowed) // no moment is a click
		api.wantCalls(t, both...)
		time.Sleep(3 * time.Minute)
		ask(AtCommand, CodeAllowed)
		api.wantCalls(t, both...)
		api.groups["S0LEADS T1"] = nil
		ask(AtCommand, CodeAllowed)
		ask(AtClick, CodeNotListed)
		ask(AtCommand, CodeNotListed)
	})
}

func TestThreeHundredPressesOfSomebodyRefusedCostOneCall(t *testing.T) {
	inTime(t, func(t *testing.T, api *fakeSlack) {
		guest := func(u *slack.User) { u.IsRestricted = true }
		api.change("U0ADA", guest)
		k := NewChecker(Rules{}, api)
		press := func(want Code) {
			t.Helper()
			if _, v := k.Standing(t.Context(), questionBy("U0ADA", AtClick, "U0GRACE")); v.Code != want {
				t.Errorf("%q, want %q", v.Code, want)
			}
		}
		for range 300 {
			press(CodeGuest)
			time.Sleep(33 * time.Millisecond)
		}
		api.wantCalls(t, "users.info U0ADA")
		api.change("U0ADA", func(u *slack.User) { u.IsRestricted = false })
		press(CodeGuest)
		time.Sleep(100 * time.Millisecond) // now it is ten seconds
		press(CodeAllowed)
		api.wantCalls(t, "users.info U0ADA", "users.info U0GRACE")
	})
}

func TestWhatIsRememberedNeverAllows(t *testing.T) {
	inTime(t, func(t *testing.T, api *fakeSlack) {
		k := NewChecker(Rules{}, api)
		api.change("U0ADA", func(u *slack.User) { u.IsRestricted = true })
		if _, v := k.Standing(t.Context(), questionBy("U0GRACE", AtClick, "U0ADA")); v.Code != CodeRequesterForbidden {
			t.Errorf("%q", v.Code)
		}
		api.change("U0GRACE", func(u *slack.User) { u.Deleted = true })
		if _, v := k.Standing(t.Context(), questionBy("U0GRACE", AtClick, "U0GRACE")); v.Code != CodeDeactivated {
			t.Errorf("%q", v.Code)
		}
	})
}

func TestMemoryOfTheRefusedIsShort(t *testing.T) {
	inTime(t, func(t *testing.T, api *fakeSlack) {
		k := NewChecker(Rules{}, api)
		ask := func(user UserID, m Moment, requester UserID, want Code) {
			t.Helper()
			if _, v := k.Standing(t.Context(), questionBy(user, m, requester)); v.Code != want {
				t.Errorf("%q, want %q", v.Code, want)
			}
		}
		api.change("U0GRACE", func(u *slack.User) { u.IsInvitedUser = true })
		ask("U0GRACE", AtCommand, "", CodeInvited)
		time.Sleep(time.Minute)
		api.change("U0GRACE", func(u *slack.User) { u.IsInvitedUser = false })
		ask("U0ADA", AtClick, "U0NOBODY", CodeRequesterForbidden)
		ask("U0ADA", AtClick, "U0GRACE", CodeAllowed) // as she is now, not as she was a minute ago
	})
}

func TestOnlyARealNoIsRemembered(t *testing.T) {
	inTime(t, func(t *testing.T, api *fakeSlack) {
		k := NewChecker(Rules{Mode: Listed, Usergroups: []GroupID{"S0LEADS"}}, api)
		api.fails["usergroups.users.list"] = slack.SlackErrorResponse{Err: "fatal_error"}
		for _, want := range []Code{CodeCannotCheck, CodeAllowed} {
			if _, v := k.Standing(t.Context(), questionBy("U0ADA", AtClick, "U0ADA")); v.Code != want {
				t.Errorf("%q, want %q", v.Code, want)
			}
			api.wantCalls(t, "users.info U0ADA", "usergroups.users.list S0LEADS T1")
			delete(api.fails, "usergroups.users.list")
		}
	})
}

func TestSomebodyIsListedUnderEitherId(t *testing.T) {
	api := newFake()
	api.users["W0ADA"] = api.users["U0ADA"] // asked by one id, Slack answers with the other
	for _, id := range []UserID{"W0ADA", "U0ADA"} {
		k := NewChecker(Rules{Mode: Listed, Users: []UserID{id}}, api)
		if _, v := k.Standing(t.Context(), questionBy("W0ADA", AtClick, "W0ADA")); !v.Allowed() {
			t.Errorf("%s: %q", id, v.Code)
		}
	}
}

func TestOnlyWhatMakesADifferenceIsAsked(t *testing.T) {
	inTime(t, func(t *testing.T, api *fakeSlack) {
		r := Rules{
			Mode: PeopleOnTask, Usergroups: []GroupID{"S0LEADS", "S0LEGAL"}, Channels: []ChannelID{"C0LEGAL"},
			SecondPerson: SecondPerson{Workflows: []string{"NDA"}}, Approvers: []string{"S0LEGAL"},
		}
		k := NewChecker(r, api)
		q := questionBy("U0GRACE", AtClick, "U0ADA")
		q.Place.Channel = "C0RANDOM"
		if _, v := k.Standing(t.Context(), q); v.Code != CodeWrongChannel {
			t.Errorf("%q", v.Code)
		}
		api.wantCalls(t)
		cleared, v := k.Standing(t.Context(), questionBy("U0GRACE", AtClick, "U0ADA"))
		if !v.Allowed() || !cleared.NeedsTask() {
			t.Errorf("%q", v.Code)
		}
		api.wantCalls(t, "users.info U0GRACE", "users.info U0ADA")
		onIt := Task{Known: true, Workflow: "MSA", People: []string{"ada@acme.example", "grace@acme.example"}}
		if v := cleared.OnTask(t.Context(), onIt); !v.Allowed() {
			t.Errorf("%q", v.Code)
		}
		api.wantCalls(t)
		onIt.Workflow = "NDA"
		if v := cleared.OnTask(t.Context(), onIt); !v.Allowed() {
			t.Errorf("%q", v.Code)
		}
		api.wantCalls(t, "usergroups.users.list S0LEGAL T1")
		if v := cleared.OnTask(t.Context(), Task{Known: true, Workflow: "MSA"}); !v.Allowed() {
			t.Errorf("%q", v.Code) // both by their groups
		}
		api.wantCalls(t, "usergroups.users.list S0LEADS T1", "usergroups.users.list S0LEGAL T1", "usergroups.users.list S0LEADS T1")
	})
}

func TestTwoPeopleNeedTheirOwnFacts(t *testing.T) {
	inTime(t, func(t *testing.T, api *fakeSlack) {
		k := NewChecker(Rules{SecondPerson: SecondPerson{Always: true}}, api)
		ask := func(user, requester UserID, want Code) {
			t.Helper()
			if _, v := k.Standing(t.Context(), questionBy(user, AtClick, requester)); v.Code != want {
				t.Errorf("%q, want %q", v.Code, want)
			}
		}
		ask("U0ADA", "U0ADA", CodeNeedsSecondPerson)
		api.wantCalls(t)
		ask("U0GRACE", "U0ADA", CodeAllowed)
		api.wantCalls(t, "users.info U0GRACE", "users.info U0ADA")
		ask("U0GRACE", "", CodeCannotCheck)
		ask("", "U0ADA", CodeCannotCheck)
		api.change("U0ADA", func(u *slack.User) { u.Deleted = true })
		ask("U0GRACE", "U0ADA", CodeRequesterForbidden)
		// One human under two ids, as Slack answers on Grid.
		api.change("W0GRACE", func(u *slack.User) { *u = api.users["U0GRACE"] })
		ask("U0GRACE", "W0GRACE", CodeNeedsSecondPerson)
		ask("W0GRACE", "U0GRACE", CodeNeedsSecondPerson)
	})
}

func TestAnOrganisationWideTokenNamesTheWorkspace(t *testing.T) {
	inTime(t, func(t *testing.T, api *fakeSlack) {
		api.change("U0ADA", func(u *slack.User) {
			u.Enterprise = slack.EnterpriseUser{ID: "W0ADA", EnterpriseID: "E1", Teams: []string{"T2", "T1"}}
		})
		api.groups["S0LEADS T2"] = []string{"W0ADA"}
		k := NewChecker(Rules{Mode: Listed, Usergroups: []GroupID{"S0LEADS"}}, api)
		q := questionBy("U0ADA", AtClick, "U0ADA")
		q.Installation, q.Origin, q.Place.Workspace = orgWide, originOf(orgWide), "T2"
		if _, v := k.Standing(t.Context(), q); !v.Allowed() {
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
	cleared, _ := NewChecker(Rules{}, newFake()).Standing(t.Context(), questionBy("U0ADA", AtCommand, ""))
	if cleared.NeedsSecondPerson(task) || cleared.NeedsTask() {
		t.Error("nobody asked for a second person")
	}
	two, _ := NewChecker(Rules{SecondPerson: SecondPerson{Workflows: []string{"NDA"}}}, newFake()).Standing(t.Context(), questionBy("U0ADA", AtCommand, ""))
	if !two.NeedsSecondPerson(task) || !two.NeedsTask() {
		t.Error("the rules ask for a second person")
	}
}

// Rules that never have enough would be a mistake of ours: nobody may then.
func TestWhoNeverEndsAskingIsRefused(t *testing.T) {
	k := NewChecker(Rules{}, nil)
	asked := 0
	_, v := k.complete(t.Context(), Case{}, func(Case) Verdict {
		asked++
		return Verdict{missing: &missing{user: "U0NOBODY"}}
	}, 0)
	if v.Code != CodeCannotCheck || asked != maxLookUps {
		t.Errorf("after %d questions: %+v", asked, v)
	}
}
