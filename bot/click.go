package bot

import (
	"encoding/json"
	"errors"

	"github.com/slack-go/slack"
)

// The buttons' names. Old prompts carry them: they do not change.
const (
	actionCancel = "cancel_task"
	actionKeep   = "keep_task"
)

// click is a press of one of our buttons, as far as it matters.
type click struct {
	who
	channel     string
	action      string
	value       string
	responseURL string
	ephemeral   bool // only this person sees the message
}

// aside is where an answer goes that concerns the clicker alone: in place of
// a prompt that only they see, beside one that everybody sees.
func (k click) aside() placement {
	if k.ephemeral {
		return instead
	}
	return beside
}

// parseClick takes a block_actions payload apart (api.slack.com/reference/
// interaction-payloads/block-actions). Whatever is not one of our buttons is
// an error: the payload came over our own socket, but an old version of the
// bot or a replay may have made it.
func parseClick(payload json.RawMessage) (click, error) {
	var p slack.InteractionCallback
	if err := json.Unmarshal(payload, &p); err != nil {
		return click{}, errors.New("it is not the documented JSON")
	}
	if p.Type != slack.InteractionTypeBlockActions {
		return click{}, errors.New("it is not a press of a button")
	}
	if len(p.ActionCallback.BlockActions) != 1 {
		return click{}, errors.New("it does not name exactly one button")
	}
	pressed := p.ActionCallback.BlockActions[0]
	if pressed == nil || pressed.ActionID != actionCancel && pressed.ActionID != actionKeep {
		return click{}, errors.New("the button is none of ours")
	}
	c := click{
		who:     who{user: p.User.ID, team: p.Team.ID, enterprise: p.Enterprise.ID},
		channel: p.Channel.ID, action: pressed.ActionID, value: pressed.Value, responseURL: p.ResponseURL,
		ephemeral: p.Container.IsEphemeral,
	}
	if c.channel == "" {
		c.channel = p.Container.ChannelID
	}
	if c.user == "" || c.channel == "" {
		return click{}, errors.New("it does not say who clicked, or where")
	}
	return c, nil
}
