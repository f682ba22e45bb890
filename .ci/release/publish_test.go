package main

import (
	"crypto/sha256"
	"fmt"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// A publication is the workflow's last job on this machine: skopeo pushes to a
// registry of the test's; what would need GitHub or Sigstore is noted.
type publication struct {
	dir     string
	env     []string
	outputs map[string]string
}

// stubs are the programs that take the place of those that need GitHub or
// Sigstore; skopeo is the real one, which talks to a registry without TLS.
var stubs = map[string]string{
	"docker": `echo "docker $*" >>"$CALLS"`,
	"gh":     `echo "gh $*" >>"$CALLS"`,
	"cosign": `echo "cosign $*" >>"$CALLS"; if [ "$1" = sign-blob ]; then touch "$4"; fi`,
	"skopeo": `command=$1; shift
if [ "$command" = copy ]; then set -- --src-tls-verify=false --dest-tls-verify=false "$@"; fi
PATH=${PATH#*:} exec skopeo "$command" "$@"`,
}

// startRegistry gives the name of a repository in a registry of the test's.
func startRegistry(t *testing.T) string {
	t.Helper()
	for _, program := range []string{"skopeo", "jq"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skip("no " + program + " on this machine")
		}
	}
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://") + "/cancelbot"
}

// publish prepares what the job downloads: the image, and a file of each kind.
func publish(t *testing.T, repository string) (*publication, v1.Hash) {
	t.Helper()
	p := &publication{dir: t.TempDir(), outputs: map[string]string{}}
	layout, digest := imageDir(t)
	if err := os.CopyFS(filepath.Join(p.dir, "image"), os.DirFS(layout)); err != nil {
		t.Fatal(err)
	}
	files := map[string]string{
		"assets/image.txt":                                   "ghcr.io/cancelbot/cancelbot@" + digest.String() + "\n",
		"assets/cancelbot_1.2.3_linux_amd64.tar.gz":          "archive",
		"assets/cancelbot_1.2.3_image_linux_amd64.sbom.json": "amd64's",
		"assets/cancelbot_1.2.3_image_linux_arm64.sbom.json": "arm64's",
		"notes.md": "* A thing.\n",
	}
	var sums strings.Builder
	for file, text := range files {
		if asset, ok := strings.CutPrefix(file, "assets/"); ok {
			fmt.Fprintf(&sums, "%x  %s\n", sha256.Sum256([]byte(text)), asset)
		}
	}
	files["assets/SHA256SUMS"] = sums.String()
	for name, text := range stubs {
		files["bin/"+name] = "#!/bin/sh\n" + text + "\n"
	}
	for file, text := range files {
		path := filepath.Join(p.dir, file)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	p.env = append(os.Environ(), "PATH="+filepath.Join(p.dir, "bin")+":"+os.Getenv("PATH"), "CALLS="+filepath.Join(p.dir, "calls"),
		"GITHUB_OUTPUT="+filepath.Join(p.dir, "outputs"), "GITHUB_REF_NAME=v1.2.3", "GITHUB_REPOSITORY=cancelbot/cancelbot", "GITHUB_ACTOR=ada", "IMAGE="+repository)
	return p, digest
}

var expression = regexp.MustCompile(`\$\{\{ ([a-z.0-9]+) \}\}`)

// run carries out a step's commands as GitHub does.
func (p *publication) run(s step) error {
	cmd := exec.Command("bash", "-e", "-c", s.Run)
	cmd.Dir, cmd.Env = filepath.Join(p.dir, s.Directory), p.env
	for name, value := range s.Env {
		value = expression.ReplaceAllStringFunc(value, func(e string) string { return p.outputs[expression.FindStringSubmatch(e)[1]] })
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	if said, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", s.Run, err, said)
	}
	if s.ID == "" {
		return nil
	}
	text, err := os.ReadFile(filepath.Join(p.dir, "outputs"))
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		p.outputs["steps."+s.ID+".outputs."+name] = value
	}
	return err
}

