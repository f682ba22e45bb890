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

// systemdRecipe is the systemd-run of docs/operate.md: the properties of its
// unit, and the command.
func systemdRecipe(t *testing.T) (properties []string, command string) {
	t.Helper()
	_, after, found := strings.Cut(read(t, "docs/operate.md"), "systemd-run ")
	recipe, _, closed := strings.Cut(after, "```")
	if !found || !closed {
		t.Fatal("docs/operate.md has no systemd-run")
	}
	recipe = strings.ReplaceAll(recipe, "\\\n", " ")
	for _, p := range regexp.MustCompile(`-p (\w+)=(?:"([^"]*)"|(\S+))`).FindAllStringSubmatch(recipe, -1) {
		properties = append(properties, p[1]+"="+p[2]+p[3])
	}
	_, arguments, _ := strings.Cut(recipe, "/usr/local/bin/cancelbot")
	return properties, "/usr/local/bin/cancelbot" + arguments
}

// The recipe for systemd has whatever the unit has that the program is told by,
// and systemd understands it.
func TestTheRecipeForSystemdIsTheUnits(t *testing.T) {
	properties, command := systemdRecipe(t)
	all := strings.Join(properties, " ")
	for _, line := range strings.Split(read(t, "deploy/systemd/cancelbot.service"), "\n") {
		name, value, _ := strings.Cut(line, "=")
		told := slices.Contains([]string{"LoadCredential", "Environment", "EnvironmentFile", "DynamicUser", "StateDirectory"}, name)
		if told && !strings.HasPrefix(value, "HTTP_ADDR=") && !strings.Contains(all, value) {
			t.Errorf("docs/operate.md's recipe lacks %s", line)
		}
	}
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("no systemd-analyze on this machine")
	}
	unit := filepath.Join(t.TempDir(), "recipe.service")
	text := "[Service]\nType=oneshot\n" + strings.Join(properties, "\n") + "\nExecStart=" + strings.Replace(command, "/usr/local/bin/cancelbot", program, 1) + "\n"
	if err := os.WriteFile(unit, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), analyze, "verify", "--man=no", unit).CombinedOutput(); err != nil || strings.Contains(string(out), unit) {
		t.Errorf("systemd-analyze verify: %v\n%s\n%s", err, out, text)
	}
}

// Each recipe asks the bot of its deployment: with the environment that the
// deployment sets, beside the bot that runs in it.
func TestTheRecipesAskTheBotThatRuns(t *testing.T) {
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
			s := newStandIns(t)
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
				t.Error("check has opened a connection beside the bot's")
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
