package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// built is what this run of the tests has built: the binaries by their
// platform, and the image.
var built struct {
	dir    string
	path   map[string]string
	digest v1.Hash
}

// The tests run at the repository's root, as the commands do.
func TestMain(m *testing.M) {
	os.Exit(func() int {
		if err := os.Chdir("../.."); err != nil {
			panic(err)
		}
		dir, err := os.MkdirTemp("", "release-")
		if err != nil {
			panic(err)
		}
		defer os.RemoveAll(dir)
		built.dir, built.path = dir, map[string]string{}
		return m.Run()
	}())
}

// binary is the program as a release has it, built once for all tests.
func binary(t *testing.T, goos, goarch string) string {
	t.Helper()
	platform := goos + "_" + goarch
	if built.path[platform] == "" {
		path := filepath.Join(built.dir, platform, "cancelbot")
		build(t, ".", goos, goarch, path)
		built.path[platform] = path
	}
	return built.path[platform]
}

// build builds the program from the source in dir, as .goreleaser.yaml says.
func build(t *testing.T, dir, goos, goarch, out string) {
	t.Helper()
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w -X main.version=1.2.3", "-o", out, ".")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+goos, "GOARCH="+goarch)
	if said, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
}

// imageDir has the image of the binaries as an OCI layout, made once for all
// tests.
func imageDir(t *testing.T) (string, v1.Hash) {
	t.Helper()
	dir := filepath.Join(built.dir, "image")
	if built.digest == (v1.Hash{}) {
		digest, err := image(t.Context(), dir, "1.2.3", []string{binary(t, "linux", "amd64"), binary(t, "linux", "arm64")})
		if err != nil {
			t.Fatal(err)
		}
		built.digest = digest
	}
	return dir, built.digest
}
