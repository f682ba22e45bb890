package slacktest

import (
	"maps"
	"slices"
	"strings"
)

// User is a person or a bot, as users.info describes them.
type User struct {
	ID, Name, RealName, Email string
	TeamID                    string // the home workspace; "": the installation's

	Deleted, IsBot, IsAdmin, IsOwner bool
	IsRestricted, IsUltraRestrict    bool // guests: of several channels, of one
	IsStranger                       bool // of another organisation, in a shared channel
	IsInvited                        bool // has not accepted the invitation yet
	EmailUnconfirmed                 bool // the address isn't confirmed

	// Teams are the person's workspaces in the Enterprise organisation
	// (enterprise_user.teams). nil means only the installation's workspace, an
	// empty list none. Without an organisation it has no effect.
	Teams []string
	// EnterpriseID is the organisation of a person from outside; "" means the
	// installation's.
	EnterpriseID string
	// NoTeamID omits team_id from users.info, as Slack does for some people of
	// an organisation.
	NoTeamID bool

	TZ string // an IANA name; "": Europe/Amsterdam
}

// Kind is a kind of conversation.
type Kind string

// The kinds of conversation.
const (
	Public  Kind = "public"
	Private Kind = "private"
	DM      Kind = "dm"
)

// Conversation is a channel, or a direct message between Members.
type Conversation struct {
	ID, Name    string
	Kind        Kind
	BotIsMember bool
	Archived    bool
	Members     []string // of private channels and DMs; everyone is in public ones
	TeamID      string   // the workspace it belongs to; "": the installation's
	Shared      bool     // with another organisation, by Slack Connect
}

// The people and conversations that every server starts with.
const (
	Ada     = "U0ADA"     // full member
	Grace   = "U0GRACE"   // full member
	Linus   = "U0LINUS"   // full member, admin
	Guest   = "U0GUEST"   // multi-channel guest
	Single  = "U0SINGLE"  // single-channel guest
	Gone    = "U0GONE"    // deactivated
	Robot   = "U0ROBOT"   // a bot
	Foreign = "U0FOREIGN" // of another organisation

	General = "C0GENERAL" // public, with the bot
	Random  = "C0RANDOM"  // public, without the bot
	Legal   = "G0LEGAL"   // private, without the bot
	Deals   = "G0DEALS"   // private, with the bot
	Direct  = "D0DIRECT"  // a DM between Ada and Grace
)

func (s *Server) seed() {
	for _, u := range []User{
		{ID: Ada, Name: "ada", RealName: "Ada Lovelace", Email: "ada@acme.example"},
		{ID: Grace, Name: "grace", RealName: "Grace Hopper", Email: "grace@acme.example"},
		{ID: Linus, Name: "linus", RealName: "Linus Pauling", Email: "linus@acme.example", IsAdmin: true},
		{ID: Guest, Name: "guest", RealName: "Gil Guest", Email: "gil@agency.example", IsRestricted: true},
		{ID: Single, Name: "single", RealName: "Sol Single", IsRestricted: true, IsUltraRestrict: true},
		{ID: Gone, Name: "gone", RealName: "Gone Girl", Deleted: true},
		{ID: Robot, Name: "robot", RealName: "Robot", IsBot: true},
		{ID: Foreign, Name: "foreign", RealName: "Fay Foreign", TeamID: "T9OTHER", IsStranger: true},
		{ID: BotUser, Name: "cancelbot", RealName: "cancelbot", IsBot: true},
	} {
		s.AddUser(u)
	}
	for _, c := range []Conversation{
		{ID: General, Name: "general", Kind: Public, BotIsMember: true},
		{ID: Random, Name: "random", Kind: Public},
		{ID: Legal, Name: "legal", Kind: Private, Members: []string{Ada, Grace}},
		{ID: Deals, Name: "deals", Kind: Private, BotIsMember: true, Members: []string{Ada, Grace}},
		{ID: Direct, Kind: DM, Members: []string{Ada, Grace}},
	} {
		s.AddConversation(c)
	}
}

// AddUser adds or replaces a person.
func (s *Server) AddUser(u User) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if u.TeamID == "" {
		u.TeamID = s.installation.TeamID
	}
	s.users[u.ID] = u
	s.touch()
}

// AddConversation adds or replaces a conversation.
func (s *Server) AddConversation(c Conversation) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.channels[c.ID] = c
	s.touch()
}

// SetGroup sets the members of a usergroup.
func (s *Server) SetGroup(id string, users ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.groups[id] = users
}

// User returns a person.
func (s *Server) User(id string) (User, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	u, ok := s.users[id]
	return u, ok
}

// Conversation returns a conversation.
func (s *Server) Conversation(id string) (Conversation, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, ok := s.channels[id]
	return c, ok
}

// Channels returns the conversations, ordered by ID.
func (s *Server) Channels() []Conversation {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sortedChannels()
}

func (s *Server) sortedChannels() []Conversation {
	return slices.SortedFunc(maps.Values(s.channels), func(a, b Conversation) int { return strings.Compare(a.ID, b.ID) })
}

// mayPost returns the error of chat.postMessage for a conversation, "" for
// none (docs.slack.dev/reference/methods/chat.postMessage). It must be called
// with mu held.
func (s *Server) mayPost(c Conversation, known bool) string {
	switch {
	case !known, c.Kind == DM && !c.BotIsMember, c.Kind == Private && !c.BotIsMember:
		// Slack answers as if a private conversation didn't exist.
		return "channel_not_found"
	case c.Archived:
		return "is_archived"
	case c.Kind == Public && !c.BotIsMember && !slices.Contains(s.scopes, "chat:write.public"):
		return "not_in_channel"
	}
	return ""
}

// appHome returns the conversation between the bot and a person, which
// chat.postMessage reaches with the person's ID. It must be called with mu
// held.
func (s *Server) appHome(user string) Conversation {
	id := "D" + user
	c, ok := s.channels[id]
	if !ok {
		c = Conversation{ID: id, Kind: DM, BotIsMember: true, Members: []string{user, BotUser}}
		s.channels[id] = c
	}
	return c
}
