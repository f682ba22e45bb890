package policy

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slack-go/slack"
)

// asking is a Checker with its fakes.
type asking struct {
	*testing.T
	*fakeSlack
	*Checker
	mu    sync.Mutex
	task  Task
	err   error
	looks int // GETs of the task
}

func newAsking(t *testing.T, api *fakeSlack, rules Rules, maxAge time.Duration) *asking {
	a := &asking{T: t, fakeSlack: api, task: Task{Known: true, Workflow: "MSA", People: []string{"ada@acme.example"}}}
	a.Checker = NewChecker(rules, api, func(context.Context, int64) (Task, error) {
		api.mu.Lock()
		takes := api.takes
		api.mu.Unlock()
		time.Sleep(takes)
		a.mu.Lock()
		defer a.mu.Unlock()
		a.looks++
		return a.task, a.err
	}, maxAge)
	return a
}

func (a *asking) confirms(user, requester UserID, want Code) (age time.Duration) {
	a.Helper()
	v, age := a.Confirm(a.Context(), questionBy(user, AtClick, requester), 7)
	if v.Code != want {
		a.Errorf("click: %q (%v), want %q", v.Code, v.Cause, want)
	}
	return age
}

func (a *asking) types(user UserID, want Code) {
	a.Helper()
	if _, v := a.Standing(a.Context(), questionBy(user, AtCommand, ""), begun); v.Code != want {
		a.Errorf("command: %q, want %q", v.Code, want)
	}
}

func (a *asking) wantLookups(n int) {
	a.Helper()
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.looks != n {
		a.Errorf("%d GETs of the task, want %d", a.looks, n)
	}
	a.looks = 0
}

func guest(is bool) func(*slack.User) { return func(u *slack.User) { u.IsRestricted = is } }

// Law 16.
func TestFactsCountForAMinute(t *testing.T) {
	inTime(t, func(t *testing.T, api *fakeSlack) {
		a := newAsking(t, api, Rules{Mode: Listed, Usergroups: []GroupID{"S0LEADS"}}, MaxFactsAge)
		both := []string{"users.info U0ADA", "usergroups.users.list S0LEADS T1"}
		a.types("U0ADA", CodeAllowed)
		a.wantCalls(t, both...)
		time.Sleep(30 * time.Second)
		a.types("U0ADA", CodeAllowed)
		time.Sleep(30 * time.Second)
		if age := a.confirms("U0ADA", "U0ADA", CodeAllowed); age != time.Minute {
			t.Errorf("age %v", age)
		}
		a.wantCalls(t)
		time.Sleep(time.Second)
		if age := a.confirms("U0ADA", "U0ADA", CodeAllowed); age != 0 {
			t.Errorf("age %v of facts that were fetched for the click", age)
		}
		a.wantCalls(t, both...)
	})
}

// A click can use the facts of its command for at least half their time.
func TestCommandsLeaveTimeForTheirClick(t *testing.T) {
	inTime(t, func(t *testing.T, api *fakeSlack) {
		a := newAsking(t, api, Rules{}, MaxFactsAge)
		a.types("U0ADA", CodeAllowed)
		time.Sleep(30*time.Second + 1)
		a.types("U0ADA", CodeAllowed)
		a.wantCalls(t, "users.info U0ADA", "users.info U0ADA")
		time.Sleep(59 * time.Second)
		a.confirms("U0ADA", "U0ADA", CodeAllowed)
		a.wantCalls(t)
	})
}

func TestDemotedPersonIsRefusedOnceFactsExpire(t *testing.T) {
	inTime(t, func(t *testing.T, api *fakeSlack) {
		a := newAsking(t, api, Rules{}, MaxFactsAge)
		a.types("U0ADA", CodeAllowed)
		a.change("U0ADA", guest(true))
		time.Sleep(time.Minute)
		a.confirms("U0ADA", "U0ADA", CodeAllowed)
		time.Sleep(time.Second)
		a.confirms("U0ADA", "U0ADA", CodeGuest)
	})
}

func TestUnknownPersonIsLookedUp(t *testing.T) {
	inTime(t, func(t *testing.T, api *fakeSlack) {
		one := newAsking(t, api, Rules{}, MaxFactsAge)
		one.types("U0ADA", CodeAllowed)
		api.change("U0ADA", guest(true))
		other := newAsking(t, api, Rules{}, MaxFactsAge)
		other.confirms("U0ADA", "U0ADA", CodeGuest)
		one.confirms("U0ADA", "U0ADA", CodeAllowed)
		api.wantCalls(t, "users.info U0ADA", "users.info U0ADA")
	})
}

