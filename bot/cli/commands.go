package cli

import (
	"context"
	"flag"
	"fmt"
	"strings"
)

// command is one of cancelbot's commands.
type command struct {
	name    string
	summary string // a line for help; "" keeps it out
	detail  string // for its own -h
	run     func(p Program, ctx context.Context, args []string) error
}

// commands returns the commands in the order of help.
func commands() []command {
	return []command{
		{"", "run the bot", `The bot takes its configuration from the environment: cancelbot help lists
the variables. It runs until SIGINT or SIGTERM, lets running decisions finish,
and exits with 0; with 1 if it cannot go on, 2 if the environment is wrong, 77
if Slack refuses a token.`, Program.serve},
		{"sandbox", "try it in a browser, without Slack and Chamelio", "", Program.sandbox},
		{"sandbox-bot", "", "", Program.serveUntilEOF},
		{"check", "say whether the bot is ready to run, and how to fix what is not", `It reads the same environment as the bot, posts nothing, creates nothing, and
exits with 0 if the bot is ready to run (✓, or with warnings ⚠), else with 1
(✗). With --strict a warning counts as a failure.`, Program.check},
		{"manifest", "print the manifest that creates the Slack app", `It takes the command's name from SLACK_COMMAND, and asks for no more scopes
than the other variables need. It works before there is any token.`, Program.manifest},
		{"secret", "ask for the tokens and the key, and write them into files", `cancelbot secret DIR asks for each secret, without showing it, and writes it
into a file of its own: slack-app-token, slack-bot-token, chamelio-api-key, and
with --database-url database-url. cancelbot secret DIR/slack-bot-token replaces
one. If the input isn't a terminal, it reads one secret a line.`, Program.writeSecrets},
		{"pause", "stop cancelling, on all replicas, until resume", `It writes a switch into the journal at DATABASE_URL. From the next command and
click on, every replica answers that cancelling is paused, with the note, and
cancels nothing. Decisions that were confirmed before are finished. Nothing is
restarted, and a replica that starts later obeys the switch too. It prints how
many replicas use that journal. If none does, the switch stops nothing yet.`, Program.pause},
		{"resume", "end a pause", "It removes the switch that cancelbot pause has set.", Program.resume},
		{"healthcheck", "ask the bot at HTTP_ADDR whether it is ready", "It exits with 0 if the bot is ready, else with 1.", Program.healthcheck},
		{"history", "print the latest decisions", "It reads the journal at DATABASE_URL and changes nothing.", Program.history},
		{"version", "print the version", "", Program.printVersion},
		{"help", "print this; help COMMAND tells more about one", "", Program.help},
	}
}

func find(name string) (command, bool) {
	for _, c := range commands() {
		if c.name == name {
			return c, true
		}
	}
	return command{}, false
}

const variablesHelp = `
The bot takes its configuration from these variables. A token, the key and
DATABASE_URL may instead be read from a file: SLACK_BOT_TOKEN_FILE=/path, …

`

// help prints the commands and the variables, or describes one command.
func (p Program) help(ctx context.Context, args []string) error {
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		c, ok := find(args[0])
		if !ok || len(args) > 1 {
			return usageError(fmt.Sprintf("unknown command %q; cancelbot help lists them", strings.Join(args, " ")))
		}
		return c.run(p, ctx, []string{"-h"})
	}
	if err := p.parse("help", args, noFlags); err != nil {
		return err
	}
	fmt.Fprint(p.Out, "cancelbot cancels Chamelio tasks from Slack.\n\n")
	for _, c := range commands() {
		if c.summary != "" {
			fmt.Fprintf(p.Out, "  cancelbot %-12s %s\n", c.name, c.summary)
		}
	}
	fmt.Fprint(p.Out, variablesHelp)
	for _, v := range Variables() {
		meaning := v.Meaning
		if v.Default != "" {
			meaning += " (default " + v.Default + ")"
		}
		if v.Required {
			meaning += " (required)"
		}
		fmt.Fprintf(p.Out, "  %-24s %s\n", v.Name, meaning)
	}
	return nil
}

// describe prints the help of a command.
func (p Program) describe(name string, flags *flag.FlagSet) {
	c, _ := find(name)
	fmt.Fprintf(p.Out, "%s: %s\n", strings.TrimSpace("cancelbot "+c.name), c.summary)
	if c.detail != "" {
		fmt.Fprintf(p.Out, "\n%s\n", c.detail)
	}
	first := true
	flags.VisitAll(func(f *flag.Flag) {
		if first {
			fmt.Fprintln(p.Out)
			first = false
		}
		value, usage := flag.UnquoteUsage(f)
		if f.DefValue != "" && f.DefValue != "false" && f.DefValue != "0" {
			usage += " (default " + f.DefValue + ")"
		}
		fmt.Fprintf(p.Out, "  %-16s %s\n", strings.TrimSpace("--"+f.Name+" "+value), usage)
	})
}
