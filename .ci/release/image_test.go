package main

import (
	"archive/tar"
	"bytes"
	"crypto/x509"
	"debug/elf"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/validate"
	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// release is the image of this source, with its digest.
func release(t *testing.T) (v1.ImageIndex, v1.Hash) {
	t.Helper()
	dir, digest := imageDir(t)
	written, err := layout.ImageIndexFromPath(dir)
	if err != nil {
		t.Fatal(err)
	}
	index, err := written.ImageIndex(digest)
	if err != nil {
		t.Fatal(err)
	}
	return index, digest
}

// content are the files of an image, all layers taken together.
func content(t *testing.T, of v1.Image) (map[string]tar.Header, map[string][]byte) {
	t.Helper()
	packed := mutate.Extract(of)
	defer packed.Close()
	headers, contents := map[string]tar.Header{}, map[string][]byte{}
	for r := tar.NewReader(packed); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			return headers, contents
		} else if err != nil {
			t.Fatal(err)
		}
		headers[header.Name] = *header
		if contents[header.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
	}
}

func TestImageHasTheBotOnBothPlatforms(t *testing.T) {
	index, _ := release(t)
	if err := validate.Index(index); err != nil {
		t.Error(err)
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	machines := map[string]elf.Machine{"linux/amd64": elf.EM_X86_64, "linux/arm64": elf.EM_AARCH64}
	if len(manifest.Manifests) != len(machines) {
		t.Fatalf("for %d platforms", len(manifest.Manifests))
	}
	for _, entry := range manifest.Manifests {
		if entry.ArtifactType != "" {
			t.Errorf("the index calls it an artifact: %s", entry.ArtifactType)
		}
		t.Run(entry.Platform.String(), func(t *testing.T) {
			one, err := index.Image(entry.Digest)
			if err != nil {
				t.Fatal(err)
			}
			headers, contents := content(t, one)
			has := slices.Sorted(maps.Keys(headers))
			if want := []string{"cancelbot", "data", "etc", "etc/ssl", "etc/ssl/certs", "etc/ssl/certs/ca-certificates.crt", "licenses", "licenses/LICENSE", "licenses/THIRD_PARTY_LICENSES", "tmp"}; !slices.Equal(has, want) {
				t.Errorf("it has %v", has)
			}
			for name, header := range headers {
				switch own := name == "data"; {
				case own && (header.Uid != user || header.Gid != user || header.Mode != 0o755):
					t.Errorf("%s: %+v", name, header)
				case !own && (header.Uid != 0 || header.Gid != 0):
					t.Errorf("%s is owned by %d:%d", name, header.Uid, header.Gid)
				case name == "tmp" && header.Mode != 0o1777, name != "tmp" && header.Mode&0o7022 != 0:
					t.Errorf("%s has the mode %o", name, header.Mode)
				}
			}
			if headers["cancelbot"].Mode&0o111 != 0o111 {
				t.Error("it cannot be run")
			}
			static(t, contents["cancelbot"], machines[entry.Platform.String()])
			authorities(t, contents["etc/ssl/certs/ca-certificates.crt"])
			if terms := string(contents["licenses/THIRD_PARTY_LICENSES"]); !strings.Contains(terms, "modernc.org/sqlite v") {
				t.Error("it lacks the terms of what it contains")
			}
			config, err := one.ConfigFile()
			if err != nil {
				t.Fatal(err)
			}
			if config.OS+"/"+config.Architecture != entry.Platform.String() {
				t.Errorf("its configuration is for %s/%s", config.OS, config.Architecture)
			}
			if !regexp.MustCompile(`^[1-9]\d*:[1-9]\d*$`).MatchString(config.Config.User) {
				t.Errorf("it runs as %s", config.Config.User)
			}
			small(t, one)
		})
	}
}

// static holds that a program needs nothing else to run.
func static(t *testing.T, content []byte, machine elf.Machine) {
	t.Helper()
	program, err := elf.NewFile(bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	if program.Machine != machine {
		t.Errorf("the program is for %s", program.Machine)
	}
	if libraries, err := program.ImportedLibraries(); len(libraries) > 0 || err != nil {
		t.Errorf("it needs %v, %v", libraries, err)
	}
}

// authorities holds that the certificates are those that Mozilla trusts, and
// none that it trusts on a condition.
func authorities(t *testing.T, content []byte) {
	t.Helper()
	names := map[string]bool{}
	for block, rest := pem.Decode(content); block != nil; block, rest = pem.Decode(rest) {
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		names[certificate.Subject.CommonName] = true
		for root := range bundle.Roots() {
			if root.Constraint != nil && bytes.Equal(root.Certificate, block.Bytes) {
				t.Errorf("%s is trusted on a condition", certificate.Subject)
			}
		}
	}
	for _, name := range []string{"ISRG Root X1", "Amazon Root CA 1", "DigiCert Global Root G2", "GTS Root R1"} {
		if !names[name] {
			t.Errorf("%s is missing", name)
		}
	}
	if len(names) < 100 {
		t.Errorf("there are %d", len(names))
	}
}

func small(t *testing.T, of v1.Image) {
	t.Helper()
	layers, err := of.Layers()
	if err != nil {
		t.Fatal(err)
	}
	var total int64
	for _, layer := range layers {
		size, err := layer.Size()
		if err != nil {
			t.Fatal(err)
		}
		total += size
	}
	if len(layers) != 3 || total > 9_700_000 {
		t.Errorf("%d layers have %d bytes", len(layers), total)
	}
}

// Built by a container engine or without one, the image runs the same.
func TestImageMatchesDockerfile(t *testing.T) {
	raw, err := os.ReadFile("Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	module, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	toolchain := regexp.MustCompile(`(?m)^toolchain go(\S+)$`).FindSubmatch(module)
	if toolchain == nil || !regexp.MustCompile(`^FROM golang:`+regexp.QuoteMeta(string(toolchain[1]))+`@sha256:[0-9a-f]{64} AS build\n`).Match(raw) {
		t.Errorf("the Dockerfile builds by another Go than %s, or by any of its images", toolchain)
	}
	stages := strings.Split(strings.ReplaceAll(string(raw), "\\\n", ""), "\nFROM ")
	last := stages[len(stages)-1]
	if !strings.HasPrefix(last, "scratch\n") {
		t.Errorf("the Dockerfile begins with %s", strings.SplitN(last, "\n", 2)[0])
	}
	var said v1.Config
	for _, line := range strings.Split(last, "\n")[1:] {
		instruction, value, _ := strings.Cut(line, " ")
		switch instruction {
		case "", "#", "COPY":
		case "USER":
			said.User = value
		case "WORKDIR":
			said.WorkingDir = value
		case "VOLUME":
			said.Volumes = map[string]struct{}{value: {}}
		case "ENV":
			said.Env = append(said.Env, value)
		case "ENTRYPOINT":
			err = json.Unmarshal([]byte(value), &said.Entrypoint)
		case "HEALTHCHECK":
			said.Healthcheck, err = healthcheck(value)
		default:
			t.Errorf("the image knows nothing of %s", line)
		}
		if err != nil {
			t.Errorf("%s: %v", line, err)
		}
	}
	if want := settings(); !reflect.DeepEqual(said, want) {
		t.Errorf("the Dockerfile says\n%+v %+v\nthe image\n%+v %+v", said, said.Healthcheck, want, want.Healthcheck)
	}
}

func healthcheck(value string) (*v1.HealthConfig, error) {
	options, command, _ := strings.Cut(value, " CMD ")
	check := v1.HealthConfig{Test: []string{"CMD"}}
	for option := range strings.FieldsSeq(options) {
		name, value, _ := strings.Cut(option, "=")
		duration, err := time.ParseDuration(value)
		if err != nil {
			return nil, err
		}
		switch name {
		case "--interval":
			check.Interval = duration
		case "--timeout":
			check.Timeout = duration
		case "--start-period":
			check.StartPeriod = duration
		default:
			return nil, fmt.Errorf("the image knows nothing of %s", name)
		}
	}
	var test []string
	if err := json.Unmarshal([]byte(command), &test); err != nil {
		return nil, err
	}
	check.Test = append(check.Test, test...)
	return &check, nil
}

// A second build of the same source, in another place, gives the same image.
func TestImageIsReproducible(t *testing.T) {
	_, first := imageDir(t)
	tracked, err := exec.Command("git", "ls-files", "-z", "*.go", "go.mod", "go.sum", "bot", "chamelio").Output()
	if err != nil {
		t.Skip("no clone")
	}
	elsewhere := t.TempDir()
	for _, name := range strings.Split(strings.TrimSuffix(string(tracked), "\x00"), "\x00") {
		text, err := os.ReadFile(name)
		if errors.Is(err, os.ErrNotExist) {
			continue // deleted, and not yet committed
		} else if err != nil {
			t.Fatal(err)
		}
		to := filepath.Join(elsewhere, name)
		if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(to, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	again := map[string]string{}
	for _, arch := range []string{"amd64", "arm64"} {
		again[arch] = filepath.Join(t.TempDir(), "cancelbot")
		build(t, elsewhere, "linux", arch, again[arch])
	}
	second, err := image(t.Context(), filepath.Join(t.TempDir(), "image"), "1.2.3", []string{again["amd64"], again["arm64"]})
	if err != nil {
		t.Fatal(err)
	}
	if first != second {
		t.Errorf("%s, then %s", first, second)
	}
}

// The labels are what the binary says of itself.
func TestImageNamesItsSource(t *testing.T) {
	source := t.TempDir()
	for name, text := range map[string]string{"go.mod": "module example.com/program\n\ngo 1.26\n", "main.go": "package main\n\nfunc main() {}\n"} {
		if err := os.WriteFile(filepath.Join(source, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	git := func(args ...string) string {
		cmd := exec.Command("git", append([]string{"-C", source, "-c", "user.name=Ada", "-c", "user.email=ada@example.com"}, args...)...)
		cmd.Env = append(os.Environ(), "GIT_COMMITTER_DATE=2026-11-26T12:00:00Z")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return strings.TrimSpace(string(out))
	}
	git("init", "-q")
	git("add", ".")
	git("commit", "-q", "-m", "A program")
	compile := func(goos string, flags ...string) string {
		out := filepath.Join(t.TempDir(), "program")
		cmd := exec.Command("go", append([]string{"build", "-o", out}, flags...)...)
		cmd.Dir, cmd.Env = source, append(os.Environ(), "CGO_ENABLED=0", "GOARCH=amd64", "GOOS="+goos)
		if said, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, said)
		}
		return out
	}
	p, err := open(compile("linux", "-buildvcs=true"))
	if err != nil {
		t.Fatal(err)
	}
	if p.platform.String() != "linux/amd64" {
		t.Errorf("for %s", p.platform)
	}
	labels := p.labels("1.2.3")
	for label, want := range map[string]string{
		"source": "https://github.com/cancelbot/cancelbot", "version": "1.2.3", "licenses": "MIT",
		"revision": git("rev-parse", "HEAD"), "created": "2026-11-26T12:00:00Z",
	} {
		if got := labels["org.opencontainers.image."+label]; got != want {
			t.Errorf("%s: %q, want %q", label, got, want)
		}
	}
	if err := os.WriteFile(filepath.Join(source, "main.go"), []byte("package main\n\nfunc main() { println() }\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for what, refused := range map[string]string{
		"a program for another system":          compile("darwin", "-buildvcs=false"),
		"one that is linked to libraries":       compile("linux", "-buildvcs=false", "-buildmode=pie"),
		"one with changes that no revision has": compile("linux", "-buildvcs=true"),
		"no program":                            filepath.Join(source, "main.go"),
	} {
		if _, err := open(refused); err == nil {
			t.Errorf("%s is put into an image", what)
		}
	}
}
