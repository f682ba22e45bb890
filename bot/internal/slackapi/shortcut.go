package slackapi

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"github.com/cancelbot/cancelbot/bot/internal/texts"
)

// Shortcut is a use of the message shortcut: someone chose it from the menu of
// a message, also in a thread, where commands can't be typed (docs.slack.dev:
// reference/interaction-payloads/shortcuts-interaction-payload).
type Shortcut struct {
	Origin      Origin
	User        string
	Team        string // the workspace in which it was used, as far as the payload says
	Channel     string
	Thread      string // the timestamp of the thread that the message is in; "" outside of threads
	Trigger     string // opens a modal, for three seconds
	ResponseURL string
	Texts       []string // every text and link in the message; of the bot's own, the names of its tasks
	Received    time.Time
}

// ParseShortcut parses a message_action payload. It returns false for everything
// but the bot's own shortcut.
func ParseShortcut(payload json.RawMessage, received time.Time) (Shortcut, bool) {
	var p struct {
		clickPayload
		CallbackID string          `json:"callback_id"`
		Message    json.RawMessage `json:"message"`
	}
	if !bytes.Contains(payload, []byte(slack.InteractionTypeMessageAction)) || json.Unmarshal(payload, &p) != nil ||
		p.Type != string(slack.InteractionTypeMessageAction) || p.CallbackID != texts.ShortcutCancel ||
		p.User.ID == "" || p.Channel == nil || p.Channel.ID == "" {
		return Shortcut{}, false
	}
	var in struct {
		Thread string `json:"thread_ts"`
		Team   string `json:"team"`
	}
	_ = json.Unmarshal(p.Message, &in) // a message that can't be read is in no thread
	return Shortcut{
		Origin: p.origin(), User: p.User.ID, Team: workspaceOf(p.origin().TeamID, p.User.TeamID, in.Team), Channel: p.Channel.ID, Thread: in.Thread, Trigger: p.TriggerID,
		ResponseURL: p.ResponseURL, Texts: textsIn(p.Message, p.AppID), Received: received,
	}, true
}

// workspaceOf returns the first ID that is a workspace's. With an organisation-wide
// installation a payload's team may be null, and a person's the organisation.
func workspaceOf(ids ...string) string {
	for _, id := range ids {
		if strings.HasPrefix(id, "T") {
			return id
		}
	}
	return ""
}

// maxMessage bounds the texts that are read of a message, in bytes: Slack's
// longest text has 40,000 characters, and blocks and attachments repeat it.
const maxMessage = 1 << 18

// textsIn returns the texts and links in a message's text, blocks and attachments. Of
// a message of the app itself, it returns only the names of the tasks in its blocks.
func textsIn(message json.RawMessage, app string) []string {
	var parts struct {
		AppID       string `json:"app_id"`
		Text        string `json:"text"`
		Blocks      any    `json:"blocks"`
		Attachments any    `json:"attachments"`
	}
	if json.Unmarshal(message, &parts) != nil {
		return nil
	}
	if app != "" && parts.AppID == app {
		return namesIn(parts.Blocks)
	}
	c := collector{left: maxMessage}
	c.add(parts.Text)
	c.walk(parts.Blocks)
	c.walk(parts.Attachments)
	return c.texts
}

// namesIn returns the names of tasks in the mrkdwn of the app's own blocks, without
// the tasks that they say won't be cancelled. Plain text isn't escaped, so it names none.
func namesIn(blocks any) (names []string) {
	all, _ := blocks.([]any)
	for _, one := range all {
		block, _ := one.(map[string]any)
		elements, _ := block["elements"].([]any)
		for _, v := range append(elements, block["text"]) {
			if text, _ := v.(map[string]any); text["type"] == slack.MarkdownType && block["block_id"] != texts.BlockLeftOut {
				names = append(names, texts.NamesIn(stringIn(text, "text"))...)
			}
		}
	}
	return names
}

// collector collects the texts in JSON that people see or follow, as many as
// have room. Labels of links aren't collected: they can name another task than
// the link.
type collector struct {
	texts []string
	left  int
}

func (c *collector) walk(v any) {
	switch v := v.(type) {
	case []any:
		for _, one := range v {
			c.walk(one)
		}
	case map[string]any:
		if elements, ok := v["elements"].([]any); ok && isParagraph(v) {
			c.add(paragraph(elements))
			return
		}
		v = withoutLabels(v)
		for _, name := range []string{"pretext", "title", "title_link", "text", "url", "from_url", "original_url", "fallback", "value"} {
			c.add(stringIn(v, name))
		}
		for _, name := range slices.Sorted(maps.Keys(v)) {
			c.walk(v[name])
		}
	}
}

// withoutLabels returns a block, element or attachment without the labels of its
// links and without what isn't shown: a button's value, and the fallback of an
// attachment that has another text.
func withoutLabels(v map[string]any) map[string]any {
	v = maps.Clone(v)
	for link, label := range map[string]string{"url": "text", "title_link": "title"} {
		if stringIn(v, link) != "" {
			delete(v, label)
		}
	}
	if isField := stringIn(v, "title") != "" && stringIn(v, "type") == ""; !isField {
		delete(v, "value")
	}
	for _, shown := range []string{"pretext", "title", "title_link", "text", "fields", "blocks", "from_url"} {
		if v[shown] != nil && v[shown] != "" {
			delete(v, "fallback")
		}
	}
	return v
}

// isParagraph reports whether v is a part of a rich text whose elements people
// see as one text (docs.slack.dev: reference/block-kit/blocks/rich-text-block).
func isParagraph(v map[string]any) bool {
	switch v["type"] {
	case "rich_text_section", "rich_text_quote", "rich_text_preformatted":
		return true
	}
	return false
}

// paragraph returns the text of elements as mrkdwn, in one piece: an element may
// begin in the middle of a number.
func paragraph(elements []any) string {
	var b strings.Builder
	for _, one := range elements {
		element, _ := one.(map[string]any)
		style, _ := element["style"].(map[string]any)
		switch url := stringIn(element, "url"); {
		case style["strike"] == true:
			b.WriteString(" ~ ")
		case url != "":
			b.WriteString("<" + url + ">")
		case element["type"] == "text":
			b.WriteString(stringIn(element, "text"))
		default:
			b.WriteString(" ~ ") // a mention or an emoji
		}
	}
	return b.String()
}

// stringIn returns the string in a field, "" if there's none.
func stringIn(v map[string]any, name string) string {
	text, _ := v[name].(string)
	return text
}

func (c *collector) add(text string) {
	if c.left -= len(text); c.left >= 0 && text != "" {
		c.texts = append(c.texts, text)
	}
}
