package slackapi

import (
	"bytes"
	"encoding/json"
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
	Texts       []string // the texts and links that the message shows; of the bot's own, the names of its tasks
	Received    time.Time
}

// Target returns where the answers to a shortcut go, until it has opened a modal.
func (s Shortcut) Target() Target {
	return Target{Channel: s.Channel, User: s.User, ResponseURL: s.ResponseURL}
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

// textsIn returns the texts and links that people see in a message and in its
// attachments. Slack shows a message's text only if it has no blocks; otherwise, it is
// for notifications. Of a message of the app itself, textsIn returns only the names of
// the tasks in its blocks.
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
	c := collector{left: maxMessage}
	blocks := objects(parts.Blocks)
	if app != "" && parts.AppID == app {
		c.names(blocks...)
		return c.texts
	}
	if c.blocks(blocks); len(blocks) == 0 {
		c.add(parts.Text)
	}
	for _, one := range objects(parts.Attachments) {
		c.attachment(one)
	}
	return c.texts
}

// collector collects texts and links in JSON, as many as have room.
type collector struct {
	texts []string
	left  int
}

func (c *collector) add(text string) {
	if c.left -= len(text); c.left >= 0 && text != "" {
		c.texts = append(c.texts, text)
	}
}

// names collects the names of tasks in the mrkdwn of blocks of the app, without the
// tasks that they say won't be cancelled. Plain text isn't escaped, so it names none.
func (c *collector) names(blocks ...map[string]any) {
	for _, block := range blocks {
		text, _ := block["text"].(map[string]any)
		for _, text := range append(objects(block["elements"]), text) {
			if text["type"] == slack.MarkdownType && block["block_id"] != texts.BlockLeftOut {
				for _, name := range texts.NamesIn(stringIn(text, "text")) {
					c.add(name)
				}
			}
		}
	}
}

// attachment collects what an attachment shows: a message that it quotes, or its blocks,
// or else its other fields.
func (c *collector) attachment(v map[string]any) {
	quotes, blocks := objects(v["message_blocks"]), objects(v["blocks"])
	switch {
	case len(quotes) > 0, v["is_msg_unfurl"] == true, v["is_share"] == true:
		for _, quote := range quotes {
			message, _ := quote["message"].(map[string]any)
			c.quoted(objects(message["blocks"]))
		}
	case len(blocks) > 0:
		c.blocks(blocks)
	default:
		c.walk(v)
	}
}

// quoted collects what is certain in the blocks of a message that was forwarded or
// shared. It may be the app's own, and Slack doesn't always say whose it is. So only rich
// text, which the app never writes, is read like a person's message.
func (c *collector) quoted(blocks []map[string]any) {
	for _, block := range blocks {
		if block["type"] == string(slack.MBTRichText) {
			c.walk(block)
		} else {
			c.names(block)
		}
	}
}

func (c *collector) blocks(blocks []map[string]any) {
	for _, block := range blocks {
		c.walk(block)
	}
}

// walk collects what blocks, their elements, and the fields of attachments show.
func (c *collector) walk(v any) {
	switch v := v.(type) {
	case string:
		c.add(v)
	case []any:
		for _, one := range v {
			c.walk(one)
		}
	case map[string]any:
		if isParagraph(v) {
			c.add(paragraph(objects(v["elements"])))
			return
		}
		for _, name := range shown(v) {
			c.walk(v[name])
		}
	}
}

// shown returns the names of the fields that people see or follow in a block, an element
// or an attachment of any type, in their order. It has no value or question of a button,
// no menu, no text in place of an image, and nothing that is collapsed. It leaves out
// the labels of links: they can name another task than the link (docs.slack.dev:
// reference/block-kit).
func shown(v map[string]any) []string {
	names := []string{
		"pretext", "rich_text_title", "title", "title_url", "title_link", "subtitle", "label", "text", "url", "hint", "description", "body", "subtext",
		"fields", "elements", "element", "accessory", "rows", "tasks", "child_blocks", "actions",
	}
	hidden := map[string]bool{
		"text": stringIn(v, "url") != "", "title": stringIn(v, "title_url") != "" || stringIn(v, "title_link") != "",
		"child_blocks": v["default_collapsed"] == true,
	}
	switch kind := stringIn(v, "type"); {
	case kind == "checkboxes", kind == "radio_buttons":
		names = append(names, "options")
	case kind == "" && stringIn(v, "title") != "":
		names = append(names, "value") // of an attachment's field
	}
	return slices.DeleteFunc(names, func(name string) bool { return hidden[name] })
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
func paragraph(elements []map[string]any) string {
	var b strings.Builder
	for _, element := range elements {
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

// objects returns the objects in a list, an empty one for anything else in it; none if v
// is no list.
func objects(v any) []map[string]any {
	list, _ := v.([]any)
	all := make([]map[string]any, len(list))
	for i, one := range list {
		all[i], _ = one.(map[string]any)
	}
	return all
}

// stringIn returns the string in a field, "" if there's none.
func stringIn(v map[string]any, name string) string {
	text, _ := v[name].(string)
	return text
}
