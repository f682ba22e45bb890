package bot

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/slack-go/slack"

	"github.com/cancelbot/cancelbot/chamelio"
)

// PolicyMode says which people may cancel a task.
type PolicyMode string

// The policies. With each of them it takes a full member of the workspace
// where the app is installed: never a guest, a bot, somebody deactivated or
// somebody of another organisation.
const (
	// PolicyMembers lets every full member cancel every task.
	PolicyMembers PolicyMode = "members"
	// PolicyPeopleOnTask lets the task's owner, assignee and collaborators,
	// by the e-mail address of their Slack profile, and those listed.
	PolicyPeopleOnTask PolicyMode = "people-on-task"
	// PolicyListed lets Policy.Users and the members of Policy.Usergroups.
	PolicyListed PolicyMode = "listed"
)

// Policy says who may cancel what, and where. It is applied to the command
// and again, with fresh look-ups, to the click; what cannot be looked up
// counts as no.
type Policy struct {
	Mode         PolicyMode // PolicyMembers if empty
	Users        []string   // ids, U… or W…
	Usergroups   []string   // ids, S…
	Channels     []string   // ids, C…, G… or D…; every conversation if empty
	SecondPerson bool       // somebody other than the requester must confirm
}

// Slack's ids (api.slack.com/types).
var (
	userID    = regexp.MustCompile(`^[UW][A-Z0-9]{2,20}$`)
	groupID   = regexp.MustCompile(`^S[A-Z0-9]{2,20}$`)
	channelID = regexp.MustCompile(`^[CGD][A-Z0-9]{2,20}$`)
)

// complete drops blanks and reports what cannot be meant. An id of the wrong
// form would match nobody, or somebody else one day.
func (p *Policy) complete() error {
	orDefault(&p.Mode, PolicyMembers)
	var problems []error
	for _, list := range []struct {
		name string
		ids  *[]string
		form *regexp.Regexp
		like string
	}{
		{"ALLOWED_USERS", &p.Users, userID, "U012AB3CD or W012AB3CD"},
		{"ALLOWED_USERGROUPS", &p.Usergroups, groupID, "S012AB3CD"},
		{"ALLOWED_CHANNELS", &p.Channels, channelID, "C012AB3CD"},
	} {
		var ids []string
		for _, id := range *list.ids {
			if id = strings.TrimSpace(id); id == "" {
				continue
			}
			if !list.form.MatchString(id) {
				problems = append(problems, fmt.Errorf("%s has an entry that is no id: they look like %s", list.name, list.like))
				break
			}
			ids = append(ids, id)
		}
		if len(*list.ids) > 0 && len(ids) == 0 && len(problems) == 0 {
			problems = append(problems, fmt.Errorf("%s is set, but names nobody", list.name))
		}
		*list.ids = ids
	}
	switch p.Mode {
	case PolicyMembers, PolicyPeopleOnTask:
	case PolicyListed:
		if len(p.Users)+len(p.Usergroups) == 0 && len(problems) == 0 {
			problems = append(problems, errors.New("CANCEL_POLICY=listed needs ALLOWED_USERS or ALLOWED_USERGROUPS: with both empty nobody could cancel anything"))
		}
	default:
		problems = append(problems, errors.New("CANCEL_POLICY must be members, people-on-task or listed"))
	}
	return errors.Join(problems...)
}

// policy applies a Policy.
type policy struct {
	rules  Policy
	slack  *slack.Client
	people *lru.Cache[string, known[slack.User]]
	groups *lru.Cache[string, known[[]string]]
	now    func() time.Time
}

// known is what Slack said a moment ago.
type known[T any] struct {
	value T
	since time.Time
}

const (
	// lookUpKept is how long a look-up counts at the command. The click asks
	// anew.
	lookUpKept = 3 * time.Minute

	// peopleKept and groupsKept bound the memory for them.
	peopleKept = 4096
	groupsKept = 256

	lookUpLimit = 5 * time.Second
)

// freshness says whether a look-up may be answered from memory.
type freshness bool

const (
	cached freshness = false
	fresh  freshness = true
)

// refusal is a "no". code is for logs, the journal and for choosing the
// words; err is for the operator, where a look-up failed.
type refusal struct {
	code refusalCode
	err  error
}

type refusalCode string

// The journal holds these words: they do not change.
const (
	refusedPlace       refusalCode = "not in this conversation"
	refusedGuest       refusalCode = "guest"
	refusedBot         refusalCode = "bot"
	refusedDeactivated refusalCode = "deactivated"
	refusedForeign     refusalCode = "other organisation"
	refusedNotListed   refusalCode = "not listed"
	refusedNotOnTask   refusalCode = "not on the task"
	refusedNoEmail     refusalCode = "no e-mail address"
	refusedSamePerson  refusalCode = "needs a second person"
	refusedRequester   refusalCode = "requester not allowed any more"
	refusedUnknown     refusalCode = "cannot look the person up"
	refusedNoDetails   refusalCode = "cannot look the task up"
)

// passing tells a "not now" from a "no".
func (r refusal) passing() bool { return r.code == refusedUnknown || r.code == refusedNoDetails }

