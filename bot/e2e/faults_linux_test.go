package e2e

import (
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cancelbot/cancelbot/bot/slacktest"
)

// TestFaultsFullDisk lets no file of the process grow any more: what a full
// disk does to the journal, without filling one.
func TestFaultsFullDisk(t *testing.T) {
	s := newFakes(t)
	p := start(t, s.env(sqlite(t)))
	s.connected(2)
	prompt := s.prompt(slacktest.Ada, slacktest.General, 12345)
	var free unix.Rlimit
	if err := unix.Prlimit(p.cmd.Process.Pid, unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: 0, Max: unix.RLIM_INFINITY}, &free); err != nil {
		t.Fatal(err)
	}
	s.slack.Click(slacktest.Ada, prompt, "cancel_task")
	s.eventually("a sign of life", 20*time.Second, func() bool { return strings.Contains(s.now(prompt).Text, "trouble saving") })
	if s.api.Cancels(12345) != 0 {
		t.Error("a cancel that nothing records")
	}
	if err := unix.Prlimit(p.cmd.Process.Pid, unix.RLIMIT_FSIZE, &free, nil); err != nil {
		t.Fatal(err)
	}
	s.eventually("it goes ahead", 20*time.Second, func() bool { return len(s.slack.History(slacktest.General)) == 1 && s.api.Effects(12345) == 1 })
}
