//go:build unix

package cli

import (
	"os/signal"
	"syscall"
)

// failInsteadOfDying makes a write fail instead of killing the process by a
// signal: a write beyond the file size limit (ulimit -f), which is like a full
// disk, and one to a log without a reader, as when journald restarts. systemd
// considers a process that SIGPIPE killed as stopped normally, and doesn't
// restart it.
func failInsteadOfDying() { signal.Ignore(syscall.SIGXFSZ, syscall.SIGPIPE) }
