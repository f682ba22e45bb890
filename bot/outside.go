package bot

import (
	"net/url"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// This file makes text from outside safe to show: titles, reasons, names and
// whatever else Chamelio or a person says.

// clean makes one line of visible text of what was typed. What has no width or
// changes the direction of writing is removed: it could make a text read as
// another, or an empty one look as if it were not.
func clean(text string) string {
	var b strings.Builder
	last := ' '     // what was kept last
	marks := 0      // how many marks the last base has
	joined := false // an emoji is to be joined with the next one
	for _, r := range strings.ToValidUTF8(text, "\uFFFD") {
		switch {
		case ' ' < r && r < 0x7f: // most of what there is
		case r == '\u200d': // part of a family or a profession, or invisible
			joined = isEmoji(last)
			continue
		case r == '\ufe0f':
			if !isPictograph(last) {
				continue
			}
		case unicode.IsSpace(r), isBlank(r):
			r = ' '
		case isInvisible(r):
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
		joined, marks = false, 0
		b.WriteRune(r)
		last = r
	}
	return strings.TrimSpace(b.String())
}

// maxMarks bounds the accents on one letter. No script needs more, and with
// dozens they cover the lines above and below.
const maxMarks = 4

// isInvisible tells what takes no room, or must not be in a line of text.
func isInvisible(r rune) bool {
	if unicode.Is(unicode.Prepended_Concatenation_Mark, r) {
		return false // a visible sign, for all that it is a format character
	}
	return unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Other_Default_Ignorable_Code_Point,
		unicode.Variation_Selector, unicode.Bidi_Control, unicode.Noncharacter_Code_Point)
}

// isBlank tells characters that take room and show nothing, though Unicode
// counts them among letters and symbols.
func isBlank(r rune) bool {
	switch r {
	case '\u115f', '\u1160', '\u3164', '\uffa0', // Hangul fillers
		'\u2800',     // the empty Braille pattern
		'\U0001d159': // a note without a head
		return true
	}
	return false
}

// isPictograph tells what can be an emoji by itself or with the sign after it.
func isPictograph(r rune) bool {
	return unicode.In(r, unicode.So, unicode.Sm, unicode.Po) && r > unicode.MaxLatin1 || strings.ContainsRune("©®#*0123456789", r)
}

// isEmoji tells after what a joiner joins.
func isEmoji(r rune) bool {
	return r == '\ufe0f' || unicode.In(r, unicode.So, unicode.Sk) && r > unicode.MaxLatin1
}

// escape makes cleaned text from outside safe in mrkdwn: it can neither mention, nor
// link, nor format (docs.slack.dev: messaging/formatting-message-text). The
// three characters that Slack parses become entities; those that format get an
// invisible word joiner on both sides, next to which they are plain. That bare
// addresses, names of channels and the like stay plain is what "verbatim" is
// for, which every mrkdwn object of ours has.
func escape(cleaned string) string {
	return shortcodes.ReplaceAllString(escaper.Replace(cleaned), ":"+joiner+"$1:")
}

var escaper = strings.NewReplacer(
	"&", "&amp;", "<", "&lt;", ">", joiner+"&gt;", // at the start of a line it would begin a quotation
	"*", joiner+"*"+joiner, "_", joiner+"_"+joiner, "~", joiner+"~"+joiner, "`", joiner+"`"+joiner,
)

// shortcodes are emoji by name: a title could tick itself off.
var shortcodes = regexp.MustCompile(`:([a-z0-9+'\x{2060}_-]+):`)

const joiner = "\u2060"

// excerpt escapes text from outside and bounds its length as read.
func excerpt(text string, limit int) string { return escape(shorten(clean(text), limit)) }

// plain is excerpt for plain_text, which Slack does not parse.
func plain(text string, limit int) string { return shorten(clean(text), limit) }

// shorten cuts at a rune boundary and marks the cut.
func shorten(text string, limit int) string {
	if utf8.RuneCountInString(text) <= limit {
		return text
	}
	runes := []rune(text)
	return strings.TrimRight(string(runes[:max(limit-1, 0)]), " \u200d") + "…"
}

// link is mrkdwn for a link, if the address is a task's page, else the label
// alone. The label is mrkdwn.
func link(address, label string, hosts []string) string {
	u, err := url.Parse(address)
	if err != nil || !isTaskHost(u, hosts) || len(address) > maxLink || strings.ContainsAny(address, "<>|\" \t\r\n") {
		return label
	}
	return "<" + strings.ReplaceAll(address, "&", "&amp;") + "|" + label + ">"
}

// maxLink bounds an address that is shown, in bytes: three of them must fit a
// section.
const maxLink = 500

// unescape undoes Slack's three entities (docs.slack.dev: messaging/
// formatting-message-text), so that they are not escaped twice when shown.
func unescape(text string) string { return unescaper.Replace(text) }

var unescaper = strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&")
