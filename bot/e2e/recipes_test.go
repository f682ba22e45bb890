package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// settings are the lines of a unit's section [Service] that aren't about how the
// service is started and stopped.
func settings(t *testing.T, file string) (all []string) {
	t.Helper()
	lifecycle := regexp.MustCompile(`^(Type|ExecStart|User|Restart|RestartSec|RestartPreventExitStatus|TimeoutStartSec|TimeoutStopSec)=`)
	_, service, _ := strings.Cut(read(t, file), "[Service]")
	service, _, _ = strings.Cut(service, "[Install]")
	for line := range strings.SplitSeq(service, "\n") {
		if line != "" && line[0] != '#' && !lifecycle.MatchString(line) {
			all = append(all, line)
		}
	}
	return all
}

// TestCheckUnitHasTheBotsSettings compares the unit that checks the installation
// with the bot's, and lets systemd read both.
func TestCheckUnitHasTheBotsSettings(t *testing.T) {
	const bot, check = "deploy/systemd/cancelbot.service", "deploy/systemd/cancelbot-check.service"
	if want, got := settings(t, bot), settings(t, check); !slices.Equal(want, got) {
		t.Errorf("%s has\n%s\nwant\n%s", check, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if !strings.Contains(read(t, check), "\nUser=cancelbot\n") {
		t.Error("the check doesn't run as the bot's user, which may write the journal")
	}
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("no systemd-analyze on this machine")
	}
	unit := filepath.Join(t.TempDir(), "cancelbot-check.service")
	text := strings.Replace(read(t, check), "/usr/local/bin/cancelbot", program, 1)
	if err := os.WriteFile(unit, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), analyze, "verify", "--man=no", unit).CombinedOutput(); err != nil || strings.Contains(string(out), unit) {
		t.Errorf("systemd-analyze verify: %v\n%s\n%s", err, out, text)
	}
}

// Each recipe runs in its deployment, with the deployment's environment, next to
// the running bot.
func TestRecipesAskTheRunningBot(t *testing.T) {
	t.Parallel()
	page := read(t, "docs/operate.md")
	for _, want := range []string{"docker compose -f deploy/compose.yaml exec cancelbot /cancelbot check", "kubectl -n cancelbot exec deployment/cancelbot -- /cancelbot history"} {
		if !strings.Contains(page, want) {
			t.Errorf("docs/operate.md does not say %s", want)
		}
	}
	if !strings.Contains(read(t, "Dockerfile"), `ENTRYPOINT ["/cancelbot"]`) || !strings.Contains(read(t, "deploy/kubernetes/deployment.yaml"), "name: cancelbot") {
		t.Error("the program, or the deployment, is called otherwise")
	}
	for way, set := range deployments(t) {
		t.Run(way, func(t *testing.T) {
			s := newFakes(t)
			s.slack.SetScopes("commands", "chat:write", "chat:write.public", "users:read")
			env := s.deployed(t, set)
			start(t, env)
			s.connected(2)
			opened := s.slack.Opened()
			check := start(t, env, "check")
			if code := check.exit(t); code != 0 {
				t.Errorf("check: %d\n%s", code, check.output)
			}
			if s.slack.Opened() != opened {
				t.Error("check has opened a connection in addition to the bot's")
			}
			s.slack.Click("U0ADA", s.prompt("U0ADA", "C0GENERAL", 12345), "cancel_task")
			s.eventually("the outcome", 20*time.Second, func() bool { return len(s.slack.History("C0GENERAL")) == 1 })
			history := start(t, env, "history", "--since", "3d")
			if code := history.exit(t); code != 0 || !strings.Contains(history.output.String(), fmt.Sprint(12345)) {
				t.Errorf("history: %d\n%s", code, history.output)
			}
		})
	}
}
