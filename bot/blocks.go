package bot

import (
	"fmt"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/slack-go/slack"
)

// message is something to show: blocks, and the text that notifications and
// screen readers use instead of them.
type message struct {
	text   string
	blocks []slack.Block
}

// ackPayload is the message as the answer that a command's acknowledgement
// may carry.
func (m message) ackPayload() any {
	return struct {
		Type   string        `json:"response_type"`
		Text   string        `json:"text"`
		Blocks []slack.Block `json:"blocks,omitempty"`
	}{slack.ResponseTypeEphemeral, m.text, m.blocks}
}

// say is a message of one paragraph of mrkdwn.
func say(format string, args ...any) message {
	text := fmt.Sprintf(format, args...)
	return message{text: text, blocks: []slack.Block{section(text)}}
}

// Limits of Block Kit (api.slack.com/reference/block-kit/blocks), in
// characters.
const (
	sectionLimit = 3000
	fieldLimit   = 2000
)

func section(mrkdwn string) slack.Block {
	return slack.NewSectionBlock(slack.NewTextBlockObject(slack.MarkdownType, shorten(mrkdwn, sectionLimit), false, false), nil, nil)
}

func fields(pairs ...field) slack.Block {
	var texts []*slack.TextBlockObject
	for _, p := range pairs {
		if p.value != "" {
			text := "*" + p.name + "*\n" + p.value
			texts = append(texts, slack.NewTextBlockObject(slack.MarkdownType, shorten(text, fieldLimit), false, false))
		}
	}
	if len(texts) == 0 {
		return nil
	}
	return slack.NewSectionBlock(nil, texts, nil)
}

// field is a name and a value, which is mrkdwn; one without value is left out.
type field struct{ name, value string }

func header(plain string) slack.Block {
	return slack.NewHeaderBlock(slack.NewTextBlockObject(slack.PlainTextType, plain, false, false))
}

func footnote(mrkdwn string) slack.Block {
	return slack.NewContextBlock("", slack.NewTextBlockObject(slack.MarkdownType, mrkdwn, false, false))
}

// layout drops what is absent.
func layout(blocks ...slack.Block) []slack.Block {
	var present []slack.Block
	for _, b := range blocks {
		if b != nil {
			present = append(present, b)
		}
	}
	return present
}

// escape makes text from outside safe in mrkdwn: it can neither mention, nor
// link, nor format (api.slack.com/reference/surfaces/formatting). The three
// characters that Slack parses become entities; those that format get an
// invisible word joiner on both sides, next to which they are plain.
func escape(text string) string { return escaper.Replace(clean(text)) }

var escaper = strings.NewReplacer(
	"&", "&amp;", "<", "&lt;", ">", "&gt;",
	"*", joiner+"*"+joiner, "_", joiner+"_"+joiner, "~", joiner+"~"+joiner, "`", joiner+"`"+joiner,
)

const joiner = "\u2060"

// excerpt escapes text from outside and bounds its length as read.
func excerpt(text string, limit int) string { return escape(shorten(clean(text), limit)) }

// shorten cuts at a rune boundary and marks the cut.
func shorten(text string, limit int) string {
	if utf8.RuneCountInString(text) <= limit {
		return text
	}
	runes := []rune(text)
	return strings.TrimSpace(string(runes[:limit-1])) + "…"
}

// link is mrkdwn for a link, if the address is a task's page, else the label
// alone. The label is mrkdwn.
func link(address, label string, hosts []string) string {
	u, err := url.Parse(address)
	if err != nil || !isTaskHost(u, hosts) || len(address) > 1000 || strings.ContainsAny(address, "<>|\" \t\r\n") {
		return label
	}
	return "<" + strings.ReplaceAll(address, "&", "&amp;") + "|" + label + ">"
}

// mention is mrkdwn for a person. Ids come from Slack, yet are checked.
func mention(user string) string {
	for _, r := range user {
		if (r < 'A' || r > 'Z') && (r < '0' || r > '9') {
			return "somebody"
		}
	}
	if user == "" {
		return "somebody"
	}
	return "<@" + user + ">"
}

// when is mrkdwn for a moment, in the reader's own time zone
// (api.slack.com/reference/surfaces/formatting, "date formatting").
func when(t time.Time) string {
	return fmt.Sprintf("<!date^%d^{date_short_pretty} at {time}|%s>", t.Unix(), t.UTC().Format("2 Jan 2006 at 15:04 UTC"))
}

// clock is mrkdwn for a moment of today.
func clock(t time.Time) string {
	return fmt.Sprintf("<!date^%d^{time}|%s>", t.Unix(), t.UTC().Format("15:04 UTC"))
}
