package doctor

import (
	"fmt"
	"io"

	"github.com/cancelbot/cancelbot/bot/cli/internal/terminal"
)

// Write prints the results, a line each, or as JSON, and reports whether the
// bot is ready to run. If strict, it isn't with warnings.
func Write(out io.Writer, results []Result, asJSON, strict bool) (ok bool, err error) {
	count := map[Level]int{}
	for _, r := range results {
		count[r.Level]++
	}
	ok = count[Failed] == 0 && (count[Warn] == 0 || !strict)
	if asJSON {
		return ok, terminal.WriteJSON(out, results, "  ")
	}
	marks := map[Level]string{OK: "✓", Warn: "⚠", Failed: "✗"}
	for _, r := range results { // they may quote Slack, Chamelio and the database
		if _, err := fmt.Fprintf(out, "%s %-14s %s\n", marks[r.Level], r.Name, terminal.Printable(r.Found)); err != nil {
			return ok, err
		}
		if r.Remedy != "" {
			fmt.Fprintf(out, "  %-14s → %s.\n", "", terminal.Printable(r.Remedy))
		}
	}
	_, err = fmt.Fprintln(out, verdict(count[Failed], count[Warn], ok))
	return ok, err
}

// verdict is the last line.
func verdict(problems, warnings int, ok bool) string {
	warned := plural(warnings, "warning")
	switch {
	case problems > 0 && warnings > 0:
		return plural(problems, "problem") + ", " + warned + ": fix them, and check again."
	case problems == 1:
		return "1 problem: fix it, and check again."
	case problems > 0:
		return plural(problems, "problem") + ": fix them, and check again."
	case !ok:
		return warned + ", and --strict: not ready to run."
	case warnings > 0:
		return "Ready to run. " + warned + "."
	}
	return "Ready to run."
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
