package decision

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestStorable(t *testing.T) {
	for text, want := range map[string]string{
		"":                       "",
		"Lease – Ünïcode 🙂":      "Lease – Ünïcode 🙂",
		"a\x00b":                 "a\uFFFDb",
		"a\xffb":                 "a\uFFFDb",
		"\xed\xa0\x80":           "\uFFFD", // a surrogate
		strings.Repeat("x", 1e6): strings.Repeat("x", MaxStored-1),
	} {
		if got := Storable(text); got != want {
			t.Errorf("%.20q becomes %.20q, %d bytes", text, got, len(got))
		}
	}
	if got := Storable(strings.Repeat("🙂", 1e5)); !utf8.ValidString(got) || len(got) > MaxStored || len(got) < MaxStored-4 {
		t.Errorf("%d bytes", len(got))
	}
}
