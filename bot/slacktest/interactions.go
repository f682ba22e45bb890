package slacktest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Slash types a command: Slash(Ada, General, "/cancel-task 12345"). It is
// NotOffered to people outside the installation: members of another
// organisation can't run a workspace's commands in a shared channel
// (docs.slack.dev/interactivity/implementing-slash-commands).
func (s *Server) Slash(user, channel, text string) *Pending {
	s.mu.Lock()
	offered := s.has(s.users[user])
	s.mu.Unlock()
	if !offered {
		return refused("slash_commands")
	}
	return s.SlashFrom(Origin{}, user, channel, text)
}

// SlashFrom delivers a command that claims to come from another app or
// installation, for any user.
func (s *Server) SlashFrom(o Origin, user, channel, text string) *Pending {
	command, rest, _ := strings.Cut(text, " ")
	s.mu.Lock()
	i, c := s.installation, s.channels[channel]
	team := i.TeamID
	if c.TeamID != "" {
		team = c.TeamID
	}
	payload := map[string]any{
		"token": VerificationToken, "team_id": team, "team_domain": i.TeamDomain,
		"channel_id": channel, "channel_name": c.displayName(),
		"user_id": user, "user_name": s.users[user].Name, "command": command, "text": rest, "api_app_id": AppID,
		// A command is a form: all its values are strings.
		"is_enterprise_install": fmt.Sprint(i.OrgWide), "trigger_id": s.newTrigger(user),
		"response_url": s.newResponseURL(user, channel, nil),
	}
	if i.EnterpriseID != "" {
		payload["enterprise_id"], payload["enterprise_name"] = i.EnterpriseID, i.EnterpriseName
	}
	s.amended("slash_commands", payload)
	s.mu.Unlock()
	o.apply(payload)
	return s.deliver(s.random.text(), "slash_commands", payload, func(raw json.RawMessage) { s.ackMessage(user, channel, raw) })
}

// ackMessage posts the message that a command's ack may carry
// (docs.slack.dev/apis/events-api/using-socket-mode). It must be called with
// mu held.
func (s *Server) ackMessage(user, channel string, raw json.RawMessage) {
	var m messageJSON
	if json.Unmarshal(raw, &m) != nil {
		return
	}
	blocks, bad := s.content(m)
	if bad != "" {
		return
	}
	only := user
	if m.ResponseType == "in_channel" {
		only = ""
	}
	s.post(Message{Channel: channel, Author: BotUser, Text: m.Text, Blocks: blocks, Only: only, Via: "ack"})
}

// displayName returns a conversation's name for payloads.
func (c Conversation) displayName() string {
	switch c.Kind {
	case DM:
		return "directmessage"
	case Private:
		return "privategroup"
	default:
		return c.Name
	}
}

// Click presses a button of a message. It is NotOffered if the person doesn't
// see that button.
func (s *Server) Click(user string, m Message, actionID string) *Pending {
	s.mu.Lock()
	current := s.find(m.Channel, m.TS)
	if current == nil || !s.visible(user, current) || current.Button(actionID) == nil {
		s.mu.Unlock()
		return refused("interactive")
	}
	payload := s.clickPayload(user, current, actionID, current.Button(actionID).Value)
	s.mu.Unlock()
	return s.interact(payload, nil)
}

// Forge delivers a click on a message with another action ID or value, as an
// attacker, an old version of the bot or a replay would.
func (s *Server) Forge(user string, m Message, actionID, value string) *Pending {
	return s.ClickFrom(Origin{}, user, m, actionID, value)
}

// ClickFrom delivers a click that claims to come from another app or
// installation, with any action ID and value.
func (s *Server) ClickFrom(o Origin, user string, m Message, actionID, value string) *Pending {
	s.mu.Lock()
	current := s.find(m.Channel, m.TS)
	if current == nil {
		current = &m
	}
	payload := s.clickPayload(user, current, actionID, value)
	s.mu.Unlock()
	o.apply(payload)
	return s.interact(payload, nil)
}

