package decision

import (
	"strings"
	"time"

	"github.com/cancelbot/cancelbot/chamelio"
)

// Confirmation is what the buttons of a prompt carry: everything that a click
// needs. So a prompt survives restarts, and any replica can serve it.
type Confirmation struct {
	ID          string  // unguessable and unique; becomes the decision's
	Tasks       []Named // at least one
	Team        string
	Channel     string
	Thread      string // as in Record
	Requester   string
	Reason      string
	Public      bool      // the prompt is in the channel, for a second person
	Untitled    bool      // what others in the conversation read has no titles
	RequestedAt time.Time // to the second
	ExpiresAt   time.Time // to the second
}

// Named is a task as its prompt showed it. Title and Step may end with "…" in
// place of what didn't fit; what isn't known is empty.
type Named struct {
	ID               chamelio.TaskID
	Title, URL, Step string
}

// Item returns the task as a new decision has it.
func (t Named) Item() Item { return Item{ID: t.ID, Title: t.Title, URL: t.URL, Step: t.Step} }

// MovedFrom returns the title and the step that the prompt showed, as far as they
// differ from those of the same task now.
func (t Named) MovedFrom(now Named) (was Moved) {
	if differs(t.Title, now.Title) {
		was.Title = t.Title
	}
	if differs(t.Step, now.Step) {
		was.Step = t.Step
	}
	return was
}

// differs compares a text that may have been cut with one that may be empty.
func differs(shown, now string) bool {
	begin, cut := strings.CutSuffix(shown, "…")
	return shown != "" && now != "" && shown != now && (!cut || !strings.HasPrefix(now, begin))
}

// IDs returns the IDs of the tasks.
func (c Confirmation) IDs() []chamelio.TaskID {
	ids := make([]chamelio.TaskID, len(c.Tasks))
	for i, t := range c.Tasks {
		ids[i] = t.ID
	}
	return ids
}

// MeantFor reports whether a user may click the prompt in a channel. Anyone in
// the channel may click a public prompt. The workspace is up to the policy.
func (c Confirmation) MeantFor(user, channel string) bool {
	return c.Channel == channel && (c.Public || c.Requester == user)
}
