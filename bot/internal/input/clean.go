package input

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Clean turns text from outside into one line of visible text. It removes
// characters that have no width or change the writing direction, which can
// make a text look like another one, or hide that it's empty. Between digits, it
// puts a blank in their place: they must not join two numbers.
func Clean(text string) string {
	var b strings.Builder
	last := ' '     // the last character that was kept
	marks := 0      // combining marks after it
	joined := false // the next emoji is joined to the last one
	hidden := false // something was removed after the last character
	for _, r := range strings.ToValidUTF8(text, "\uFFFD") {
		switch {
		case ' ' < r && r < 0x7f: // the common case
		case r == '\u200d': // a joiner: visible between emoji only
			joined, hidden = isEmoji(last), true
			continue
		case r == '\ufe0f':
			if !isPictograph(last) {
				continue
			}
		case unicode.IsSpace(r), isBlank(r):
			r = ' '
		case isInvisible(r):
			hidden = true
			continue
		case unicode.IsMark(r):
			if marks++; last == ' ' || marks > maxMarks {
				continue
			}
			b.WriteRune(r)
			continue
		}
		if r == ' ' && last == ' ' {
			continue
		}
		if joined && isPictograph(r) {
			b.WriteRune('\u200d')
		}
		if hidden && isDigit(last) && isDigit(r) {
			b.WriteByte(' ')
		}
		joined, hidden, marks = false, false, 0
		b.WriteRune(r)
		last = r
	}
	return strings.TrimSpace(b.String())
}

// maxMarks is how many combining marks a letter may have. No script needs more,
// and dozens of them would cover the lines above and below.
const maxMarks = 4

// isInvisible reports whether r has no width or must not be in a line of text.
func isInvisible(r rune) bool {
	if unicode.Is(unicode.Prepended_Concatenation_Mark, r) {
		return false // visible, although it is a format character
	}
	return unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Other_Default_Ignorable_Code_Point,
		unicode.Variation_Selector, unicode.Bidi_Control, unicode.Noncharacter_Code_Point)
}

// isBlank reports whether r is a letter or symbol to Unicode that has a width
// but shows nothing.
func isBlank(r rune) bool {
	switch r {
	case '\u115f', '\u1160', '\u3164', '\uffa0', // Hangul fillers
		'\u2800',     // the empty Braille pattern
		'\U0001d159': // null notehead
		return true
	}
	return false
}

// isPictograph reports whether r can be an emoji, by itself or followed by
// U+FE0F.
func isPictograph(r rune) bool {
	return unicode.In(r, unicode.So, unicode.Sm, unicode.Po) && r > unicode.MaxLatin1 || strings.ContainsRune("©®#*0123456789", r)
}

// isEmoji reports whether a joiner after r has an effect.
func isEmoji(r rune) bool {
	return r == '\ufe0f' || unicode.In(r, unicode.So, unicode.Sk) && r > unicode.MaxLatin1
}

// Shorten returns text cut to limit characters, with "…" at the end if it was
// cut.
func Shorten(text string, limit int) string {
	if utf8.RuneCountInString(text) <= limit {
		return text
	}
	runes := []rune(text)
	return strings.TrimRight(string(runes[:max(limit-1, 0)]), " \u200d") + "…"
}

// unescape decodes Slack's three entities (docs.slack.dev: messaging/
// formatting-message-text), so that they aren't escaped twice when shown.
func unescape(text string) string {
	text = strings.ReplaceAll(text, "&lt;", "<")
	text = strings.ReplaceAll(text, "&gt;", ">")
	return strings.ReplaceAll(text, "&amp;", "&") // last, so that "&amp;lt;" stays "&lt;"
}
