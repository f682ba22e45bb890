package transport

import (
	"context"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// limitUnacknowledged bounds how long sent data may stay unacknowledged before
// the kernel gives the connection up (tcp(7), TCP_USER_TIMEOUT). Without it
// that takes some fifteen minutes.
func limitUnacknowledged(limit time.Duration) func(context.Context, string, string, syscall.RawConn) error {
	return func(_ context.Context, _, _ string, conn syscall.RawConn) error {
		// A kernel that refuses is no reason to do without a connection.
		return conn.Control(func(fd uintptr) {
			_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(limit.Milliseconds()))
		})
	}
}
