//go:build linux

package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/pgtest"
	"github.com/cancelbot/cancelbot/bot/slacktest"
	"github.com/cancelbot/cancelbot/chamelio/chameliotest"
)

// container is what an engine makes of the image: its files, read-only, in a
// namespace of its own for mounts, a user without rights, and an environment
// that is only what is set. It stays in this machine's network, where the
// stand-ins are.
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
			w.Fatalf("USER %s is no number, so that Kubernetes cannot tell that it is not root", c.user)
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
	c.env["SLACK_API_URL"], c.env["CHAMELIO_BASE_URL"] = w.slack.URL(), w.api.URL()
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

// mount makes a place in the container for what stands outside of it.
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

// image runs the image as docs/install.md does, with a file of variables and
// a volume.
func (w *walk) image(unpacked string) {
	c := w.containerOf(unpacked)
	c.env["SLACK_APP_TOKEN"], c.env["SLACK_BOT_TOKEN"], c.env["CHAMELIO_API_KEY"] = slacktest.AppToken, slacktest.BotToken, chameliotest.Key
	grace := regexp.MustCompile(`--stop-timeout (\d+)`).FindStringSubmatch(read(w, "docs/install.md"))
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
	c.stop(w, p)
	// Another container on the same volume knows of it.
	said, err := c.command(append(c.entrypoint, "history")...).CombinedOutput()
	if err != nil || !strings.Contains(string(said), "12345") {
		w.Errorf("history: %v\n%s", err, said)
	}
	w.step("stopped, and its history read")
}

type composeFile struct {
	Services map[string]struct {
		Environment     map[string]string
		Secrets         []string
		Volumes         []string
		ReadOnly        bool   `yaml:"read_only"`
		StopGracePeriod string `yaml:"stop_grace_period"`
		Deploy          struct{ Replicas int }
		Healthcheck     struct{ Test []string }
	}
	Secrets map[string]struct{ File string }
}

// composed makes the containers of the service as Compose would of these files:
// later ones add to it.
func (w *walk) composed(unpacked string, besides map[string]string, files ...string) (c *container, replicas int) {
	w.Helper()
	c = w.containerOf(unpacked)
	dir := filepath.Join(unpacked, "deploy")
	if err := os.RemoveAll(filepath.Join(dir, "secrets")); err != nil {
		w.Fatal(err)
	}
	_, page, _ := strings.Cut(read(w, "docs/install.md"), "### With Docker Compose")
	page, _, found := strings.Cut(page, "docker compose")
	for _, line := range regexp.MustCompile(`(?m)^(mkdir|cat|chmod) .*$`).FindAllString(page, -1) {
		w.typed(unpacked, line)
	}
	if !found || w.Failed() {
		w.Fatal("the page does not say how the secrets are made")
	}
	for name, secret := range besides {
		w.write(filepath.Join(dir, "secrets", name), secret+"\n", 0o444)
	}
	replicas = 1
	for _, file := range files {
		var said composeFile
		decode(w, filepath.Join(unpacked, file), &said)
		service := said.Services["cancelbot"]
		maps.Copy(c.env, service.Environment)
		for _, name := range service.Secrets {
			c.mount(w, filepath.Join(dir, said.Secrets[name].File), "/run/secrets/"+name, false)
		}
		for _, volume := range service.Volumes {
			if _, place, _ := strings.Cut(volume, ":"); !c.writable[place] {
				w.Errorf("the volume %s is not the image's", volume)
			}
		}
		if service.StopGracePeriod != "" {
			var err error
			if c.stopTimeout, err = time.ParseDuration(service.StopGracePeriod); err != nil {
				w.Fatal(err)
			}
		}
		replicas = max(replicas, service.Deploy.Replicas)
	}
	c.elsewhere(w)
	w.began = time.Now()
	return c, replicas
}

func threeSecrets() map[string]string {
	return map[string]string{"slack_app_token": slacktest.AppToken, "slack_bot_token": slacktest.BotToken, "chamelio_api_key": chameliotest.Key}
}

func (w *walk) compose(unpacked string) {
	c, _ := w.composed(unpacked, nil, "deploy/compose.yaml")
	p := w.launch(c.command(c.entrypoint...))
	c.healthy(w)
	w.step("healthy")
	w.firstCommand()
	c.stop(w, p)
	w.step("stopped")
}

// composePostgres waits for the database as depends_on does, and runs the
// replicas; one that dies is not missed.
func (w *walk) composePostgres(unpacked string) {
	database := pgtest.Start(w)
	var said composeFile
	decode(w, "deploy/compose.postgres.yaml", &said)
	if test := said.Services["postgres"].Healthcheck.Test; test[0] != "CMD" || test[1] != "pg_isready" {
		w.Errorf("the database's health is %v", test)
	} else if found, err := exec.LookPath("pg_isready"); err == nil {
		_, port, _ := net.SplitHostPort(regexp.MustCompile(`@([^/]+)/`).FindStringSubmatch(database)[1])
		w.do(w.dir, nil, found, append(test[2:], "-p", port)...)
	}
	secrets := map[string]string{"database_url": database, "postgres_password": "unused"}
	c, replicas := w.composed(unpacked, secrets, "deploy/compose.yaml", "deploy/compose.postgres.yaml")
	if replicas != 2 {
		w.Fatalf("%d replicas", replicas)
	}
	first := w.launch(c.command(c.entrypoint...))
	c.healthy(w)
	c.elsewhere(w)
	w.launch(c.command(c.entrypoint...))
	c.healthy(w)
	w.connected(4)
	w.step("both healthy")
	first.kill()
	w.eventually("Slack knows", 20*time.Second, func() bool { return w.slack.Connections() == 2 })
	w.firstCommand()
}

