package cli_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/journal"
	"github.com/cancelbot/cancelbot/bot/internal/signed"
	"github.com/cancelbot/cancelbot/bot/slacktest"
	"github.com/cancelbot/cancelbot/chamelio"
	"github.com/cancelbot/cancelbot/chamelio/chameliotest"
)

var update = flag.Bool("update", false, "rewrite what the scripts expect")

// TestScripts runs testdata/script. Each reads as a document: a command, what
// it prints, how it ends. In addition to the commands of testscript, they have
//
//	slack on|off      Slack's Socket Mode is switched on or off
//	slack scopes …    the bot token has these scopes
//	slack refuse TOKEN ERROR
//	key DETAIL        Chamelio refuses the key; "fail": it is in trouble; "works": no more
//	journal           a journal at $JOURNAL, with a few decisions and refusals
//	replica           a replica uses the journal at $JOURNAL
//	exits CODE …      a command that ends with this exit code
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:           "testdata/script",
		UpdateScripts: *update,
		Setup:         setup,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"slack": commandSlack, "key": commandKey, "journal": commandJournal, "replica": commandReplica,
		},
	})
}

type fakes struct {
	slack *slacktest.Server
	api   *chameliotest.Server
}

func setup(env *testscript.Env) error {
	s := &fakes{slacktest.NewServer(), chameliotest.NewServer()}
	env.Defer(s.slack.Close)
	env.Defer(s.api.Close)
	env.Values["fakes"] = s
	env.Setenv("SLACK_APP_TOKEN", slacktest.AppToken)
	env.Setenv("SLACK_BOT_TOKEN", slacktest.BotToken)
	env.Setenv("SLACK_API_URL", s.slack.URL())
	env.Setenv("CHAMELIO_API_KEY", chameliotest.Key)
	env.Setenv("CANCEL_POLICY", "members")
	env.Setenv("OPERATOR_CONTACT", "the service desk")
	env.Setenv("HTTP_ADDR", "127.0.0.1:0")
	env.Setenv("PLATFORM", runtime.GOOS+"/"+runtime.GOARCH)
	env.Setenv("CHAMELIO_API_URL", s.api.URL())
	env.Setenv("DATABASE_URL", "sqlite:"+filepath.Join(env.WorkDir, "journal.db"))
	env.Setenv("JOURNAL", filepath.Join(env.WorkDir, "journal.db"))
	return nil
}

func commandSlack(ts *testscript.TestScript, _ bool, args []string) {
	server := ts.Value("fakes").(*fakes).slack
	switch args[0] {
	case "off":
		server.SwitchOff()
	case "scopes":
		server.SetScopes(args[1:]...)
	case "refuse":
		server.RefuseToken(map[string]string{"app": slacktest.AppToken, "bot": slacktest.BotToken}[args[1]], args[2])
	case "fail": // a method, and the error that it answers with
		server.Break(slacktest.Fault{Method: args[1], Error: args[2]})
	default:
		ts.Fatalf("slack has no %s", args[0])
	}
}

func commandKey(ts *testscript.TestScript, _ bool, args []string) {
	api := ts.Value("fakes").(*fakes).api
	switch detail := strings.Join(args, " "); detail {
	case "fail": // as if Chamelio were in trouble
		api.Break(chameliotest.Fault{Status: 503})
	case "works":
		api.ClearFaults()
	default:
		api.RefuseKey(detail)
	}
}

func commandJournal(ts *testscript.TestScript, _ bool, _ []string) {
	ts.Check(fillJournal("sqlite:"+ts.Getenv("JOURNAL"), ts.Getenv("CHAMELIO_API_URL")))
}

func commandReplica(ts *testscript.TestScript, _ bool, _ []string) {
	ctx := context.Background()
	j, err := journal.Open(ctx, "sqlite:"+ts.Getenv("JOURNAL"), journal.Options{Lease: time.Minute})
	ts.Check(err)
	_, _, err = j.Beat(ctx, true)
	ts.Check(errors.Join(err, j.Close())) // it counts until its heartbeat expires
}

// fillJournal inserts one decision of each kind that history distinguishes.
func fillJournal(url, api string) error {
	ctx := context.Background()
	j, err := journal.Open(ctx, url, journal.Options{})
	if err != nil {
		return err
	}
	defer j.Close()
	sign, err := signed.NewSigner(slacktest.BotToken, api, j, time.Now)
	if err != nil {
		return err
	}
	j.Trust(sign, func(journal.Unverified) {})
	at := time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	for i, outcome := range []decision.Outcome{decision.Cancelled, decision.Unknown, decision.Withdrawn, ""} {
		d := decision.Record{
			ID: decision.ID(fmt.Sprint("confirmation", i)), Tasks: []decision.Item{{ID: chamelio.TaskID(12345 + i), Title: "=Master agreement with Globex, second amendment"}}, Team: slacktest.TeamID,
			Channel: slacktest.General, Requester: slacktest.Ada, Confirmer: slacktest.Grace, Reason: "a \"dup\" \x1b[2Jof",
			RequestedAt: at.Add(time.Duration(i) * time.Hour), DecidedAt: at.Add(time.Duration(i)*time.Hour + time.Minute),
		}
		d.Confirmation = sign.Encode(decision.Confirmation{
			ID: string(d.ID), Tasks: []decision.Named{{ID: d.Tasks[0].ID, Title: d.Tasks[0].Title}}, Team: d.Team, Channel: d.Channel, Requester: d.Requester, Reason: d.Reason,
			RequestedAt: d.RequestedAt, ExpiresAt: d.DecidedAt.Add(time.Minute),
		})
		d.MAC = sign.SignClick(d)
		if err := decide(ctx, j, d, outcome); err != nil {
			return err
		}
	}
	refused := decision.Note{Team: slacktest.TeamID, Channel: slacktest.General, Tasks: []chamelio.TaskID{12345}, Person: slacktest.Guest, Code: "guest", At: at}
	if err := j.Refused(ctx, refused); err != nil {
		return err
	}
	refused.ConfirmationID, refused.Tasks, refused.Person, refused.Code, refused.At = "confirmation9", []chamelio.TaskID{12349}, slacktest.Grace, "not_listed", at.Add(time.Hour)
	return j.Refused(ctx, refused)
}

func decide(ctx context.Context, j *journal.Journal, d decision.Record, outcome decision.Outcome) error {
	if outcome == decision.Withdrawn {
		_, _, err := j.Withdraw(ctx, d)
		return err
	}
	claim, err := j.Claim(ctx, d)
	if err != nil || outcome == "" {
		return err
	}
	_, err = j.Finish(ctx, claim.Lease, 0, decision.Result{Outcome: outcome}, true)
	return err
}
