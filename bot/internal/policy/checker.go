package policy

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
)

const (
	// MaxFactsAge is the most that a Checker's maxAge can be (law 16).
	MaxFactsAge = time.Minute

	// refusedAge is how old the facts behind a refusal may be: older ones are looked up
	// again first, so that someone who has just been allowed isn't refused from memory for
	// long. It bounds what a flood of refused presses costs: Slack answers about a hundred
	// questions about people a minute, and about twenty about the members of usergroups
	// (docs.slack.dev, users.info and usergroups.users.list), for everyone together.
	refusedAge = 10 * time.Second

	// questionTimeout bounds all look-ups of one question.
	questionTimeout = 10 * time.Second

	// maxStandings bounds for how many people it is remembered whether they were
	// allowed.
	maxStandings = 4096

	// maxLookUps is more than the lookups for two people: their profiles, and
	// the groups of two lists each.
	maxLookUps = 8

	// maxPasses is how often a question is judged at most: from memory, with
	// facts that are fresh enough for a refusal, and with new ones.
	maxPasses = 3
)

// Tasks gets what Chamelio says about a task.
type Tasks func(ctx context.Context, task int64) (Task, error)

// Checker applies Rules to facts that it looks up, and caches them for a
// while.
type Checker struct {
	rules     Rules
	maxAge    time.Duration
	directory *directory
	tasks     *lookUp[Task]
	standings *lru.Cache[UserID, bool] // whether a person was allowed when last judged
}

// NewChecker returns a Checker. The rules must be valid (see Validate). Facts
// count for maxAge, at most MaxFactsAge; with 0 each question asks again, unless
// the answer is no.
func NewChecker(rules Rules, api Slack, tasks Tasks, maxAge time.Duration) *Checker {
	return &Checker{
		rules: rules, maxAge: min(max(maxAge, 0), MaxFactsAge), directory: newDirectory(api),
		tasks: newLookUp(maxTasks, taskTimeout, func(ctx context.Context, key string) (Task, error) {
			task, err := strconv.ParseInt(key, 10, 64)
			if err != nil {
				return Task{}, fmt.Errorf("reading a task's ID: %w", err)
			}
			return tasks(ctx, task)
		}),
		standings: newCache[UserID, bool](maxStandings),
	}
}

// Question is a person's request to cancel tasks.
type Question struct {
	Moment       Moment
	Installation Installation
	Origin       Origin
	Place        Place
	User         UserID // who types, or presses "Cancel task"
	Requester    UserID // for a click
	TwoAsked     bool   // for a click: the prompt was addressed to a second person
	Several      bool   // for more than one task
}

// KeepTask caches what Chamelio said about a task at t.Asked.
func (k *Checker) KeepTask(task int64, t Task) {
	k.tasks.kept.Add(taskKey(task), new(answered(t, t.Asked)))
}

// Cleared is a command that Standing has nothing against. Its zero value
// refuses every task.
type Cleared struct {
	*inquiry

	Untitled bool // what the conversation reads has no titles
}

// Standing judges, for a command, everything that doesn't need the task. If it
// has to look something up, and the person wasn't refused when last judged, it
// calls begin, which must not block, so that the task is fetched at the same
// time. So someone who may cancel nothing costs one GET at most. Several tasks
// are fetched at the same time only for someone who was allowed before.
func (k *Checker) Standing(ctx context.Context, q Question, begin func()) (Cleared, Verdict) {
	n := k.ask(q)
	begin = sync.OnceFunc(begin)
	facts, v := n.answer(ctx, func(ctx context.Context, since time.Time) (Case, Verdict) { return n.standing(ctx, since, begin) })
	if !v.Allowed() {
		return Cleared{}, v
	}
	return Cleared{n, n.rules.withholds(facts)}, v
}

// NeedsTask reports whether OnTask depends on the task.
func (c Cleared) NeedsTask() bool { return c.inquiry != nil && c.rules.NeedsTask() }

// NeedsSecondPerson reports, for a command, whether a second person has to
// confirm.
func (c Cleared) NeedsSecondPerson(t Task) bool {
	return c.inquiry == nil || c.rules.NeedsSecondPerson(t)
}

// OnTask judges what depends on the task.
func (c Cleared) OnTask(ctx context.Context, t Task) Verdict {
	if c.inquiry == nil {
		return refuse(CodeCannotCheck)
	}
	_, v := c.answer(ctx, func(ctx context.Context, since time.Time) (Case, Verdict) {
		facts := c.ids
		facts.Task = t
		return c.complete(ctx, facts, c.rules.Decide, since)
	})
	return v
}

// Confirm judges a click: the person, the requester and each task. A refusal
// for one task counts for all, because they are confirmed together. It also
// returns the age of the oldest fact that the verdict depends on. Facts that
// are too old, or that this process never had, are looked up again, all at
// once.
func (k *Checker) Confirm(ctx context.Context, q Question, tasks ...int64) (Verdict, time.Duration) {
	q.Several = len(tasks) > 1
	n := k.ask(q)
	c, v := n.answer(ctx, func(ctx context.Context, since time.Time) (Case, Verdict) { return n.confirm(ctx, since, tasks) })
	v.Untitled = v.Allowed() && n.rules.withholds(c)
	oldest := c.oldest()
	if oldest.IsZero() {
		return v, 0
	}
	return v, max(time.Since(oldest), 0)
}

func (k *Checker) task(ctx context.Context, task int64, since time.Time) Task {
	found, err := k.tasks.get(ctx, taskKey(task), since)
	if err != nil {
		return Task{Cause: err}
	}
	t := found.value
	t.Asked = found.asked
	return t
}

func taskKey(task int64) string { return strconv.FormatInt(task, 10) }

// trusts reports whether to look everything up at once for a person's
// question: not if they were refused when last judged, nor if they are judged
// for the first time. For several tasks they must have been allowed.
func (k *Checker) trusts(user UserID, several bool) bool {
	allowed, known, _ := k.standings.PeekOrAdd(user, false)
	return allowed || !known && !several
}
