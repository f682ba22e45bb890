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
		strings.Repeat("x", 1e6): strings.Repeat("x", MaxStored),
	} {
		if got := Storable(text); got != want {
			t.Errorf("%.20q becomes %.20q, %d bytes", text, got, len(got))
		}
	}
	if got := Storable(strings.Repeat("🙂", 1e5)); !utf8.ValidString(got) || len(got) > MaxStored || len(got) < MaxStored-4 {
		t.Errorf("%d bytes", len(got))
	}
}

// FuzzStorable checks that Storable is idempotent: a row's MACs cover its texts as
// stored.
func FuzzStorable(f *testing.F) {
	f.Add("Lease \x00", 1)
	f.Add("\xff", 30_000)
	f.Add("\x80", 70_000)
	f.Add("🙂", 20_000)
	f.Fuzz(func(t *testing.T, text string, times int) {
		if times < 0 || len(text)*times > 4*MaxStored {
			return
		}
		once := Storable(strings.Repeat(text, times))
		if !utf8.ValidString(once) || strings.Contains(once, "\x00") || len(once) > MaxStored || Storable(once) != once {
			t.Errorf("%d times %.20q: %d bytes, then %d", times, text, len(once), len(Storable(once)))
		}
	})
}
