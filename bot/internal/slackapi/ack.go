package slackapi

import (
	"github.com/slack-go/slack"

	"github.com/cancelbot/cancelbot/bot/internal/texts"
)

// CommandAck returns the acknowledgement of a command that shows m to the person
// who typed it (docs.slack.dev: interactivity/implementing-slash-commands).
func CommandAck(m texts.Message) any {
	return struct {
		Type   string        `json:"response_type"`
		Text   string        `json:"text"`
		Blocks []slack.Block `json:"blocks,omitempty"`
	}{slack.ResponseTypeEphemeral, m.Text, m.Blocks}
}

// ModalAck returns the acknowledgement of a submitted modal that keeps it open
// and shows an error at the input of a block.
func ModalAck(block, wrong string) any {
	return map[string]any{"response_action": "errors", "errors": map[string]string{block: wrong}}
}

// viewAck is an acknowledgement that shows a view.
type viewAck struct {
	Action string                 `json:"response_action"`
	View   slack.ModalViewRequest `json:"view"`
}

// ViewAck returns the acknowledgement of a submitted modal that shows another
// view in its place. Its sender has to show something after it.
func ViewAck(view slack.ModalViewRequest) any { return viewAck{"update", view} }

// ShowsView reports whether an acknowledgement is of ViewAck.
func ShowsView(ack any) bool {
	_, is := ack.(viewAck)
	return is
}
