package slacktest

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

// reply is what a method answers: {"ok":true,…fields} or {"ok":false,"error":…}.
type reply map[string]any

func failure(err string) reply { return reply{"ok": false, "error": err} }

// params are a method's arguments, however they were encoded.
type params map[string]string

type method struct {
	scope string // the bot scope it needs; "" for none
	app   bool   // takes the app-level token
	serve func(*Server, params) reply
}

var methods = map[string]method{
	"apps.connections.open":       {app: true, serve: (*Server).openConnection},
	"auth.test":                   {serve: (*Server).authTest},
	"chat.postMessage":            {scope: "chat:write", serve: (*Server).postMessage},
	"chat.postEphemeral":          {scope: "chat:write", serve: (*Server).postEphemeral},
	"chat.update":                 {scope: "chat:write", serve: (*Server).updateMessage},
	"chat.scheduleMessage":        {scope: "chat:write", serve: (*Server).scheduleMessage},
	"chat.deleteScheduledMessage": {scope: "chat:write", serve: (*Server).deleteScheduled},
	"chat.getPermalink":           {serve: (*Server).permalink},
	"users.info":                  {scope: "users:read", serve: (*Server).userInfo},
	"usergroups.users.list":       {scope: "usergroups:read", serve: (*Server).groupUsers},
	"conversations.info":          {scope: "channels:read", serve: (*Server).conversationInfo},
}

func (s *Server) serveMethod(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("method")
	args, token := arguments(r)
	answer := func() (string, func()) {
		out := s.call(name, token, args)
		s.mu.Lock()
		scopes := strings.Join(s.scopes, ",")
		s.mu.Unlock()
		text, _ := out["error"].(string)
		if text == "" {
			text = "ok"
		}
		return text, func() {
			w.Header().Set("Content-Type", "application/json; charset=utf-8")
			w.Header().Set("X-OAuth-Scopes", scopes)
			_ = json.NewEncoder(w).Encode(out)
		}
	}
	s.suffer(w, r, name, args["channel"], answer)
}

// arguments reads a form or JSON body and the token, from the header or form.
func arguments(r *http.Request) (params, string) {
	args := params{}
	token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	if strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
		var body map[string]any
		raw, _ := io.ReadAll(io.LimitReader(r.Body, 1<<20))
		_ = json.Unmarshal(raw, &body)
		for k, v := range body {
			if text, ok := v.(string); ok {
				args[k] = text
			} else {
				nested, _ := json.Marshal(v)
				args[k] = string(nested)
			}
		}
		return args, token
	}
	_ = r.ParseForm()
	for k, v := range r.Form {
		args[k] = v[0]
	}
	if token == "" {
		token = args["token"]
	}
	return args, token
}

// call checks token and scope and runs the method.
func (s *Server) call(name, token string, args params) reply {
	m, ok := methods[name]
	if !ok {
		return failure("unknown_method")
	}
	s.mu.Lock()
	refused := s.tokenErr[token]
	granted := slices.Clone(s.scopes)
	s.mu.Unlock()
	want, other := BotToken, AppToken
	if m.app {
		want, other = AppToken, BotToken
	}
	switch {
	case token == "":
		return failure("not_authed")
	case token == other:
		return failure("not_allowed_token_type")
	case token != want:
		return failure("invalid_auth")
	case refused != "":
		return failure(refused)
	case m.scope != "" && !slices.Contains(granted, m.scope):
		out := failure("missing_scope")
		out["needed"], out["provided"] = m.scope, strings.Join(granted, ",")
		return out
	}
	out := m.serve(s, args)
	if _, failed := out["error"]; !failed {
		out["ok"] = true
	}
	return out
}

func (s *Server) authTest(params) reply {
	return reply{"url": "https://acme.slack.com/", "team": "Acme", "team_id": TeamID, "user": "cancelbot", "user_id": BotUser, "bot_id": "B0BOT"}
}

func (s *Server) postMessage(args params) reply {
	blocks, bad := messageJSON{Text: args["text"], Blocks: json.RawMessage(args["blocks"])}.content()
	s.mu.Lock()
	defer s.mu.Unlock()
	c, known := s.channels[args["channel"]]
	if u, isUser := s.users[args["channel"]]; isUser && !known {
		if u.Deleted || u.IsBot {
			return failure("channel_not_found")
		}
		c, known = s.appHome(u.ID), true
	}
	if err := s.mayPost(c, known); err != "" {
		return failure(err)
	}
	if bad != "" {
		return failure(bad)
	}
	m := s.post(Message{Channel: c.ID, Author: BotUser, Text: args["text"], Blocks: blocks, Via: "chat.postMessage"})
	return reply{"channel": c.ID, "ts": m.TS, "message": reply{"text": m.Text, "ts": m.TS}}
}

