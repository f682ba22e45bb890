package policy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slack-go/slack"
)

// fakeSlack has people and groups, takes its time, and counts.
type fakeSlack struct {
	mu     sync.Mutex
	users  map[string]slack.User
	groups map[string][]string // by group and workspace
	shared map[string]bool     // by channel; one that isn't in it isn't found
	fails  map[string]error    // by method
	takes  time.Duration
	calls  []string
}

func newFake() *fakeSlack {
	user := func(id string) slack.User {
		return slack.User{
			ID: id, TeamID: "T1", IsEmailConfirmed: true, IsAppUser: true, // she authorised the app: no bot
			Profile: slack.UserProfile{Email: strings.ToLower(id[2:]) + "@acme.example"},
		}
	}
	return &fakeSlack{
		users:  map[string]slack.User{"U0ADA": user("U0ADA"), "U0GRACE": user("U0GRACE")},
		groups: map[string][]string{"S0LEADS T1": {"U0ADA"}, "S0LEGAL T1": {"U0GRACE"}},
		shared: map[string]bool{"C0INSIDE": false, "C0SHARED": true},
		fails:  map[string]error{},
	}
}

func (f *fakeSlack) call(ctx context.Context, method, about string) error {
	f.mu.Lock()
	f.calls = append(f.calls, method+" "+about)
	takes, err := f.takes, f.fails[method]
	f.mu.Unlock()
	select {
	case <-time.After(takes):
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (f *fakeSlack) GetUserInfoContext(ctx context.Context, id string, _ ...slack.GetUserInfoOption) (*slack.User, error) {
	if err := f.call(ctx, "users.info", id); err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	u, ok := f.users[id]
	if !ok {
		return nil, slack.SlackErrorResponse{Err: "user_not_found"}
	}
	return &u, nil
}

func (f *fakeSlack) GetUserGroupMembersContext(ctx context.Context, group string, options ...slack.GetUserGroupMembersOption) ([]string, error) {
	var params slack.GetUserGroupMembersParams
	for _, option := range options {
		option(&params)
	}
	key := group + " " + params.TeamID
	if err := f.call(ctx, "usergroups.users.list", key); err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	members, ok := f.groups[key]
	if !ok {
		return nil, slack.SlackErrorResponse{Err: "no_such_subteam"}
	}
	return members, nil
}

func (f *fakeSlack) GetConversationInfoContext(ctx context.Context, input *slack.GetConversationInfoInput) (*slack.Channel, error) {
	if err := f.call(ctx, "conversations.info", input.ChannelID); err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	shared, ok := f.shared[input.ChannelID]
	if !ok {
		return nil, slack.SlackErrorResponse{Err: "channel_not_found"}
	}
	var c slack.Channel
	c.IsExtShared = shared
	return &c, nil
}

func (f *fakeSlack) fail(method string, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fails[method] = err
}

func (f *fakeSlack) slow(takes time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.takes = takes
}

func (f *fakeSlack) setGroup(key string, members ...string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.groups[key] = members
}

func (f *fakeSlack) change(id string, change func(*slack.User)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	u := f.users[id]
	change(&u)
	f.users[id] = u
}

func (f *fakeSlack) wantCalls(t *testing.T, want ...string) {
	t.Helper()
	synctest.Wait() // a look-up that made no difference may be on its way
	f.mu.Lock()
	defer f.mu.Unlock()
	slices.Sort(f.calls) // look-ups next to each other have no order
	slices.Sort(want)
	if fmt.Sprint(f.calls) != fmt.Sprint(want) {
		t.Errorf("calls %q, want %q", f.calls, want)
	}
	f.calls = nil
}

// remembering returns a Checker with the default memory, and no task to look up.
func remembering(rules Rules, api Slack) *Checker {
	return NewChecker(rules, api, func(context.Context, int64) (Task, error) { return Task{}, errors.New("no task") }, MaxFactsAge)
}

// begun is for questions whose task doesn't matter.
func begun() {}

func questionBy(user UserID, m Moment, requester UserID) Question {
	return Question{Moment: m, Installation: single, Origin: originOf(single), Place: Place{Channel: "C0LEGAL", Workspace: "T1"}, User: user, Requester: requester}
}

// inTime runs a test in virtual time.
func inTime(t *testing.T, test func(*testing.T, *fakeSlack)) {
	synctest.Test(t, func(t *testing.T) { test(t, newFake()) })
}

func TestAFloodOfOnePersonCostsOneCall(t *testing.T) {
	inTime(t, func(t *testing.T, api *fakeSlack) {
		api.takes = time.Second
		k := remembering(Rules{}, api)
		var all sync.WaitGroup
		for i := range 300 {
			all.Go(func() {
				m := AtCommand
				if i%2 == 0 {
					m = AtClick
				}
				if _, v := k.Standing(t.Context(), questionBy("U0ADA", m, "U0ADA"), begun); !v.Allowed() {
					t.Errorf("%q", v.Code)
				}
			})
		}
		all.Wait()
		api.wantCalls(t, "users.info U0ADA")
	})
}

func TestOneWhoGivesUpDoesNotSpoilItForTheOthers(t *testing.T) {
	inTime(t, func(t *testing.T, api *fakeSlack) {
		api.takes = time.Second
		k := remembering(Rules{}, api)
		impatient, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		go func() {
			if _, v := k.Standing(impatient, questionBy("U0ADA", AtClick, "U0ADA"), begun); v.Code != CodeCannotCheck || !errors.Is(v.Cause, context.DeadlineExceeded) {
				t.Errorf("%+v", v)
			}
		}()
		synctest.Wait()
		if _, v := k.Standing(t.Context(), questionBy("U0ADA", AtClick, "U0ADA"), begun); !v.Allowed() {
			t.Errorf("%q", v.Code)
		}
		api.wantCalls(t, "users.info U0ADA")
	})
}

func TestFailuresAreNotRemembered(t *testing.T) {
	for name, tt := range map[string]struct {
		method string
		err    error
		want   Code
	}{
		"users.info fails":         {"users.info", errors.New("EOF"), CodeCannotCheck},
		"users.info, 429":          {"users.info", &slack.RateLimitedError{RetryAfter: time.Second}, CodeCannotCheck},
		"users.info, scope":        {"users.info", slack.SlackErrorResponse{Err: "missing_scope", Needed: "users:read"}, CodeCannotCheckScope},
		"users.info, not granted":  {"users.info", slack.SlackErrorResponse{Err: "team_access_not_granted"}, CodeCannotCheckScope},
		"users.info, invisible":    {"users.info", slack.SlackErrorResponse{Err: "user_not_visible"}, CodeStranger},
		"users.info, not found":    {"users.info", slack.SlackErrorResponse{Err: "user_not_found"}, CodeStranger},
		"usergroups fails":         {"usergroups.users.list", slack.SlackErrorResponse{Err: "fatal_error"}, CodeCannotCheck},
		"usergroups, scope":        {"usergroups.users.list", slack.SlackErrorResponse{Err: "missing_scope"}, CodeCannotCheckScope},
		"usergroups, group gone":   {"usergroups.users.list", slack.SlackErrorResponse{Err: "no_such_subteam"}, CodeCannotCheckGroup},
		"users.info, wrapped":      {"users.info", fmt.Errorf("try 3: %w", slack.SlackErrorResponse{Err: "missing_scope"}), CodeCannotCheckScope},
		"users.info, its own time": {"users.info", context.DeadlineExceeded, CodeCannotCheck},
	} {
		t.Run(name, func(t *testing.T) {
			inTime(t, func(t *testing.T, api *fakeSlack) {
				k := remembering(Rules{Mode: Listed, Usergroups: []GroupID{"S0LEADS"}}, api)
				ask := func(m Moment) Verdict {
					_, v := k.Standing(t.Context(), questionBy("U0ADA", m, "U0ADA"), begun)
					return v
				}
				if v := ask(AtCommand); !v.Allowed() {
					t.Fatalf("%q", v.Code)
				}
				api.fail(tt.method, tt.err)
				time.Sleep(MaxFactsAge + time.Second)
				if v := ask(AtClick); v.Code != tt.want || tt.want != CodeStranger && (!strings.HasPrefix(v.Cause.Error(), tt.method+": ") || !strings.Contains(v.Cause.Error(), tt.err.Error())) {
					t.Errorf("%q: %v, want %q", v.Code, v.Cause, tt.want)
				}
				// What was known before may be wrong by now: the command asks again.
				if v := ask(AtCommand); v.Code != tt.want {
					t.Errorf("%q after a failure", v.Code)
				}
				api.fail(tt.method, nil)
				if v := ask(AtCommand); !v.Allowed() {
					t.Errorf("%q after all is well again", v.Code)
				}
			})
		})
	}
}

func TestLookUpsAreBoundedInTime(t *testing.T) {
	inTime(t, func(t *testing.T, api *fakeSlack) {
		api.takes = time.Hour
		began := time.Now()
		k := remembering(Rules{}, api)
		if _, v := k.Standing(t.Context(), questionBy("U0ADA", AtClick, "U0ADA"), begun); v.Code != CodeCannotCheck || time.Since(began) != 5*time.Second {
			t.Errorf("%q after %v", v.Code, time.Since(began))
		}
		api.takes = 4 * time.Second
		began = time.Now()
		k = remembering(Rules{Mode: Listed, Usergroups: []GroupID{"S1", "S2", "S3", "S4", "S5"}}, api)
		if _, v := k.Standing(t.Context(), questionBy("U0ADA", AtClick, "U0ADA"), begun); v.Code != CodeCannotCheck || time.Since(began) != 10*time.Second {
			t.Errorf("%q after %v", v.Code, time.Since(began))
		}
		time.Sleep(time.Minute)
	})
}

func TestEachFlagOfAProfileCounts(t *testing.T) {
	for want, changes := range map[Code][]func(*slack.User){
		CodeDeactivated:       {func(u *slack.User) { u.Deleted = true }},
		CodeBot:               {func(u *slack.User) { u.IsBot = true }, func(u *slack.User) { u.IsWorkflowBot = true }, func(u *slack.User) { u.IsConnectorBot = true }},
		CodeGuest:             {func(u *slack.User) { u.IsRestricted = true }, func(u *slack.User) { u.IsUltraRestricted = true }},
		CodeInvited:           {func(u *slack.User) { u.IsInvitedUser = true }},
		CodeStranger:          {func(u *slack.User) { u.IsStranger = true }},
		CodeOtherOrganisation: {func(u *slack.User) { u.TeamID = "T9EVIL" }},
		CodeNoEmail:           {func(u *slack.User) { u.Profile.Email = "" }},
		CodeEmailUnconfirmed:  {func(u *slack.User) { u.IsEmailConfirmed = false }},
		CodeAllowed:           {func(*slack.User) {}},
	} {
		for _, change := range changes {
			api := newFake()
			api.change("U0ADA", change)
			cleared, v := remembering(Rules{Mode: PeopleOnTask}, api).Standing(t.Context(), questionBy("U0ADA", AtClick, "U0ADA"), begun)
			if v.Allowed() {
				v = cleared.OnTask(t.Context(), Task{Known: true, People: []string{"ada@acme.example"}})
			}
			if v.Code != want {
				t.Errorf("%q, want %q", v.Code, want)
			}
		}
	}
}

type panicking struct{ Slack }

func (panicking) GetUserInfoContext(context.Context, string, ...slack.GetUserInfoOption) (*slack.User, error) {
	panic("boom")
}

type silent struct{ Slack }

func (silent) GetUserInfoContext(context.Context, string, ...slack.GetUserInfoOption) (*slack.User, error) {
	return nil, nil
}

func TestABrokenClientIsAFailure(t *testing.T) {
	for _, api := range []Slack{panicking{}, silent{}} {
		if _, v := remembering(Rules{}, api).Standing(t.Context(), questionBy("U0ADA", AtClick, "U0ADA"), begun); v.Code != CodeCannotCheck || v.Cause == nil {
			t.Errorf("%T: %+v", api, v)
		}
	}
}

func TestMemoryIsBounded(t *testing.T) {
	inTime(t, func(t *testing.T, api *fakeSlack) {
		k := remembering(Rules{}, api)
		for i := range 2 * maxPeople {
			id := fmt.Sprintf("U%d", i)
			api.change(id, func(u *slack.User) { u.ID, u.TeamID = id, "T9EVIL" })
			k.Standing(t.Context(), questionBy(UserID(id), AtClick, UserID(id)), begun)
		}
		if n, m := k.directory.people.kept.Len(), k.standings.Len(); n != maxPeople || m != maxStandings {
			t.Errorf("%d people, %d standings", n, m)
		}
	})
}

// On Grid someone who is asked for by one ID may be answered with another, and
// have a third. All are theirs.
func TestAPersonKeepsAllIDs(t *testing.T) {
	for _, tt := range []struct{ answered, global UserID }{
		{"U0ADA", ""}, {"U0ADA", "W0ADA"}, {"W0ADA", ""}, {"U2ADA", "W0ADA"},
	} {
		inTime(t, func(t *testing.T, api *fakeSlack) {
			api.change("U0ADA", func(u *slack.User) { u.ID, u.Enterprise.ID = string(tt.answered), string(tt.global) })
			p := remembering(Rules{}, api).directory.person(t.Context(), "U0ADA", time.Now())
			if p.ID != "U0ADA" || p.AnsweredID != tt.answered || p.GlobalID != tt.global {
				t.Errorf("answered with %+v: %s, %s, %s", tt, p.ID, p.AnsweredID, p.GlobalID)
			}
		})
	}
}
