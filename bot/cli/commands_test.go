package cli

import (
	"bytes"
	"io"
	"strconv"
	"strings"
	"testing"
)

// An error may quote what comes from elsewhere. It is one line, and does nothing to the
// terminal.
func TestErrorsAreOnePrintableLine(t *testing.T) {
	t.Setenv("DATABASE_URL", "sqlite:"+t.TempDir()+"/\x1b[2J\n\u202e/journal.db")
	for _, command := range []string{"history", "pause"} {
		var stderr bytes.Buffer
		code := Program{Out: io.Discard, Stderr: &stderr}.Run(t.Context(), []string{command})
		line, ended := strings.CutSuffix(stderr.String(), "\n")
		if code != exitFailed || !ended || !strings.Contains(line, `\x1b[2J\n\u202e`) || strings.ContainsFunc(line, func(r rune) bool { return !strconv.IsPrint(r) }) {
			t.Errorf("%s: %d, %q", command, code, line)
		}
	}
}

// Each command prints its help, and rejects unexpected arguments with one
// error.
func TestCommandsPrintHelpAndRejectExtraArguments(t *testing.T) {
	t.Parallel()
	run := func(args ...string) (code int, out, stderr string) {
		var told, errors bytes.Buffer
		code = Program{Version: "v1", In: strings.NewReader(""), Out: &told, Stderr: &errors}.Run(t.Context(), args)
		return code, told.String(), errors.String()
	}
	for _, c := range commands() {
		if c.name != "" && c.summary != "" {
			for _, ask := range [][]string{{c.name, "-h"}, {c.name, "--help"}, {"help", c.name}} {
				if code, out, stderr := run(ask...); code != 0 || !strings.HasPrefix(out, "cancelbot "+c.name+": "+c.summary) || stderr != "" {
					t.Errorf("%q: %d\n%s%s", ask, code, out, stderr)
				}
			}
		}
		if c.name == "" {
			continue
		}
		for _, wrong := range []string{"--no-such", "stray"} {
			code, out, stderr := run(c.name, wrong)
			if code != exitUsage || out != "" || strings.Count(stderr, strings.TrimPrefix(wrong, "-")) != 1 || strings.Count(stderr, "\n") != 1 {
				t.Errorf("%s %s: %d\n%s%s", c.name, wrong, code, out, stderr)
			}
		}
	}
}
