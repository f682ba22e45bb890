package slacktest

import (
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"
)

// Block is a Block Kit block, for the kinds that the server accepts.
type Block struct {
	Type     string    `json:"type"`
	BlockID  string    `json:"block_id"`
	Text     *Text     `json:"text"`
	Fields   []Text    `json:"fields"`
	Elements []Element `json:"elements"`
}

// Text is a text object. In a context block, an element is one.
type Text struct {
	Type string `json:"type"` // "mrkdwn" or "plain_text"
	Text string `json:"text"`
}

// Element is a button, or a text in a context block.
type Element struct {
	Type     string          `json:"type"`
	ActionID string          `json:"action_id"`
	Value    string          `json:"value"`
	Style    string          `json:"style"`
	URL      string          `json:"url"`
	RawText  json.RawMessage `json:"text"` // an object in buttons, a string in texts
	Label    string          `json:"-"`    // of a button
	Content  Text            `json:"-"`    // of a text
}

// The limits of Block Kit (api.slack.com/reference/block-kit/blocks), in
// characters and elements.
const (
	maxBlocks       = 50
	maxSectionText  = 3000
	maxFields       = 10
	maxFieldText    = 2000
	maxHeaderText   = 150
	maxButtonText   = 75
	maxButtonValue  = 2000
	maxID           = 255
	maxContextItems = 10
	maxActions      = 25
)

// parseBlocks decodes blocks and enforces the limits.
func parseBlocks(raw json.RawMessage) ([]Block, error) {
	if len(raw) == 0 || string(raw) == "null" {
		return nil, nil
	}
	var blocks []Block
	if err := json.Unmarshal(raw, &blocks); err != nil {
		return nil, fmt.Errorf("blocks are not a list of blocks: %w", err)
	}
	if len(blocks) > maxBlocks {
		return nil, fmt.Errorf("%d blocks", len(blocks))
	}
	seen := map[string]bool{}
	for i := range blocks {
		b := &blocks[i]
		if err := b.check(); err != nil {
			return nil, fmt.Errorf("block %d (%s): %w", i, b.Type, err)
		}
		if b.BlockID != "" && seen[b.BlockID] {
			return nil, fmt.Errorf("block id %q twice", b.BlockID)
		}
		seen[b.BlockID] = true
	}
	return blocks, nil
}

func (b *Block) check() error {
	if len(b.BlockID) > maxID {
		return errors.New("block_id too long")
	}
	switch b.Type {
	case "divider":
		return nil
	case "header":
		if b.Text == nil || b.Text.Type != "plain_text" {
			return errors.New("a header takes plain_text")
		}
		return b.Text.check(maxHeaderText)
	case "section":
		return b.checkSection()
	case "context":
		return b.checkContext()
	case "actions":
		return b.checkActions()
	}
	return errors.New("unknown type")
}

func (b *Block) checkSection() error {
	if b.Text == nil && len(b.Fields) == 0 {
		return errors.New("neither text nor fields")
	}
	if b.Text != nil {
		if err := b.Text.check(maxSectionText); err != nil {
			return err
		}
	}
	if len(b.Fields) > maxFields {
		return errors.New("too many fields")
	}
	for _, f := range b.Fields {
		if err := f.check(maxFieldText); err != nil {
			return err
		}
	}
	return nil
}

func (b *Block) checkContext() error {
	if len(b.Elements) == 0 || len(b.Elements) > maxContextItems {
		return fmt.Errorf("%d elements", len(b.Elements))
	}
	for i := range b.Elements {
		e := &b.Elements[i]
		e.Content.Type = e.Type
		if err := json.Unmarshal(e.RawText, &e.Content.Text); err != nil {
			return errors.New("a context element's text is a string")
		}
		if err := e.Content.check(maxSectionText); err != nil {
			return err
		}
	}
	return nil
}

func (b *Block) checkActions() error {
	if len(b.Elements) == 0 || len(b.Elements) > maxActions {
		return fmt.Errorf("%d elements", len(b.Elements))
	}
	seen := map[string]bool{}
	for i := range b.Elements {
		e := &b.Elements[i]
		var label Text
		if e.Type != "button" {
			return fmt.Errorf("element %q", e.Type)
		}
		if err := json.Unmarshal(e.RawText, &label); err != nil || label.Type != "plain_text" {
			return errors.New("a button's text is plain_text")
		}
		if err := label.check(maxButtonText); err != nil {
			return err
		}
		e.Label = label.Text
		switch {
		case e.ActionID == "" || len(e.ActionID) > maxID || seen[e.ActionID]:
			return fmt.Errorf("action_id %q", e.ActionID)
		case utf8.RuneCountInString(e.Value) > maxButtonValue:
			return errors.New("value too long")
		case e.Style != "" && e.Style != "primary" && e.Style != "danger":
			return fmt.Errorf("style %q", e.Style)
		}
		seen[e.ActionID] = true
	}
	return nil
}

func (t Text) check(limit int) error {
	n := utf8.RuneCountInString(t.Text)
	switch {
	case t.Type != "mrkdwn" && t.Type != "plain_text":
		return fmt.Errorf("text type %q", t.Type)
	case n == 0:
		return errors.New("empty text")
	case n > limit:
		return fmt.Errorf("%d characters, over %d", n, limit)
	}
	return nil
}
