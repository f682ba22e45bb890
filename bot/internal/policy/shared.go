package policy

import (
	"context"
	"time"
)

// SharedChannels says what becomes of cancellations in conversations that people
// of other organisations may read (Slack Connect).
type SharedChannels string

// The choices. A conversation that Slack doesn't describe to the app counts as
// shared. That goes for direct messages, and for private channels without it.
const (
	SharedFull     SharedChannels = "full"     // announced like anywhere else; the default
	SharedUntitled SharedChannels = "untitled" // announced without the tasks' titles and steps
	SharedRefused  SharedChannels = "refuse"   // refused
)

// Audience is what conversations.info says about who reads a conversation.
type Audience struct {
	Known  Known
	Cause  error     // why it isn't known
	Asked  time.Time // when Slack was asked
	Shared bool      // with another organisation, now or once it accepts
}

// needsAudience reports whether the rules go by who reads the conversation.
func (r Rules) needsAudience() bool { return r.Shared == SharedRefused || r.Shared == SharedUntitled }

// audience judges the conversation by who reads it.
func (r Rules) audience(c Case) Verdict {
	a := c.Audience
	switch {
	case !r.needsAudience():
		return allow()
	case a.Known == NotAsked:
		return Verdict{Code: CodeCannotCheck, missing: &missing{audience: true}}
	case r.Shared == SharedUntitled || a.Known == Answered && !a.Shared:
		return allow()
	case a.Known == Answered:
		return refuse(CodeSharedChannel)
	case a.Known == Gone:
		return Verdict{Code: CodeHiddenChannel, Cause: a.Cause}
	}
	return Verdict{Code: a.Known.code(), Cause: a.Cause}
}

// withholds reports whether announcements have no titles.
func (r Rules) withholds(c Case) bool {
	return r.Shared == SharedUntitled && (c.Audience.Known != Answered || c.Audience.Shared)
}

// audience never fails: an Audience says for itself that it isn't known.
func (d *directory) audience(ctx context.Context, channel ChannelID, since time.Time) Audience {
	found, err := d.audiences.get(ctx, string(channel), since)
	if err != nil {
		return Audience{Known: why(err), Cause: err}
	}
	return Audience{Known: Answered, Asked: found.asked, Shared: found.value}
}
