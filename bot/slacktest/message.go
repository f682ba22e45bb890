package slacktest

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"
)

// Message is a message as the server stores it.
type Message struct {
	TS       string // its ID in the channel: seconds since 1970, a dot, six digits
	ThreadTS string // the message that it replies to; "" outside threads
	Channel  string
	Author   string // user id
	Text     string // notification and screen reader text
	Blocks   []Block
	Only     string // the one user who sees it (ephemeral); "" for all
	Via      string // "chat.postMessage", "response_url", "ack" …
	At       time.Time
	Edited   bool
	Deleted  bool

	UnfurlLinks, UnfurlMedia bool // whether Slack shows previews of links in it
	Broadcast                bool // a reply that is also shown in the channel
}

// Button returns a button by its action ID; nil if the message has none.
func (m Message) Button(actionID string) *Element {
	for _, e := range m.buttons() {
		if e.ActionID == actionID {
			return e
		}
	}
	return nil
}

// Buttons returns the action IDs of a message's buttons.
func (m Message) Buttons() []string {
	var ids []string
	for _, e := range m.buttons() {
		ids = append(ids, e.ActionID)
	}
	return ids
}

func (m Message) buttons() []*Element {
	var found []*Element
	for i := range m.Blocks {
		for _, e := range m.Blocks[i].elementsOf() {
			if e.Type == "button" {
				found = append(found, e)
			}
		}
	}
	return found
}

// blockOf returns the ID of the block that contains an element; "" if none
// does.
func (m Message) blockOf(actionID string) string {
	for i := range m.Blocks {
		for _, e := range m.Blocks[i].elementsOf() {
			if e.interactive() && e.ActionID == actionID {
				return m.Blocks[i].BlockID
			}
		}
	}
	return ""
}

// json returns a message for answers and payloads. One that was posted by
// response_url has the subtype bot_message and no user
// (docs.slack.dev/reference/events/message).
func (m Message) json(team string) map[string]any {
	out := map[string]any{"type": "message", "ts": m.TS, "text": m.Text, "team": team}
	if m.Author == BotUser {
		out["bot_id"], out["app_id"] = BotID, AppID
	}
	if m.Author == BotUser && m.Via != "chat.postMessage" {
		out["subtype"] = "bot_message"
	} else {
		out["user"] = m.Author
	}
	if len(m.Blocks) > 0 {
		out["blocks"] = rawBlocks(m.Blocks)
	}
	if m.ThreadTS != "" {
		out["thread_ts"] = m.ThreadTS
	}
	if m.Edited {
		out["edited"] = map[string]any{"user": BotUser, "ts": m.TS}
	}
	return out
}

// post stores a message and gives it a ts. It must be called with mu held.
func (s *Server) post(m Message) *Message {
	m.At = s.now()
	ts := max(m.At.UnixMicro(), s.lastTS+1)
	s.lastTS = ts
	m.TS = fmt.Sprintf("%d.%06d", ts/1e6, ts%1e6)
	s.messages = append(s.messages, &m)
	s.touch()
	return &m
}

// History returns what everyone in a channel can read, oldest first, including
// replies in threads.
func (s *Server) History(channel string) []Message {
	return s.messagesWhere(func(m *Message) bool { return m.Channel == channel && m.Only == "" && !m.Deleted })
}

// Thread returns what everyone can read in the thread of a message, oldest
// first, without the message itself.
func (s *Server) Thread(channel, ts string) []Message {
	return s.messagesWhere(func(m *Message) bool {
		return m.Channel == channel && m.ThreadTS == ts && m.Only == "" && !m.Deleted
	})
}

// View returns what one person reads in a channel: History and what only they
// see.
func (s *Server) View(user, channel string) []Message {
	return s.messagesWhere(func(m *Message) bool {
		return m.Channel == channel && (m.Only == "" || m.Only == user) && !m.Deleted
	})
}

// Private returns what only one person sees in a channel.
func (s *Server) Private(user, channel string) []Message {
	return s.messagesWhere(func(m *Message) bool { return m.Channel == channel && m.Only == user && !m.Deleted })
}

// All returns every message that was ever posted, including deleted ones.
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

// find returns a message. It must be called with mu held.
func (s *Server) find(channel, ts string) *Message {
	for _, m := range s.messages {
		if m.Channel == channel && m.TS == ts {
			return m
		}
	}
	return nil
}

// Say posts a message as a person.
func (s *Server) Say(user, channel, text string) Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return *s.post(Message{Channel: channel, Author: user, Text: text})
}

// Reply posts a reply as a person, in the thread of another message.
func (s *Server) Reply(user string, to Message, text string) Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return *s.post(Message{Channel: to.Channel, Author: user, Text: text, ThreadTS: to.TS})
}

// Call is one request to the Web API or to a response_url.
type Call struct {
	At      time.Time
	Method  string            // "chat.postMessage", …, "response_url"
	Channel string            // if there is one
	Answer  string            // "ok", Slack's error, or "429", "500", "hang", "cut"
	Args    map[string]string // of Web API methods, without the token
}

// Calls returns every request so far, oldest first.
func (s *Server) Calls() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.calls)
}

func (s *Server) record(c Call, answer string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.At, c.Answer, c.Args = s.now(), answer, maps.Clone(c.Args)
	delete(c.Args, "token")
	s.calls = append(s.calls, c)
	s.touch()
}

// messageJSON is the input of the chat.* methods and of response_urls.
type messageJSON struct {
	Text            string          `json:"text"`
	Blocks          json.RawMessage `json:"blocks"`
	ThreadTS        string          `json:"thread_ts"`
	ResponseType    string          `json:"response_type"`
	ReplaceOriginal bool            `json:"replace_original"`
	DeleteOriginal  bool            `json:"delete_original"`
}

// content checks text and blocks, and returns Slack's error for invalid ones.
func (s *Server) content(m messageJSON) ([]Block, string) {
	const longestText = 40000 // docs.slack.dev/reference/methods/chat.postMessage: truncated beyond
	blocks, err := s.parseBlocks(m.Blocks, InMessage)
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
