package main

import (
	"archive/tar"
	"errors"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// In nothing but the image's files, as the image's user, the bot runs.
func TestImageRuns(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can enter the image's file system")
	}
	index, _ := release(t)
	manifest, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	here := slices.IndexFunc(manifest.Manifests, func(d v1.Descriptor) bool { return d.Platform.Architecture == runtime.GOARCH })
	if here < 0 {
		t.Skip("there is no image for this machine")
	}
	one, err := index.Image(manifest.Manifests[here].Digest)
	if err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	if err := os.Chmod(root, 0o755); err != nil {
		t.Fatal(err)
	}
	headers, contents := content(t, one)
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		path, header := filepath.Join(root, name), headers[name]
		if header.Typeflag == tar.TypeDir {
			err = os.MkdirAll(path, 0o700)
		} else {
			err = os.WriteFile(path, contents[name], 0o600)
		}
		if err := errors.Join(err, os.Chown(path, header.Uid, header.Gid), os.Chmod(path, header.FileInfo().Mode())); err != nil {
			t.Fatal(err)
		}
	}
	out, err := inside(t, root, one, "--version")
	if errors.Is(err, syscall.EPERM) {
		t.Skip("this root may not enter it")
	}
	if err != nil || !strings.Contains(out, "1.2.3") {
		t.Errorf("--version: %v\n%s", err, out)
	}
	// Without tokens it ends, but can only say so once it runs.
	if out, err := inside(t, root, one); err == nil || !strings.Contains(out, "SLACK_APP_TOKEN") {
		t.Errorf("without tokens: %v\n%s", err, out)
	}
}

// inside runs an image's program as a container would, at this root.
func inside(t *testing.T, root string, of v1.Image, args ...string) (string, error) {
	t.Helper()
	file, err := of.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	config := file.Config
	cmd := exec.CommandContext(t.Context(), config.Entrypoint[0], args...)
	cmd.Dir, cmd.Env = config.WorkingDir, config.Env
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: root, Credential: &syscall.Credential{Uid: user, Gid: user}}
	out, err := cmd.CombinedOutput()
	return string(out), err
}
