package slacktest

import (
	"encoding/json"
	"io"
	"maps"
	"mime"
	"net/http"
	"slices"
	"strings"
)

// reply is a method's answer: {"ok":true,…fields} or {"ok":false,"error":…}.
type reply map[string]any

func failure(err string) reply { return reply{"ok": false, "error": err} }

// params are a method's arguments, however they were encoded.
type params map[string]string

type method struct {
	scope string // the bot scope it needs; "" for none
	app   bool   // requires the app-level token
	serve func(*Server, params) reply
}

var methods = map[string]method{
	"apps.connections.open":       {app: true, serve: (*Server).openConnection},
	"auth.test":                   {serve: (*Server).authTest},
	"blocks.validate":             {serve: (*Server).validateBlocks},
	"bots.info":                   {scope: "users:read", serve: (*Server).botInfo},
	"chat.delete":                 {scope: "chat:write", serve: (*Server).deleteMessage},
	"chat.deleteScheduledMessage": {scope: "chat:write", serve: (*Server).deleteScheduled},
	"chat.getPermalink":           {serve: (*Server).permalink},
	"chat.postEphemeral":          {scope: "chat:write", serve: (*Server).postEphemeral},
	"chat.postMessage":            {scope: "chat:write", serve: (*Server).postMessage},
	"chat.scheduleMessage":        {scope: "chat:write", serve: (*Server).scheduleMessage},
	"chat.update":                 {scope: "chat:write", serve: (*Server).updateMessage},
	"conversations.info":          {scope: "channels:read", serve: (*Server).conversationInfo},
	"conversations.list":          {scope: "channels:read", serve: (*Server).listConversations},
	"conversations.open":          {scope: "im:write", serve: (*Server).openConversation},
	"team.info":                   {scope: "team:read", serve: (*Server).teamInfo},
	"usergroups.users.list":       {scope: "usergroups:read", serve: (*Server).groupUsers},
	"users.info":                  {scope: "users:read", serve: (*Server).userInfo},
	"users.lookupByEmail":         {scope: "users:read.email", serve: (*Server).lookupByEmail},
	"views.open":                  {serve: (*Server).openView},
	"views.update":                {serve: (*Server).updateView},
}

func (s *Server) serveMethod(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("method")
	args, token, bad := arguments(r)
	answer := func() (string, func()) {
		out := failure(bad)
		if bad == "" {
			out = s.call(name, token, args)
		}
		text, _ := out["error"].(string)
		if text == "" {
			text = "ok"
		}
		return text, func() { s.writeReply(w, name, out) }
	}
	s.suffer(w, r, Call{Method: name, Channel: args["channel"], Args: args}, answer)
}

func (s *Server) writeReply(w http.ResponseWriter, name string, out reply) {
	s.mu.Lock()
	scopes := strings.Join(s.scopes, ",")
	s.mu.Unlock()
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("X-OAuth-Scopes", scopes)
	if scope := methods[name].scope; scope != "" {
		w.Header().Set("X-Accepted-OAuth-Scopes", scope)
	}
	_ = json.NewEncoder(w).Encode(out)
}

// arguments reads a JSON, form or multipart body and the token, which may be
// in the Authorization header or, with a form, among the arguments
// (docs.slack.dev/apis/web-api). The third result is an error for an invalid
// body.
func arguments(r *http.Request) (params, string, string) {
	const most = 1 << 20
	args := params{}
	token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch kind {
	case "application/json":
		raw, _ := io.ReadAll(io.LimitReader(r.Body, most))
		var body map[string]any
		if err := json.Unmarshal(raw, &body); err != nil && len(raw) > 0 {
			return args, token, "invalid_json"
		}
		for k, v := range body {
			if text, ok := v.(string); ok {
				args[k] = text
			} else if v != nil {
				nested, _ := json.Marshal(v)
				args[k] = string(nested)
			}
		}
		return args, token, ""
	case "multipart/form-data":
		if err := r.ParseMultipartForm(most); err != nil {
			return args, token, "invalid_form_data"
		}
	default:
		if err := r.ParseForm(); err != nil {
			return args, token, "invalid_form_data"
		}
	}
	for k, v := range r.Form {
		args[k] = v[0]
	}
	if token == "" {
		token = args["token"]
	}
	return args, token, ""
}

// call checks token and scope, and calls the method.
func (s *Server) call(name, token string, args params) reply {
	m, ok := methods[name]
	if !ok {
		return failure("unknown_method")
	}
	s.mu.Lock()
	refused, kind := s.tokenErr[token], s.tokenKind(token)
	granted := slices.Clone(s.scopes)
	s.mu.Unlock()
	want, other := BotToken, AppToken
	if m.app {
		want, other = AppToken, BotToken
	}
	switch {
	case token == "":
		return failure("not_authed")
	case kind == other:
		return failure("not_allowed_token_type")
	case kind != want:
		return failure("invalid_auth")
	case refused != "":
		return failure(refused)
	case m.scope != "" && !slices.Contains(granted, m.scope):
		out := failure("missing_scope")
		out["needed"], out["provided"] = m.scope, strings.Join(granted, ",")
		return out
	}
	out := maps.Clone(m.serve(s, args))
	if _, failed := out["error"]; !failed {
		if out == nil {
			out = reply{}
		}
		out["ok"] = true
	}
	return out
}

// validateBlocks serves blocks.validate, which posts nothing and needs no
// scope. It accepts exactly one of blocks, message and view.
func (s *Server) validateBlocks(args params) reply {
	given := 0
	for _, name := range []string{"blocks", "message", "view"} {
		if args[name] != "" {
			given++
		}
	}
	if given != 1 {
		return failure("invalid_arguments")
	}
	refuse := func(err string, problems []Problem) reply {
		if len(problems) == 0 {
			return reply{}
		}
		out := failure(err)
		out["errors"] = problems
		return out
	}
	switch {
	case args["blocks"] != "":
		return refuse("invalid_blocks", ValidateBlocks(json.RawMessage(args["blocks"]), InMessage))
	case args["view"] != "":
		_, problems := parseView(args["view"])
		return refuse("invalid_view", problems)
	}
	var m messageJSON
	if err := json.Unmarshal([]byte(args["message"]), &m); err != nil {
		return failure("invalid_message")
	}
	c := checker{surface: InMessage}
	c.blocks("/blocks", m.Blocks)
	return refuse("invalid_message", c.problems)
}
