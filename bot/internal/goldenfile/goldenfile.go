// Package goldenfile compares messages and pages with files in testdata. It is for
// tests only.
package goldenfile

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/cancelbot/cancelbot/bot/slacktest"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// Same fails the test if the file at path doesn't hold got. With -update it
// writes the file instead.
func Same(t testing.TB, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v (run with -update to make it)", err)
	}
	if got != string(want) {
		t.Errorf("%s reads differently (-update rewrites it):\n%s", path, lineDiff(string(want), got))
	}
}

// lineDiff shows what changed, line by line: - as it was, + as it is.
func lineDiff(was, is string) string {
	a, b := strings.Split(was, "\n"), strings.Split(is, "\n")
	same := make([][]int, len(a)+1) // the longest common subsequence of the rests
	for i := range same {
		same[i] = make([]int, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if same[i][j] = max(same[i+1][j], same[i][j+1]); a[i] == b[j] {
				same[i][j] = same[i+1][j+1] + 1
			}
		}
	}
	const around = 3 // lines that did not change
	var out strings.Builder
	var kept []string
	after := 0
	changed := func(sign, line string) {
		if len(kept) > around {
			out.WriteString("  …\n")
			kept = kept[len(kept)-around:]
		}
		out.WriteString(strings.Join(kept, "") + sign + line + "\n")
		kept, after = nil, around
	}
	for i, j := 0, 0; i < len(a) || j < len(b); {
		switch {
		case i < len(a) && j < len(b) && a[i] == b[j]:
			if after--; after >= 0 {
				out.WriteString("  " + a[i] + "\n")
			} else {
				kept = append(kept, "  "+a[i]+"\n")
			}
			i, j = i+1, j+1
		case j == len(b) || i < len(a) && same[i+1][j] >= same[i][j+1]:
			changed("- ", a[i])
			i++
		default:
			changed("+ ", b[j])
			j++
		}
	}
	return out.String()
}

// Transcribe returns a message as text, with the kind of each part: Slack shows
// mrkdwn and plain text differently.
func Transcribe(m slacktest.Message) string {
	var b strings.Builder
	who := "everybody"
	if m.Only != "" {
		who = m.Only + " alone"
	}
	fmt.Fprintf(&b, "# to %s, by %s\n", who, m.Via)
	line := func(kind, text string) {
		fmt.Fprintf(&b, "%-16s| %s\n", kind, strings.ReplaceAll(text, "\n", "\n"+strings.Repeat(" ", 16)+"| "))
	}
	line("text", m.Text)
	for _, block := range m.Blocks {
		if block.Text != nil {
			line(block.Type+" "+block.Text.Type, block.Text.Text)
		}
		for _, f := range block.Fields {
			line("field "+f.Type, f.Text)
		}
		for _, e := range block.Elements {
			if e.Type == "button" {
				line("button", fmt.Sprintf("[%s] %s (%s), read out as %q", e.Label, e.ActionID, e.Style, e.AccessibilityLabel))
			} else {
				line(block.Type+" "+e.Content.Type, e.Content.Text)
			}
		}
	}
	return b.String()
}
