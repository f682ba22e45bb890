package slacktest

import (
	"encoding/json"
	"io"
	"net/http"
	"time"
)

// Limits of a response_url
// (docs.slack.dev/interactivity/handling-user-interaction, "message
// responses").
const (
	responseURLUses = 5
	responseURLLife = 30 * time.Minute
)

type responseURL struct {
	user    string
	channel string
	message *Message // the clicked one; nil for a command's
	from    time.Time
	uses    int
}

// newResponseURL returns a new URL. It must be called with mu held.
func (s *Server) newResponseURL(user, channel string, message *Message) string {
	ticket := s.ticket()
	s.urls[ticket] = &responseURL{user: user, channel: channel, message: message, from: s.now()}
	return s.url + "/actions/" + ticket
}

func (s *Server) serveResponseURL(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	ticket := r.PathValue("ticket")
	s.mu.Lock()
	channel := ""
	if u := s.urls[ticket]; u != nil {
		channel = u.channel
	}
	s.mu.Unlock()
	s.suffer(w, r, Call{Method: "response_url", Channel: channel}, func() (string, func()) {
		status, text := s.respond(ticket, body)
		return text, func() {
			w.WriteHeader(status)
			_, _ = w.Write([]byte(text))
		}
	})
}

// respond serves a POST to a response_url.
func (s *Server) respond(ticket string, body []byte) (int, string) {
	var m messageJSON
	if err := json.Unmarshal(body, &m); err != nil {
		return http.StatusBadRequest, "invalid_payload"
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	u := s.urls[ticket]
	switch {
	case u == nil:
		return http.StatusNotFound, "no_service"
	case u.uses >= responseURLUses:
		return http.StatusNotFound, "used_url"
	case s.now().Sub(u.from) > responseURLLife:
		return http.StatusNotFound, "expired_url"
	}
	if m.DeleteOriginal {
		u.uses++
		if u.message != nil {
			u.message.Deleted = true
		}
		s.touch()
		return http.StatusOK, "ok"
	}
	blocks, bad := s.content(m)
	if bad != "" {
		return http.StatusBadRequest, bad
	}
	u.uses++
	if m.ReplaceOriginal && u.message != nil {
		u.message.Text, u.message.Blocks, u.message.Edited = m.Text, blocks, true
		s.touch()
		return http.StatusOK, "ok"
	}
	only := u.user
	if m.ResponseType == "in_channel" {
		only = ""
	}
	s.post(Message{
		Channel: u.channel, Author: BotUser, Text: m.Text, Blocks: blocks, Only: only, Via: "response_url",
		ThreadTS: m.ThreadTS,
	})
	return http.StatusOK, "ok"
}
