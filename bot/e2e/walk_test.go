//go:build linux

package e2e

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/slacktest"
	"github.com/cancelbot/cancelbot/chamelio/chameliotest"
)

// release is the version that is walked: the one which the pages name.
const release = "0.1.0"

// walk is one way to install the bot, from an empty directory to a task that
// someone cancelled in Slack.
type walk struct {
	*fakes
	dir   string // empty at first
	began time.Time
	took  time.Duration // all steps
	steps []string
}

// step says what was done, and how long it took since the step before.
func (w *walk) step(what string) {
	took := time.Since(w.began)
	w.steps, w.took = append(w.steps, fmt.Sprintf("%s %s", what, round(took))), w.took+took
	w.began = time.Now()
}

func round(d time.Duration) time.Duration {
	if d < time.Second {
		return d.Round(10 * time.Millisecond)
	}
	return d.Round(100 * time.Millisecond)
}

// TestWalk walks each way to install the bot, from an empty directory as the
// pages say, against the fakes, and prints how long each took. Go's modules come
// from this machine's cache. So does compiled code, unless WALK=full, which also
// waits as long as a deployment waits.
func TestWalk(outer *testing.T) {
	if os.Getenv("CI") == "" && os.Getenv("WALK") == "" {
		outer.Skip("builds the program several times and takes a minute: set WALK=quick, or WALK=full")
	}
	outer.Setenv("GOFLAGS", "") // whatever these tests are built with
	if full() {
		outer.Setenv("GOCACHE", outer.TempDir())
	}
	var table strings.Builder
	unpacked := "" // the archive's directory, from which others go on
	for _, way := range []struct {
		name string
		go_  func(*walk)
	}{
		{"`go install`", (*walk).goInstall},
		{"the archive", func(w *walk) { unpacked = w.archive() }},
		{"systemd", func(w *walk) { w.systemd(unpacked) }},
		{"the image", func(w *walk) { w.image(unpacked) }},
		{"Docker Compose", func(w *walk) { w.compose(unpacked) }},
		{"Docker Compose with Postgres", func(w *walk) { w.composePostgres(unpacked) }},
		{"Kubernetes", func(w *walk) { w.kubernetes(unpacked) }},
		{"`slack run`", (*walk).slackRun},
	} {
		outer.Run(strings.Trim(strings.ReplaceAll(way.name, " ", "-"), "`"), func(t *testing.T) {
			w := &walk{fakes: newFakes(t), dir: outer.TempDir(), began: time.Now()}
			w.reachable(w.dir) // containers and units run as users of their own
			way.go_(w)
			fmt.Fprintf(&table, "| %s | %s | %s |\n", way.name, round(w.took), strings.Join(w.steps, ", "))
		})
	}
	outer.Logf("\n| way | took | of which |\n| --- | --- | --- |\n%s", &table)
}

func full() bool { return os.Getenv("WALK") == "full" }

// firstCommand is what docs/install.md ends with: help, the prompt, and a task
// cancelled for everybody to read.
func (w *walk) firstCommand() {
	w.Helper()
	w.slack.Slash(slacktest.Ada, slacktest.Random, "/cancel-task help")
	w.eventually("the help", 20*time.Second, func() bool { return len(w.slack.Private(slacktest.Ada, slacktest.Random)) > 0 })
	w.slack.Click(slacktest.Ada, w.prompt(slacktest.Ada, slacktest.General, 12345), "cancel_task")
	w.eventually("the outcome", 20*time.Second, func() bool { return len(w.slack.History(slacktest.General)) == 1 })
	if told := w.slack.History(slacktest.General)[0].Text; !strings.Contains(told, "cancelled") {
		w.Errorf("the channel reads %s", told)
	}
	w.step("the first task cancelled")
}

// do runs a command from a page.
func (w *walk) do(dir string, env []string, name string, args ...string) string {
	w.Helper()
	cmd := exec.CommandContext(w.Context(), name, args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		w.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// threeSecrets are what every deployment needs, in the order in which they are
// asked for.
func threeSecrets() []string {
	return []string{slacktest.AppToken, slacktest.BotToken, chameliotest.Key}
}

// typed runs a line of a page in a shell. If it asks for secrets, it gets the
// three, and these.
func (w *walk) typed(dir, line string, besides ...string) {
	w.Helper()
	cmd := exec.CommandContext(w.Context(), "sh", "-c", line)
	cmd.Dir, cmd.Stdin = dir, strings.NewReader(strings.Join(append(threeSecrets(), besides...), "\n")+"\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		w.Fatalf("%s: %v\n%s", line, err, out)
	}
}

// run starts the installed program with the three secrets, once check has
// found it ready, and goes on to the first command.
func (w *walk) run(bin string) {
	w.Helper()
	w.slack.SetScopes("commands", "chat:write", "chat:write.public", "users:read")
	env := w.env(sqlite(w))
	if said := w.do(w.dir, env, bin, "check"); !strings.Contains(said, "Ready to run.") {
		w.Errorf("check says\n%s", said)
	}
	w.step("`check`")
	cmd := exec.Command(bin)
	cmd.Env, cmd.Dir = env, w.dir
	w.launch(cmd)
	w.connected(2)
	w.step("connected")
	w.firstCommand()
}

// launch starts a command; where the walk fails, what it said is shown.
func (w *walk) launch(cmd *exec.Cmd) *process {
	w.Helper()
	p := launch(w, cmd)
	w.Cleanup(func() {
		if w.Failed() {
			w.Logf("%s said:\n%s", cmd, p.output)
		}
	})
	return p
}

func (w *walk) write(file, text string, mode fs.FileMode) {
	w.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		w.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), mode); err != nil {
		w.Fatal(err)
	}
	if err := os.Chmod(file, mode); err != nil { // whatever the umask
		w.Fatal(err)
	}
}

// slackRun calls the hooks as the Slack CLI does, in a clone.
func (w *walk) slackRun() {
	for _, file := range sourceFiles(w) {
		w.write(filepath.Join(w.dir, file), read(w, file), 0o644)
	}
	w.began = time.Now()
	hooks := readHooks(w).Hooks
	env := append(w.env(sqlite(w)), "SLACK_WORKSPACE=acme", "SLACK_ENV=local")
	manifest := hook(w, "sh", hooks["get-manifest"], []string{"--source=" + w.dir}, env)
	manifest.Dir = w.dir
	said, err := manifest.Output()
	if err != nil || !json.Valid(said) {
		w.Fatalf("get-manifest: %v\n%s", err, said)
	}
	w.step("the manifest")
	cmd := hook(w, "sh", hooks["start"], nil, env)
	cmd.Dir = w.dir
	p := w.launch(cmd)
	w.Cleanup(func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) })
	w.eventually("the bot connects", 5*time.Minute, func() bool { return p.over() || w.slack.Connections() == 2 })
	if p.over() {
		w.Fatalf("it has ended:\n%s", p.output)
	}
	w.step("connected")
	w.firstCommand()
	_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGINT)
	p.exit(w)
}

func (p *process) over() bool { return done(p.ended) }
