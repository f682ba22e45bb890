package bot

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/slack-go/slack"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/policy"
	"github.com/cancelbot/cancelbot/bot/internal/slackapi"
	"github.com/cancelbot/cancelbot/chamelio"
)

const refusalTimeout = 2 * time.Second

// refusals is what the gate needs from the journal.
type refusals interface {
	Refused(context.Context, decision.Note) error
}

// gate applies the policy of this installation, and records its refusals.
type gate struct {
	checker *policy.Checker
	journal refusals
	where   atomic.Pointer[Workspace] // nil until Slack has said
	known   chan struct{}             // closed then
	appID   func() string             // as Socket Mode's hello says; "" before
	now     func() time.Time
}

// standing judges everything that doesn't need the task. It refuses everyone
// until Slack has said which installation this is.
func (g *gate) standing(ctx context.Context, q policy.Question) (policy.Cleared, policy.Verdict) {
	where := g.wait(ctx)
	if where == nil {
		return policy.Cleared{}, policy.Verdict{Code: policy.CodeCannotCheck, Cause: errNotIntroduced}
	}
	q.Installation = policy.NewInstallation(where.TeamID, where.EnterpriseID, where.OrgWide, policy.AppID(g.appID()))
	return g.checker.Standing(ctx, q)
}

// introduceTimeout is how long someone waits who comes right after the start.
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

var errNotIntroduced = fmt.Errorf("Slack has not told yet for which workspace the bot is installed")

// record records a refusal. If that fails, it only logs: the person has their
// answer.
func (g *gate) record(ctx context.Context, log *slog.Logger, n decision.Note) {
	ctx, cancel := context.WithTimeout(ctx, refusalTimeout)
	defer cancel()
	n.At = g.now()
	if err := g.journal.Refused(ctx, n); err != nil {
		log.Error("a refusal is not on record", "error", err)
	}
}

// originOf converts what a payload says about the installation.
func originOf(o slackapi.Origin) policy.Origin {
	return policy.Origin{AppID: policy.AppID(o.AppID), TeamID: policy.TeamID(o.TeamID), EnterpriseID: policy.EnterpriseID(o.EnterpriseID)}
}

// peopleOn returns what the policy needs to know about a task.
func peopleOn(t chamelio.Task, err error) policy.Task {
	if err != nil {
		return policy.Task{Cause: err}
	}
	return policy.Task{Known: true, Workflow: t.Workflow, People: append([]string{t.Owner, t.Assignee}, t.Collaborators...)}
}

// Workspace says where the bot is installed.
type Workspace struct {
	Team, TeamID, EnterpriseID, BotUser string
	OrgWide                             bool // for the whole Enterprise organisation
}

func workspaceOf(who *slack.AuthTestResponse) Workspace {
	return Workspace{
		Team: who.Team, TeamID: who.TeamID, EnterpriseID: who.EnterpriseID, BotUser: who.User,
		// With an organisation-wide token, this is the organisation's ID.
		OrgWide: len(who.TeamID) > 0 && who.TeamID[0] == 'E',
	}
}
