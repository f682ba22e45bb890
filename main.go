// Command cancelbot cancels Chamelio tasks from Slack, after a confirmation, and
// posts the result in the channel.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/cancelbot/cancelbot/bot/cli"
)

// version is set by release builds; others take it from the build's own
// information.
var version string

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// A second signal is not waited for: it ends the process at once.
	context.AfterFunc(ctx, stop)
	program := cli.Program{Version: version, In: os.Stdin, Out: os.Stdout, Stderr: os.Stderr}
	os.Exit(program.Run(ctx, os.Args[1:]))
}
