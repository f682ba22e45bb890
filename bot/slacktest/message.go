package slacktest

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// Message is a message as the server keeps it.
type Message struct {
	TS      string
	Channel string
	Author  string // user id
	Text    string // notification and screen reader text
	Blocks  []Block
	Only    string // the one user who sees it (ephemeral); "" for all
	Via     string // "chat.postMessage", "response_url", "ack" …
	At      time.Time
	Edited  bool
	Deleted bool
}

// Button finds a button by its action id; nil if the message has none.
func (m Message) Button(actionID string) *Element {
	for _, b := range m.Blocks {
		for i := range b.Elements {
			if e := &b.Elements[i]; e.Type == "button" && e.ActionID == actionID {
				return e
			}
		}
	}
	return nil
}

// Buttons lists the action ids of a message's buttons.
func (m Message) Buttons() []string {
	var ids []string
	for _, b := range m.Blocks {
		for _, e := range b.Elements {
			if e.Type == "button" {
				ids = append(ids, e.ActionID)
			}
		}
	}
	return ids
}

// post stores a message and gives it a ts. Called with mu held.
func (s *Server) post(m Message) *Message {
	m.At = s.now()
	ts := max(m.At.UnixMicro(), s.lastTS+1)
	s.lastTS = ts
	m.TS = fmt.Sprintf("%d.%06d", ts/1e6, ts%1e6)
	s.messages = append(s.messages, &m)
	s.touch()
	return &m
}

// History is what everybody in a channel can read, oldest first.
func (s *Server) History(channel string) []Message {
	return s.messagesWhere(func(m *Message) bool { return m.Channel == channel && m.Only == "" && !m.Deleted })
}

// View is what one person reads in a channel: History and what only they see.
func (s *Server) View(user, channel string) []Message {
	return s.messagesWhere(func(m *Message) bool {
		return m.Channel == channel && (m.Only == "" || m.Only == user) && !m.Deleted
	})
}

// Private is what only one person sees in a channel.
func (s *Server) Private(user, channel string) []Message {
	return s.messagesWhere(func(m *Message) bool { return m.Channel == channel && m.Only == user && !m.Deleted })
}

// All is every message that was ever posted, deleted ones too.
func (s *Server) All() []Message { return s.messagesWhere(func(*Message) bool { return true }) }

func (s *Server) messagesWhere(f func(*Message) bool) []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []Message
	for _, m := range s.messages {
		if f(m) {
			found = append(found, *m)
		}
	}
	return found
}

// Say posts a message of a person's, as background of a scene.
func (s *Server) Say(user, channel, text string) Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return *s.post(Message{Channel: channel, Author: user, Text: text})
}

// Call is one request to the Web API or to a response_url.
type Call struct {
	At      time.Time
	Method  string // "chat.postMessage", …, "response_url"
	Channel string // where one is given
	Answer  string // "ok", Slack's error, or "429", "500", "hang"
}

// Calls lists every request so far, oldest first.
func (s *Server) Calls() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.calls)
}

func (s *Server) record(method, channel, answer string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, Call{s.now(), method, channel, answer})
	s.touch()
}

// messageJSON is what both chat.* methods and response_urls take.
type messageJSON struct {
	Text            string          `json:"text"`
	Blocks          json.RawMessage `json:"blocks"`
	ResponseType    string          `json:"response_type"`
	ReplaceOriginal bool            `json:"replace_original"`
	DeleteOriginal  bool            `json:"delete_original"`
}

// content checks text and blocks, and answers Slack's error for bad ones.
func (m messageJSON) content() ([]Block, string) {
	const longestText = 40000 // api.slack.com/methods/chat.postMessage: truncated beyond
	blocks, err := parseBlocks(m.Blocks)
	switch {
	case err != nil:
		return nil, "invalid_blocks"
	case m.Text == "" && len(blocks) == 0:
		return nil, "no_text"
	case len(m.Text) > longestText:
		return nil, "msg_too_long"
	}
	return blocks, ""
}
