package policy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/slack-go/slack"
	"golang.org/x/sync/singleflight"
)

// Slack has the methods of the Web API that the policy needs. *slack.Client
// implements it.
type Slack interface {
	// users.info
	GetUserInfoContext(ctx context.Context, user string, options ...slack.GetUserInfoOption) (*slack.User, error)
	// usergroups.users.list
	GetUserGroupMembersContext(ctx context.Context, usergroup string, options ...slack.GetUserGroupMembersOption) ([]string, error)
	// conversations.info
	GetConversationInfoContext(ctx context.Context, input *slack.GetConversationInfoInput) (*slack.Channel, error)
}

const (
	// lookUpTimeout bounds one call to Slack, and taskTimeout one to Chamelio, which may
	// have to wait for the key's rate limit first.
	lookUpTimeout = 5 * time.Second
	taskTimeout   = 8 * time.Second

	// maxPeople, maxGroups and maxTasks bound the caches.
	maxPeople = 4096
	maxGroups = 256
	maxTasks  = 1024

	// maxAudiences bounds the memory for conversations.
	maxAudiences = 1024
)

// directory looks people and usergroups up in Slack, and caches the answers.
type directory struct {
	people *lookUp[Person]
	groups *lookUp[[]UserID]

	audiences *lookUp[bool] // whether a conversation is shared
}

func newDirectory(api Slack) *directory {
	return &directory{
		people: newLookUp(maxPeople, lookUpTimeout, func(ctx context.Context, id string) (Person, error) {
			found, err := api.GetUserInfoContext(ctx, id)
			if err != nil {
				return Person{}, fmt.Errorf("users.info: %w", err)
			}
			return personOf(*found), nil
		}),
		groups: newLookUp(maxGroups, lookUpTimeout, func(ctx context.Context, key string) ([]UserID, error) {
			group, workspace := splitGroupKey(key)
			members, err := api.GetUserGroupMembersContext(ctx, group, slack.GetUserGroupMembersOptionTeamID(workspace))
			if err != nil {
				return nil, fmt.Errorf("usergroups.users.list: %w", err)
			}
			ids := make([]UserID, len(members))
			for i, id := range members {
				ids[i] = UserID(id)
			}
			return ids, nil
		}),
		audiences: newLookUp(maxAudiences, lookUpTimeout, func(ctx context.Context, channel string) (bool, error) {
			c, err := api.GetConversationInfoContext(ctx, &slack.GetConversationInfoInput{ChannelID: channel})
			if err != nil {
				return false, fmt.Errorf("conversations.info: %w", err)
			}
			return c.IsExtShared || c.IsPendingExtShared, nil
		}),
	}
}

// personOf returns the parts of a profile that the rules need. It ignores
// is_app_user: in spite of its name, it marks people who have authorised this
// app (docs.slack.dev, user object).
func personOf(u slack.User) Person {
	teams := make([]TeamID, len(u.Enterprise.Teams))
	for i, id := range u.Enterprise.Teams {
		teams[i] = TeamID(id)
	}
	return Person{
		Known: Answered, AnsweredID: UserID(u.ID), GlobalID: UserID(u.Enterprise.ID),
		TeamID: TeamID(u.TeamID), EnterpriseID: EnterpriseID(u.Enterprise.EnterpriseID), Teams: teams,
		Deactivated: u.Deleted, Bot: u.IsBot || u.IsWorkflowBot || u.IsConnectorBot, Stranger: u.IsStranger,
		Guest: u.IsRestricted || u.IsUltraRestricted, Invited: u.IsInvitedUser,
		Email: u.Profile.Email, EmailConfirmed: u.IsEmailConfirmed,
	}
}

// person returns a person. It never fails: Person.Known says whether it is
// known.
func (d *directory) person(ctx context.Context, id UserID, since time.Time) Person {
	found, err := d.people.get(ctx, string(id), since)
	switch said := slackSaid(err); {
	case err == nil:
		p := found.value
		p.ID, p.Asked = id, found.asked
		return p
	case said == "user_not_found" || said == "user_not_visible":
		// An answer, not a failure: this workspace can't see anyone with that
		// ID.
		return Person{Known: Answered, ID: id, Stranger: true}
	}
	return Person{Known: why(err), Cause: err, ID: id}
}

