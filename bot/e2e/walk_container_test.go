//go:build linux

package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// container runs the image as an engine would: its files, read-only, in a mount
// namespace of its own, an unprivileged user, and only the environment that is
// set. It stays in this machine's network, where the
// fakes are.
type container struct {
	root        string
	env         map[string]string
	user        string   // uid:gid
	health      []string // the command of its health check
	entrypoint  []string
	mounts      map[string]string // from a file or directory to its place within
	writable    map[string]bool   // by place
	stopTimeout time.Duration
}

// containerOf is the image that the Dockerfile describes, with an archive's
// program in it.
func (w *walk) containerOf(unpacked string) *container {
	w.Helper()
	if unpacked == "" {
		w.Skip("it goes on from the archive: run all of TestWalk")
	}
	if err := exec.Command("unshare", "--mount", "true").Run(); err != nil {
		w.Skipf("not walked: a container needs root, and the right to mount: unshare: %v", err)
	}
	c := &container{root: w.TempDir(), env: map[string]string{}, mounts: map[string]string{}, writable: map[string]bool{}}
	w.reachable(c.root)
	page := strings.ReplaceAll(read(w, "Dockerfile"), "\\\n", " ")
	_, last, _ := strings.Cut(page[strings.LastIndex(page, "\nFROM ")+1:], "\n")
	for _, line := range strings.Split(last, "\n") {
		instruction, rest, _ := strings.Cut(line, " ")
		switch instruction {
		case "ENV":
			name, value, _ := strings.Cut(rest, "=")
			c.env[name] = value
		case "USER":
			c.user = rest
		case "VOLUME":
			volume := filepath.Join(w.TempDir(), "volume")
			w.write(filepath.Join(volume, "x"), "", 0o600)
			w.reachable(volume)
			if err := os.Remove(filepath.Join(volume, "x")); err != nil {
				w.Fatal(err)
			}
			c.mount(w, volume, rest, true)
		case "ENTRYPOINT":
			w.words(rest, &c.entrypoint)
		case "HEALTHCHECK":
			_, command, _ := strings.Cut(rest, "CMD ")
			w.words(command, &c.health)
		}
	}
	if uid, gid := 0, 0; c.user != "" {
		if _, err := fmt.Sscanf(c.user, "%d:%d", &uid, &gid); err != nil || uid == 0 {
			w.Fatalf("USER %s: Kubernetes wants a number, and not that of root", c.user)
		}
		for from, to := range c.mounts {
			if c.writable[to] {
				if err := os.Chown(from, uid, gid); err != nil {
					w.Fatal(err)
				}
			}
		}
	}
	w.write(filepath.Join(c.root, c.entrypoint[0]), read(w, filepath.Join(unpacked, "cancelbot")), 0o755)
	c.env["SLACK_API_URL"], c.env["CHAMELIO_API_URL"], c.env["CANCEL_POLICY"] = w.slack.URL(), w.api.URL(), "members"
	c.elsewhere(w)
	return c
}

// reachable lets other users pass through a test's directory.
func (w *walk) reachable(dir string) {
	for ; len(dir) > len(os.TempDir()); dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil {
			w.Fatal(err)
		}
	}
}

func (w *walk) words(list string, into *[]string) {
	w.Helper()
	if err := json.Unmarshal([]byte(list), into); err != nil {
		w.Fatalf("%s: %v", list, err)
	}
}

// elsewhere moves the port for health to one that is free on this machine.
func (c *container) elsewhere(w *walk) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		w.Fatal(err)
	}
	defer l.Close()
	host, _, err := net.SplitHostPort(c.env["HTTP_ADDR"])
	if err != nil {
		w.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	c.env["HTTP_ADDR"] = net.JoinHostPort(host, port)
}

// mount mounts a directory or file from outside into the container.
func (c *container) mount(w *walk, from, to string, writable bool) {
	w.Helper()
	info, err := os.Stat(from)
	if err != nil {
		w.Fatal(err)
	}
	if place := filepath.Join(c.root, to); info.IsDir() {
		if err := os.MkdirAll(place, 0o755); err != nil {
			w.Fatal(err)
		}
	} else {
		w.write(place, "", 0o444)
	}
	c.mounts[from], c.writable[to] = to, writable
}

