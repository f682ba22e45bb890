package slacktest

import (
	"encoding/json"
	"regexp"
	"strings"
)

var timestamp = regexp.MustCompile(`^\d{9,11}\.\d{6}$`)

// postMessage serves chat.postMessage
// (docs.slack.dev/reference/methods/chat.postMessage).
func (s *Server) postMessage(args params) reply {
	blocks, bad := s.content(messageJSON{Text: args["text"], Blocks: json.RawMessage(args["blocks"])})
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
	thread := args["thread_ts"]
	switch {
	case bad != "":
		return failure(bad)
	case thread != "" && !timestamp.MatchString(thread):
		return failure("invalid_thread_ts")
	case thread != "" && !s.canReply(c.ID, thread):
		return failure("thread_not_found")
	}
	m := s.post(Message{
		Channel: c.ID, Author: BotUser, Text: args["text"], Blocks: blocks, Via: "chat.postMessage", ThreadTS: thread,
		UnfurlLinks: args["unfurl_links"] == "true", UnfurlMedia: args["unfurl_media"] != "false",
		Broadcast: thread != "" && args["reply_broadcast"] == "true",
	})
	return reply{"channel": c.ID, "ts": m.TS, "message": m.json(s.installation.TeamID)}
}

// canReply reports whether a message can have a thread. Ephemeral ones can't.
// It must be called with mu held.
func (s *Server) canReply(channel, ts string) bool {
	m := s.find(channel, ts)
	return m != nil && m.Only == "" && !m.Deleted
}

// scheduleMessage serves chat.scheduleMessage under the rules of postMessage.
// The message is never posted; the server only records its ID.
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

// Scheduled returns the number of scheduled messages.
func (s *Server) Scheduled() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.scheduled)
}

func (s *Server) postEphemeral(args params) reply {
	blocks, bad := s.content(messageJSON{Text: args["text"], Blocks: json.RawMessage(args["blocks"])})
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
	m := s.post(Message{
		Channel: c.ID, Author: BotUser, Text: args["text"], Blocks: blocks, Only: args["user"],
		Via: "chat.postEphemeral", ThreadTS: args["thread_ts"],
	})
	return reply{"message_ts": m.TS}
}

func (s *Server) updateMessage(args params) reply {
	blocks, bad := s.content(messageJSON{Text: args["text"], Blocks: json.RawMessage(args["blocks"])})
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.find(args["channel"], args["ts"])
	switch {
	case m == nil || m.Only != "" || m.Deleted: // ephemeral ones can't be changed
		return failure("message_not_found")
	case m.Author != BotUser:
		return failure("cant_update_message")
	case bad != "":
		return failure(bad)
	}
	m.Text, m.Blocks, m.Edited = args["text"], blocks, true
	s.touch()
	return reply{"channel": m.Channel, "ts": m.TS, "text": m.Text, "message": m.json(s.installation.TeamID)}
}

// deleteMessage serves chat.delete: an app can delete its own messages, except
// ephemeral ones.
func (s *Server) deleteMessage(args params) reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.find(args["channel"], args["ts"])
	switch {
	case m == nil || m.Only != "" || m.Deleted:
		return failure("message_not_found")
	case m.Author != BotUser:
		return failure("cant_delete_message")
	}
	m.Deleted = true
	s.touch()
	return reply{"channel": m.Channel, "ts": m.TS}
}

func (s *Server) permalink(args params) reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.find(args["channel"], args["message_ts"])
	if m == nil || m.Only != "" {
		return failure("message_not_found")
	}
	link := "https://" + s.installation.TeamDomain + ".slack.com/archives/" + m.Channel + "/p" + strings.ReplaceAll(m.TS, ".", "")
	return reply{"channel": m.Channel, "permalink": link}
}