// membership reports whether a person is in a usergroup. An organisation-wide
// token has to name the workspace (usergroups.users.list, team_id); others
// ignore it.
func (d *directory) membership(ctx context.Context, p Person, group GroupID, workspace TeamID, since time.Time) Membership {
	members, err := d.groups.get(ctx, groupKey(group, workspace), since)
	if err != nil {
		return Membership{Known: why(err), Cause: err}
	}
	return Membership{Known: Answered, In: slices.ContainsFunc(members.value, p.is), Asked: members.asked}
}

// why classifies a failure by who has to act on it.
func why(err error) Known {
	switch slackSaid(err) {
	case "missing_scope", "no_permission", "not_allowed_token_type", "team_access_not_granted":
		return NotPermitted
	case "channel_not_found", "no_such_subteam", "subteam_not_found", "usergroup_not_found":
		return Gone
	}
	return NotAnswered
}

// slackSaid returns the error code of Slack's answer, if there was one.
func slackSaid(err error) string {
	var answer slack.SlackErrorResponse
	if errors.As(err, &answer) {
		return answer.Err
	}
	return ""
}

var errPanicked = errors.New("the look-up panicked")

// lookUp caches answers, and makes only one call per key at a time.
type lookUp[V any] struct {
	kept  *lru.Cache[string, *answer[V]] // pointers, because each type of value has its own code in the binary
	calls singleflight.Group
	limit time.Duration // of one call
	ask   func(ctx context.Context, key string) (V, error)
}

// answer is an answer and when it was requested: by the monotonic clock and,
// because that one stops while a machine sleeps, by the wall clock too.
type answer[V any] struct {
	value V
	asked time.Time
	wall  time.Time
}

func answered[V any](value V, asked time.Time) answer[V] {
	return answer[V]{value, asked, asked.Round(0)}
}

func newLookUp[V any](size int, limit time.Duration, ask func(context.Context, string) (V, error)) *lookUp[V] {
	return &lookUp[V]{kept: newCache[string, *answer[V]](size), limit: limit, ask: ask}
}

func newCache[K comparable, V any](size int) *lru.Cache[K, V] {
	cache, err := lru.New[K, V](size)
	if err != nil {
		panic(err) // only for a size below one
	}
	return cache
}

// known returns an answer from the cache, if it was requested at since or
// later by both clocks.
func (l *lookUp[V]) known(key string, since time.Time) (answer[V], bool) {
	a, ok := l.kept.Get(key)
	if !ok || a.asked.Before(since) || a.wall.Before(since.Round(0)) {
		return answer[V]{}, false
	}
	return *a, true
}

// ahead starts a lookup that get will need, and doesn't wait for it. It
// returns false if the cache has the answer.
func (l *lookUp[V]) ahead(ctx context.Context, key string, since time.Time) bool {
	_, ok := l.known(key, since)
	if !ok {
		l.begin(ctx, key, since)
	}
	return !ok
}

// get returns an answer from the cache if that was requested at since or
// later. Otherwise it makes a call, or waits for one in progress, which was
// made at most l.limit ago.
func (l *lookUp[V]) get(ctx context.Context, key string, since time.Time) (answer[V], error) {
	if a, ok := l.known(key, since); ok {
		return a, nil
	}
	select {
	case done := <-l.begin(ctx, key, since):
		if done.Err != nil {
			return answer[V]{}, done.Err
		}
		return done.Val.(answer[V]), nil
	case <-ctx.Done():
		return answer[V]{}, ctx.Err()
	}
}

func (l *lookUp[V]) begin(ctx context.Context, key string, since time.Time) <-chan singleflight.Result {
	return l.calls.DoChan(key, func() (any, error) {
		if a, ok := l.known(key, since); ok { // a call has just ended
			return a, nil
		}
		return l.call(ctx, key)
	})
}

// call serves all who wait for it, so it doesn't end with the first one's
// context.
func (l *lookUp[V]) call(ctx context.Context, key string) (a answer[V], err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), l.limit)
	defer cancel()
	asked := time.Now()
	defer func() {
		if recover() != nil {
			err = errPanicked // singleflight would crash the process
		}
		if err != nil {
			l.kept.Remove(key) // the cached answer may be wrong now
		}
	}()
	value, err := l.ask(ctx, key)
	if err != nil {
		return answer[V]{}, err
	}
	a = answered(value, asked)
	l.kept.Add(key, &a)
	return a, nil
}
