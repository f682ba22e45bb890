package doctor

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
)

// Write prints the results, a line each, or as JSON, and reports whether the
// bot is ready to run.
func Write(out io.Writer, results []Result, asJSON bool) (ok bool, err error) {
	ok = !slices.ContainsFunc(results, func(r Result) bool { return !r.OK })
	if asJSON {
		enc := json.NewEncoder(out)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		return ok, enc.Encode(results)
	}
	problems := 0
	for _, r := range results {
		mark := "✓"
		if !r.OK {
			mark = "✗"
			problems++
		}
		if _, err := fmt.Fprintf(out, "%s %-14s %s\n", mark, r.Name, r.Found); err != nil {
			return ok, err
		}
		if r.Remedy != "" {
			fmt.Fprintf(out, "  %-14s → %s.\n", "", r.Remedy)
		}
	}
	switch problems {
	case 0:
		_, err = fmt.Fprintln(out, "Ready to run.")
	case 1:
		_, err = fmt.Fprintln(out, "1 problem: fix it, and check again.")
	default:
		_, err = fmt.Fprintf(out, "%d problems: fix them, and check again.\n", problems)
	}
	return ok, err
}
