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

// refusals is what the gate needs of the journal.
type refusals interface {
	Refused(context.Context, decision.Note) error
}

// gate applies the policy of this installation, and keeps its refusals on
// record.
type gate struct {
	checker *policy.Checker
	journal refusals
	where   atomic.Pointer[Workspace] // nil until Slack has told
	known   chan struct{}             // closed then
	appID   func() string             // as Socket Mode's hello says; "" before
	now     func() time.Time
}

// standing judges all that does not need the task. Until Slack has told which
// installation this is, nobody can be judged.
func (g *gate) standing(ctx context.Context, q policy.Question) (policy.Cleared, policy.Verdict) {
	where := g.wait(ctx)
	if where == nil {
		return policy.Cleared{}, policy.Verdict{Code: policy.CodeCannotCheck, Cause: errNotIntroduced}
	}
	q.Installation = policy.NewInstallation(where.TeamID, where.EnterpriseID, where.OrgWide, policy.AppID(g.appID()))
	return g.checker.Standing(ctx, q)
}

// introduceTimeout is how long somebody waits who comes right after the start.
const introduceTimeout = 2 * time.Second

// wait returns where the bot is installed, or nil if Slack does not tell soon.
func (g *gate) wait(ctx context.Context) *Workspace {
	ctx, cancel := context.WithTimeout(ctx, introduceTimeout)
	defer cancel()
	select {
	case <-g.known:
	case <-ctx.Done():
	}
	return g.where.Load()
}

// introduced notes where the bot is installed.
func (g *gate) introduced(where Workspace) {
	if g.where.Swap(&where) == nil {
		close(g.known)
	}
}

var errNotIntroduced = fmt.Errorf("Slack has not told yet for which workspace the bot is installed")

// record keeps a "no" on record. It is not worth failing for: the person has
// been refused already.
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

// peopleOn is what the policy goes by of a task.
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
		// An organisation-wide token is told by the organisation's own id.
		OrgWide: len(who.TeamID) > 0 && who.TeamID[0] == 'E',
	}
}
