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
	Texts       []string // every text and link in the message
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
		ResponseURL: p.ResponseURL, Texts: textsIn(p.Message), Received: received,
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

// textsIn returns the texts and links in a message's text, blocks and
// attachments.
func textsIn(message json.RawMessage) []string {
	var parts struct {
		Text        string `json:"text"`
		Blocks      any    `json:"blocks"`
		Attachments any    `json:"attachments"`
	}
	if json.Unmarshal(message, &parts) != nil {
		return nil
	}
	c := collector{left: maxMessage}
	c.add(parts.Text)
	c.walk(parts.Blocks)
	c.walk(parts.Attachments)
	return c.texts
}

// collector collects the texts in JSON, as many as have room.
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
		// The fields whose strings people see or follow.
		for _, name := range []string{"text", "url", "fallback", "pretext", "title", "title_link", "from_url", "original_url", "value"} {
			if text, ok := v[name].(string); ok {
				c.add(text)
			}
		}
		for _, name := range slices.Sorted(maps.Keys(v)) {
			if _, isText := v[name].(string); !isText {
				c.walk(v[name])
			}
		}
	}
}

func (c *collector) add(text string) {
	if c.left -= len(text); c.left >= 0 && text != "" {
		c.texts = append(c.texts, text)
	}
}
