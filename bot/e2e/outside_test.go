package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestOthersCanUseThePackages imports socketmode and slacktest in a separate
// module, of two files of thirty lines, as any user could: one listens to an
// app's commands, the other tests it.
func TestOthersCanUseThePackages(t *testing.T) {
	t.Parallel()
	here, err := os.Getwd() // the repository, as TestMain has it
	if err != nil {
		t.Fatal(err)
	}
	module := t.TempDir()
	if err := os.CopyFS(module, os.DirFS(filepath.Join("bot", "e2e", "testdata", "outside"))); err != nil {
		t.Fatal(err)
	}
	sums, err := os.ReadFile(filepath.Join(here, "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(module, "go.sum"), sums, 0o600); err != nil {
		t.Fatal(err)
	}
	require := "module example.org/outside\n\ngo 1.26\n\nrequire github.com/cancelbot/cancelbot v0.0.0\n\nreplace github.com/cancelbot/cancelbot => " + filepath.ToSlash(here) + "\n"
	if err := os.WriteFile(filepath.Join(module, "go.mod"), []byte(require), 0o600); err != nil {
		t.Fatal(err)
	}
	listen := filepath.Join(module, "listen.exe")
	for _, args := range [][]string{{"build", "-mod=mod", "-o", listen, "./listen"}, {"test", "-mod=mod", "./answers"}} {
		cmd := exec.CommandContext(t.Context(), "go", args...)
		cmd.Dir = module
		cmd.Env = append(os.Environ(), "LISTEN="+listen, "GOFLAGS=")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("go %v: %v\n%s", args, err, out)
		}
	}
}
