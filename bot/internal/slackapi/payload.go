package slackapi

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/slack-go/slack"

	"github.com/cancelbot/cancelbot/bot/internal/texts"
)

// Origin is the installation that a payload belongs to.
type Origin struct{ AppID, TeamID, EnterpriseID string }

// Command is the part of a slash command that matters (docs.slack.dev:
// interactivity/implementing-slash-commands).
type Command struct {
	Event       string `json:"-"` // see EventOf
	User        string `json:"user_id"`
	TeamID      string `json:"team_id"`
	Enterprise  string `json:"enterprise_id"`
	AppID       string `json:"api_app_id"`
	Channel     string `json:"channel_id"`
	Text        string `json:"text"`
	ResponseURL string `json:"response_url"`
}

// Origin returns the installation that the command belongs to.
func (c Command) Origin() Origin { return Origin{c.AppID, c.TeamID, c.Enterprise} }

// ParseCommand parses the payload of a slash command in an envelope.
func ParseCommand(envelope string, payload json.RawMessage) (Command, error) {
	c := Command{Event: EventOf(envelope, payload)}
	if err := json.Unmarshal(payload, &c); err != nil {
		return Command{}, errNotJSON
	}
	if c.User == "" || c.Channel == "" {
		return Command{}, errors.New("it does not say who typed it, or where")
	}
	return c, nil
}

var errNotJSON = errors.New("it is not the documented JSON")

// Click is a press of one of the bot's buttons.
type Click struct {
	Origin      Origin
	User        string
	Channel     string
	Message     string // the timestamp of the clicked message
	Action      string
	Value       string
	ResponseURL string
	Trigger     string    // opens a modal, for three seconds
	View        string    // the modal that was submitted, which shows the answers; "" for a button
	Ephemeral   bool      // only this person sees the message
	Spent       int       // uses of the response_url that are spent
	Received    time.Time // by this machine's clock
	At          time.Time // when it counts as made, however long it waits, by the clock that all replicas share
}

// Aside returns where to put an answer for the clicker alone: in place of a
// prompt that only they see, or below one that everyone sees.
func (k Click) Aside() Placement {
	if k.Ephemeral && k.View == "" {
		return ReplaceOriginal
	}
	return Ephemeral
}

// clickPayload has the fields of a block_actions payload that are needed
// (docs.slack.dev: interaction-payloads/block_actions-payload). Others are
// ignored, so an odd value there does no harm.
type clickPayload struct {
	Type       string `json:"type"`
	AppID      string `json:"api_app_id"`
	Team       *idRef `json:"team"`
	Enterprise *idRef `json:"enterprise"`
	User       idRef  `json:"user"`
	Channel    *idRef `json:"channel"`
	Container  struct {
		ChannelID   string `json:"channel_id"`
		MessageTS   string `json:"message_ts"`
		IsEphemeral bool   `json:"is_ephemeral"`
	} `json:"container"`
	ResponseURL string `json:"response_url"`
	TriggerID   string `json:"trigger_id"`
	Actions     []struct {
		ActionID string `json:"action_id"`
		Value    string `json:"value"`
	} `json:"actions"`
}

type idRef struct {
	ID           string `json:"id"`
	TeamID       string `json:"team_id"` // of a person
	EnterpriseID string `json:"enterprise_id"`
}

// ParseClick parses a block_actions payload. It rejects everything but a press
// of one of the bot's buttons: another version of the app may have made the
// message.
func ParseClick(payload json.RawMessage, received, at time.Time) (Click, error) {
	var p clickPayload
	if err := json.Unmarshal(payload, &p); err != nil {
		return Click{}, errNotJSON
	}
	if p.Type != string(slack.InteractionTypeBlockActions) {
		return Click{}, errors.New("it is not a press of a button")
	}
	if len(p.Actions) != 1 {
		return Click{}, errors.New("it does not name exactly one button")
	}
	pressed := p.Actions[0]
	if pressed.ActionID != texts.ActionCancel && pressed.ActionID != texts.ActionKeep {
		return Click{}, errors.New("the button is none of ours")
	}
	k := Click{
		Origin: p.origin(), User: p.User.ID, Channel: p.Container.ChannelID, Message: p.Container.MessageTS,
		Action: pressed.ActionID, Value: pressed.Value, ResponseURL: p.ResponseURL,
		Trigger: p.TriggerID, Ephemeral: p.Container.IsEphemeral, Received: received, At: at,
	}
	if p.Channel != nil && p.Channel.ID != "" {
		k.Channel = p.Channel.ID
	}
	if k.User == "" || k.Channel == "" {
		return Click{}, errors.New("it does not say who clicked, or where")
	}
	return k, nil
}

func (p clickPayload) origin() Origin {
	o := Origin{AppID: p.AppID}
	if p.Team != nil {
		o.TeamID, o.EnterpriseID = p.Team.ID, p.Team.EnterpriseID
	}
	if p.Enterprise != nil && p.Enterprise.ID != "" {
		o.EnterpriseID = p.Enterprise.ID
	}
	return o
}

// Submission is one of the bot's modals, submitted.
type Submission struct {
	Origin   Origin
	User     string
	Modal    string // the callback_id: which modal it is
	View     string // its ID
	Metadata string // what it carries
	Reason   string // as typed
	Task     string // as typed, where the modal asks for one
	Chosen   []string
}

// ParseSubmission parses a view_submission payload (docs.slack.dev:
// reference/interaction-payloads/view-interactions-payload). It returns false
// for everything but a submission of one of the bot's modals.
func ParseSubmission(payload json.RawMessage) (Submission, bool) {
	var p struct {
		clickPayload
		View struct {
			ID         string `json:"id"`
			CallbackID string `json:"callback_id"`
			Metadata   string `json:"private_metadata"`
			State      struct {
				Values map[string]map[string]struct {
					Value    string `json:"value"`
					Selected []struct {
						Value string `json:"value"`
					} `json:"selected_options"`
				} `json:"values"`
			} `json:"state"`
		} `json:"view"`
	}
	if !bytes.Contains(payload, []byte(slack.InteractionTypeViewSubmission)) || json.Unmarshal(payload, &p) != nil ||
		p.Type != string(slack.InteractionTypeViewSubmission) || !slices.Contains([]string{texts.ModalReason, texts.ModalFind, texts.ModalConfirm}, p.View.CallbackID) {
		return Submission{}, false
	}
	values := p.View.State.Values
	s := Submission{
		Origin: p.origin(), User: p.User.ID, Modal: p.View.CallbackID, View: p.View.ID, Metadata: p.View.Metadata,
		Reason: values[texts.BlockReason][texts.InputReason].Value, Task: values[texts.BlockTask][texts.InputTask].Value,
	}
	for _, block := range values {
		for _, chosen := range block[texts.InputTasks].Selected {
			s.Chosen = append(s.Chosen, chosen.Value)
		}
	}
	return s, true
}

// EventOf returns what identifies a command, a click, a shortcut or a submitted
// modal in whichever envelope Slack delivers it: its trigger_id, or the envelope's
// ID if it has none.
func EventOf(envelope string, payload json.RawMessage) string {
	var event struct {
		TriggerID string `json:"trigger_id"`
	}
	if json.Unmarshal(payload, &event) != nil {
		return envelope
	}
	return cmp.Or(event.TriggerID, envelope)
}
