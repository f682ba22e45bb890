package decision

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var knowns = []string{Untouched: "untouched", Conflicted: "conflicted", Answered: "answered", InFlight: "in flight"}

// describe returns what follows from an answer, as text.
func (c conclusion) describe(from Known) string {
	text := c.action.String()
	if c.action == DoEnd {
		text = "**" + string(c.outcome) + "**"
		if c.cause != "" {
			text += " (" + string(c.cause) + ")"
		}
	}
	if c.known != from {
		text = "→ " + knowns[c.known] + ", " + text
	}
	return text
}

// TestTable writes the table of docs/design/decision.md with -update, and
// otherwise compares it.
func TestTable(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("| answer | " + strings.Join(knowns, " | ") + " |\n| ---" + strings.Repeat(" | ---", len(knowns)) + " |\n")
	for k := CancelDone; k <= TaskUnseen; k++ {
		fmt.Fprintf(&b, "| %s |", k)
		for known := range knowns {
			fmt.Fprintf(&b, " %s |", conclude(Known(known), k).describe(Known(known)))
		}
		b.WriteString("\n")
	}
	comparePage(t, "table", b.String())
}

// comparePage compares, or with -update replaces, the part of
// docs/design/decision.md between two comments.
func comparePage(t *testing.T, part, want string) {
	t.Helper()
	path := filepath.Join("..", "..", "..", "docs", "design", "decision.md")
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	begin, end := "<!-- "+part+", generated -->\n", "<!-- end -->\n"
	before, rest, ok := strings.Cut(string(raw), begin)
	was, after, ok2 := strings.Cut(rest, end)
	switch {
	case !ok || !ok2:
		t.Errorf("%s has no part %q", path, part)
	case was == want:
	case *update:
		if err := os.WriteFile(path, []byte(before+begin+want+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
	default:
		t.Errorf("%s: %s should be\n%s", path, part, want)
	}
}

// TestNothingIsCertainWhileARequestMayHaveTakenEffect checks law 4 for every
// answer.
func TestNothingIsCertainWhileARequestMayHaveTakenEffect(t *testing.T) {
	t.Parallel()
	for known, name := range knowns {
		for k := CancelDone; k <= TaskUnseen; k++ {
			got := conclude(Known(known), k)
			maybe := Known(known) == Answered || Known(known) == InFlight
			sure := k == CancelDone || k == TaskCancelled || k == TaskEnded
			switch {
			case maybe && got.action == DoEnd && !sure && got.outcome != Unknown:
				t.Errorf("%s, %s: %s is certain", name, k, got.outcome)
			case maybe && got.known < Known(known):
				t.Errorf("%s, %s: becomes %s", name, k, knowns[got.known])
			case maybe && got.action == DoSend && k != TaskRunning:
				t.Errorf("%s, %s: sends again before a GET has seen the task running", name, k)
			case got.action == DoEnd && got.outcome == "":
				t.Errorf("%s, %s: no outcome", name, k)
			}
		}
	}
}

// diagram returns the stages and the actions that lead from one to the next,
// as far as the search has seen.
func (s *search) diagram() string {
	seen := map[string][]string{}
	for m := range s.moves {
		if m.from != m.to {
			edge := fmt.Sprintf("    %s --> %s", m.from, m.to)
			seen[edge] = append(seen[edge], m.by.String())
		}
	}
	lines := []string{"```mermaid", "stateDiagram-v2", "    [*] --> saving"}
	for edge, by := range seen {
		slices.Sort(by)
		lines = append(lines, edge+": "+strings.Join(by, ", "))
	}
	slices.Sort(lines[3:])
	return strings.Join(append(lines, "    ended --> [*]", "```"), "\n") + "\n"
}
