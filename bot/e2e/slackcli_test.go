//go:build unix

package e2e

import (
	"encoding/json"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/slacktest"
	"github.com/cancelbot/cancelbot/chamelio/chameliotest"
)

// slackHooks is .slack/hooks.json as the Slack CLI reads it (slackapi/slack-cli,
// internal/hooks/sdk_config.go).
type slackHooks struct {
	Hooks  map[string]string
	Config struct {
		Protocols         []string `json:"protocol-version"`
		ManagedConnection bool     `json:"sdk-managed-connection-enabled"`
	}
}

func readHooks(t testing.TB) slackHooks {
	t.Helper()
	var h slackHooks
	if err := json.Unmarshal([]byte(read(t, ".slack/hooks.json")), &h); err != nil {
		t.Fatal(err)
	}
	return h
}

// hook is the process that the Slack CLI starts for a hook: its words and what
// the CLI adds, joined by spaces, as a script of the person's shell
// (internal/hooks/shell.go). If a variable is set twice, the later value
// counts.
func hook(t testing.TB, shell, script string, added, env []string) *exec.Cmd {
	t.Helper()
	words := append(strings.Fields(script), added...)
	cmd := exec.Command(shell, "-c", strings.Join(words, " "))
	cmd.Env = append(os.Environ(), env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // a terminal's foreground job
	return cmd
}

// The CLI uses the whole output of get-manifest as the manifest, and adds the
// project's directory to its command, unquoted.
func TestSlackCLIGetsManifest(t *testing.T) {
	h := readHooks(t)
	if !h.Config.ManagedConnection || len(h.Config.Protocols) != 0 {
		t.Errorf("%+v", h.Config)
	}
	for _, shell := range []string{"sh", "bash", "zsh", "fish"} {
		if _, err := exec.LookPath(shell); err != nil {
			continue
		}
		env := []string{"SLACK_APP_TOKEN=", "SLACK_BOT_TOKEN=", "SLACK_COMMAND=/stop", "SLACK_WORKSPACE=acme", "SLACK_ENV=local"}
		out, err := hook(t, shell, h.Hooks["get-manifest"], []string{"--source=/home/ada/my projects/cancelbot"}, env).Output()
		if err != nil {
			t.Fatalf("%s: %v", shell, err)
		}
		var manifest struct {
			Features struct {
				SlashCommands []struct{ Command string } `json:"slash_commands"`
			}
			Settings struct {
				SocketMode bool `json:"socket_mode_enabled"`
				OrgDeploy  bool `json:"org_deploy_enabled"` // without it, the CLI refuses to make an app of an Enterprise organisation
			}
		}
		if err := json.Unmarshal(out, &manifest); err != nil {
			t.Fatalf("%s: %v\n%s", shell, err, out)
		}
		if m := manifest; len(m.Features.SlashCommands) != 1 || m.Features.SlashCommands[0].Command != "/stop" || !m.Settings.SocketMode || !m.Settings.OrgDeploy {
			t.Errorf("%s: %+v", shell, m)
		}
	}
}

// The CLI starts the bot with both tokens.
func TestSlackCLIStartsBot(t *testing.T) {
	handed := []string{"SLACK_CLI_XAPP=" + slacktest.AppToken, "SLACK_CLI_XOXB=" + slacktest.BotToken}
	for name, tokens := range map[string][]string{
		"under our names":           {"SLACK_APP_TOKEN=" + slacktest.AppToken, "SLACK_BOT_TOKEN=" + slacktest.BotToken},
		"where ours are set, empty": {"SLACK_APP_TOKEN=", "SLACK_BOT_TOKEN="},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newFakes(t)
			p := startHook(s, slices.Concat(handed, tokens))
			_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGINT)
			p.exit(t)
		})
	}
}

// startHook starts the bot as the CLI does, and waits until it is connected.
func startHook(s *fakes, tokens []string) *process {
	s.Helper()
	script := readHooks(s.TB).Hooks["start"]
	env := append(s.env(sqlite(s.TB)), tokens...)
	p := launch(s, hook(s.TB, "sh", script, nil, env)) // it ends with the last of its processes
	s.Cleanup(func() { _ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL); <-p.ended })
	s.eventually("the bot connects", 2*time.Minute, func() bool {
		select {
		case <-p.ended:
			s.Fatalf("it has ended:\n%s", p.output)
		default:
		}
		return s.slack.Connections() == 2
	})
	return p
}

// Ctrl-C reaches the bot from the terminal, and the hook's shell a second time
// from the CLI. A second signal to the bot would end it at once, so it must
// get only one, and finish a decision in progress.
func TestCtrlCInTheSlackCLILetsADecisionFinish(t *testing.T) {
	t.Parallel()
	s := newFakes(t)
	p := startHook(s, nil)
	s.api.Break(chameliotest.Fault{Method: "POST", Delay: time.Second, Times: 1})
	s.slack.Click(slacktest.Ada, s.prompt(slacktest.Ada, slacktest.General, 12345), "cancel_task")
	s.eventually("the cancel is sent", 10*time.Second, func() bool { return s.api.Cancels(12345) == 1 })
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGINT)
	s.eventually("it is stopping", 10*time.Second, func() bool { return strings.Contains(p.output.String(), "stopping") })
	_ = p.cmd.Process.Signal(syscall.SIGINT)
	p.exit(t)
	if told := s.slack.History(slacktest.General); len(told) != 1 || !strings.Contains(told[0].Text, "cancelled") {
		t.Errorf("the channel reads %v", told)
	}
	if !strings.HasSuffix(p.output.String(), `"msg":"stopped","event":"stopped"}`+"\n") {
		t.Errorf("it says\n%s", p.output)
	}
}
