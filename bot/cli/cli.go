// Package cli is the command line: what main calls. It reads the environment,
// wires the parts together and runs one of the commands.
package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"runtime/debug"
)

// Program is one run of cancelbot.
type Program struct {
	Version string // of a release; "" takes it from the build's information
	In      io.Reader
	Out     io.Writer // what was asked for
	Stderr  io.Writer // logs and errors
}

// The exit codes besides 0.
const (
	exitFailed = 1 // it could not go on
	exitUsage  = 2 // the command line or the environment is wrong
)

// command is one word that may follow "cancelbot".
type command struct {
	name    string
	summary string // for help; "" keeps it out
	run     func(p Program, ctx context.Context, args []string) error
}

// commands lists them in the order in which help shows them.
func commands() []command {
	return []command{
		{"", "run the bot", Program.serve},
		{"sandbox", "try it here, in a browser, without Slack and Chamelio", Program.sandbox},
		{"sandbox-bot", "", Program.serveUntilEOF},
		{"check", "say what of the configuration works, and how to mend what does not (--json)", Program.check},
		{"healthcheck", "ask the bot at HTTP_ADDR whether it is ready", Program.healthcheck},
		{"history", "print the last decisions (-h tells its flags)", Program.history},
		{"version", "print the version", Program.printVersion},
		{"help", "print this", Program.help},
	}
}

// Run runs the command that args name until it is done or ctx ends, and
// returns the exit code: 0, 1 if it could not go on, 2 if the command line or
// the environment is wrong.
func (p Program) Run(ctx context.Context, args []string) int {
	err := p.dispatch(ctx, args)
	var usage usageError
	switch {
	case err == nil || errors.Is(err, flag.ErrHelp):
		return 0
	case errors.As(err, &usage):
		fmt.Fprintln(p.Stderr, "cancelbot:", err)
		return exitUsage
	}
	fmt.Fprintln(p.Stderr, "cancelbot:", err)
	return exitFailed
}

func (p Program) dispatch(ctx context.Context, args []string) error {
	name := ""
	if len(args) > 0 {
		name, args = args[0], args[1:]
	}
	switch name {
	case "-h", "-help", "--help":
		return p.help(ctx, args)
	case "-version", "--version":
		return p.printVersion(ctx, args)
	}
	for _, c := range commands() {
		if c.name == name {
			return c.run(p, ctx, args)
		}
	}
	return usageError(fmt.Sprintf("there is no command %q; cancelbot help lists them", name))
}

// parse reads a command's flags and refuses anything else. Its error is
// flag.ErrHelp after -h, else a usageError.
func (p Program) parse(name string, args []string, define func(*flag.FlagSet)) error {
	flags := flag.NewFlagSet(name, flag.ContinueOnError)
	flags.SetOutput(io.Discard) // the error is printed once, by Run
	flags.Usage = func() {}
	define(flags)
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		p.describe(flags)
		return flag.ErrHelp
	case err != nil:
		return usageError(fmt.Sprintf("%s: %v", name, err))
	case flags.NArg() > 0:
		return usageError(fmt.Sprintf("%s takes no %q", name, flags.Arg(0)))
	}
	return nil
}

// describe answers -h.
func (p Program) describe(flags *flag.FlagSet) {
	for _, c := range commands() {
		if c.name == flags.Name() {
			fmt.Fprintf(p.Out, "cancelbot %s: %s\n", c.name, c.summary)
		}
	}
	flags.SetOutput(p.Out)
	flags.PrintDefaults()
}

func noFlags(*flag.FlagSet) {}

// usageError is a mistake in the command line or the environment.
type usageError string

func (e usageError) Error() string { return string(e) }

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
