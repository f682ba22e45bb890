package decision

import (
	"time"

	"github.com/cancelbot/cancelbot/chamelio"
)

// Confirmation is the content of a prompt's buttons: everything that a click
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
	RequestedAt time.Time // to the second
	ExpiresAt   time.Time // to the second
}

// Named is a task as the prompt showed it. Title and URL are shortened to fit.
type Named struct {
	ID         chamelio.TaskID
	Title, URL string
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
