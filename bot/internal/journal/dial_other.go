//go:build !linux

package journal

import (
	"context"
	"net"
	"time"
)

// dial opens a connection that notices by keep-alive probes if its peer has
// disappeared.
func dial(ctx context.Context, network, addr string) (net.Conn, error) {
	d := net.Dialer{KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 5 * time.Second, Interval: 5 * time.Second, Count: 3}}
	return d.DialContext(ctx, network, addr)
}
