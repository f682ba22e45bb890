package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"

	"github.com/cancelbot/cancelbot/bot/cli/internal/sandbox"
)

// sandbox lets somebody try the bot here.
func (p Program) sandbox(ctx context.Context, args []string) error {
	options := sandbox.Options{Bot: sandboxBot}
	err := p.parse("sandbox", args, options.Define)
	if err != nil {
		return err
	}
	if err := sandbox.Run(ctx, options, p.In, p.Out); errors.Is(err, sandbox.ErrUsage) {
		return usageError(err.Error())
	} else if err != nil {
		return err
	}
	return nil
}

// sandboxBot makes the command that runs the bot of a sandbox: this program
// again, with nothing of the environment that could configure it otherwise.
func sandboxBot() (*exec.Cmd, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("finding this program: %w", err)
	}
	cmd := exec.Command(self, "sandbox-bot")
	cmd.Env = slices.DeleteFunc(os.Environ(), func(pair string) bool {
		name, _, _ := strings.Cut(pair, "=")
		_, own := settingOf(strings.TrimSuffix(name, "_FILE"))
		return own || slices.ContainsFunc(renamed, func(r renaming) bool { return r.old == name })
	})
	return cmd, nil
}

// serveUntilEOF is serve for the sandbox, which ends its bot by closing its
// input; so the bot also ends if the sandbox dies.
func (p Program) serveUntilEOF(ctx context.Context, args []string) error {
	ctx, stop := context.WithCancel(ctx)
	go func() { // ends with the input, or with the process
		_, _ = io.Copy(io.Discard, p.In)
		stop()
	}()
	return p.serve(ctx, args)
}
