//go:build unix

package cli

import (
	"os/signal"
	"syscall"
)

// failInsteadOfDying lets a write fail where a signal would end the process: one
// beyond the limit of a file's size (ulimit -f), like one on a full disk, and one
// to a log whose reader has gone, such as a journald that restarts. systemd
// takes a process that SIGPIPE ended for one that ended well, and doesn't start
// it again.
func failInsteadOfDying() { signal.Ignore(syscall.SIGXFSZ, syscall.SIGPIPE) }
