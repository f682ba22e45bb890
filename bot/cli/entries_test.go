package cli

import (
	"io"
	"strings"
	"testing"
	"unicode"
)

func TestCSVCellsAreNotFormulas(t *testing.T) {
	for _, cell := range []string{"=1", "+1", "-1", "@x", "＝1", "＋1", "－1", "＠x", "\t=1", "\r=1", "\n=1", " =1", "\u3000=1", "\u00a0@x"} {
		if got := noFormula(cell); got != "'"+cell {
			t.Errorf("%q becomes %q", cell, got)
		}
	}
	for _, cell := range []string{"", "x", "Lease = 1", "12345", "'=1"} {
		if got := noFormula(cell); got != cell {
			t.Errorf("%q becomes %q", cell, got)
		}
	}
}

// A row that doesn't verify may hold anything. It makes up no line, no column and
// nothing for the terminal.
func TestOutputKeepsEachRowInItsLine(t *testing.T) {
	const odd = "x\n2026-11-28 12:00:00Z\t7\x1b[2J\u202e\u009b"
	for name, write := range map[string]func(io.Writer) error{
		"decisions": func(w io.Writer) error {
			return writeTable(w, []entry{{Title: odd, Outcome: odd, Requester: odd, Confirmer: odd, ConfirmerName: odd, Channel: odd, Reason: odd, SettledOutcome: odd + odd}})
		},
		"withdrawn": func(w io.Writer) error {
			return writeTable(w, []entry{{Outcome: odd, WithdrawnBy: odd, Unverified: odd}})
		},
		"refusals": func(w io.Writer) error {
			return writeRefusalsTable(w, []refusalEntry{{Person: odd, Moment: odd, Why: odd, Channel: odd}})
		},
		"set aside": func(w io.Writer) error {
			return writeSetAsidesTable(w, []setAsideEntry{{Table: odd, ConfirmationID: odd, Why: odd, ID: odd}})
		},
		"decisions as CSV": func(w io.Writer) error {
			return writeCSV(w, []entry{{Title: odd, Outcome: odd, Requester: odd, Confirmer: odd, ConfirmerName: odd, Channel: odd, Reason: odd, ID: odd, Unverified: odd}}, true)
		},
		"refusals as CSV": func(w io.Writer) error {
			return writeRefusalsCSV(w, []refusalEntry{{Person: odd, Moment: odd, Why: odd, Channel: odd, Team: odd, ID: odd}}, true)
		},
		"set aside as CSV": func(w io.Writer) error {
			return writeSetAsidesCSV(w, []setAsideEntry{{Table: odd, ConfirmationID: odd, Why: odd, ID: odd}}, false)
		},
		"as JSON": func(w io.Writer) error {
			return writeJSON(w, []setAsideEntry{{Table: odd}, {Table: odd, Row: map[string]any{odd: odd}}})
		},
	} {
		var out strings.Builder
		if err := write(&out); err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
		if len(lines) != 2 || strings.ContainsFunc(lines[1], func(r rune) bool { return !unicode.IsGraphic(r) }) {
			t.Errorf("%s: %q", name, lines)
		}
	}
}

// A detail that isn't JSON hides no other row.
func TestJSONOfAnOddDetail(t *testing.T) {
	for detail, want := range map[string]string{`{"a":1}`: `{"a":1}`, "odd": `"odd"`, "\xff": `"\ufffd"`, "": ""} {
		if got := string(asJSON(detail)); got != want {
			t.Errorf("%q: %s", detail, got)
		}
	}
}
