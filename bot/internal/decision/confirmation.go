package decision

import (
	"time"

	"github.com/cancelbot/cancelbot/chamelio"
)

// Confirmation is what the buttons of a prompt carry: everything that a click
// needs. So a prompt survives restarts, and any replica can serve it.
type Confirmation struct {
	ID          string // unguessable and unique; becomes the decision's
	Task        chamelio.TaskID
	Title, URL  string // of the task, if known; shortened to fit
	Team        string
	Channel     string
	Requester   string
	Reason      string
	Public      bool      // the prompt is in the channel, for a second person
	RequestedAt time.Time // to the second
	ExpiresAt   time.Time // to the second
}

// MeantFor reports whether a user may click the prompt in a channel. Anyone in
// the channel may click a public prompt. The workspace is up to the policy.
func (c Confirmation) MeantFor(user, channel string) bool {
	return c.Channel == channel && (c.Public || c.Requester == user)
}