// Shortcut uses a message shortcut, from the menu of a message or of a reply
// (docs.slack.dev/interactivity/implementing-shortcuts). It is NotOffered if
// the person doesn't see the message or is outside the installation.
func (s *Server) Shortcut(user string, m Message, callbackID string) *Pending {
	s.mu.Lock()
	current := s.find(m.Channel, m.TS)
	if current == nil || !s.visible(user, current) || !s.has(s.users[user]) {
		s.mu.Unlock()
		return refused("interactive")
	}
	payload := s.interaction("message_action", user)
	payload["callback_id"], payload["message_ts"], payload["action_ts"] = callbackID, m.TS, s.actionTS()
	payload["channel"] = map[string]any{"id": m.Channel, "name": s.channels[m.Channel].displayName()}
	payload["message"] = current.json(s.installation.TeamID)
	payload["response_url"] = s.newResponseURL(user, m.Channel, nil)
	s.mu.Unlock()
	return s.interact(payload, nil)
}

// interaction returns the fields of every interactive payload
// (docs.slack.dev/reference/interaction-payloads). It must be called with mu
// held.
func (s *Server) interaction(kind, user string) map[string]any {
	u, i := s.users[user], s.installation
	team := u.TeamID
	if i.OrgWide && s.has(u) {
		team = i.EnterpriseID // in an organisation the user's team_id may start with E
	}
	return map[string]any{
		"type": kind, "token": VerificationToken, "api_app_id": AppID, "trigger_id": s.newTrigger(user),
		"team": i.team(), "enterprise": i.enterprise(), "is_enterprise_install": i.OrgWide,
		"user": map[string]any{"id": user, "username": u.Name, "name": u.Name, "team_id": team},
	}
}

// interact delivers an interactive payload.
func (s *Server) interact(payload map[string]any, answered func(json.RawMessage)) *Pending {
	s.mu.Lock()
	s.amended("interactive", payload)
	s.mu.Unlock()
	return s.deliver(s.random.text(), "interactive", payload, answered)
}

// amended returns a payload after the test's changes. It must be called with
// mu held.
func (s *Server) amended(kind string, payload map[string]any) {
	if s.amend != nil {
		s.amend(kind, payload)
	}
}

func (s *Server) actionTS() string {
	at := s.now().UnixMicro()
	return fmt.Sprintf("%d.%06d", at/1e6, at%1e6)
}

// clickPayload builds the block_actions payload of a button. It must be called
// with mu held.
func (s *Server) clickPayload(user string, m *Message, actionID, value string) map[string]any {
	action := map[string]any{
		"type": "button", "action_id": actionID, "block_id": m.blockOf(actionID), "action_ts": s.actionTS(),
	}
	if value != "" { // an absent value stays absent
		action["value"] = value
	}
	if b := m.Button(actionID); b != nil {
		action["text"] = b.RawText
		if b.Style != "" {
			action["style"] = b.Style
		}
	}
	payload := s.interaction("block_actions", user)
	payload["actions"] = []any{action}
	payload["channel"] = map[string]any{"id": m.Channel, "name": s.channels[m.Channel].displayName()}
	payload["container"] = map[string]any{
		"type": "message", "message_ts": m.TS, "channel_id": m.Channel, "is_ephemeral": m.Only != "",
	}
	payload["state"] = map[string]any{"values": map[string]any{}}
	payload["response_url"] = s.newResponseURL(user, m.Channel, m)
	if m.Only == "" { // ephemeral messages aren't included
		payload["message"] = m.json(s.installation.TeamID)
	}
	return payload
}

// visible reports whether a person can see a message. It must be called with
// mu held.
func (s *Server) visible(user string, m *Message) bool {
	c := s.channels[m.Channel]
	inside := c.Kind == Public || slices.Contains(c.Members, user)
	return inside && !m.Deleted && (m.Only == "" || m.Only == user)
}