// command is a command in the container.
func (c *container) command(command ...string) *exec.Cmd {
	script := `mount --bind "$0" "$0"`
	for _, from := range slices.Sorted(maps.Keys(c.mounts)) {
		place := filepath.Join(c.root, c.mounts[from])
		script += fmt.Sprintf(" && mount --bind '%s' '%s'", from, place)
		if !c.writable[c.mounts[from]] {
			script += fmt.Sprintf(" && mount -o remount,bind,ro '%s'", place)
		}
	}
	script += ` && mount -o remount,bind,ro "$0" && exec setpriv --no-new-privs "$(PATH=/usr/sbin:/usr/bin:/sbin:/bin command -v chroot)" --userspec=` + c.user + ` --groups= "$0" "$@"`
	cmd := exec.Command("unshare", append([]string{"--mount", "sh", "-c", script, c.root}, command...)...)
	cmd.Env = []string{}
	for _, name := range slices.Sorted(maps.Keys(c.env)) {
		cmd.Env = append(cmd.Env, name+"="+c.env[name])
	}
	return cmd
}

// healthy waits until the container's health check says so.
func (c *container) healthy(w *walk) {
	w.Helper()
	said := []byte{}
	w.eventually("it is healthy", 30*time.Second, func() bool {
		var err error
		said, err = c.command(c.health...).CombinedOutput()
		return err == nil
	})
	if string(said) != "ready\n" {
		w.Errorf("the health check says %s", said)
	}
}

// stop is how an engine ends a container: it has so long after SIGTERM.
func (c *container) stop(w *walk, p *process) {
	w.Helper()
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.ended:
	case <-time.After(c.stopTimeout):
		w.Fatalf("it has not ended after %s:\n%s", c.stopTimeout, p.output)
	}
	if p.err != nil {
		w.Errorf("it ends with %v:\n%s", p.err, p.output)
	}
}

// image runs the image as docs/install.md does, with a file of variables, a
// directory of secrets, and a volume.
func (w *walk) image(unpacked string) {
	c := w.containerOf(unpacked)
	_, page, _ := strings.Cut(read(w, "docs/install.md"), "### With Docker\n")
	page, _, _ = strings.Cut(page, "\n### ")
	w.typed(unpacked, `PATH="$PWD:$PATH"; `+regexp.MustCompile(`(?m)^cancelbot secret .*$`).FindString(page))
	for _, variable := range regexp.MustCompile(`(?m)^(\w+_FILE)=(.*)$`).FindAllStringSubmatch(page, -1) {
		c.env[variable[1]] = variable[2]
	}
	secrets := regexp.MustCompile(`-v "\$PWD/([^:]+):([^:]+):ro"`).FindStringSubmatch(page)
	if secrets == nil {
		w.Fatal("the secrets aren't mounted")
	}
	c.mount(w, filepath.Join(unpacked, secrets[1]), secrets[2], false)
	grace := regexp.MustCompile(`--stop-timeout (\d+)`).FindStringSubmatch(page)
	if grace == nil {
		w.Fatal("docker run leaves the bot ten seconds for its end")
	}
	seconds, _ := strconv.Atoi(grace[1])
	c.stopTimeout = time.Duration(seconds) * time.Second
	w.began = time.Now()
	p := w.launch(c.command(c.entrypoint...))
	c.healthy(w)
	w.step("healthy")
	w.firstCommand()
	w.replaceToken(p, filepath.Join(unpacked, secrets[1]))
	c.stop(w, p)
	// Another container on the same volume knows of it.
	said, err := c.command(append(c.entrypoint, "history")...).CombinedOutput()
	if err != nil || !strings.Contains(string(said), "12345") {
		w.Errorf("history: %v\n%s", err, said)
	}
	w.step("stopped, and its history read")
}

// replaceToken replaces the bot token in a directory, as docs/install.md says, and waits
// until a running bot uses the new one.
func (w *walk) replaceToken(p *process, secrets string) {
	w.Helper()
	w.slack.AddToken("xoxb-9-fresh")
	w.typed(secrets, `printf 'xoxb-9-fresh\n' | `+program+` secret slack-bot-token`)
	w.eventually("the new token is in use", 30*time.Second, func() bool {
		return strings.Contains(p.output.String(), "secret file changed; new value in use")
	})
	w.step("bot token replaced")
}
