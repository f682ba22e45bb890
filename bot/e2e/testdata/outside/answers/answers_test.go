package answers

import (
	"context"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/slacktest"
)

func TestHelloCommandIsAnswered(t *testing.T) {
	slack := slacktest.NewServer()
	defer slack.Close()
	app := exec.CommandContext(t.Context(), os.Getenv("LISTEN"))
	app.Env = append(os.Environ(), "SLACK_API_URL="+slack.URL(), "SLACK_APP_TOKEN="+slacktest.AppToken)
	if err := app.Start(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := slack.WaitFor(ctx, func() bool { return slack.Connections() > 0 }); err != nil {
		t.Fatal(err)
	}
	if _, err := slack.Slash(slacktest.Ada, slacktest.General, "/hello").Wait(ctx); err != nil {
		t.Fatal(err)
	}
	if got := slack.Private(slacktest.Ada, slacktest.General); len(got) != 1 || got[0].Text != "got it" {
		t.Errorf("Ada reads %v", got)
	}
}
