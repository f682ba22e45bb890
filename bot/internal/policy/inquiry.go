package policy

import (
	"context"
	"strings"
	"time"
)

// inquiry is a question in progress.
type inquiry struct {
	*Checker
	began time.Time
	ids   Case // the question, without facts
	age   time.Duration

	several bool
}

// ask starts an inquiry. For a command, facts count for half their time, so
// that the click on its prompt has the other half.
func (k *Checker) ask(q Question) *inquiry {
	n := &inquiry{Checker: k, began: time.Now(), age: k.maxAge, several: q.Several, ids: Case{
		Moment: q.Moment, Installation: q.Installation, Origin: q.Origin, Place: q.Place,
		Person: Person{ID: q.User}, Requester: Person{ID: q.Requester}, TwoAsked: q.TwoAsked,
	}}
	if q.Moment == AtCommand {
		n.age /= 2
	}
	return n
}

// answer judges from the cache and, if that is too old for the verdict, again
// with new facts.
func (n *inquiry) answer(ctx context.Context, judge func(context.Context, time.Time) (Case, Verdict)) (Case, Verdict) {
	ctx, cancel := context.WithTimeout(ctx, questionTimeout)
	defer cancel()
	since := n.began.Add(-max(n.age, refusedAge)) // facts count from then on
	for range maxPasses {
		c, v := judge(ctx, since)
		if n.freshEnough(c, v) {
			return c, v
		}
		since = n.began
		if !v.Allowed() {
			since = n.began.Add(-refusedAge)
		}
	}
	return n.ids, refuse(CodeCannotCheck)
}

// freshEnough reports whether a verdict's facts are fresh enough. Facts that were
// requested after the question came always are, and so is a failed lookup,
// which isn't cached.
func (n *inquiry) freshEnough(c Case, v Verdict) bool {
	oldest := c.oldest()
	switch {
	case v.Code.Final():
		return n.after(oldest, refusedAge)
	case !v.Allowed():
		return true
	}
	return n.after(oldest, 0) || time.Since(oldest) <= n.age
}

// after reports whether a fact was requested at most age before the question
// came.
func (n *inquiry) after(asked time.Time, age time.Duration) bool {
	return asked.IsZero() || !asked.Before(n.began.Add(-age))
}

// standing judges everything that doesn't need the task. If that takes
// lookups, it makes them at once and calls begin. For someone who isn't
// trusted it makes one after the other, so that a refusal costs no more than
// it needs.
func (n *inquiry) standing(ctx context.Context, since time.Time, begin func()) (Case, Verdict) {
	c := n.ids
	if v := n.rules.Standing(c); v.missing == nil {
		return c, v // the IDs are enough
	}
	if n.trusts(c.Person.ID, n.several) && n.fetch(ctx, c, since) {
		n.fetchPeople(ctx, c, n.began.Add(-n.age)) // those who are known for too long to allow it, at the same time
		begin()
	}
	c, v := n.complete(ctx, c, n.rules.Standing, since)
	n.standings.Add(c.Person.ID, v.Allowed())
	return c, v
}

// confirm judges a click once. In the Case that it returns, Task.Asked is
// that of the task that was asked about first.
func (n *inquiry) confirm(ctx context.Context, since time.Time, tasks []int64) (Case, Verdict) {
	begin := func() {
		if n.rules.NeedsTask() {
			for _, task := range tasks {
				n.tasks.ahead(ctx, taskKey(task), since)
			}
		}
	}
	c, v := n.standing(ctx, since, begin)
	switch {
	case !v.Allowed():
		return c, v
	case !n.rules.NeedsTask():
		return n.complete(ctx, c, n.rules.OnTask, since)
	case len(tasks) == 0:
		return c, refuse(CodeCannotCheckTask)
	}
	begin() // those that haven't started yet
	var oldest time.Time
	for _, task := range tasks {
		if !v.Allowed() {
			break
		}
		c.Task = n.task(ctx, task, since)
		if c, v = n.complete(ctx, c, n.rules.OnTask, since); !v.Allowed() && len(tasks) > 1 {
			v.Task = task
		}
		oldest = older(oldest, c.Task.Asked)
	}
	c.Task.Asked = oldest
	return c, v
}

// fetch starts all lookups that the rules may need, in parallel. It returns
// false if the cache has everything.
func (n *inquiry) fetch(ctx context.Context, c Case, since time.Time) bool {
	begun := n.fetchPeople(ctx, c, since)
	for _, group := range n.rules.groups(c) {
		begun = n.directory.groups.ahead(ctx, groupKey(group, c.workspace()), since) || begun
	}
	if n.rules.needsAudience() {
		begun = n.directory.audiences.ahead(ctx, string(c.Place.Channel), since) || begun
	}
	return begun
}

// fetchPeople is fetch for the people alone.
func (n *inquiry) fetchPeople(ctx context.Context, c Case, since time.Time) bool {
	begun := n.directory.people.ahead(ctx, string(c.Person.ID), since)
	if c.Moment != AtCommand && c.Requester.ID != "" {
		begun = n.directory.people.ahead(ctx, string(c.Requester.ID), since) || begun
	}
	return begun
}

// complete judges with the known facts, looks up what is missing, and judges
// again.
func (k *Checker) complete(ctx context.Context, c Case, judge func(Case) Verdict, since time.Time) (Case, Verdict) {
	for range maxLookUps {
		v := judge(c)
		if v.missing == nil {
			return c, v
		}
		c = k.fill(ctx, c, *v.missing, since)
	}
	return c, refuse(CodeCannotCheck)
}

// fill looks up what is missing about the two people. If they are the same
// person, the rules ask about the first only.
func (k *Checker) fill(ctx context.Context, c Case, m missing, since time.Time) Case {
	if m.audience {
		c.Audience = k.directory.audience(ctx, c.Place.Channel, since)
		return c
	}
	for _, p := range []*Person{&c.Person, &c.Requester} {
		if p.ID != m.user {
			continue
		}
		if len(m.groups) == 0 {
			*p = k.directory.person(ctx, p.ID, since)
			break
		}
		p.Groups = k.memberships(ctx, *p, m.groups, c.workspace(), since)
		break
	}
	return c
}

// memberships looks up a person's usergroups. The first one that they are in
// decides.
func (k *Checker) memberships(ctx context.Context, p Person, groups []GroupID, workspace TeamID, since time.Time) map[GroupID]Membership {
	all := make(map[GroupID]Membership, len(p.Groups)+len(groups))
	for group, m := range p.Groups {
		all[group] = m
	}
	for _, group := range groups {
		m := k.directory.membership(ctx, p, group, workspace, since)
		if all[group] = m; m.In {
			break
		}
	}
	return all
}

// groupKey returns the cache key of a usergroup, which depends on the
// workspace. Slack's IDs contain no spaces.
func groupKey(group GroupID, workspace TeamID) string {
	return string(group) + " " + string(workspace)
}

func splitGroupKey(key string) (group, workspace string) {
	group, workspace, _ = strings.Cut(key, " ")
	return group, workspace
}
