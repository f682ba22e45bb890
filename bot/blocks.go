package bot

import (
	"fmt"
	"time"

	"github.com/slack-go/slack"

	"github.com/cancelbot/cancelbot/bot/internal/input"
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

// Limits of Block Kit (docs.slack.dev: reference/block-kit), in characters.
const (
	sectionLimit = 3000
	fieldLimit   = 2000
	labelLimit   = 75 // of an accessibility_label
)

// mrkdwn is a text that Slack formats. Verbatim: it makes nothing live that we
// did not write as a link or a mention.
func mrkdwn(text string) *slack.TextBlockObject {
	return slack.NewTextBlockObject(slack.MarkdownType, text, false, true)
}

func plainText(text string) *slack.TextBlockObject {
	return slack.NewTextBlockObject(slack.PlainTextType, text, false, false)
}

func section(text string) slack.Block {
	return slack.NewSectionBlock(mrkdwn(input.Shorten(text, sectionLimit)), nil, nil)
}

// quoted is text from outside over the whole width, below its name; nil if
// there is none.
func quoted(name, text string, limit int) slack.Block {
	if text = excerpt(text, limit); text == "" {
		return nil
	}
	return section("*" + name + "*\n>" + text)
}

func fields(pairs ...field) slack.Block {
	var all []*slack.TextBlockObject
	for _, p := range pairs {
		if p.value != "" {
			all = append(all, mrkdwn(input.Shorten("*"+p.name+"*\n"+p.value, fieldLimit)))
		}
	}
	if len(all) == 0 {
		return nil
	}
	return slack.NewSectionBlock(nil, all, nil)
}

// field is a name and a value, which is mrkdwn; one without value is left out.
type field struct{ name, value string }

func header(text string) slack.Block { return slack.NewHeaderBlock(plainText(text)) }

// footnote is small print; nil without any.
func footnote(text string) slack.Block {
	if text == "" {
		return nil
	}
	return slack.NewContextBlock("", mrkdwn(text))
}

// button has a label for screen readers, which read out buttons without what
// stands around them.
func button(action, value, text, label string) *slack.ButtonBlockElement {
	b := slack.NewButtonBlockElement(action, value, plainText(text))
	b.AccessibilityLabel = plain(label, labelLimit)
	return b
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

// mention is mrkdwn for a person. Ids come from Slack, yet are checked.
func mention(user string) string {
	if !input.IsID(user, "UW") {
		return "someone"
	}
	return "<@" + user + ">"
}

// inChannelNamed is mrkdwn for a conversation, to be read after "in". Direct
// messages have no name that could be shown.
func inChannelNamed(id string) string {
	if !input.IsID(id, "CG") {
		return "this conversation"
	}
	return "<#" + id + ">"
}

// date is mrkdwn for a moment in the reader's own time zone
// (docs.slack.dev: messaging/formatting-message-text, "date formatting").
func date(t time.Time, format, fallback string) string {
	return fmt.Sprintf("<!date^%d^%s|%s>", t.Unix(), format, t.UTC().Format(fallback))
}

// on is a moment inside a sentence: Slack would write "on Today at 9:31".
func on(t time.Time) string {
	return "on " + date(t, "{date_short} at {time}", "2 Jan 2006 at 15:04 UTC")
}

// standing is a moment that stands by itself, where "Today at 9:31" is right.
func standing(t time.Time) string {
	return date(t, "{date_short_pretty} at {time}", "2 Jan 2006 at 15:04 UTC")
}

// ageOf is when something began, and how long ago that is.
func ageOf(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return date(t, "{date_short} ({ago})", "2 Jan 2006")
}

// clock is a moment of today.
func clock(t time.Time) string { return date(t, "{time}", "15:04 UTC") }
