//go:build linux

package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/cancelbot/cancelbot/bot/slacktest"
)

// unit is the service as systemd would run it: after each end it starts it
// again, or not, by the unit's rules.
type unit struct {
	*walk
	settings map[string][]string
	*container
}

// systemd installs the unit by the page's own commands, below a root of its
// own, and carries out what it says.
func (w *walk) systemd(unpacked string) {
	c := w.containerOf(unpacked)
	w.began = time.Now()
	_, page, _ := strings.Cut(read(w, "docs/install.md"), "### With systemd")
	for _, dir := range []string{"usr/local/bin", "etc/systemd/system"} {
		if err := os.MkdirAll(filepath.Join(c.root, dir), 0o755); err != nil {
			w.Fatal(err)
		}
	}
	var typed []string
	for _, line := range strings.Split(strings.Split(page, "systemctl start")[0], "\n") {
		if !strings.HasPrefix(line, "install ") && !strings.HasPrefix(line, "cancelbot secret ") {
			continue
		}
		words := strings.Fields(line)
		for i, word := range words {
			if strings.HasPrefix(word, "/") {
				words[i] = c.root + word
			}
		}
		if words[0] == "cancelbot" {
			words[0] = filepath.Join(c.root, "usr/local/bin/cancelbot")
		}
		w.typed(unpacked, strings.Join(words, " "))
		typed = append(typed, line)
	}
	if len(typed) != 3 {
		w.Fatalf("these lines of the page install something: %q", typed)
	}
	w.write(filepath.Join(c.root, "etc/cancelbot/environment"), fmt.Sprintf("SLACK_API_URL=%s\nCHAMELIO_API_URL=%s\nCANCEL_POLICY=members\nCOMMANDS_PER_MINUTE=100\n", w.slack.URL(), w.api.URL()), 0o600)
	u := w.loaded(c)
	w.step("installed")

	p := u.start()
	w.connected(2)
	w.step("connected")
	w.firstCommand()
	_ = p.cmd.Process.Kill()
	<-p.ended
	w.eventually("Slack sees it gone", 20*time.Second, func() bool { return w.slack.Connections() == 0 })
	if !u.restarts(p) {
		w.Error("it is not started again after SIGKILL")
	}
	p = u.start()
	w.eventually("it is back", 20*time.Second, func() bool { return w.slack.Connections() == 2 })
	c.stop(w, p)

	// A token in a file, which could change, would be tried for three minutes.
	delete(u.env, "SLACK_APP_TOKEN_FILE")
	u.env["SLACK_APP_TOKEN"] = slacktest.AppToken
	w.slack.RefuseToken(slacktest.AppToken, "token_revoked")
	p = u.start()
	if code := p.exit(w); code != 77 || u.restarts(p) {
		w.Errorf("a refused token ends with %d, and it is started again: %t\n%s", code, u.restarts(p), p.output)
	}
	u.env["CONFIRM_TIMEOUT"] = "soon"
	p = u.start()
	if code := p.exit(w); code != 2 || u.restarts(p) {
		w.Errorf("a wrong variable ends with %d, and it is started again: %t", code, u.restarts(p))
	}
	w.step("killed and back, stopped, not started again with a refused token")
}

// loaded reads the unit and makes of it what systemd would: the credentials
// handed over, the state's directory, the environment.
func (w *walk) loaded(c *container) *unit {
	w.Helper()
	u := &unit{w, map[string][]string{}, c}
	for _, line := range strings.Split(read(w, filepath.Join(c.root, "etc/systemd/system/cancelbot.service")), "\n") {
		if name, value, found := strings.Cut(line, "="); found && !strings.HasPrefix(line, "#") {
			u.settings[name] = append(u.settings[name], value)
		}
	}
	const dynamic, credentials = 61234, "/run/credentials/cancelbot.service"
	*c = container{root: c.root, env: map[string]string{}, user: fmt.Sprintf("%d:%d", dynamic, dynamic), mounts: map[string]string{}, writable: map[string]bool{}}
	if u.settings["DynamicUser"][0] != "yes" || u.settings["ProtectSystem"][0] != "strict" {
		w.Errorf("the unit's user and files are others: %v", u.settings)
	}
	state := filepath.Join(w.TempDir(), "state")
	handed := filepath.Join(w.TempDir(), "credentials")
	for _, dir := range []string{state, handed} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			w.Fatal(err)
		}
		w.reachable(filepath.Dir(dir))
	}
	for _, credential := range u.settings["LoadCredential"] {
		name, from, _ := strings.Cut(credential, ":")
		w.write(filepath.Join(handed, name), read(w, filepath.Join(c.root, from)), 0o400)
	}
	var err error
	for _, place := range append([]string{state, handed}, w.within(handed)...) {
		if err == nil {
			err = os.Chown(place, dynamic, dynamic)
		}
	}
	if err != nil {
		w.Fatal(err)
	}
	c.mount(w, state, "/var/lib/"+u.settings["StateDirectory"][0], true)
	c.mount(w, handed, credentials, false)
	set := u.settings["Environment"]
	for _, file := range u.settings["EnvironmentFile"] {
		set = append(set, strings.Fields(read(w, filepath.Join(c.root, strings.TrimPrefix(file, "-"))))...)
	}
	for _, pair := range set {
		name, value, _ := strings.Cut(pair, "=")
		c.env[name] = strings.ReplaceAll(value, "%d", credentials)
	}
	if c.stopTimeout, err = time.ParseDuration(u.settings["TimeoutStopSec"][0] + "s"); err != nil {
		w.Fatal(err)
	}
	c.elsewhere(w)
	u.verified()
	return u
}

func (w *walk) within(dir string) (files []string) {
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		w.Fatal(err)
	}
	return files
}

// verified lets systemd read the unit, with the path of the program here.
func (u *unit) verified() {
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		u.Log("no systemd-analyze on this machine: the unit is not verified by it")
		return
	}
	bin := u.settings["ExecStart"][0]
	text := strings.Replace(read(u, filepath.Join(u.root, "etc/systemd/system/cancelbot.service")), bin, filepath.Join(u.root, bin), 1)
	file := filepath.Join(u.TempDir(), "cancelbot.service")
	u.write(file, text, 0o644)
	if out, err := exec.CommandContext(u.Context(), analyze, "verify", "--man=no", file).CombinedOutput(); err != nil || strings.Contains(string(out), file) {
		u.Errorf("systemd-analyze verify: %v\n%s", err, out)
	}
}

func (u *unit) start() *process {
	return u.launch(u.command(strings.Fields(u.settings["ExecStart"][0])...))
}

// restarts tells whether systemd starts the service again after this end.
func (u *unit) restarts(p *process) bool {
	if u.settings["Restart"][0] != "always" {
		return false
	}
	status := p.cmd.ProcessState.Sys().(syscall.WaitStatus)
	final := strings.Fields(u.settings["RestartPreventExitStatus"][0])
	return !status.Exited() || !slices.Contains(final, fmt.Sprint(status.ExitStatus()))
}
