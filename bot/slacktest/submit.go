package slacktest

import (
	"encoding/json"
	"slices"
	"strings"
)

// SubmitView submits a modal as the person who has it open. values are the
// inputs by action_id: the text of an input, the value of a chosen option, a
// date. It is NotOffered if the modal isn't open, or if a required input is
// empty, since Slack itself rejects that.
//
// The ack decides what happens to the modal: an empty one closes it;
// response_action "errors" keeps it open with Modal.Errors, "update" and
// "push" show another view, "clear" closes all of the person's modals
// (docs.slack.dev/surfaces/modals). Without an ack in time it stays open.
func (s *Server) SubmitView(user string, m Modal, values map[string]string) *Pending {
	s.mu.Lock()
	current := s.modal(m.ID)
	if current == nil || current.Closed || current.User != user || current.Submit == "" {
		s.mu.Unlock()
		return refused("interactive")
	}
	state, complete := current.state(values)
	if !complete {
		s.mu.Unlock()
		return refused("interactive")
	}
	payload := s.interaction("view_submission", user)
	payload["view"] = s.viewJSON(current, state)
	payload["response_urls"] = []any{}
	s.mu.Unlock()
	return s.interact(payload, func(raw json.RawMessage) { s.answered(current, raw) })
}

// Resubmit delivers the payload of a submission again, in another envelope, as Slack
// does if it got no acknowledgement. The ack decides what happens to the modal, as
// for SubmitView.
func (s *Server) Resubmit(m Modal, payload map[string]any) *Pending {
	s.mu.Lock()
	current := s.modal(m.ID)
	s.mu.Unlock()
	if current == nil {
		return refused("interactive")
	}
	return s.interact(payload, func(raw json.RawMessage) { s.answered(current, raw) })
}

// CloseView closes a modal as a person does. The app gets view_closed if it
// asked for that; otherwise the result is NotOffered.
func (s *Server) CloseView(user string, m Modal) *Pending {
	s.mu.Lock()
	current := s.modal(m.ID)
	if current == nil || current.Closed || current.User != user {
		s.mu.Unlock()
		return refused("interactive")
	}
	current.Closed = true
	s.touch()
	payload := s.interaction("view_closed", user)
	payload["view"], payload["is_cleared"] = s.viewJSON(current, nil), false
	s.mu.Unlock()
	if !current.notify {
		return refused("interactive")
	}
	return s.interact(payload, nil)
}

// state returns the values of a submission: block ID → action ID → value. It
// returns false if a required input is empty.
func (m *Modal) state(values map[string]string) (map[string]map[string]any, bool) {
	state := map[string]map[string]any{}
	for _, b := range m.Blocks {
		if b.Type != "input" || b.Element == nil {
			continue
		}
		value, entered := values[b.Element.ActionID]
		if !entered {
			value = b.Element.initial()
		}
		if value == "" && !b.Optional {
			return nil, false
		}
		state[b.BlockID] = map[string]any{b.Element.ActionID: b.Element.entered(value)}
	}
	return state, true
}

// initial returns the value of an input that is left as it was.
func (e *Element) initial() string {
	all := []string{e.InitialValue}
	if len(e.InitialOptions) > 0 {
		all = nil
	}
	for _, o := range e.InitialOptions {
		all = append(all, o.Value)
	}
	return strings.Join(all, ",")
}

// entered returns one value of a view's state; null if it is empty.
func (e *Element) entered(value string) map[string]any {
	some := func(v any) any {
		if value == "" {
			return nil
		}
		return v
	}
	out := map[string]any{"type": e.Type}
	choice := func(value string) any {
		i := slices.IndexFunc(e.Options, func(o Option) bool { return o.Value == value })
		if i < 0 {
			return map[string]any{"value": value}
		}
		o := e.Options[i]
		return map[string]any{"value": value, "text": map[string]any{"type": o.Text.Type, "text": o.Text.Text, "emoji": true}}
	}
	switch e.Type {
	case "static_select", "external_select", "radio_buttons":
		out["selected_option"] = some(choice(value))
	case "checkboxes", "multi_static_select", "multi_external_select":
		all := []any{}
		for one := range strings.SplitSeq(value, ",") {
			if one != "" {
				all = append(all, choice(one))
			}
		}
		out["selected_options"] = all
	case "users_select":
		out["selected_user"] = some(value)
	case "conversations_select":
		out["selected_conversation"] = some(value)
	case "channels_select":
		out["selected_channel"] = some(value)
	case "datepicker":
		out["selected_date"] = some(value)
	case "timepicker":
		out["selected_time"] = some(value)
	default:
		out["value"] = some(value)
	}
	return out
}

// answered applies the ack of a submission. It must be called with mu held. A
// view in it is checked as by views.open; an invalid answer keeps the modal
// open, since Slack then shows that something went wrong.
func (s *Server) answered(m *Modal, raw json.RawMessage) {
	var answer struct {
		Action string            `json:"response_action"`
		Errors map[string]string `json:"errors"`
		View   json.RawMessage   `json:"view"`
	}
	_ = json.Unmarshal(raw, &answer)
	switch answer.Action {
	case "":
		m.Closed = true
	case "errors":
		for _, b := range m.Blocks {
			if _, ours := answer.Errors[b.BlockID]; ours {
				m.Errors = answer.Errors
			}
		}
	case "clear":
		for _, other := range s.views {
			other.Closed = other.Closed || other.User == m.User
		}
	case "update", "push":
		s.replaceView(m, answer.Action, answer.View)
	}
}

func (s *Server) replaceView(m *Modal, action string, raw json.RawMessage) {
	view, problems := parseView(string(raw))
	fresh := &Modal{ID: m.ID, User: m.User}
	if len(problems) > 0 || s.fill(fresh, view) != nil {
		return
	}
	if action == "update" {
		if !m.Closed { // an acknowledgement doesn't open it again
			*m = *fresh
		}
		return
	}
	fresh.ID = "V" + s.shortID()
	s.views = append(s.views, fresh)
}
