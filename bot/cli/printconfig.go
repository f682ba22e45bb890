package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/cancelbot/cancelbot/bot/cli/internal/environ"
	"github.com/cancelbot/cancelbot/bot/internal/journal"
	"github.com/cancelbot/cancelbot/bot/internal/secret"
)

// configLine is a variable in the output of "check --config".
type configLine struct {
	Name    string `json:"name"`
	Value   string `json:"value"` // dots for a secret
	From    string `json:"from"`  // "environment", "file", "default", or "" if it isn't set
	Problem string `json:"problem,omitempty"`
}

// dots replace a secret.
const dots = "••••••••"

// printConfig prints each variable with its value, and fails if one is wrong.
func (p Program) printConfig(out io.Writer, problems []environ.Problem, asJSON bool) error {
	var lines []configLine
	for _, s := range settings() {
		lines = append(lines, s.line(problems))
	}
	err := writeConfig(out, lines, problems, asJSON)
	switch {
	case err != nil:
		return fmt.Errorf("printing the configuration: %w", err)
	case len(problems) > 0:
		return reportedError{errNotReady}
	}
	return nil
}

// line returns the line for a variable.
func (s setting) line(problems []environ.Problem) configLine {
	line := configLine{Name: s.name, Value: s.shownFallback()}
	if line.Value != "" {
		line.From = "default"
	}
	var cfg config
	_, isSecret := s.field(&cfg).(*secret.Value)
	value := os.Getenv(s.name)
	_, isSQLite := journal.SQLitePath(value)
	switch {
	case isSecret && os.Getenv(s.name+"_FILE") != "":
		line.Value, line.From = dots, "file"
	case isSecret && s.slackCLI != "" && value == "" && os.Getenv(s.slackCLI) != "":
		line.Value, line.From = dots, "Slack CLI"
	case value != "" && (isSecret && !isSQLite || mayBeSecret(value)):
		line.Value, line.From = dots, "environment"
	case value != "":
		line.Value, line.From = value, "environment"
	case s.name == "DATABASE_URL":
		found := &findings{}
		cfg.fillIn(found)
		line.Value = cfg.DatabaseURL.Reveal()
	}
	if i := slices.IndexFunc(problems, func(p environ.Problem) bool { return p.Variable == s.name }); i >= 0 {
		line.Problem = problems[i].Found
	}
	return line
}

func writeConfig(out io.Writer, lines []configLine, problems []environ.Problem, asJSON bool) error {
	if asJSON {
		enc := json.NewEncoder(out)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		return enc.Encode(lines)
	}
	for _, line := range lines {
		from := ""
		switch line.From {
		case "", "environment":
		default:
			from = " (" + line.From + ")"
		}
		text := strings.TrimRight(fmt.Sprintf("%-24s %s%s", line.Name, line.Value, from), " ")
		if _, err := fmt.Fprintln(out, text); err != nil {
			return err
		}
	}
	for _, p := range problems {
		if _, err := fmt.Fprintf(out, "✗ %s\n  → %s.\n", p.Found, p.Remedy); err != nil {
			return err
		}
	}
	return nil
}
