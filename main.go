// Command cancelbot cancels Chamelio tasks from Slack, with a confirmation,
// and posts the result in the channel.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/cancelbot/cancelbot/bot/cli"
)

// version is set by release builds. Other builds use their build information.
var version string

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// A second signal ends the process at once.
	context.AfterFunc(ctx, stop)
	program := cli.Program{Version: version, In: os.Stdin, Out: os.Stdout, Stderr: os.Stderr}
	os.Exit(program.Run(ctx, os.Args[1:]))
}
