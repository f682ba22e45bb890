package slacktest

import "strconv"

// checkBlock checks one block (docs.slack.dev/reference/block-kit/blocks).
func checkBlock(c *checker, at string, v any) {
	object, ok := v.(map[string]any)
	if !ok {
		c.add(at, wrongType, "must be an object")
		return
	}
	kind, _ := object["type"].(string)
	s, known := blockShape(kind)
	switch {
	case kind == "":
		c.add(at, missingField, "missing required field: type")
		return
	case !known:
		c.add(at+"/type", failedConstraint, "unsupported type: %s", kind)
		return
	case kind == "alert" && c.surface != InModal:
		c.add(at+"/type", failedConstraint, "an alert is for modals only")
	}
	if s.required == nil { // its properties aren't known here
		return
	}
	s.required["type"] = oneOf(kind)
	s.optional["block_id"] = length(1, maxID)
	s.check(c, at, v)
	uniqueActions(c, at, object)
}

// blockShape returns the shape of a kind of block, without its type and
// block_id.
func blockShape(kind string) (shape, bool) {
	must, may := map[string]rule{}, map[string]rule{}
	s := shape{required: must, optional: may}
	switch kind {
	case "divider":
	case "header":
		must["text"] = plainText(maxHeaderText)
	case "section":
		may["text"], may["fields"] = text(maxText), listOf(1, maxFields, text(maxFieldText))
		may["accessory"], may["expand"] = element(inSection), boolean
		s.also = textOrFields
	case "context":
		must["elements"] = listOf(1, maxContextItems, contextItem)
	case "actions":
		must["elements"] = listOf(1, maxActions, element(inActions))
	case "image":
		return imageShape(map[string]rule{"title": plainText(maxAltText), "block_id": length(1, maxID)}), true
	case "input":
		must["label"], must["element"] = plainText(2000), element(inInput)
		may["hint"], may["optional"], may["dispatch_action"] = plainText(2000), boolean, boolean
	case "markdown":
		must["text"] = length(1, maxMarkdown)
	case "rich_text":
		must["elements"] = listOf(0, maxRichText, richTextPart)
	case "table":
		must["rows"] = listOf(1, maxTableRows, listOf(1, maxTableCells, tableCell))
		may["column_settings"] = listOf(0, maxTableCells, anything)
	case "alert":
		must["text"], may["level"] = text(maxText), oneOf("default", "info", "warning", "error", "success")
	case "video":
		videoShape(s)
	case "card", "carousel", "context_actions", "task_card", "plan", "data_visualization":
		return shape{}, true
	default:
		return shape{}, false // "file" too: apps cannot post it
	}
	return s, true
}

func videoShape(s shape) {
	for _, name := range []string{"video_url", "thumbnail_url"} {
		s.required[name] = length(1, maxURL)
	}
	s.required["alt_text"], s.required["title"] = length(1, maxAltText), plainText(199)
	for _, name := range []string{"title_url", "provider_icon_url"} {
		s.optional[name] = length(1, maxURL)
	}
	s.optional["author_name"], s.optional["provider_name"] = length(1, 49), length(1, 49)
	s.optional["description"] = plainText(199)
}

func textOrFields(c *checker, at string, v any) {
	object := v.(map[string]any)
	if object["text"] == nil && object["fields"] == nil {
		c.add(at, missingField, "missing required field: text or fields")
	}
}

func contextItem(c *checker, at string, v any) {
	if object, _ := v.(map[string]any); object["type"] == "image" {
		imageShape(nil).check(c, at, v)
		return
	}
	text(maxText)(c, at, v)
}

func tableCell(c *checker, at string, v any) {
	object, _ := v.(map[string]any)
	switch object["type"] {
	case "rich_text":
		richText(c, at, v)
	case "raw_number":
	default:
		shape{required: map[string]rule{"type": oneOf("raw_text"), "text": length(1, maxText)}}.check(c, at, v)
	}
}

// uniqueActions rejects two elements of a block that have the same action_id.
func uniqueActions(c *checker, at string, block map[string]any) {
	list, _ := block["elements"].([]any)
	seen := map[string]bool{}
	for i, v := range list {
		object, _ := v.(map[string]any)
		id, _ := object["action_id"].(string)
		if id != "" && seen[id] {
			c.add(at+"/elements/"+strconv.Itoa(i)+"/action_id", failedConstraint, "action_id %q is used twice", id)
		}
		seen[id] = true
	}
}
