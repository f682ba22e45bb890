//go:build linux

package e2e

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/pgtest"
	"github.com/cancelbot/cancelbot/bot/slacktest"
)

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
	// kubectl create secret takes a directory, whose files are the keys.
	page := read(w, "docs/install.md")
	line := regexp.MustCompile(`(?m)^cancelbot secret --database-url (\w+)$`).FindStringSubmatch(page)
	if line == nil || !strings.Contains(page, "--from-file="+line[1]+"\n") {
		w.Fatal("the page does not say how the secret is made")
	}
	w.typed(w.dir, strings.Replace(line[0], "cancelbot", filepath.Join(unpacked, "cancelbot"), 1), database)
	secret := filepath.Join(w.dir, line[1])
	for _, place := range append([]string{secret}, w.within(secret)...) {
		if err := os.Chmod(place, 0o755); err != nil { // as the pod's group can read them
			w.Fatal(err)
		}
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
