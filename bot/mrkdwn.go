package bot

import (
	"net/url"
	"regexp"
	"strings"

	"github.com/cancelbot/cancelbot/bot/internal/input"
)

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
func excerpt(text string, limit int) string { return escape(input.Shorten(input.Clean(text), limit)) }

// plain is excerpt for plain_text, which Slack does not parse.
func plain(text string, limit int) string { return input.Shorten(input.Clean(text), limit) }

// link is mrkdwn for a link, if the address is a task's page, else the label
// alone. The label is mrkdwn.
func link(address, label string, hosts []string) string {
	u, err := url.Parse(address)
	if err != nil || !input.IsTaskHost(u, hosts) || len(address) > maxLink || strings.ContainsAny(address, "<>|\" \t\r\n") {
		return label
	}
	return "<" + strings.ReplaceAll(address, "&", "&amp;") + "|" + label + ">"
}

// maxLink bounds an address that is shown, in bytes: three of them must fit a
// section.
const maxLink = 500