// deployment is what a Deployment says of its pods.
type deployment struct {
	Spec struct {
		Replicas, MinReadySeconds int
		Template                  struct {
			Spec struct {
				TerminationGracePeriodSeconds int
				SecurityContext               struct{ RunAsUser, RunAsGroup int }
				Containers                    []struct {
					Env                           []struct{ Name, Value string }
					Ports                         []struct{ ContainerPort int }
					LivenessProbe, ReadinessProbe struct{ HTTPGet struct{ Path string } }
					VolumeMounts                  []struct {
						Name, MountPath string
						ReadOnly        bool
					}
				}
				Volumes []struct {
					Name   string
					Secret struct{ SecretName string }
				}
			}
		}
	}
}

// pod is a running replica, and where the kubelet asks for it.
type pod struct {
	*container
	*process
	live, ready string
}

func (w *walk) kubernetes(unpacked string) {
	database := pgtest.Start(w)
	if unpacked == "" {
		w.Skip("it goes on from the archive: run all of TestWalk")
	}
	var said deployment
	var lower any
	decode(w, filepath.Join(unpacked, "deploy/kubernetes/deployment.yaml"), &lower)
	raw, err := json.Marshal(lower) // whose names are matched in any case
	if err != nil {
		w.Fatal(err)
	}
	if err := json.Unmarshal(raw, &said); err != nil {
		w.Fatal(err)
	}
	// kubectl create secret, with the files that the page names
	secret := w.TempDir()
	w.reachable(secret)
	contents := threeSecrets()
	contents["database_url"] = database
	names := regexp.MustCompile(`--from-file=([a-z-]+)`).FindAllStringSubmatch(read(w, "docs/install.md"), -1)
	for _, name := range names {
		w.write(filepath.Join(secret, name[1]), contents[strings.ReplaceAll(name[1], "-", "_")]+"\n", 0o644)
	}
	if len(names) != len(contents) {
		w.Errorf("the page makes the secret of %v", names)
	}
	template := said.Spec.Template.Spec
	of := template.Containers[0]
	up := func() *pod {
		c := w.containerOf(unpacked)
		c.user = fmt.Sprintf("%d:%d", template.SecurityContext.RunAsUser, template.SecurityContext.RunAsGroup)
		c.stopTimeout = time.Duration(template.TerminationGracePeriodSeconds) * time.Second
		c.env["COMMANDS_PER_MINUTE"] = "1000000" // for one person who types them all
		for _, e := range of.Env {
			c.env[e.Name] = e.Value
		}
		for _, m := range of.VolumeMounts {
			c.mount(w, secret, m.MountPath, !m.ReadOnly)
		}
		if !strings.HasSuffix(c.env["HTTP_ADDR"], fmt.Sprintf(":%d", of.Ports[0].ContainerPort)) {
			w.Errorf("it listens at %s, and the pod's port is %d", c.env["HTTP_ADDR"], of.Ports[0].ContainerPort)
		}
		c.elsewhere(w)
		_, port, _ := net.SplitHostPort(c.env["HTTP_ADDR"])
		return &pod{c, w.launch(c.command(c.entrypoint...)), "http://127.0.0.1:" + port + of.LivenessProbe.HTTPGet.Path, "http://127.0.0.1:" + port + of.ReadinessProbe.HTTPGet.Path}
	}
	w.began = time.Now()
	pods := []*pod{up(), up()}
	for _, p := range pods {
		w.probed(p.ready)
		w.probed(p.live)
	}
	w.connected(4)
	w.step("both ready")
	w.firstCommand()
	w.rollOut(pods, up, said.Spec.MinReadySeconds)
}

// probed waits until a probe passes.
func (w *walk) probed(url string) {
	w.Helper()
	w.eventually(url, 30*time.Second, func() bool {
		resp, err := http.Get(url)
		if err != nil {
			return false
		}
		_ = resp.Body.Close()
		return resp.StatusCode < 400
	})
}

// rollOut replaces each pod as the Deployment says: a new one is ready for so
// long before an old one goes. Commands flow meanwhile, and each gets its
// prompt.
func (w *walk) rollOut(pods []*pod, up func() *pod, minReadySeconds int) {
	before := len(w.slack.Private(slacktest.Grace, slacktest.General))
	w.api.SetRateLimit(1<<30, false)
	over := make(chan struct{})
	go func() {
		defer close(over)
		for _, old := range pods {
			p := up()
			w.probed(p.ready)
			wait := time.Duration(minReadySeconds) * time.Second
			if !full() {
				wait /= 3
			}
			time.Sleep(wait)
			old.stop(w, old.process)
		}
	}()
	pace := time.NewTicker(50 * time.Millisecond)
	defer pace.Stop()
	sent := 0
	for !done(over) {
		<-pace.C
		w.slack.Slash(slacktest.Grace, slacktest.General, "/cancel-task 12344")
		sent++
	}
	w.eventually("all are answered", time.Minute, func() bool { return len(w.slack.Private(slacktest.Grace, slacktest.General))-before >= sent })
	prompted := 0
	for _, m := range w.slack.Private(slacktest.Grace, slacktest.General)[before:] {
		if m.Button("cancel_task") != nil {
			prompted++
		}
	}
	if prompted != sent || len(w.slack.Failed()) > 0 {
		w.Errorf("of %d commands during the update %d got their prompt, and %d failed", sent, prompted, len(w.slack.Failed()))
	}
	w.step(fmt.Sprintf("both replaced, %d commands meanwhile, nobody turned away", sent))
}
