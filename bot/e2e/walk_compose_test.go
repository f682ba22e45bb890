//go:build linux

package e2e

import (
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/pgtest"
)

type composeFile struct {
	Services map[string]struct {
		Environment     map[string]string
		Volumes         []composeVolume
		ReadOnly        bool   `yaml:"read_only"`
		StopGracePeriod string `yaml:"stop_grace_period"`
		Deploy          struct{ Replicas int }
		Healthcheck     struct{ Test []string }
	}
}

// composeVolume is a named volume, or a directory that is mounted.
type composeVolume struct{ named, source, target string }

// UnmarshalYAML reads both forms.
func (v *composeVolume) UnmarshalYAML(read func(any) error) error {
	if read(&v.named) == nil {
		return nil
	}
	var mount struct{ Source, Target string }
	err := read(&mount)
	v.source, v.target = mount.Source, mount.Target
	return err
}

// composed creates the containers of the service as Compose would from these
// files: later ones add to it.
func (w *walk) composed(unpacked string, besides map[string]string, files ...string) (c *container, replicas int) {
	w.Helper()
	c = w.containerOf(unpacked)
	dir := filepath.Join(unpacked, "deploy")
	if err := os.RemoveAll(filepath.Join(dir, "secrets")); err != nil {
		w.Fatal(err)
	}
	_, page, _ := strings.Cut(read(w, "docs/install.md"), "### With Docker Compose")
	line := regexp.MustCompile(`(?m)^\./cancelbot secret .*$`).FindString(page)
	if line == "" {
		w.Fatal("the page does not say how the secrets are made")
	}
	w.typed(unpacked, line)
	for name, secret := range besides {
		w.write(filepath.Join(dir, "secrets", "bot", name), secret+"\n", 0o444)
	}
	replicas = 1
	for _, file := range files {
		var said composeFile
		decode(w, filepath.Join(unpacked, file), &said)
		service := said.Services["cancelbot"]
		maps.Copy(c.env, service.Environment)
		for _, volume := range service.Volumes {
			if _, place, _ := strings.Cut(volume.named, ":"); volume.source != "" {
				c.mount(w, filepath.Join(dir, volume.source), volume.target, false)
			} else if !c.writable[place] {
				w.Errorf("the volume %s is not the image's", volume.named)
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

func (w *walk) compose(unpacked string) {
	c, _ := w.composed(unpacked, nil, "deploy/compose.yaml")
	p := w.launch(c.command(c.entrypoint...))
	c.healthy(w)
	w.step("healthy")
	w.firstCommand()
	w.replaceToken(p, filepath.Join(unpacked, "deploy", "secrets", "bot"))
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
	secrets := map[string]string{"database-url": database}
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
