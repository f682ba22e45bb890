package slacktest

// The limits of Block Kit, in characters and in items
// (docs.slack.dev/reference/block-kit).
const (
	maxBlocks       = 50
	maxModalBlocks  = 100
	maxText         = 3000
	maxFields       = 10
	maxFieldText    = 2000
	maxHeaderText   = 150
	maxButtonText   = 75
	maxButtonValue  = 2000
	maxLabel        = 75 // accessibility_label
	maxID           = 255
	maxURL          = 3000
	maxContextItems = 10
	maxActions      = 25
	maxAltText      = 2000
	maxPlaceholder  = 150
	maxMarkdown     = 12000
	maxOptions      = 100
	maxChoices      = 10 // of checkboxes and radio buttons
	maxOverflow     = 5
	maxTableRows    = 100
	maxTableCells   = 20
	maxViewTitle    = 24
	maxMetadata     = 3000
	maxRichText     = 1000 // undocumented; bounds the check
)

// text checks a text object of either type
// (docs.slack.dev/reference/block-kit/composition-objects/text-object).
func text(most int) rule {
	return func(c *checker, at string, v any) {
		object, _ := v.(map[string]any)
		switch object["type"] {
		case "plain_text":
			plainText(most)(c, at, v)
		default:
			mrkdwn(most)(c, at, v)
		}
	}
}

func plainText(most int) rule {
	return shape{
		required: map[string]rule{"type": oneOf("plain_text"), "text": length(1, most)},
		optional: map[string]rule{"emoji": boolean},
	}.check
}

func mrkdwn(most int) rule {
	return shape{
		required: map[string]rule{"type": oneOf("mrkdwn", "plain_text"), "text": length(1, most)},
		optional: map[string]rule{"verbatim": boolean},
	}.check
}

// confirmation checks the dialog before an action
// (composition-objects/confirmation-dialog-object).
func confirmation(c *checker, at string, v any) {
	shape{
		required: map[string]rule{"text": text(300)},
		optional: map[string]rule{
			"title": plainText(100), "confirm": plainText(30), "deny": plainText(30),
			"style": oneOf("primary", "danger"),
		},
	}.check(c, at, v)
}

// option checks an option object (composition-objects/option-object). Only
// checkboxes and radio buttons accept mrkdwn; only overflow menus accept a
// url.
func option(label rule, url bool) rule {
	s := shape{
		required: map[string]rule{"text": label, "value": length(1, 150)},
		optional: map[string]rule{"description": label},
	}
	if url {
		s.optional["url"] = length(1, maxURL)
	}
	return s.check
}

func optionGroup(c *checker, at string, v any) {
	shape{required: map[string]rule{
		"label": plainText(75), "options": listOf(1, maxOptions, option(plainText(75), false)),
	}}.check(c, at, v)
}

// richText checks the outer structure of a rich_text block, but not the
// contents of its sections (blocks/rich-text-block).
func richText(c *checker, at string, v any) {
	shape{
		required: map[string]rule{"type": oneOf("rich_text"), "elements": listOf(0, maxRichText, richTextPart)},
		optional: map[string]rule{"block_id": length(1, maxID)},
	}.check(c, at, v)
}

func richTextPart(c *checker, at string, v any) {
	object, _ := v.(map[string]any)
	oneOf("rich_text_section", "rich_text_list", "rich_text_preformatted", "rich_text_quote")(c, at+"/type", object["type"])
	listOf(0, maxRichText, anything)(c, at+"/elements", object["elements"])
}
