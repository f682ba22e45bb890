//go:build !unix

package pgtest

import (
	"os"
	"syscall"
	"testing"
)

// unprivileged has nothing to do where there is no root.
func unprivileged(testing.TB, string) *syscall.SysProcAttr { return nil }

func quit(server *os.Process) { _ = server.Kill() }
