package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"

	"github.com/cancelbot/cancelbot/bot/cli/internal/doctor"
	"github.com/cancelbot/cancelbot/bot/cli/internal/environ"
)

var errNotReady = errors.New("the bot is not ready to run")

// check reports which parts of the configuration work.
func (p Program) check(ctx context.Context, args []string) error {
	var asJSON, connect, strict, config bool
	err := p.parse("check", args, func(flags *flag.FlagSet) {
		flags.BoolVar(&asJSON, "json", false, "print JSON")
		flags.BoolVar(&strict, "strict", false, "a warning (⚠) is a failure too")
		flags.BoolVar(&config, "config", false, "print each variable with its value, and check only the variables; secrets are dots")
		flags.BoolVar(&connect, "connect", false, "also open a connection to Slack for a moment, where a bot may be running: a command typed in that moment fails, and has to be typed again")
	})
	if err != nil {
		return err
	}
	cfg, problems := readConfig(ctx)
	out := cfg.redactors().output.Writer(p.Out)
	if config {
		return p.printConfig(out, problems, asJSON)
	}
	running, inUse := cfg.tryHTTPAddr(ctx)
	settings := doctor.Settings{
		Version: p.version(), Problems: append(problems, inUse...), Bot: cfg.bot(), Chamelio: cfg.chamelio(p.version()),
		Database: cfg.DatabaseURL.Reveal(), HTTPAddr: cfg.HTTPAddr, Running: running, Connect: connect,
	}
	ok, err := doctor.Write(out, doctor.Run(ctx, settings), asJSON, strict)
	if err != nil {
		return fmt.Errorf("printing the results: %w", err)
	}
	if !ok {
		return reportedError{errNotReady}
	}
	return nil
}

// tryHTTPAddr listens at HTTP_ADDR for a moment. If the address is in use, that isn't a
// problem if a bot answers there: it is running, and is the one that is checked.
func (cfg config) tryHTTPAddr(ctx context.Context) (running bool, problems []environ.Problem) {
	if cfg.HTTPAddr == "" || checkHTTPAddr(cfg.HTTPAddr) != nil {
		return false, nil // nothing to try, or already reported as a problem with the environment
	}
	listener, err := listen(ctx, cfg.HTTPAddr)
	if err == nil {
		_ = listener.Close()
		return false, nil
	}
	if addressInUse(err) {
		if _, _, other := askBot(ctx, cfg.HTTPAddr, "/healthz"); other == nil {
			return true, nil
		}
		err = errInUse
	}
	return false, []environ.Problem{cannotListen(err)}
}

// errInUse means that a program other than a bot listens at an address.
var errInUse = errors.New("it is in use, and no bot answers there")
