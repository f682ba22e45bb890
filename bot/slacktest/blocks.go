package slacktest

import (
	"encoding/json"
	"fmt"
)

// Block is a Block Kit block as Slack stores it: with a block_id, generated if
// the app gave none. Fields that its type doesn't have are empty.
type Block struct {
	Type      string    `json:"type"`
	BlockID   string    `json:"block_id"`
	Text      *Text     `json:"text"`
	Fields    []Text    `json:"fields"`
	Elements  []Element `json:"elements"`
	Accessory *Element  `json:"accessory"` // of a section
	Element   *Element  `json:"element"`   // of an input
	Label     *Text     `json:"label"`     // of an input
	Optional  bool      `json:"optional"`  // of an input

	Raw json.RawMessage `json:"-"` // the whole block, including fields that are missing here
}

// Text is a text object, or an element of a context block.
type Text struct {
	Type string `json:"type"` // "mrkdwn", "plain_text", or "markdown" for a markdown block's
	Text string `json:"text"`
	// Verbatim means that URLs, names of conversations and mentions in mrkdwn
	// aren't converted to links.
	Verbatim bool `json:"verbatim"`
}

// UnmarshalJSON accepts a text object, or a markdown block's plain string.
func (t *Text) UnmarshalJSON(raw []byte) error {
	if len(raw) > 0 && raw[0] == '"' {
		t.Type = "markdown"
		return json.Unmarshal(raw, &t.Text)
	}
	type object Text
	return json.Unmarshal(raw, (*object)(t))
}

// Element is a button or another interactive element, or a text or an image
// in a context block.
type Element struct {
	Type               string          `json:"type"`
	ActionID           string          `json:"action_id"`
	Value              string          `json:"value"`
	Style              string          `json:"style"`
	URL                string          `json:"url"`
	AccessibilityLabel string          `json:"accessibility_label"` // what screen readers read instead of Label
	AltText            string          `json:"alt_text"`            // of an image
	RawText            json.RawMessage `json:"text"`                // an object in buttons, a string in texts
	Label              string          `json:"-"`                   // of a button
	Content            Text            `json:"-"`                   // of a text; of an image, its alt_text
	Choices
}

// Choices is what can be entered or chosen in an input, and what is at first.
type Choices struct {
	Options        []Option `json:"options"`
	InitialValue   string   `json:"initial_value"`   // of a text
	InitialOptions []Option `json:"initial_options"` // of boxes and menus with several choices
}

// Option is an item of a menu.
type Option struct {
	Text        Text   `json:"text"`
	Value       string `json:"value"`
	Description *Text  `json:"description"`
}

// interactive reports whether using the element sends an action.
func (e *Element) interactive() bool {
	switch e.Type {
	case "mrkdwn", "plain_text", "image", "":
		return false
	}
	return true
}

// parseBlocks checks blocks, adds missing IDs, and decodes them.
func (s *Server) parseBlocks(raw json.RawMessage, on Surface) ([]Block, error) {
	if absent(raw) {
		return nil, nil
	}
	var list []any
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, fmt.Errorf("blocks are not a list of blocks: %w", err)
	}
	check := checker{surface: on}
	if check.list("", list); len(check.problems) > 0 {
		return nil, fmt.Errorf("invalid blocks: %s", check.problems[0])
	}
	blocks := make([]Block, len(list))
	for i, object := range list {
		s.complete(object.(map[string]any)) // anything else is a problem
		whole, err := json.Marshal(object)
		if err != nil {
			return nil, fmt.Errorf("block %d: %w", i, err)
		}
		if err := json.Unmarshal(whole, &blocks[i]); err != nil {
			return nil, fmt.Errorf("block %d: %w", i, err)
		}
		blocks[i].Raw = whole
		blocks[i].decodeTexts()
	}
	return blocks, nil
}

// complete adds what Slack adds to a block before it stores it: IDs, and the
// defaults of its text objects.
func (s *Server) complete(block map[string]any) {
	if _, ok := block["block_id"]; !ok {
		block["block_id"] = s.shortID()
	}
	for _, name := range []string{"accessory", "element"} {
		s.completeElement(block[name])
	}
	for _, name := range []string{"elements", "fields"} {
		list, _ := block[name].([]any)
		for _, v := range list {
			s.completeElement(v)
		}
	}
	for _, name := range []string{"text", "label", "hint", "title"} {
		completeText(block[name])
	}
}

func (s *Server) completeElement(v any) {
	object, ok := v.(map[string]any)
	if !ok {
		return
	}
	kind, _ := object["type"].(string)
	known := elementKinds[kind]
	if _, ok := object["action_id"]; !ok && known {
		object["action_id"] = s.shortID()
	}
	completeText(object["text"])
	completeText(v)
}

func completeText(v any) {
	object, _ := v.(map[string]any)
	var name string
	var preset bool
	switch object["type"] {
	case "plain_text":
		name, preset = "emoji", true
	case "mrkdwn":
		name, preset = "verbatim", false
	default:
		return
	}
	if _, ok := object[name]; !ok {
		object[name] = preset
	}
}

// elementKinds are the elements that have an action_id.
var elementKinds = func() map[string]bool {
	kinds := map[string]bool{}
	for _, list := range [][]string{inSection, inActions, inInput} {
		for _, kind := range list {
			kinds[kind] = kind != "image"
		}
	}
	return kinds
}()

func (b *Block) decodeTexts() {
	for i := range b.Elements {
		b.Elements[i].decodeText()
	}
	for _, e := range []*Element{b.Accessory, b.Element} {
		if e != nil {
			e.decodeText()
		}
	}
}

func (e *Element) decodeText() {
	switch e.Type {
	case "mrkdwn", "plain_text":
		e.Content.Type = e.Type
		_ = json.Unmarshal(e.RawText, &e.Content.Text)
	case "image":
		e.Content = Text{Type: "plain_text", Text: e.AltText}
	default:
		var label Text
		_ = json.Unmarshal(e.RawText, &label)
		e.Label = label.Text
	}
}

// elementsOf returns a block's interactive elements.
func (b *Block) elementsOf() []*Element {
	var found []*Element
	for i := range b.Elements {
		found = append(found, &b.Elements[i])
	}
	for _, e := range []*Element{b.Accessory, b.Element} {
		if e != nil {
			found = append(found, e)
		}
	}
	return found
}

// rawBlocks returns blocks as JSON for payloads and answers.
func rawBlocks(blocks []Block) []json.RawMessage {
	raw := make([]json.RawMessage, len(blocks))
	for i, b := range blocks {
		raw[i] = b.Raw
	}
	return raw
}