func TestZeroMaxAgeAlwaysFetches(t *testing.T) {
	inTime(t, func(t *testing.T, api *fakeSlack) {
		a := newAsking(t, api, Rules{Mode: Listed, Usergroups: []GroupID{"S0LEADS"}}, 0)
		for range 3 {
			a.types("U0ADA", CodeAllowed)
			time.Sleep(time.Nanosecond)
			a.confirms("U0ADA", "U0ADA", CodeAllowed)
			a.wantCalls(t, "users.info U0ADA", "usergroups.users.list S0LEADS T1", "users.info U0ADA", "usergroups.users.list S0LEADS T1")
			time.Sleep(time.Nanosecond)
		}
		a.change("U0ADA", guest(true))
		a.confirms("U0ADA", "U0ADA", CodeGuest)
	})
}

// All lookups for a click run in parallel: it waits for the slowest.
func TestOldFactsAreFetchedConcurrently(t *testing.T) {
	inTime(t, func(t *testing.T, api *fakeSlack) {
		rules := Rules{
			Mode: PeopleOnTask, Usergroups: []GroupID{"S0LEADS", "S0LEGAL"},
			SecondPerson: SecondPerson{Always: true}, Approvers: []string{"S0LEGAL"},
		}
		a := newAsking(t, api, rules, MaxFactsAge)
		for range 2 {
			api.slow(time.Second)
			began := time.Now()
			a.confirms("U0GRACE", "U0ADA", CodeAllowed)
			if took := time.Since(began); took != time.Second {
				t.Errorf("it took %v", took)
			}
			a.wantCalls(t, "users.info U0ADA", "users.info U0GRACE", "usergroups.users.list S0LEADS T1", "usergroups.users.list S0LEGAL T1")
			a.wantLookups(1)
			time.Sleep(61 * time.Second)
		}
	})
}

// Both clocks must call a fact fresh: the monotonic one stops while a machine
// sleeps, and the wall clock can be set back.
func TestFactsAgeByBothClocks(t *testing.T) {
	inTime(t, func(t *testing.T, api *fakeSlack) {
		a := newAsking(t, api, Rules{}, MaxFactsAge)
		ada, _ := a.directory.people.ask(t.Context(), "U0ADA")
		for range 2 {
			now, before := time.Now(), time.Now().Add(-time.Hour)
			for _, one := range []answer[Person]{{ada, now, before.Round(0)}, {ada, before, now.Round(0)}} {
				api.calls = nil
				a.directory.people.kept.Add("U0ADA", &one)
				a.confirms("U0ADA", "U0ADA", CodeAllowed)
				a.wantCalls(t, "users.info U0ADA")
			}
		}
	})
}

func TestFactsNeverCountForLonger(t *testing.T) {
	inTime(t, func(t *testing.T, api *fakeSlack) {
		for given, want := range map[time.Duration]time.Duration{time.Hour: time.Minute, -time.Hour: 0, time.Second: time.Second} {
			if k := NewChecker(Rules{}, api, nil, given); k.maxAge != want {
				t.Errorf("%v counts for %v", given, k.maxAge)
			}
		}
	})
}

// A refusal for one task counts for all tasks that are confirmed together, and
// their GETs run in parallel.
func TestEachTaskCounts(t *testing.T) {
	inTime(t, func(t *testing.T, api *fakeSlack) {
		hers := map[int64]bool{1: true, 2: true}
		k := NewChecker(Rules{Mode: PeopleOnTask}, api, func(_ context.Context, id int64) (Task, error) {
			time.Sleep(time.Second)
			if !hers[id] {
				return Task{Known: true}, nil
			}
			return Task{Known: true, People: []string{"ada@acme.example"}}, nil
		}, MaxFactsAge)
		for _, tt := range []struct {
			tasks []int64
			want  Code
		}{{[]int64{1, 2}, CodeAllowed}, {[]int64{1, 2, 3}, CodeNotOnTask}, {[]int64{3, 1}, CodeNotOnTask}, {nil, CodeCannotCheckTask}} {
			began := time.Now()
			if v, _ := k.Confirm(t.Context(), questionBy("U0ADA", AtClick, "U0ADA"), tt.tasks...); v.Code != tt.want || time.Since(began) > time.Second {
				t.Errorf("%v: %q after %v, want %q", tt.tasks, v.Code, time.Since(began), tt.want)
			}
			time.Sleep(time.Minute + 1)
		}
		// The age of the oldest one counts.
		k.KeepTask(1, Task{Known: true, Asked: time.Now(), People: []string{"ada@acme.example"}})
		time.Sleep(time.Minute)
		k.KeepTask(2, Task{Known: true, Asked: time.Now(), People: []string{"ada@acme.example"}})
		if v, age := k.Confirm(t.Context(), questionBy("U0ADA", AtClick, "U0ADA"), 1, 2); !v.Allowed() || age != time.Minute {
			t.Errorf("%q, age %v", v.Code, age)
		}
	})
}

