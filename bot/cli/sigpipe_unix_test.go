//go:build unix

package cli_test

import (
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

// TestClosedLogPipeDoesNotStopTheBot closes the pipe of the log, as a
// restarting journald does, and stops the bot later.
func TestClosedLogPipeDoesNotStopTheBot(t *testing.T) {
	t.Parallel()
	s := newFakes(t)
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("cancelbot")
	cmd.Env, cmd.Dir, cmd.Stderr = s.env(t, ""), t.TempDir(), write
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = write.Close()
	if _, err := read.Read(make([]byte, 1)); err != nil { // it runs, and is about to say more
		t.Fatal(err)
	}
	_ = read.Close()
	for deadline := time.Now().Add(time.Minute); s.slack.Connections() < 2 && time.Now().Before(deadline); {
		time.Sleep(20 * time.Millisecond)
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Errorf("it has ended: %v", err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("it ended with %v", err)
	}
}
