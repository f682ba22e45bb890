package transport

import (
	"context"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// limitUnacknowledged bounds how long sent data may stay unacknowledged before
// the kernel closes the connection (tcp(7), TCP_USER_TIMEOUT). Without it that
// takes about fifteen minutes.
func limitUnacknowledged(limit time.Duration) func(context.Context, string, string, syscall.RawConn) error {
	return func(_ context.Context, _, _ string, conn syscall.RawConn) error {
		// If the kernel refuses, the connection is used anyway.
		return conn.Control(func(fd uintptr) {
			_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(limit.Milliseconds()))
		})
	}
}
