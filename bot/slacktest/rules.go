package slacktest

import (
	"strings"
	"time"
)

// SocketRules has the timing of Socket Mode. NewServer starts with Slack's: 3
// s to acknowledge, a ping each 10 s, 10 connections, none disconnected.
type SocketRules struct {
	AckWithin time.Duration // after that, the person sees operation_timeout
	PingEvery time.Duration // must be positive
	MaxConns  int           // one more gets too_many_websockets

	// DisconnectAfter disconnects each new connection this long after its
	// hello, with the reason "refresh_requested", and closes it Grace later.
	// Slack does this after some hours; with seconds it's a fault that clients
	// must not answer with a storm of apps.connections.open. 0 means never.
	DisconnectAfter time.Duration
	Grace           time.Duration
}

// SetSocketRules sets the timing for new connections.
func (s *Server) SetSocketRules(r SocketRules) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sockets = r
}

// SetClock sets the clock for message timestamps, the expiry of response_urls
// and trigger IDs, and rate limits. Acks and pings keep using time.Now.
func (s *Server) SetClock(now func() time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = now
}

// SetScopes sets the bot token's scopes. NewServer grants commands,
// chat:write, chat:write.public and users:read.
func (s *Server) SetScopes(scopes ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.scopes = scopes
}

// LimitPosts makes chat.postMessage answer 429 if two messages come to one
// channel within gap. Slack's own limit is about a second
// (docs.slack.dev/apis/web-api/rate-limits); 0, the default, is no limit.
func (s *Server) LimitPosts(gap time.Duration) { s.limit("chat.postMessage", gap) }

// LimitOpens makes apps.connections.open answer 429 with Retry-After, in whole
// seconds, if two calls come within gap; 0, the default, is no limit.
func (s *Server) LimitOpens(gap time.Duration) { s.limit("apps.connections.open", gap) }

func (s *Server) limit(method string, gap time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gaps[method] = gap
}

// tooFast enforces the limits and returns how long to wait.
func (s *Server) tooFast(method, channel string) (time.Duration, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	gap := s.gaps[method]
	if gap == 0 {
		return 0, false
	}
	now, key := s.now(), method+" "+channel
	if wait := s.lastCall[key].Add(gap).Sub(now); wait > 0 {
		return wait, true
	}
	s.lastCall[key] = now
	return 0, false
}

// AddToken makes another token valid, in addition to [AppToken] and
// [BotToken]: an app-level one (xapp-…) or a bot token (xoxb-…), as if someone
// had generated a new one before revoking the old one.
func (s *Server) AddToken(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.moreTokens[token] = true
}

// tokenKind returns [AppToken] or [BotToken], depending on a token's kind. It
// must be called with mu held.
func (s *Server) tokenKind(token string) string {
	switch {
	case s.moreTokens[token] && strings.HasPrefix(token, "xapp-"):
		return AppToken
	case s.moreTokens[token]:
		return BotToken
	}
	return token
}

// RefuseToken makes every call with this token return this error, such as
// "invalid_auth" or "token_revoked"; "" accepts it again.
func (s *Server) RefuseToken(token, err string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tokenErr[token] = err
}
