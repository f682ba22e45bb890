//go:build unix

package cli

import (
	"os/signal"
	"syscall"
)

// surviveFileSizeLimit lets a write beyond the process's file size limit
// (ulimit -f) fail like one on a full disk, where the runtime would end the
// process: the journal's errors are told to people, a dead bot tells nothing.
func surviveFileSizeLimit() { signal.Ignore(syscall.SIGXFSZ) }
