package input

import (
	"strings"
	"unicode"
)

// withoutReordered makes the ASCII digits full-width, which name no task, in words that
// have or are within reach of a control for the writing direction: people may read
// 12345 where the text has 54321. A control reaches to its closing one, or to the end
// (unicode.org: reports/tr9, "X1-X8").
func withoutReordered(text string) string {
	if !strings.ContainsFunc(text, isOpening) {
		return text
	}
	var b strings.Builder
	var word []rune
	open := controls{0}
	reached := false
	end := func() {
		for _, r := range word {
			if reached && isDigit(r) {
				r += '０' - '0'
			}
			b.WriteRune(r)
		}
		word, reached = word[:0], open.any()
	}
	for _, r := range text {
		word = append(word, r)
		open = open.after(r)
		reached = reached || open.any()
		if unicode.IsSpace(r) {
			end()
		}
	}
	end()
	return b.String()
}

// controls counts the embeddings and overrides that reach a character: those outside of
// isolates, and those in each isolate.
type controls []int

func (c controls) any() bool { return len(c) > 1 || c[0] > 0 }

// after returns the controls that reach beyond r. It takes the same time however many
// there are: a text may have nothing else. One that keeps the direction, from left to
// right, counts only within others, where what closes it must not close those: programs
// put a pair of them around what is copied from their forms.
func (c controls) after(r rune) controls {
	inner := len(c) - 1
	switch {
	case (r == '\u202a' || r == '\u2066') && !c.any():
		return c
	case isIsolate(r):
		return append(c, 0)
	case isOpening(r):
		c[inner]++
	case r == '\u202c' && c[inner] > 0:
		c[inner]--
	case r == '\u2069' && inner > 0:
		return c[:inner]
	}
	return c
}

// isOpening reports whether r begins an embedding, an override or an isolate.
func isOpening(r rune) bool {
	return r == '\u202a' || r == '\u202b' || r == '\u202d' || r == '\u202e' || isIsolate(r)
}

func isIsolate(r rune) bool { return '\u2066' <= r && r <= '\u2068' }

// narrow returns text with full-width digits as ASCII.
func narrow(text string) string {
	return strings.Map(func(r rune) rune {
		if '０' <= r && r <= '９' {
			r -= '０' - '0'
		}
		return r
	}, text)
}
