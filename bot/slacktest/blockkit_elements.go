package slacktest

import "slices"

// The elements that are allowed in each place
// (docs.slack.dev/reference/block-kit/blocks).
var (
	menus = []string{
		"static_select", "external_select", "users_select", "conversations_select", "channels_select",
		"multi_static_select", "multi_external_select", "multi_users_select", "multi_conversations_select", "multi_channels_select",
	}
	choosers = append([]string{"checkboxes", "datepicker", "radio_buttons", "timepicker"}, menus...)

	inSection = append([]string{"button", "image", "overflow", "workflow_button"}, choosers...)
	inActions = append([]string{"button", "datetimepicker", "overflow", "rich_text_input", "workflow_button"}, choosers...)
	inInput   = append([]string{
		"datetimepicker", "email_text_input", "file_input", "number_input", "plain_text_input", "rich_text_input", "url_text_input",
	}, choosers...)
)

// element checks that a block element is of one of the kinds.
func element(kinds []string) rule {
	return func(c *checker, at string, v any) {
		object, _ := v.(map[string]any)
		kind, _ := object["type"].(string)
		if !slices.Contains(kinds, kind) {
			c.add(at+"/type", failedConstraint, "element type %q cannot stand here", kind)
			return
		}
		elementShape(kind).check(c, at, v)
	}
}

// elementShape returns the shape of a kind of element
// (docs.slack.dev/reference/block-kit/block-elements).
func elementShape(kind string) shape {
	s := shape{
		required: map[string]rule{"type": oneOf(kind)},
		optional: map[string]rule{"action_id": length(1, maxID), "confirm": confirmation, "focus_on_load": boolean},
	}
	switch kind {
	case "button", "workflow_button":
		s.button(kind)
	case "image":
		return imageShape(nil)
	case "overflow":
		delete(s.optional, "focus_on_load")
		s.required["options"] = listOf(1, maxOverflow, option(plainText(75), true))
	case "checkboxes", "radio_buttons":
		s.required["options"] = listOf(1, maxChoices, option(text(75), false))
		s.optional["initial_options"], s.optional["initial_option"] = anything, anything
	case "datepicker", "timepicker", "datetimepicker":
		s.optional["placeholder"] = plainText(maxPlaceholder)
		s.optional["initial_date"], s.optional["initial_time"] = length(10, 10), length(5, 5)
		s.optional["initial_date_time"], s.optional["timezone"] = number, length(1, maxID)
	default:
		if slices.Contains(menus, kind) {
			s.menu(kind)
		} else {
			s.input(kind)
		}
	}
	return s
}

func (s *shape) button(kind string) {
	delete(s.optional, "focus_on_load")
	s.required["text"] = plainText(maxButtonText)
	s.optional["style"] = oneOf("primary", "danger")
	s.optional["accessibility_label"] = length(1, maxLabel)
	if kind == "workflow_button" {
		s.required["workflow"] = anything
		return
	}
	// An empty value is rejected: "must be more than 0 characters".
	s.optional["value"] = length(1, maxButtonValue)
	s.optional["url"] = length(1, maxURL)
}

func (s *shape) menu(kind string) {
	s.optional["placeholder"] = plainText(maxPlaceholder)
	for _, name := range []string{
		"initial_option", "initial_options", "initial_user", "initial_users", "initial_conversation", "initial_conversations",
		"initial_channel", "initial_channels", "default_to_current_conversation", "filter", "min_query_length",
		"max_selected_items", "response_url_enabled",
	} {
		s.optional[name] = anything
	}
	if kind == "static_select" || kind == "multi_static_select" {
		s.optional["options"] = listOf(1, maxOptions, option(plainText(75), false))
		s.optional["option_groups"] = listOf(1, maxOptions, optionGroup)
		s.also = exactlyOne("options", "option_groups")
	}
}

// input sets the shape of an element for text input.
func (s *shape) input(kind string) {
	delete(s.optional, "confirm")
	s.optional["placeholder"] = plainText(maxPlaceholder)
	s.optional["initial_value"] = anything
	s.optional["dispatch_action_config"] = anything
	switch kind {
	case "plain_text_input":
		s.optional["multiline"] = boolean
		s.optional["min_length"], s.optional["max_length"] = number, number
	case "number_input":
		s.required["is_decimal_allowed"] = boolean
		s.optional["min_value"], s.optional["max_value"] = anything, anything
	case "file_input":
		s.optional["filetypes"] = listOf(1, 100, length(1, maxID))
		s.optional["max_files"] = number
	}
}

// imageShape returns the shape of an image, as an element or, with more
// properties, as a block.
func imageShape(more map[string]rule) shape {
	s := shape{
		required: map[string]rule{"type": oneOf("image"), "alt_text": length(0, maxAltText)},
		optional: map[string]rule{"image_url": length(1, maxURL), "slack_file": anything},
		also:     exactlyOne("image_url", "slack_file"),
	}
	for name, check := range more {
		s.optional[name] = check
	}
	return s
}