func newPolicy(rules Policy, api *slack.Client) *policy {
	people, err := lru.New[string, known[slack.User]](peopleKept)
	if err != nil {
		panic(err) // only for a size below one
	}
	groups, err := lru.New[string, known[[]string]](groupsKept)
	if err != nil {
		panic(err)
	}
	return &policy{rules: rules, slack: api, people: people, groups: groups, now: time.Now}
}

// who is somebody who asks for something.
type who struct {
	user       string
	team       string // the workspace
	enterprise string // the Enterprise Grid organisation, if any
}

// check returns nil if the person may cancel tasks here, else why not. What
// the task itself has to say is checkTask's.
func (p *policy) check(ctx context.Context, w who, channel string, f freshness) *refusal {
	if len(p.rules.Channels) > 0 && !slices.Contains(p.rules.Channels, channel) {
		return &refusal{code: refusedPlace}
	}
	person, err := p.person(ctx, w.user, f)
	if err != nil {
		return &refusal{code: refusedUnknown, err: err}
	}
	if no := standing(person, w); no != nil {
		return no
	}
	if p.rules.Mode == PolicyListed {
		return p.mustBeListed(ctx, w.user, f, refusedNotListed)
	}
	return nil
}

// needsTask reports whether checkTask looks at the task at all.
func (p *policy) needsTask() bool { return p.rules.Mode == PolicyPeopleOnTask }

// checkTask returns nil if the person may cancel this very task. err is why
// its details are not known; without them nobody may. It comes after check,
// whose look-up of the person it goes by.
func (p *policy) checkTask(ctx context.Context, w who, task chamelio.Task, err error, f freshness) *refusal {
	if !p.needsTask() {
		return nil
	}
	if err != nil {
		return &refusal{code: refusedNoDetails, err: err}
	}
	person, err := p.person(ctx, w.user, cached)
	if err != nil {
		return &refusal{code: refusedUnknown, err: err}
	}
	email := strings.TrimSpace(person.Profile.Email)
	if email != "" {
		for _, one := range append([]string{task.Owner, task.Assignee}, task.Collaborators...) {
			if strings.EqualFold(strings.TrimSpace(one), email) {
				return nil
			}
		}
		return p.mustBeListed(ctx, w.user, f, refusedNotOnTask)
	}
	return p.mustBeListed(ctx, w.user, f, refusedNoEmail)
}

// standing judges what users.info says (api.slack.com/types/user).
func standing(u slack.User, w who) *refusal {
	sameTeam := u.TeamID == w.team || w.enterprise != "" && u.Enterprise.EnterpriseID == w.enterprise
	switch {
	case u.Deleted:
		return &refusal{code: refusedDeactivated}
	case u.IsBot || u.IsWorkflowBot || u.IsConnectorBot:
		return &refusal{code: refusedBot}
	case u.IsStranger || !sameTeam:
		return &refusal{code: refusedForeign}
	case u.IsRestricted || u.IsUltraRestricted || u.IsInvitedUser:
		return &refusal{code: refusedGuest}
	}
	return nil
}

// mustBeListed returns nil for people on the lists, else a refusal of the
// given code; and one for not knowing, where a usergroup that could have made
// the difference cannot be looked up.
func (p *policy) mustBeListed(ctx context.Context, user string, f freshness, otherwise refusalCode) *refusal {
	if slices.Contains(p.rules.Users, user) {
		return nil
	}
	var failed error
	for _, group := range p.rules.Usergroups {
		members, err := p.members(ctx, group, f)
		if err != nil {
			failed = err
		} else if slices.Contains(members, user) {
			return nil
		}
	}
	if failed != nil {
		return &refusal{code: refusedUnknown, err: failed}
	}
	return &refusal{code: otherwise}
}

func (p *policy) person(ctx context.Context, user string, f freshness) (slack.User, error) {
	return lookUp(ctx, p, p.people, user, f, "looking a person up (users.info)", func(ctx context.Context) (slack.User, error) {
		found, err := p.slack.GetUserInfoContext(ctx, user)
		if err != nil {
			return slack.User{}, err
		}
		return *found, nil
	})
}

func (p *policy) members(ctx context.Context, group string, f freshness) ([]string, error) {
	return lookUp(ctx, p, p.groups, group, f, "looking a usergroup up (usergroups.users.list)", func(ctx context.Context) ([]string, error) {
		return p.slack.GetUserGroupMembersContext(ctx, group)
	})
}

func lookUp[T any](ctx context.Context, p *policy, memory *lru.Cache[string, known[T]], id string, f freshness, doing string, ask func(context.Context) (T, error)) (T, error) {
	if k, ok := memory.Get(id); ok && f == cached && p.now().Sub(k.since) < lookUpKept {
		return k.value, nil
	}
	ctx, cancel := context.WithTimeout(ctx, lookUpLimit)
	defer cancel()
	value, err := ask(ctx)
	if err != nil {
		memory.Remove(id) // what was known may not be so any more
		var none T
		return none, fmt.Errorf("%s: %w", doing, err)
	}
	memory.Add(id, known[T]{value, p.now()})
	return value, nil
}