// scheduleMessage takes a message for later under the rules of postMessage.
// The server's clock never gets there: it only remembers the id.
func (s *Server) scheduleMessage(args params) reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, known := s.channels[args["channel"]]
	if err := s.mayPost(c, known); err != "" {
		return failure(err)
	}
	id := "Q" + s.ticket()
	s.scheduled[id] = c.ID
	return reply{"channel": c.ID, "scheduled_message_id": id, "post_at": args["post_at"]}
}

func (s *Server) deleteScheduled(args params) reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := args["scheduled_message_id"]
	if s.scheduled[id] != args["channel"] || id == "" {
		return failure("invalid_scheduled_message_id")
	}
	delete(s.scheduled, id)
	return reply{}
}

// Scheduled counts the messages that wait for their time.
func (s *Server) Scheduled() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.scheduled)
}

func (s *Server) postEphemeral(args params) reply {
	blocks, bad := messageJSON{Text: args["text"], Blocks: json.RawMessage(args["blocks"])}.content()
	s.mu.Lock()
	defer s.mu.Unlock()
	c, known := s.channels[args["channel"]]
	switch _, isUser := s.users[args["user"]]; {
	case !known || !c.BotIsMember && c.Kind != Public:
		return failure("channel_not_found")
	case !isUser:
		return failure("user_not_in_channel")
	case bad != "":
		return failure(bad)
	}
	m := s.post(Message{Channel: c.ID, Author: BotUser, Text: args["text"], Blocks: blocks, Only: args["user"], Via: "chat.postEphemeral"})
	return reply{"message_ts": m.TS}
}

func (s *Server) updateMessage(args params) reply {
	blocks, bad := messageJSON{Text: args["text"], Blocks: json.RawMessage(args["blocks"])}.content()
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.find(args["channel"], args["ts"])
	switch {
	case m == nil || m.Only != "" || m.Deleted: // ephemeral ones cannot be touched
		return failure("message_not_found")
	case m.Author != BotUser:
		return failure("cant_update_message")
	case bad != "":
		return failure(bad)
	}
	m.Text, m.Blocks, m.Edited = args["text"], blocks, true
	s.touch()
	return reply{"channel": m.Channel, "ts": m.TS, "text": m.Text}
}

func (s *Server) permalink(args params) reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.find(args["channel"], args["message_ts"])
	if m == nil || m.Only != "" {
		return failure("message_not_found")
	}
	return reply{"channel": m.Channel, "permalink": "https://acme.slack.com/archives/" + m.Channel + "/p" + strings.ReplaceAll(m.TS, ".", "")}
}

func (s *Server) userInfo(args params) reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	u, ok := s.users[args["user"]]
	if !ok {
		return failure("user_not_found")
	}
	profile := reply{"real_name": u.RealName}
	if slices.Contains(s.scopes, "users:read.email") {
		profile["email"] = u.Email
	}
	return reply{"user": reply{
		"id": u.ID, "team_id": u.TeamID, "name": u.Name, "real_name": u.RealName, "deleted": u.Deleted,
		"is_bot": u.IsBot, "is_admin": u.IsAdmin, "is_restricted": u.IsRestricted || u.IsUltraRestrict,
		"is_ultra_restricted": u.IsUltraRestrict, "is_stranger": u.IsStranger, "profile": profile,
	}}
}

func (s *Server) groupUsers(args params) reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	users, ok := s.groups[args["usergroup"]]
	if !ok {
		return failure("no_such_subteam")
	}
	return reply{"users": users}
}

func (s *Server) conversationInfo(args params) reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, ok := s.channels[args["channel"]]
	if !ok || c.Kind != Public && !c.BotIsMember {
		return failure("channel_not_found")
	}
	return reply{"channel": reply{
		"id": c.ID, "name": c.Name, "is_channel": c.Kind != DM, "is_im": c.Kind == DM,
		"is_private": c.Kind == Private, "is_member": c.BotIsMember, "is_archived": c.Archived,
	}}
}

// find looks a message up. Called with mu held.
func (s *Server) find(channel, ts string) *Message {
	for _, m := range s.messages {
		if m.Channel == channel && m.TS == ts {
			return m
		}
	}
	return nil
}

// tooFast enforces LimitPosts and says how long to wait.
func (s *Server) tooFast(name, channel string) (time.Duration, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if name != "chat.postMessage" || s.postGap == 0 {
		return 0, false
	}
	now := s.now()
	if wait := s.lastPost[channel].Add(s.postGap).Sub(now); wait > 0 {
		return wait, true
	}
	s.lastPost[channel] = now
	return 0, false
}

// Channels lists the conversations, ordered by id.
func (s *Server) Channels() []Conversation {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.SortedFunc(maps.Values(s.channels), func(a, b Conversation) int { return strings.Compare(a.ID, b.ID) })
}
