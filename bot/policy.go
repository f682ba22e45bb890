package bot

import (
	"context"
	"fmt"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/slack-go/slack"
)

// policy decides who may cancel: full members of the workspace where the app
// is installed. Never guests, bots, deactivated people or people of other
// organisations; and nobody at all while Slack cannot be asked.
type policy struct {
	slack  *slack.Client
	people *lru.Cache[string, knownPerson]
	now    func() time.Time
}

// knownPerson is a person as Slack described them a moment ago.
type knownPerson struct {
	user  slack.User
	since time.Time
}

const (
	// personKept is how long a person's standing is taken as known at the
	// command. The click asks anew.
	personKept = 3 * time.Minute

	// peopleKept bounds the memory for them.
	peopleKept = 4096

	lookUpLimit = 5 * time.Second
)

// freshness says whether a look-up may be answered from memory.
type freshness bool

const (
	cached freshness = false
	fresh  freshness = true
)

// refusal is a "no". code is for logs and for choosing the words; err is for
// the operator, where a look-up failed.
type refusal struct {
	code refusalCode
	err  error
}

type refusalCode string

const (
	refusedGuest       refusalCode = "guest"
	refusedBot         refusalCode = "bot"
	refusedDeactivated refusalCode = "deactivated"
	refusedForeign     refusalCode = "other organisation"
	refusedUnknown     refusalCode = "cannot look the person up"
)

func newPolicy(api *slack.Client) *policy {
	people, err := lru.New[string, knownPerson](peopleKept)
	if err != nil {
		panic(err) // only for a size below one
	}
	return &policy{slack: api, people: people, now: time.Now}
}

// who is somebody who asks for something, and where they do.
type who struct {
	user       string
	team       string // the workspace
	enterprise string // the Enterprise Grid organisation, if any
}

// check returns nil if the person may cancel tasks, else why not.
func (p *policy) check(ctx context.Context, w who, f freshness) *refusal {
	person, err := p.lookUp(ctx, w.user, f)
	if err != nil {
		return &refusal{code: refusedUnknown, err: err}
	}
	return standing(person, w)
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

func (p *policy) lookUp(ctx context.Context, user string, f freshness) (slack.User, error) {
	if known, ok := p.people.Get(user); ok && f == cached && p.now().Sub(known.since) < personKept {
		return known.user, nil
	}
	ctx, cancel := context.WithTimeout(ctx, lookUpLimit)
	defer cancel()
	found, err := p.slack.GetUserInfoContext(ctx, user)
	if err != nil {
		return slack.User{}, fmt.Errorf("looking a person up (users.info): %w", err)
	}
	p.people.Add(user, knownPerson{user: *found, since: p.now()})
	return *found, nil
}
