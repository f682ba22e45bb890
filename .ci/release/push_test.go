package main

import (
	"io"
	"log"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// The image gets into a registry, by the commands of the workflow, without a
// byte changed: what was looked into is what people run.
func TestTheWorkflowPushesTheImageAsItIs(t *testing.T) {
	if _, err := exec.LookPath("skopeo"); err != nil {
		t.Skip("no skopeo on this machine")
	}
	workflow, err := os.ReadFile(".github/workflows/release.yml")
	if err != nil {
		t.Fatal(err)
	}
	commands := regexp.MustCompile(`(?m)^ +(skopeo copy .*\n)`).FindAllStringSubmatch(string(workflow), -1)
	if len(commands) != 2 {
		t.Fatalf("the workflow pushes by %q", commands)
	}
	dir, digest := imageDir(t)
	here := t.TempDir()
	if err := os.CopyFS(filepath.Join(here, "image"), os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	defer server.Close()
	repository := strings.TrimPrefix(server.URL, "http://") + "/cancelbot"
	for _, command := range commands {
		push := exec.CommandContext(t.Context(), "bash", "-euc", strings.Replace(command[1], "copy", "copy --src-tls-verify=false --dest-tls-verify=false", 1))
		push.Dir = here
		push.Env = append(os.Environ(), "IMAGE="+repository, "DIGEST="+digest.String(), "version=1.2.3")
		if said, err := push.CombinedOutput(); err != nil {
			t.Fatalf("%s%v\n%s", command[1], err, said)
		}
	}
	if said, err := os.ReadFile(filepath.Join(here, "pushed")); err != nil || string(said) != digest.String() {
		t.Errorf("%s was pushed, %v, want %s", said, err, digest)
	}
	for _, tag := range []string{"1.2.3", "latest"} {
		ref, err := name.ParseReference(repository+":"+tag, name.Insecure)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := remote.Head(ref); err != nil || got.Digest != digest {
			t.Errorf("%s is %+v, %v, want %s", tag, got, err, digest)
		}
	}
}
