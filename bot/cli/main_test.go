package cli_test

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/cancelbot/cancelbot/bot/cli"
)

// TestMain makes this test binary the command cancelbot as well, so that
// scripts run the program itself without building it.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"cancelbot": func() {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		program := cli.Program{Version: "v1.2.3", In: os.Stdin, Out: os.Stdout, Stderr: os.Stderr}
		os.Exit(program.Run(ctx, os.Args[1:]))
	}})
}
