package cli

import (
	"database/sql"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/journal"
	"github.com/cancelbot/cancelbot/chamelio"
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

// printed prints entries as one page.
func printed[T any](out io.Writer, h historyFlags, s sheet[T], entries ...T) error {
	p := &printer[T]{out: out, format: h, sheet: s}
	return errors.Join(p.page(entries), p.end())
}

// A row that doesn't verify may hold anything. It makes up no line, no column and
// nothing for the terminal.
func TestOutputKeepsEachRowInItsLine(t *testing.T) {
	const odd = "x\n2026-11-28 12:00:00Z\t7\x1b[2J\u202e\u009b"
	asCSV := historyFlags{csv: true, names: true}
	for name, write := range map[string]func(io.Writer) error{
		"decisions": func(w io.Writer) error {
			return printed(w, historyFlags{}, decisionSheet, entry{Title: odd, Outcome: odd, Requester: odd, Confirmer: odd, ConfirmerName: odd, Channel: odd, Reason: odd, SettledOutcome: odd + odd})
		},
		"withdrawn": func(w io.Writer) error {
			return printed(w, historyFlags{}, decisionSheet, entry{Outcome: odd, WithdrawnBy: odd, Unverified: odd})
		},
		"refusals": func(w io.Writer) error {
			return printed(w, historyFlags{}, refusalSheet, refusalEntry{Person: odd, Moment: odd, Why: odd, Channel: odd})
		},
		"set aside": func(w io.Writer) error {
			return printed(w, historyFlags{}, setAsideSheet, setAsideEntry{Table: odd, ConfirmationID: odd, Why: odd, ID: odd})
		},
		"decisions as CSV": func(w io.Writer) error {
			return printed(w, asCSV, decisionSheet, entry{Title: odd, Outcome: odd, Requester: odd, Confirmer: odd, ConfirmerName: odd, Channel: odd, Reason: odd, ID: odd, Unverified: odd})
		},
		"refusals as CSV": func(w io.Writer) error {
			return printed(w, asCSV, refusalSheet, refusalEntry{Person: odd, Moment: odd, Why: odd, Channel: odd, Team: odd, ID: odd})
		},
		"set aside as CSV": func(w io.Writer) error {
			return printed(w, asCSV, setAsideSheet, setAsideEntry{Table: odd, ConfirmationID: odd, Why: odd, ID: odd})
		},
		"as JSON": func(w io.Writer) error {
			return printed(w, historyFlags{asJSON: true}, setAsideSheet, setAsideEntry{Table: odd}, setAsideEntry{Table: odd, Row: map[string]any{odd: odd}})
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

// A task that another decision had first didn't fail: it may be cancelled.
func TestTaskOfAnotherDecisionIsLeftOut(t *testing.T) {
	d := decision.Record{ID: "a", Tasks: []decision.Item{{ID: 1}, {ID: 2}}}
	d = d.With(decision.Result{Outcome: decision.Failed, Cause: decision.CauseHeld}, decision.Result{Outcome: decision.Failed, Cause: decision.CauseBusy})
	for i, want := range []string{"left_out", "failed"} {
		if e := entriesOf([]journal.Recorded{{Record: d}}, nil)[i]; e.Outcome != want || e.cameTo() != want {
			t.Errorf("task %d: %s", e.Task, e.Outcome)
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

// TestOddTimeFailsNoHistory gives one of two rows times that no one's clock shows. Both
// are printed, in each form, without a time that isn't sealed.
func TestOddTimeFailsNoHistory(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.db")
	j, err := journal.Open(t.Context(), "sqlite:"+path, journal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	for i := range 2 {
		at := time.Now().UTC().Truncate(time.Millisecond)
		d := decision.Record{ID: decision.ID(fmt.Sprint("c", i)), Tasks: []decision.Item{{ID: chamelio.TaskID(i + 1)}}, Team: "T", Channel: "C", Requester: "U", Confirmer: "U", RequestedAt: at, DecidedAt: at}
		if _, err := j.Claim(t.Context(), d); err != nil {
			t.Fatal(err)
		}
	}
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, change := range []string{
		`settled_at = 9223372036854775807`, `settled_at = 1700000000000`,
		`requested_at = '2026-11-28 10:00:00+24:00'`, `requested_at = '0000-01-01 00:00:00+23:59'`, `requested_at = '9999-12-31 23:59:59-23:59'`,
		`decided_at = '2026-11-28 10:00:00+24:00'`, `announced_at = '2026-11-28 10:00:00+24:00'`,
	} {
		if _, err := db.ExecContext(t.Context(), `UPDATE decisions SET `+change+` WHERE rowid = 2`); err != nil {
			t.Fatal(err)
		}
		found, err := j.Recent(t.Context(), journal.Query{})
		if err != nil || len(found) != 2 {
			t.Fatalf("%s: %+v %v", change, found, err)
		}
		for lines, h := range map[int]historyFlags{2: {asJSON: true}, 3: {csv: true}} {
			var out strings.Builder
			if err := printed(&out, h, decisionSheet, entriesOf(found, nil)...); err != nil || strings.Count(out.String(), "\n") != lines || strings.Contains(out.String(), "settled_at") {
				t.Errorf("%s: %s %v", change, out.String(), err)
			}
		}
	}
}