// Facts may become too old while others are looked up.
func TestAgeIsJudgedAtTheVerdict(t *testing.T) {
	inTime(t, func(t *testing.T, api *fakeSlack) {
		a := newAsking(t, api, Rules{Mode: PeopleOnTask}, MaxFactsAge)
		a.types("U0ADA", CodeAllowed)
		a.change("U0ADA", guest(true))
		time.Sleep(58 * time.Second)
		api.slow(4 * time.Second) // for the GET
		a.confirms("U0ADA", "U0ADA", CodeGuest)
	})
}

func TestRefusalIsServedFromMemoryForSeconds(t *testing.T) {
	inTime(t, func(t *testing.T, api *fakeSlack) {
		a := newAsking(t, api, Rules{Mode: PeopleOnTask, Usergroups: []GroupID{"S0LEADS"}}, MaxFactsAge)
		a.change("U0GRACE", guest(true))
		a.types("U0GRACE", CodeGuest)
		a.confirms("U0GRACE", "U0GRACE", CodeGuest)
		a.change("U0GRACE", guest(false))
		time.Sleep(refusedAge + 1)
		a.types("U0GRACE", CodeAllowed)
		a.confirms("U0GRACE", "U0GRACE", CodeNotOnTask)
		a.mu.Lock()
		a.task.People = []string{"grace@acme.example"}
		a.mu.Unlock()
		time.Sleep(refusedAge + 1)
		a.confirms("U0GRACE", "U0GRACE", CodeAllowed)

		a.change("U0LINUS", func(u *slack.User) { *u = api.users["U0ADA"]; u.ID, u.Profile.Email = "U0LINUS", "" })
		a.confirms("U0LINUS", "U0LINUS", CodeNoEmail)
		api.setGroup("S0LEADS T1", "U0LINUS")
		time.Sleep(refusedAge + 1)
		a.confirms("U0LINUS", "U0LINUS", CodeAllowed)
	})
}

// Slack answers about a hundred questions about people a minute, for everyone together. A
// few people who may not cancel and press often leave most of them to others.
func TestRefusedPeopleAskLittle(t *testing.T) {
	inTime(t, func(t *testing.T, api *fakeSlack) {
		a := newAsking(t, api, Rules{}, MaxFactsAge)
		a.change("U0GRACE", guest(true))
		for range 60 {
			a.confirms("U0GRACE", "U0ADA", CodeGuest)
			time.Sleep(time.Second)
		}
		asked := 0
		for _, call := range api.calls {
			if strings.Contains(call, "U0GRACE") {
				asked++
			}
		}
		if asked < 2 || asked > 7 {
			t.Errorf("%d questions about one person in a minute", asked)
		}
	})
}

// Facts count only at the click that they are asked for. Ada's of two seconds ago would
// suffice to refuse. They are asked for again together with Grace's, not after them.
func TestWhatIsTooOldIsAskedForAtOnce(t *testing.T) {
	inTime(t, func(t *testing.T, api *fakeSlack) {
		a := newAsking(t, api, Rules{}, 0)
		a.types("U0ADA", CodeAllowed)
		time.Sleep(2 * time.Second)
		api.slow(time.Second)
		began := time.Now()
		a.confirms("U0GRACE", "U0ADA", CodeAllowed)
		if took := time.Since(began); took > time.Second {
			t.Errorf("it took %s", took)
		}
	})
}

func TestTaskOfPromptCounts(t *testing.T) {
	inTime(t, func(t *testing.T, api *fakeSlack) {
		a := newAsking(t, api, Rules{Mode: PeopleOnTask}, MaxFactsAge)
		a.types("U0ADA", CodeAllowed)
		onIt := a.task
		onIt.Asked = time.Now()
		a.KeepTask(7, onIt)
		a.mu.Lock()
		a.task.People = nil
		a.mu.Unlock()
		time.Sleep(time.Minute)
		if age := a.confirms("U0ADA", "U0ADA", CodeAllowed); age != time.Minute {
			t.Errorf("age %v", age)
		}
		a.wantLookups(0)
		time.Sleep(time.Second)
		a.confirms("U0ADA", "U0ADA", CodeNotOnTask)
		a.wantLookups(1)
		a.mu.Lock()
		a.err = errors.New("down")
		a.mu.Unlock()
		time.Sleep(time.Minute + 1)
		a.confirms("U0ADA", "U0ADA", CodeCannotCheckTask)
	})
}

