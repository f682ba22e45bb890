//go:build !linux

package transport

import (
	"context"
	"syscall"
	"time"
)

// limitUnacknowledged does nothing: on this system, keep-alive probes have to
// do.
func limitUnacknowledged(time.Duration) func(context.Context, string, string, syscall.RawConn) error {
	return nil
}
