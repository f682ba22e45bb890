package slacktest

import (
	"maps"
	"slices"
	"time"
)

// Forget drops the messages, calls, response_urls and trigger IDs from before a
// point in time, and the whole record of tickets, acknowledgements and failed
// deliveries. Without it, the server's memory grows with each call.
func (s *Server) Forget(before time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.messages = slices.DeleteFunc(s.messages, func(m *Message) bool { return m.At.Before(before) })
	s.calls = slices.DeleteFunc(s.calls, func(c Call) bool { return c.At.Before(before) })
	maps.DeleteFunc(s.urls, func(_ string, u *responseURL) bool { return u.from.Before(before) })
	maps.DeleteFunc(s.triggers, func(_ string, t *trigger) bool { return t.from.Before(before) })
	s.issued, s.acks, s.failed = nil, nil, nil
	s.touch()
}