// The workflow publishes and signs the files that were built and checked, without
// changing a byte.
func TestWorkflowPublishesTheBuiltFiles(t *testing.T) {
	repository := startRegistry(t)
	p, digest := publish(t, repository)
	job := read(t, ".github/workflows/release.yml").Jobs["release"]
	for _, s := range job.Steps {
		if s.Run == "" {
			continue
		}
		if err := p.run(s); err != nil {
			t.Fatal(err)
		}
	}
	for _, tag := range []string{"1.2.3", "latest"} {
		if got := head(t, repository+":"+tag); got.Digest != digest {
			t.Errorf("%s is %s, want %s", tag, got.Digest, digest)
		}
	}
	for _, arch := range []string{"amd64", "arm64"} {
		if got := head(t, repository+"@"+p.outputs["steps.image.outputs."+arch]); !got.MediaType.IsImage() {
			t.Errorf("the bill for %s is said of %s", arch, got.MediaType)
		}
		if text, err := os.ReadFile(filepath.Join(p.dir, arch+".sbom.json")); err != nil || string(text) != arch+"'s" {
			t.Errorf("of %s is said %s, %v", arch, text, err)
		}
	}
	calls, err := os.ReadFile(filepath.Join(p.dir, "calls"))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := strings.Split(strings.TrimSpace(string(calls)), "\n"), []string{
		"docker login ghcr.io -u ada --password-stdin",
		"cosign sign-blob --yes --bundle assets/SHA256SUMS.sigstore.json assets/SHA256SUMS",
		"cosign sign --yes --recursive " + repository + "@" + digest.String(),
		"gh release create v1.2.3 assets/SHA256SUMS assets/SHA256SUMS.sigstore.json assets/cancelbot_1.2.3_image_linux_amd64.sbom.json assets/cancelbot_1.2.3_image_linux_arm64.sbom.json" +
			" assets/cancelbot_1.2.3_linux_amd64.tar.gz assets/image.txt --repo cancelbot/cancelbot --verify-tag --title v1.2.3 --notes-file notes.md",
	}; !slices.Equal(got, want) {
		t.Errorf("it runs\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func head(t *testing.T, of string) *v1.Descriptor {
	t.Helper()
	ref, err := name.ParseReference(of, name.Insecure)
	if err != nil {
		t.Fatal(err)
	}
	found, err := remote.Head(ref)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// Something else than what was built is not published.
func TestWorkflowPublishesNothingElse(t *testing.T) {
	repository := startRegistry(t)
	for what, change := range map[string]func(assets string) error{
		"an archive that was changed": func(assets string) error {
			return os.WriteFile(filepath.Join(assets, "cancelbot_1.2.3_linux_amd64.tar.gz"), []byte("another"), 0o600)
		},
		"an archive that got lost": func(assets string) error {
			return os.Remove(filepath.Join(assets, "cancelbot_1.2.3_linux_amd64.tar.gz"))
		},
		"another image": func(assets string) error {
			text := "ghcr.io/cancelbot/cancelbot@sha256:" + strings.Repeat("0", 64) + "\n"
			sums, err := os.ReadFile(filepath.Join(assets, "SHA256SUMS"))
			if err != nil {
				return err
			}
			line := regexp.MustCompile(`(?m)^[0-9a-f]{64}(  image.txt)$`)
			changed := line.ReplaceAllString(string(sums), fmt.Sprintf("%x${1}", sha256.Sum256([]byte(text))))
			if err := os.WriteFile(filepath.Join(assets, "image.txt"), []byte(text), 0o600); err != nil {
				return err
			}
			return os.WriteFile(filepath.Join(assets, "SHA256SUMS"), []byte(changed), 0o600)
		},
	} {
		p, _ := publish(t, repository)
		if err := change(filepath.Join(p.dir, "assets")); err != nil {
			t.Fatal(err)
		}
		refused := false
		for _, s := range read(t, ".github/workflows/release.yml").Jobs["release"].Steps {
			if s.Run != "" && !refused {
				refused = p.run(s) != nil
			}
		}
		calls, _ := os.ReadFile(filepath.Join(p.dir, "calls"))
		if !refused || strings.Contains(string(calls), "cosign") || strings.Contains(string(calls), "gh ") {
			t.Errorf("%s is published: %s", what, calls)
		}
	}
}
