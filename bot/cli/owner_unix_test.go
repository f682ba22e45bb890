//go:build unix

package cli

import (
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// The user of a container that owned a file can read its replacement.
func TestReplacementKeepsItsOwner(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root may give a file away")
	}
	path := filepath.Join(t.TempDir(), "slack-bot-token")
	if err := os.WriteFile(path, []byte("xoxb-old\n"), 0o640); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(path, 65532, 65533); err != nil {
		t.Fatal(err)
	}
	if err := (Program{Stderr: io.Discard}).replaceFile(path, "xoxb-new\n", 0); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if of := info.Sys().(*syscall.Stat_t); of.Uid != 65532 || of.Gid != 65533 || info.Mode().Perm() != 0o640 {
		t.Errorf("user %d, group %d, mode %#o", of.Uid, of.Gid, info.Mode().Perm())
	}
}
