// Package cli implements the command line. It reads the environment, wires the
// parts together and runs one of the commands.
package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"runtime/debug"
	"strings"

	"github.com/cancelbot/cancelbot/bot/cli/internal/terminal"
)

// Program is one run of cancelbot.
type Program struct {
	Version string // of a release; "" takes it from the build's information
	In      io.Reader
	Out     io.Writer // the command's output
	Stderr  io.Writer // logs and errors
}

// The exit codes, apart from 0.
const (
	exitFailed = 1 // the command failed
	exitUsage  = 2 // the command line or the environment is wrong

	// Slack refuses a token. Only another token helps, so the bot needn't be
	// started again. EX_NOPERM of sysexits.h, which systemd shows by that
	// name.
	exitRefused = 77
)

// usageError is a mistake in the command line or the environment.
type usageError string

func (e usageError) Error() string { return string(e) }

// reportedError is an error that has been reported already, in better words than a
// line at the end.
type reportedError struct{ error }

func (e reportedError) Unwrap() error { return e.error }

// Run runs the command that args name until it is done or ctx ends. It returns
// the exit code: 0, 1 if the command failed, 2 if the command line or the
// environment is wrong, 77 if Slack refuses a token.
func (p Program) Run(ctx context.Context, args []string) int {
	err := p.dispatch(ctx, args)
	if err == nil || errors.Is(err, flag.ErrHelp) {
		return 0
	}
	var reported reportedError
	var usage usageError
	var refused refusedError
	switch {
	case errors.As(err, &reported):
	case errors.As(err, &usage): // its lines are the program's own
		fmt.Fprintln(p.Stderr, "cancelbot:", usage)
	default:
		p.say(err.Error())
	}
	switch {
	case errors.As(err, &usage):
		return exitUsage
	case errors.As(err, &refused):
		return exitRefused
	}
	return exitFailed
}

// say prints a line on stderr. The text may quote a server, or anyone who can write to
// the database.
func (p Program) say(text string) {
	fmt.Fprintln(p.Stderr, "cancelbot:", terminal.Printable(text))
}

func (p Program) dispatch(ctx context.Context, args []string) error {
	name := ""
	if len(args) > 0 {
		name, args = args[0], args[1:]
	}
	switch name {
	case "-h", "-help", "--help":
		name = "help"
	case "-version", "--version":
		name = "version"
	}
	if c, ok := find(name); ok {
		return c.run(p, ctx, args)
	}
	kind := "command"
	if strings.HasPrefix(name, "-") {
		kind = "flag"
	}
	return usageError(fmt.Sprintf("unknown %s %q; cancelbot help lists them", kind, name))
}

// parse parses a command's flags and rejects arguments. Its error is
// flag.ErrHelp after -h, otherwise a usageError.
func (p Program) parse(name string, args []string, define func(*flag.FlagSet)) error {
	rest, err := p.parseArgs(name, args, define)
	if err == nil && len(rest) > 0 {
		return usageError(fmt.Sprintf("%s: unexpected argument %q; see %s -h", name, rest[0], strings.TrimSpace("cancelbot "+name)))
	}
	return err
}

// parseArgs is parse for a command with arguments, which it returns.
func (p Program) parseArgs(name string, args []string, define func(*flag.FlagSet)) ([]string, error) {
	flags := flag.NewFlagSet(name, flag.ContinueOnError)
	flags.SetOutput(io.Discard) // Run prints the error
	flags.Usage = func() {}
	define(flags)
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		p.describe(name, flags)
		return nil, flag.ErrHelp
	case err != nil:
		return nil, usageError(fmt.Sprintf("%s: %v; see %s -h", name, err, strings.TrimSpace("cancelbot "+name)))
	}
	return flags.Args(), nil
}

func noFlags(*flag.FlagSet) {}

func (p Program) version() string {
	if p.Version != "" {
		return p.Version
	}
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "unknown"
	}
	return info.Main.Version
}

func (p Program) printVersion(_ context.Context, args []string) error {
	if err := p.parse("version", args, noFlags); err != nil {
		return err
	}
	_, err := fmt.Fprintln(p.Out, "cancelbot", p.version())
	return err
}
