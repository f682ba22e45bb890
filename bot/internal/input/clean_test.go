package input

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestCleanRemovesInvisibleText(t *testing.T) {
	for text, want := range map[string]string{
		"a\u200bb\u00adc\ufeff": "abc", "\u202egnp\u2066": "gnp", "a\U000e0041\U000e007f": "a", "\u3164\u115f\uffa0\u2800": "", "\u0301x\u0301": "x\u0301",
		"a  b\u2028c\u00a0d\x00e\x1b[0m": "a b c de[0m", "\ufe0f☂\ufe0f": "☂\ufe0f", "☂\u200d": "☂", "👩\u200d🚀": "👩\u200d🚀", "a\u200db": "ab", "🏴\U000e0067": "🏴",
		"é\u0301\u0301": "é\u0301\u0301", "\u034fx\u180e": "x", "נ\u05b8א": "נ\u05b8א", "\u0600١": "\u0600١", "\xff": "\ufffd", "x\ufe0f": "x", "3\ufe0f\u20e3": "3\ufe0f\u20e3",
	} {
		if got := Clean(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
		if again := Clean(want); again != want {
			t.Errorf("%q is not clean: %q", want, again)
		}
	}
}

func FuzzClean(f *testing.F) {
	f.Add("a\u200bb ☂\ufe0f\u200d👩")
	f.Fuzz(func(t *testing.T, text string) {
		cleaned := Clean(text)
		if Clean(cleaned) != cleaned {
			t.Fatalf("%q becomes %q, and that %q", text, cleaned, Clean(cleaned))
		}
	})
}

func TestShortenCutsAtARune(t *testing.T) {
	if got := Shorten(strings.Repeat("ü🙂", 10), 5); got != "ü🙂ü🙂…" || !utf8.ValidString(got) {
		t.Errorf("got %q", got)
	}
}
