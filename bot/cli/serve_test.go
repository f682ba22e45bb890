package cli

import (
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// Postgres accepts the connection and doesn't answer. A signal ends the start, and the
// log blames no setting.
func TestSignalEndsTheStart(t *testing.T) {
	var dial net.ListenConfig
	hanging, err := dial.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = hanging.Close() })
	for name, value := range map[string]string{
		"SLACK_APP_TOKEN": "xapp-1-A0APP-1-token", "SLACK_BOT_TOKEN": "xoxb-1-token", "CHAMELIO_API_KEY": "ca_key", "CANCEL_POLICY": "members",
		"DATABASE_URL": "postgres://bot@" + hanging.Addr().String() + "/bot?sslmode=disable",
	} {
		t.Setenv(name, value)
	}
	ctx, stop := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, stop)
	var said strings.Builder
	if code := (Program{Out: io.Discard, Stderr: &said}).Run(ctx, nil); code != 0 || !strings.Contains(said.String(), "stopped") || strings.Contains(said.String(), "DATABASE_URL") {
		t.Errorf("exit code %d: %s", code, said.String())
	}
}