// Three hundred presses in ten seconds.
func TestFloodOfRefusedPressesIsBounded(t *testing.T) {
	inTime(t, func(t *testing.T, api *fakeSlack) {
		a := newAsking(t, api, Rules{Mode: PeopleOnTask, Usergroups: []GroupID{"S0LEADS"}}, MaxFactsAge)
		a.change("U0GRACE", guest(true))
		for range 300 {
			a.confirms("U0GRACE", "U0ADA", CodeGuest)
			time.Sleep(33 * time.Millisecond)
		}
		synctest.Wait()
		calls := map[string]int{}
		for _, c := range api.calls {
			calls[c]++
		}
		if calls["users.info U0GRACE"] > 2 || calls["users.info U0ADA"] != 1 || calls["usergroups.users.list S0LEADS T1"] != 1 {
			t.Errorf("%v", calls)
		}
		a.wantLookups(1)
	})
}

// A usergroup's list is asked for at most every ten seconds, however many people
// aren't on it.
func TestFloodOfRefusedPeopleSparesUsergroups(t *testing.T) {
	for _, age := range []time.Duration{MaxFactsAge, 0} {
		inTime(t, func(t *testing.T, api *fakeSlack) {
			a := newAsking(t, api, Rules{Mode: Listed, Usergroups: []GroupID{"S0LEADS"}}, age)
			for i := range 60 {
				id := UserID("U" + string(rune('A'+i)))
				a.change(string(id), func(u *slack.User) { u.ID, u.TeamID = string(id), "T1" })
				a.types(id, CodeNotListed)
				time.Sleep(time.Second)
			}
			synctest.Wait()
			n := 0
			for _, c := range api.calls {
				if c == "usergroups.users.list S0LEADS T1" {
					n++
				}
			}
			if n > 6 {
				t.Errorf("%d calls in a minute, with facts of %s", n, age)
			}
		})
	}
}

// The task is fetched in parallel with the other lookups, but not for someone who
// was refused last time, and not twice for someone without an earlier verdict.
func TestFetchesTheTaskOnlyForPossiblyAllowedPeople(t *testing.T) {
	inTime(t, func(t *testing.T, api *fakeSlack) {
		api.slow(time.Second)
		a := newAsking(t, api, Rules{}, MaxFactsAge)
		ask := func(user UserID, want Code) (after time.Duration) {
			began, after := time.Now(), -1
			_, v := a.Standing(t.Context(), questionBy(user, AtCommand, ""), func() { after = time.Since(began) })
			if v.Code != want {
				t.Errorf("%s: %q, want %q", user, v.Code, want)
			}
			return after
		}
		if after := ask("U0ADA", CodeAllowed); after != 0 {
			t.Errorf("someone new waits %v", after)
		}
		a.change("U0GRACE", guest(true))
		var all sync.WaitGroup
		early := make(chan time.Duration, 10)
		for range 10 {
			all.Go(func() { early <- ask("U0GRACE", CodeGuest) })
		}
		all.Wait()
		close(early)
		n := 0
		for after := range early {
			if after >= 0 {
				n++
			}
		}
		if n != 1 {
			t.Errorf("%d GETs for ten commands of someone new who is refused", n)
		}
		time.Sleep(2 * time.Minute)
		if after := ask("U0GRACE", CodeGuest); after >= 0 {
			t.Error("a GET for someone who was refused before")
		}
		a.change("U0GRACE", guest(false))
		time.Sleep(refusedAge + time.Second)
		if after := ask("U0GRACE", CodeAllowed); after >= 0 {
			t.Error("a GET before someone is judged who was refused when last judged")
		}
		time.Sleep(2 * time.Minute)
		if after := ask("U0GRACE", CodeAllowed); after != 0 {
			t.Errorf("the task is got after %v", after)
		}
		several := questionBy("U0LINUS", AtCommand, "")
		several.Several = true
		a.change("U0LINUS", func(u *slack.User) { *u = api.users["U0ADA"]; u.ID = "U0LINUS" })
		for _, want := range []bool{false, true} {
			early := false
			if _, v := a.Standing(t.Context(), several, func() { early = true }); !v.Allowed() || early != want {
				t.Errorf("%q, several tasks are got before the verdict: %v", v.Code, early)
			}
			time.Sleep(time.Minute)
		}
		if _, v := a.Standing(t.Context(), questionBy("U0LINUS", AtCommand, ""), begun); !v.Allowed() {
			t.Errorf("%q", v.Code)
		}
		if after := ask("U0LINUS", CodeAllowed); after >= 0 {
			t.Error("nothing is looked up, and the task is got next to that")
		}
		q := questionBy("U0ADA", AtCommand, "")
		q.Origin = Origin{}
		if _, v := a.Standing(t.Context(), q, func() { t.Error("a GET for another installation's command") }); v.Allowed() {
			t.Error("allowed")
		}
	})
}
