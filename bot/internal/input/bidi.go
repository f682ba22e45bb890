package input

import (
	"slices"
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
	var open []rune // the controls that reach here
	reached := false
	end := func() {
		for _, r := range word {
			if reached && isDigit(r) {
				r += '０' - '0'
			}
			b.WriteRune(r)
		}
		word, reached = word[:0], len(open) > 0
	}
	for _, r := range text {
		word = append(word, r)
		if open = reach(open, r); len(open) > 0 {
			reached = true
		}
		if unicode.IsSpace(r) {
			end()
		}
	}
	end()
	return b.String()
}

// reach returns the controls of open that reach beyond r, and r if it opens one.
func reach(open []rune, r rune) []rune {
	switch {
	case isOpening(r):
		return append(open, r)
	case r == '\u202c' && len(open) > 0 && !isIsolate(open[len(open)-1]):
		return open[:len(open)-1]
	case r == '\u2069':
		for i, one := range slices.Backward(open) {
			if isIsolate(one) {
				return open[:i]
			}
		}
	}
	return open
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
