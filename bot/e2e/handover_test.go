package e2e

import (
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/slacktest"
	"github.com/cancelbot/cancelbot/chamelio/chameliotest"
)

// The bot token's file changes, and the process is stopped before it has read it again.
// Its successor, which starts with the new token, accepts open prompts.
func TestStoppingProcessHandsItsKeysOver(t *testing.T) {
	s := newFakes(t)
	env := s.fileEnv()
	p := start(t, env)
	s.connected(2)
	prompt := s.prompt(slacktest.Ada, slacktest.General, 12345)
	s.slack.AddToken("xoxb-9-fresh")
	for _, pair := range env {
		if name, path, _ := strings.Cut(pair, "_FILE="); name == "SLACK_BOT_TOKEN" {
			if err := os.WriteFile(path, []byte("xoxb-9-fresh\n"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	p.exit(t)
	start(t, env)
	s.connected(2)
	s.slack.Click(slacktest.Ada, prompt, "cancel_task")
	s.eventually("the task is cancelled", 20*time.Second, func() bool { return s.api.Effects(12345) == 1 })
}

// A prompt of a test system is open when the operator lets the bot use production, whose
// task with the same ID no one has looked at.
func TestPromptIsForOneChamelioOnly(t *testing.T) {
	s, production := newFakes(t), chameliotest.NewServer()
	t.Cleanup(production.Close)
	env := s.env(sqlite(t))
	p := start(t, env)
	s.connected(2)
	prompt := s.prompt(slacktest.Ada, slacktest.General, 12345)
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	p.exit(t)
	start(t, append(env, "CHAMELIO_API_URL="+production.URL()))
	s.connected(2)
	s.slack.Click(slacktest.Ada, prompt, "cancel_task")
	s.eventually("the prompt is refused", 20*time.Second, func() bool {
		said := s.slack.Private(slacktest.Ada, slacktest.General)
		return strings.Contains(said[len(said)-1].Text, "no longer valid")
	})
	if s.api.Cancels(12345)+production.Cancels(12345) != 0 {
		t.Error("a cancel was sent")
	}
}
