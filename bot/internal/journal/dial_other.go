//go:build !linux

package journal

import (
	"context"
	"net"
	"time"
)

// dial notices a peer that has vanished by keep-alive probes.
func dial(ctx context.Context, network, addr string) (net.Conn, error) {
	d := net.Dialer{KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 5 * time.Second, Interval: 5 * time.Second, Count: 3}}
	return d.DialContext(ctx, network, addr)
}
