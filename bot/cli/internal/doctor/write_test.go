package doctor

import (
	"strings"
	"testing"
)

// A text that a result quotes makes up no line, and nothing for the terminal.
func TestResultsKeepToTheirLines(t *testing.T) {
	var out strings.Builder
	odd := "x\n✓ journal  fine\x1b[2J\u202e"
	if _, err := Write(&out, []Result{{Level: Failed, Name: "pause", Found: odd, Remedy: odd}}, false, false); err != nil {
		t.Fatal(err)
	}
	if lines := strings.Split(out.String(), "\n"); len(lines) != 4 || strings.ContainsAny(out.String(), "\x1b\u202e") {
		t.Errorf("%q", lines)
	}
	out.Reset()
	if _, err := Write(&out, []Result{{Name: "journal", Level: Failed, Found: odd, Remedy: odd}}, true, false); err != nil {
		t.Fatal(err)
	}
	if strings.ContainsAny(out.String(), "\x1b\u202e") {
		t.Errorf("%q", out.String())
	}
}
