package slacktest

import (
	"encoding/json"
	"maps"
	"time"
)

// Modal is a modal that a person has open.
type Modal struct {
	ID, User        string
	CallbackID      string
	PrivateMetadata string
	ExternalID      string
	Title           string
	Submit          string // the label of the button; "" without one
	Close           string // the label of the button that closes it; "": Cancel
	Blocks          []Block
	Errors          map[string]string // block ID → error to show at the input
	Closed          bool

	notify bool // wants view_closed
	hash   string
	raw    map[string]any
}

// trigger is the right to open one view within three seconds
// (docs.slack.dev/interactivity/handling-user-interaction, "trigger_id").
type trigger struct {
	user string
	from time.Time
	used bool
}

const triggerLife = 3 * time.Second

// newTrigger returns a new trigger_id. It must be called with mu held.
func (s *Server) newTrigger(user string) string {
	id := "5555555555.222222222222." + s.ticket()
	s.triggers[id] = &trigger{user: user, from: s.now()}
	return id
}

// parseView decodes a view and checks it (docs.slack.dev/reference/views).
func parseView(raw string) (map[string]any, []Problem) {
	c := checker{surface: InModal}
	var view map[string]any
	if err := json.Unmarshal([]byte(raw), &view); err != nil {
		c.add("", wrongType, "must be an object")
		return nil, c.problems
	}
	blocks := func(c *checker, at string, v any) {
		again, _ := json.Marshal(v)
		c.blocks(at, again)
		if list, _ := v.([]any); count(list, "input") > 0 && view["submit"] == nil {
			c.add("/submit", missingField, "a modal with an input needs submit")
		}
	}
	shape{
		required: map[string]rule{"type": oneOf("modal"), "title": plainText(maxViewTitle), "blocks": blocks},
		optional: map[string]rule{
			"close": plainText(maxViewTitle), "submit": plainText(maxViewTitle),
			"private_metadata": length(0, maxMetadata), "callback_id": length(0, maxID), "external_id": length(0, maxID),
			"clear_on_close": boolean, "notify_on_close": boolean, "submit_disabled": boolean,
		},
	}.check(&c, "", view)
	return view, c.problems
}

// fill copies a checked view into a modal. It must be called without mu held.
func (s *Server) fill(m *Modal, view map[string]any) error {
	raw, err := json.Marshal(view["blocks"])
	if err != nil {
		return err
	}
	blocks, err := s.parseBlocks(raw, InModal)
	if err != nil {
		return err
	}
	word := func(name string) string { w, _ := view[name].(string); return w }
	label := func(name string) string {
		object, _ := view[name].(map[string]any)
		w, _ := object["text"].(string)
		return w
	}
	m.CallbackID, m.PrivateMetadata, m.ExternalID = word("callback_id"), word("private_metadata"), word("external_id")
	m.Title, m.Submit, m.Close, m.Blocks, m.Errors = label("title"), label("submit"), label("close"), blocks, nil
	m.notify, _ = view["notify_on_close"].(bool)
	m.raw, m.hash = view, "1717171717."+s.shortID()
	return nil
}

// openView serves views.open (docs.slack.dev/reference/methods/views.open).
func (s *Server) openView(args params) reply {
	view, problems := parseView(args["view"])
	if len(problems) > 0 {
		return refuseView(problems)
	}
	m := &Modal{}
	if err := s.fill(m, view); err != nil {
		return failure("invalid_arguments")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.triggers[args["trigger_id"]]
	switch {
	case t == nil:
		return failure("invalid_trigger_id")
	case t.used:
		return failure("exchanged_trigger_id")
	case s.now().Sub(t.from) > triggerLife:
		return failure("expired_trigger_id")
	}
	t.used = true
	m.ID, m.User = "V"+s.shortID(), t.user
	s.views = append(s.views, m)
	s.touch()
	return reply{"view": s.viewJSON(m, nil)}
}

// updateView serves views.update.
func (s *Server) updateView(args params) reply {
	view, problems := parseView(args["view"])
	if len(problems) > 0 {
		return refuseView(problems)
	}
	fresh := &Modal{}
	if err := s.fill(fresh, view); err != nil {
		return failure("invalid_arguments")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.modal(args["view_id"])
	switch {
	case m == nil || m.Closed:
		return failure("not_found")
	case args["hash"] != "" && args["hash"] != m.hash:
		return failure("hash_conflict")
	}
	fresh.ID, fresh.User = m.ID, m.User
	*m = *fresh
	s.touch()
	return reply{"view": s.viewJSON(m, nil)}
}

func refuseView(problems []Problem) reply {
	out := failure("invalid_arguments")
	var lines []string
	for _, p := range problems {
		lines = append(lines, "[ERROR] "+p.Message+" [json-pointer:/view"+p.Pointer+"]")
	}
	out["response_metadata"] = reply{"messages": lines}
	return out
}

// modal returns a view. It must be called with mu held.
func (s *Server) modal(id string) *Modal {
	for _, m := range s.views {
		if m.ID == id {
			return m
		}
	}
	return nil
}

// Modals returns a person's open modals, the topmost last.
func (s *Server) Modals(user string) []Modal {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []Modal
	for _, m := range s.views {
		if m.User == user && !m.Closed {
			found = append(found, *m)
		}
	}
	return found
}

// viewJSON returns a view for answers and payloads. It must be called with mu
// held.
func (s *Server) viewJSON(m *Modal, values map[string]map[string]any) map[string]any {
	if values == nil {
		values = map[string]map[string]any{}
	}
	out := map[string]any{
		"submit": nil, "close": nil, "clear_on_close": false, "notify_on_close": false,
		"previous_view_id": nil, "app_installed_team_id": s.installation.TeamID,
	}
	maps.Copy(out, m.raw)
	maps.Copy(out, map[string]any{
		"id": m.ID, "team_id": s.installation.TeamID, "app_id": AppID, "bot_id": BotID, "hash": m.hash, "root_view_id": m.ID,
		"callback_id": m.CallbackID, "private_metadata": m.PrivateMetadata, "external_id": m.ExternalID,
		"blocks": rawBlocks(m.Blocks), "state": map[string]any{"values": values},
	})
	return out
}
