// Package decision is the domain: what a decision is, what became of it, and
// what may be concluded from an answer. It is pure: no clock, network,
// goroutine or log.
package decision

import (
	"time"

	"github.com/cancelbot/cancelbot/chamelio"
)

// ID identifies a decision. It is the ID of the confirmation that the button
// carried: unguessable and unique.
type ID string

// Outcome is the result for one task. The journal stores these words.
type Outcome string

// The outcomes. The zero Outcome means that the task is still being resolved.
const (
	Cancelled        Outcome = "cancelled"
	AlreadyCancelled Outcome = "already_cancelled" // by someone else, before
	NotCancellable   Outcome = "not_cancellable"   // completed, failed, or in a state that can't be cancelled
	NotFound         Outcome = "not_found"         // or this key may not see it
	RejectedKey      Outcome = "rejected_key"      // nothing was sent that Chamelio accepted
	Failed           Outcome = "failed"            // not cancelled by this decision
	Unknown          Outcome = "unknown"           // sent, and the result isn't known yet

	// Withdrawn is a prompt that was taken back before anyone confirmed it, and
	// Expired a request that no one confirmed in time. Neither is announced:
	// nothing was decided.
	Withdrawn Outcome = "withdrawn"
	Expired   Outcome = "expired"
)

// Record is everything the journal knows about a decision: an accepted click,
// and what became of it.
type Record struct {
	ID            ID
	TaskID        int64
	Title, URL    string // of the task, as its prompt showed it
	Team, Channel string
	Requester     string // who typed the command
	Confirmer     string // who clicked
	Reason        string
	RequestedAt   time.Time
	DecidedAt     time.Time // when the click was received
	ResponseURL   string    // the click's; erased when there is nothing more to post
	Confirmation  string    // the signed value of the button
	MAC           string    // over the click

	Sent  bool // a cancel request is about to be sent, or was sent without a clear answer
	Tries int  // how many such requests there were

	Outcome    Outcome
	Detail     string // what the announcement says in addition, as JSON
	FinishedAt time.Time

	AnnouncedAt time.Time // zero until the outcome was announced
	MessageTS   string    // the announcement's, if Slack returned one

	FollowUntil    time.Time // an unknown outcome is checked until then
	Looks          int       // how many checks there were
	SettledAt      time.Time
	SettledOutcome Outcome
	SettledDetail  string

	Epoch int64 // the fencing number: it grows with every change of owner

	Seals Seals // what makes the rest genuine; the journal makes and verifies them
}

// Task returns the ID of the task that the decision cancels.
func (r Record) Task() chamelio.TaskID { return chamelio.TaskID(r.TaskID) }
