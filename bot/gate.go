package bot

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/slack-go/slack"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/policy"
	"github.com/cancelbot/cancelbot/bot/internal/signed"
	"github.com/cancelbot/cancelbot/bot/internal/slackapi"
	"github.com/cancelbot/cancelbot/bot/internal/work"
	"github.com/cancelbot/cancelbot/chamelio"
)

const (
	// recordRefusal bounds the tries to record a refusal, and lastRefusal the last one
	// when the process stops.
	recordRefusal = 30 * time.Second
	lastRefusal   = 2 * time.Second
)

// refusals is the part of the journal that the gate needs.
type refusals interface {
	Refused(context.Context, decision.Note) error
}

// gate applies the policy of this installation, and records its refusals.
type gate struct {
	checker *policy.Checker
	journal refusals
	where   atomic.Pointer[Workspace] // nil until Slack has answered auth.test
	known   chan struct{}             // closed then
	appID   func() string             // as Socket Mode's hello says; "" before
	now     func() time.Time
	aside   *work.Aside
}

// standing judges, for a command, everything that doesn't need the task, and
// calls begin when it's time to get the task. It refuses everyone until Slack
// has said which installation this is.
func (g *gate) standing(ctx context.Context, q policy.Question, begin func()) (policy.Cleared, policy.Verdict) {
	if !g.place(ctx, &q) {
		return policy.Cleared{}, policy.Verdict{Code: policy.CodeCannotCheck, Cause: errNotIntroduced}
	}
	return g.checker.Standing(ctx, q, begin)
}

// confirm judges a click. It also returns how old the facts are.
func (g *gate) confirm(ctx context.Context, q policy.Question, tasks []chamelio.TaskID) (policy.Verdict, time.Duration) {
	if !g.place(ctx, &q) {
		return policy.Verdict{Code: policy.CodeCannotCheck, Cause: errNotIntroduced}, 0
	}
	ids := make([]int64, len(tasks))
	for i, id := range tasks {
		ids[i] = int64(id)
	}
	return g.checker.Confirm(chamelio.OnBehalfOf(ctx, string(q.User)), q, ids...)
}

// place adds where the bot is installed. It returns false if Slack hasn't said.
func (g *gate) place(ctx context.Context, q *policy.Question) bool {
	where := g.wait(ctx)
	if where == nil {
		return false
	}
	q.Installation = policy.NewInstallation(where.TeamID, where.EnterpriseID, where.OrgWide, policy.AppID(g.appID()))
	return true
}

// introduceTimeout is how long a person waits immediately after the start.
const introduceTimeout = 2 * time.Second

// wait returns where the bot is installed, or nil if Slack doesn't say soon.
func (g *gate) wait(ctx context.Context) *Workspace {
	ctx, cancel := context.WithTimeout(ctx, introduceTimeout)
	defer cancel()
	select {
	case <-g.known:
	case <-ctx.Done():
	}
	return g.where.Load()
}

// introduced records where the bot is installed.
func (g *gate) introduced(where Workspace) {
	if g.where.Swap(&where) == nil {
		close(g.known)
	}
}

var errNotIntroduced = errors.New("Slack hasn't said yet in which workspace the bot is installed")

// refusalsKey limits how many refusals are recorded at once, as a channel's name limits
// its answers.
const refusalsKey = "refusals"

// record records a refusal where it is judged, whatever the answer becomes and however
// long it takes.
func (g *gate) record(ctx context.Context, log *slog.Logger, n decision.Note) {
	now := g.now() // the same at each try
	n.ID, n.At = cmp.Or(n.ID, signed.NewID(now)), now
	g.aside.Run(ctx, refusalsKey, func(ctx context.Context) { g.save(ctx, log, n) })
}

// save saves a refusal, even while the process stops. A failure is only logged,
// because the person has their answer.
func (g *gate) save(ctx context.Context, log *slog.Logger, n decision.Note) {
	once := func(ctx context.Context) error { return g.journal.Refused(ctx, n) }
	err := work.Retry(ctx, recordRefusal, func() error { return once(ctx) })
	if err = work.OnceMore(ctx, err, lastRefusal, once); err != nil {
		log.Error("refusal not recorded", "error", err)
	}
}

// originOf converts what a payload says about the installation.
func originOf(o slackapi.Origin) policy.Origin {
	return policy.Origin{AppID: policy.AppID(o.AppID), TeamID: policy.TeamID(o.TeamID), EnterpriseID: policy.EnterpriseID(o.EnterpriseID)}
}

// peopleOn returns the policy's function to get a task, while someone waits at a button.
func peopleOn(tasks taskGetter) policy.Tasks {
	return func(ctx context.Context, id int64) (policy.Task, error) {
		t, err := tasks.Task(ctx, chamelio.TaskID(id))
		if err != nil {
			return policy.Task{}, fmt.Errorf("getting the task: %w", err)
		}
		return factsOf(t, time.Time{}), nil
	}
}

// taskGetter gets a task for someone who waits for the answer.
type taskGetter interface {
	Task(context.Context, chamelio.TaskID) (chamelio.Task, error)
}

// factsOf returns the policy's facts about a task.
func factsOf(t chamelio.Task, asked time.Time) policy.Task {
	return policy.Task{Known: true, Asked: asked, Workflow: t.Workflow, People: append([]string{t.Owner, t.Assignee}, t.Collaborators...)}
}

// Workspace says where the bot is installed.
type Workspace struct {
	Team, TeamID, EnterpriseID, BotUser string
	OrgWide                             bool // for the whole Enterprise organisation
}

// same reports whether w and as are one installation of an app. A workspace keeps its ID
// when it joins an Enterprise organisation.
func (w Workspace) same(as Workspace) bool {
	if w.TeamID != "" && !w.OrgWide && !as.OrgWide {
		return w.TeamID == as.TeamID
	}
	return w.TeamID == as.TeamID && w.EnterpriseID == as.EnterpriseID
}

func workspaceOf(who *slack.AuthTestResponse) Workspace {
	return Workspace{
		Team: who.Team, TeamID: who.TeamID, EnterpriseID: who.EnterpriseID, BotUser: who.User,
		// With an organisation-wide token, this is the organisation's ID.
		OrgWide: len(who.TeamID) > 0 && who.TeamID[0] == 'E',
	}
}
