package policy

import (
	"context"
	"strings"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
)

const (
	// commandAge is how long an answer of Slack's counts at the command. The
	// click asks anew.
	commandAge = 3 * time.Minute

	// refusedAge is how long what is known of somebody who was just refused may
	// serve to refuse them again, so that pressing a button 300 times costs one
	// call. It never serves to allow.
	refusedAge = 10 * time.Second

	// questionTimeout bounds all look-ups of one question.
	questionTimeout = 10 * time.Second

	maxRefused = 4096

	// maxLookUps is more than the facts of two people can need: their profiles,
	// and the groups of two lists each.
	maxLookUps = 8
)

// Checker applies Rules to facts that it looks up in Slack.
type Checker struct {
	rules     Rules
	directory *directory
	refused   *lru.Cache[string, time.Time]
}

// NewChecker needs Rules that Validate finds nothing wrong with.
func NewChecker(rules Rules, api Slack) *Checker {
	return &Checker{rules: rules, directory: newDirectory(api), refused: newCache[time.Time](maxRefused)}
}

// Question is who asks for what, where. It is answered in two steps: by
// Standing, and then, if it was a yes, by Cleared.OnTask.
type Question struct {
	Moment       Moment
	Installation Installation
	Origin       Origin
	Place        Place
	User         UserID // who types, or presses "Cancel task"
	Requester    UserID // at a click
	TwoAsked     bool   // at a click: the prompt was put to a second person
}

// Cleared is a question that Standing had nothing against. Its zero value
// refuses every task.
type Cleared struct {
	checker *Checker
	facts   Case
	maxAge  time.Duration
}

// Standing judges all that does not need the task. Only with a yes is there
// any use for the task: a person who may cancel nothing costs no look at it.
func (k *Checker) Standing(ctx context.Context, q Question) (Cleared, Verdict) {
	c := Case{
		Moment: q.Moment, Installation: q.Installation, Origin: q.Origin, Place: q.Place,
		Person: Person{ID: q.User}, Requester: Person{ID: q.Requester}, TwoAsked: q.TwoAsked,
	}
	maxAge := time.Duration(0)
	if q.Moment == AtCommand {
		maxAge = commandAge
	} else if at, ok := k.refused.Get(string(q.User)); ok && time.Since(at) < refusedAge {
		if _, v := k.complete(ctx, c, k.rules.Standing, refusedAge); !v.Allowed() {
			return Cleared{}, v
		}
	}
	c, v := k.complete(ctx, c, k.rules.Standing, maxAge)
	if !v.Allowed() {
		if v.Code.Final() && c.Person.Known == Answered { // else it cost nothing
			k.refused.Add(string(q.User), time.Now())
		}
		return Cleared{}, v
	}
	return Cleared{checker: k, facts: c, maxAge: maxAge}, v
}

// NeedsTask reports whether OnTask goes by the task at all.
func (c Cleared) NeedsTask() bool { return c.checker != nil && c.checker.rules.NeedsTask() }

// NeedsSecondPerson reports, at a command, whether the prompt has to be put to
// a second person.
func (c Cleared) NeedsSecondPerson(t Task) bool {
	return c.checker == nil || c.checker.rules.NeedsSecondPerson(t)
}

// OnTask judges what depends on the task.
func (c Cleared) OnTask(ctx context.Context, t Task) Verdict {
	if c.checker == nil {
		return refuse(CodeCannotCheck)
	}
	facts := c.facts
	facts.Task = t
	_, v := c.checker.complete(ctx, facts, c.checker.rules.OnTask, c.maxAge)
	return v
}

// complete judges with what is known, looks up what the rules miss, and judges
// again. So Slack is asked only what makes a difference.
func (k *Checker) complete(ctx context.Context, c Case, judge func(Case) Verdict, maxAge time.Duration) (Case, Verdict) {
	ctx, cancel := context.WithTimeout(ctx, questionTimeout)
	defer cancel()
	for range maxLookUps {
		v := judge(c)
		if v.missing == nil {
			return c, v
		}
		c = k.fill(ctx, c, *v.missing, maxAge)
	}
	return c, refuse(CodeCannotCheck)
}

// fill looks up what is missing of one of the two people. If both are one, the
// rules ask of the first alone.
func (k *Checker) fill(ctx context.Context, c Case, m missing, maxAge time.Duration) Case {
	workspace := c.Installation.TeamID
	if c.Installation.OrgWide {
		workspace = c.Place.Workspace
	}
	for _, p := range []*Person{&c.Person, &c.Requester} {
		if p.ID != m.user {
			continue
		}
		if len(m.groups) == 0 {
			*p = k.directory.person(ctx, p.ID, maxAge)
			break
		}
		p.Groups = k.memberships(ctx, *p, m.groups, workspace, maxAge)
		break
	}
	return c
}

// memberships adds to what is known of somebody's usergroups. The first that
// they are in decides, so the others are not asked for.
func (k *Checker) memberships(ctx context.Context, p Person, groups []GroupID, workspace TeamID, maxAge time.Duration) map[GroupID]Membership {
	all := make(map[GroupID]Membership, len(p.Groups)+len(groups))
	for group, m := range p.Groups {
		all[group] = m
	}
	for _, group := range groups {
		m := k.directory.membership(ctx, p, group, workspace, maxAge)
		if all[group] = m; m.In {
			break
		}
	}
	return all
}

// A usergroup is remembered by workspace. Slack's ids have no blanks in them.
func groupKey(group GroupID, workspace TeamID) string {
	return string(group) + " " + string(workspace)
}

func splitGroupKey(key string) (group, workspace string) {
	group, workspace, _ = strings.Cut(key, " ")
	return group, workspace
}
