package texts

import (
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/input"
)

// escape makes clean text from outside safe in mrkdwn: it can't mention, link
// or format (docs.slack.dev: messaging/formatting-message-text). The three
// characters that Slack parses become entities. Those that format get an
// invisible word joiner on both sides, which makes them plain. Bare addresses,
// names of channels and the like stay plain because every mrkdwn object is
// verbatim. Curly quotation marks become straight ones: NamesIn relies on it.
func escape(cleaned string) string {
	return withoutShortcodes(escaper.Replace(cleaned))
}

var escaper = strings.NewReplacer(
	"&", "&amp;", "<", "&lt;", ">", joiner+"&gt;", // at the start of a line it would begin a quotation
	"“", `"`, "”", `"`,
	"*", joiner+"*"+joiner, "_", joiner+"_"+joiner, "~", joiner+"~"+joiner, "`", joiner+"`"+joiner,
)

// withoutShortcodes puts a word joiner into names of emoji: a title could contain a
// check mark. The colon that ends one may begin the next.
func withoutShortcodes(text string) string {
	var b strings.Builder
	for {
		at := shortcode.FindStringIndex(text)
		if at == nil {
			return b.String() + text
		}
		b.WriteString(text[:at[0]+1] + joiner + text[at[0]+1:at[1]-1])
		text = text[at[1]-1:]
	}
}

var shortcode = regexp.MustCompile(`:[\p{L}\p{M}\p{N}+'\x{2060}_-]+:`)

const joiner = "\u2060"

// excerpt returns up to limit characters of text from outside, cleaned and
// escaped.
func excerpt(text string, limit int) string { return escape(input.Shorten(input.Clean(text), limit)) }

// fitted returns mrkdwn of at most limit characters. If it is cut, it ends with
// "…": after a line or, if the first line is too long, inside that, but never
// inside an entity, a link or a mention.
func fitted(text string, limit int) string {
	if utf8.RuneCountInString(text) <= limit {
		return text
	}
	text = string([]rune(text)[:limit-utf8.RuneCountInString("\n…")])
	if end := strings.LastIndexByte(text, '\n'); end > 0 {
		return text[:end] + "\n…"
	}
	for _, token := range []struct{ begin, end byte }{{'<', '>'}, {'&', ';'}} {
		if begin := strings.LastIndexByte(text, token.begin); begin > strings.LastIndexByte(text, token.end) {
			text = text[:begin]
		}
	}
	return text + "…"
}

// plain is excerpt for plain_text, which Slack doesn't parse.
func plain(text string, limit int) string { return input.Shorten(input.Clean(text), limit) }

// link returns mrkdwn for a link to a task, or only the label if its address isn't its
// own page: Chamelio may say another one's. The label is mrkdwn.
func link(t decision.Named, label string, hosts []string) string {
	escaped := strings.ReplaceAll(t.URL, "&", "&amp;")
	if !input.IsLinkOf(t.URL, t.ID, hosts) || len(escaped) > maxLink || strings.ContainsAny(t.URL, "<>|\" \t\r\n") {
		return label
	}
	return "<" + escaped + "|" + label + ">"
}

// maxLink is the longest address that is shown, in bytes and escaped: three of them
// must fit a section.
const maxLink = 500
