package terminal

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"
)

func TestPrintable(t *testing.T) {
	for text, want := range map[string]string{
		"":                 "",
		`Zoë's "task" C:\`: `Zoë's "task" C:\`,
		"a\nb\tc\x1b[2J":   `a\nb\tc\x1b[2J`,
		"\x7f\u009b\u202e": `\x7f\u009b\u202e`,
		"\U000e0041":       `\U000e0041`,
		"\xff\u2028\u00a0": `\xff\u2028\u00a0`,
		"🙂\ufffd":          "🙂\ufffd",
	} {
		if got := Printable(text); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
}

func TestJSONKeepsTheValue(t *testing.T) {
	const text = "Zoë \x00\x1b\n\x7f\u009b\u202e\U000e0041\ufffd🙂 \\ \" <"
	for _, indent := range []string{"", "  "} {
		var out strings.Builder
		if err := WriteJSON(&out, []string{text}, indent); err != nil {
			t.Fatal(err)
		}
		if strings.ContainsFunc(out.String(), func(r rune) bool { return !strconv.IsPrint(r) && r != '\n' }) {
			t.Errorf("%q", out.String())
		}
		var got []string
		if err := json.Unmarshal([]byte(out.String()), &got); err != nil || len(got) != 1 || got[0] != text {
			t.Errorf("%q %v", got, err)
		}
	}
}
