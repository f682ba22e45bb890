package texts

import (
	"fmt"
	"slices"
	"time"

	"github.com/slack-go/slack"

	"github.com/cancelbot/cancelbot/bot/internal/input"
)

// Message is a message to show: blocks, and the text that notifications and
// screen readers use instead.
type Message struct {
	Text   string
	Blocks []slack.Block
}

// maxText is the longest text of a message, in characters. Slack refuses a longer
// one (docs.slack.dev: reference/methods/chat.update).
const maxText = 4000

// message returns a message. All others are made of it, so that no text is too
// long.
func message(text string, blocks ...slack.Block) Message {
	return Message{Text: fitted(text, maxText), Blocks: blocks}
}

// say returns a message of one paragraph of mrkdwn.
func say(format string, args ...any) Message {
	text := fmt.Sprintf(format, args...)
	return message(text, section(text))
}

// Above returns one message: m, and below it the other one. With it, one use of a
// response_url answers a click and restores its prompt.
func (m Message) Above(below Message) Message {
	if m.Text == "" {
		return below
	}
	return message(m.Text+"\n"+below.Text, slices.Concat(m.Blocks, below.Blocks)...)
}

// with returns the message with one more block.
func (m Message) with(block slack.Block) Message {
	m.Blocks = append(m.Blocks[:len(m.Blocks):len(m.Blocks)], block)
	return m
}

// Limits of Block Kit (docs.slack.dev: reference/block-kit), in characters.
const (
	textLimit   = 3000 // of a text object
	headerLimit = 150
	labelLimit  = 75 // of an accessibility_label
)

// mrkdwn returns text that Slack formats, cut if it's too long. It is verbatim: Slack
// makes no links or mentions of its own.
func mrkdwn(text string) *slack.TextBlockObject {
	return slack.NewTextBlockObject(slack.MarkdownType, fitted(text, textLimit), false, true)
}

func plainText(text string) *slack.TextBlockObject {
	return slack.NewTextBlockObject(slack.PlainTextType, text, false, false)
}

func section(text string) slack.Block {
	return slack.NewSectionBlock(mrkdwn(text), nil, nil)
}

// optional is like section, but returns nil if text is empty.
func optional(text string) slack.Block {
	if text == "" {
		return nil
	}
	return section(text)
}

// quoted returns a reason over the whole width; nil if there is none.
func quoted(reason string) slack.Block {
	text := excerpt(reason, input.MaxReason)
	if text == "" {
		return nil
	}
	return section(">" + text)
}

func header(text string) slack.Block { return slack.NewHeaderBlock(plainText(text)) }

// footnote returns small print; nil if text is empty.
func footnote(text string) slack.Block {
	if text == "" {
		return nil
	}
	return slack.NewContextBlock("", mrkdwn(text))
}

// button returns a button with a label for screen readers, which read buttons
// without their context.
func button(action, value, text, label string) *slack.ButtonBlockElement {
	b := slack.NewButtonBlockElement(action, value, plainText(text))
	b.AccessibilityLabel = plain(label, labelLimit)
	return b
}

// layout returns the blocks that aren't nil.
func layout(blocks ...slack.Block) []slack.Block {
	var present []slack.Block
	for _, b := range blocks {
		if b != nil {
			present = append(present, b)
		}
	}
	return present
}

// mention returns mrkdwn for a person. IDs come from Slack, but are checked.
func mention(user string) string {
	if !input.IsID(user, "UW") {
		return "someone"
	}
	return "<@" + user + ">"
}

// inChannelNamed returns mrkdwn for a conversation, to follow "in". Direct
// messages have no name that can be shown.
func inChannelNamed(id string) string {
	if !input.IsID(id, "CG") {
		return "this conversation"
	}
	return "<#" + id + ">"
}

// date returns mrkdwn for a time in the reader's time zone (docs.slack.dev:
// messaging/formatting-message-text, "date formatting").
func date(t time.Time, format, fallback string) string {
	return fmt.Sprintf("<!date^%d^%s|%s>", t.Unix(), format, t.UTC().Format(fallback))
}

// on returns a time inside a sentence, where Slack would write "on Today at
// 9:31".
func on(t time.Time) string {
	return "on " + date(t, "{date_short} at {time}", "2 Jan 2006 at 15:04 UTC")
}

// standing returns a time outside of a sentence, where "Today at 9:31" is
// right.
func standing(t time.Time) string {
	return date(t, "{date_short_pretty} at {time}", "2 Jan 2006 at 15:04 UTC")
}

// ageOf says how long ago something began.
func ageOf(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return "started " + date(t, "{ago}", "2 Jan 2006")
}

// clock returns a time within the next hour. Anything in the past may be of another day.
func clock(t time.Time) string { return date(t, "{time}", "15:04 UTC") }
