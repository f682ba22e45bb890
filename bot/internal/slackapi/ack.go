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

// ModalAck returns the acknowledgement of a submitted modal that leaves it open
// and shows what is wrong with its input.
func ModalAck(wrong string) any {
	return map[string]any{"response_action": "errors", "errors": map[string]string{texts.BlockReason: wrong}}
}
