package sandbox

import (
	"time"

	"github.com/cancelbot/cancelbot/bot/slacktest"
)

type viewMessage struct {
	TS     string      `json:"ts"`
	Thread string      `json:"thread"` // the message that it replies to
	Author string      `json:"author"`
	App    bool        `json:"app"`
	At     int64       `json:"at"` // seconds since 1970
	Text   string      `json:"text"`
	Blocks []viewBlock `json:"blocks"`
	Only   bool        `json:"only"` // only visible to you
	Edited bool        `json:"edited"`
}

type viewBlock struct {
	Type     string        `json:"type"`
	Text     *viewText     `json:"text,omitempty"`
	Fields   []viewText    `json:"fields,omitempty"`
	Elements []viewElement `json:"elements,omitempty"`
}

type viewText struct {
	Plain    bool   `json:"plain"`
	Verbatim bool   `json:"verbatim"`
	Text     string `json:"text"`
}

type viewElement struct {
	Button string    `json:"button,omitempty"` // its action id
	Label  string    `json:"label,omitempty"`
	Spoken string    `json:"spoken,omitempty"` // what screen readers say instead of the label
	Style  string    `json:"style,omitempty"`
	Text   *viewText `json:"text,omitempty"`
}

func messagesView(messages []slacktest.Message) []viewMessage {
	var all []viewMessage
	for _, m := range messages {
		all = append(all, messageView(m))
	}
	return all
}

func messageView(m slacktest.Message) viewMessage {
	out := viewMessage{
		TS: m.TS, Thread: m.ThreadTS, Author: m.Author, App: m.Author == slacktest.BotUser, At: m.At.Truncate(time.Second).Unix(),
		Text: m.Text, Only: m.Only != "", Edited: m.Edited,
	}
	for _, b := range m.Blocks {
		block := viewBlock{Type: b.Type}
		if b.Text != nil {
			block.Text = textView(*b.Text)
		}
		for _, f := range b.Fields {
			block.Fields = append(block.Fields, *textView(f))
		}
		for _, e := range b.Elements {
			if e.Type == "button" {
				block.Elements = append(block.Elements, viewElement{Button: e.ActionID, Label: e.Label, Spoken: e.AccessibilityLabel, Style: e.Style})
			} else {
				block.Elements = append(block.Elements, viewElement{Text: textView(e.Content)})
			}
		}
		out.Blocks = append(out.Blocks, block)
	}
	return out
}

func textView(t slacktest.Text) *viewText {
	return &viewText{t.Type == "plain_text", t.Verbatim, t.Text}
}
