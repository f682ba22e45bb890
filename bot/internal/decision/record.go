// Package decision is the domain and the kernel: decisions, their outcomes, and
// Protocol.Step, a decision's whole life as a pure function. It has no clock, network,
// goroutine or log. Read kernel.go first.
package decision

import (
	"slices"
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
	NotCancellable   Outcome = "not_cancellable"   // completed, failed, or Chamelio said only that it can't be cancelled
	NotFound         Outcome = "not_found"         // or this key may not see it
	RejectedKey      Outcome = "rejected_key"      // nothing was sent that Chamelio accepted
	Failed           Outcome = "failed"            // not cancelled by this decision
	Unknown          Outcome = "unknown"           // sent, and the result isn't known yet

	// Withdrawn is a prompt that its requester took back, Expired one that no one
	// confirmed in time, NotSaved one whose click couldn't be saved, and Superseded one
	// whose click lost to other prompts' decisions, whatever became of those. None is
	// announced: nothing was sent, or will be.
	Withdrawn  Outcome = "withdrawn"
	Expired    Outcome = "expired"
	NotSaved   Outcome = "not_saved"
	Superseded Outcome = "superseded"
)

// Closed reports whether the outcome is the end of a prompt that decided
// nothing.
func (o Outcome) Closed() bool {
	return o == Withdrawn || o == Expired || o == NotSaved || o == Superseded
}

// Various is the outcome of a decision whose tasks have different ones. No task
// has it.
const Various Outcome = "various"

// Record is everything the journal knows about a decision: an accepted click,
// and the outcome of each of its tasks.
type Record struct {
	ID            ID
	Tasks         []Item // at least one, in the order of the prompt
	Team, Channel string
	Thread        string // the timestamp of the thread in which it was asked for; "" outside of threads
	Untitled      bool   // what the conversation reads has no titles
	Requester     string // who typed the command
	Confirmer     string // who clicked
	Reason        string
	RequestedAt   time.Time
	DecidedAt     time.Time     // when the click was received
	FactsAge      time.Duration // how old the facts were by which the click was allowed
	ResponseURL   string        // the click's; erased when there is nothing more to post
	Confirmation  string        // the signed value of the button
	MAC           string        // over the click

	AnnouncedMAC string // over when it was announced, and as which message

	AnnouncedAt time.Time // zero until the outcomes were announced
	MessageTS   string    // the announcement's, if Slack returned one

	Checks    int       // how many checks of unknown outcomes there were
	SettledAt time.Time // when the final results were posted; not sealed, so it isn't quoted

	Epoch int64 // the fencing number: it grows with every change of owner
}

// Item is one task of a decision.
type Item struct {
	ID               chamelio.TaskID
	Title, URL, Step string // as the prompt showed them

	Sent  bool // a cancel request is about to be sent, or was sent without a clear answer
	Tries int  // how many such requests there were

	Outcome    Outcome
	Detail     string // what the announcement says in addition, as JSON
	FinishedAt time.Time

	SettledOutcome Outcome // the final result of an unknown outcome
	SettledDetail  string

	Taken Taken // whether another decision has the task since: see Record.AsOfNow. It isn't recorded

	Seals Seals // what makes the rest genuine; the journal makes and verifies them
}

// Outcome returns the outcome that all tasks share, Various if they differ, or
// "" while one has none.
func (r Record) Outcome() Outcome { return shared(r.Tasks, func(t Item) Outcome { return t.Outcome }) }

// Unfinished reports whether anything is left to do: to find an outcome, to announce
// it, or to follow an unknown one.
func (r Record) Unfinished() bool {
	unknown := slices.ContainsFunc(r.Tasks, func(t Item) bool { return t.Outcome == Unknown })
	return r.Outcome() == "" || r.AnnouncedAt.IsZero() || unknown && r.SettledAt.IsZero()
}

// MaxWork is how long after its click a row needs only a key that was usable then. It is
// long enough for a day in which an unknown outcome is followed (FollowFor), one in which
// its final result is refused (TellFor), and a process that starts late (TryFor).
const MaxWork = 50 * time.Hour

// Overdue reports whether something is left to do, although the click was longer ago than
// MaxWork. Slack may have asked to wait, or no process was up. But someone else may have
// made the row up, with the keys of a token that was replaced since the click that it names.
func (r Record) Overdue(now time.Time) bool {
	return r.Unfinished() && now.After(r.DecidedAt.Add(MaxWork))
}

// SettledOutcome is like Outcome, but with the final results of unknown
// outcomes; "" until they are known.
func (r Record) SettledOutcome() Outcome {
	return shared(r.Tasks, func(t Item) Outcome {
		if t.Outcome == Unknown {
			return t.SettledOutcome
		}
		return t.Outcome
	})
}

func shared(tasks []Item, outcome func(Item) Outcome) Outcome {
	var all Outcome
	for i, t := range tasks {
		switch o := outcome(t); {
		case o == "":
			return ""
		case i == 0:
			all = o
		case o != all:
			all = Various
		}
	}
	return all
}

// Done returns how many tasks have an outcome that is known, and that isn't another
// decision's.
func (r Record) Done() int {
	n := 0
	for _, t := range r.Tasks {
		if t.Outcome != "" && t.Outcome != Unknown && !t.Result().Held() {
			n++
		}
	}
	return n
}

// IDs returns the IDs of the tasks.
func (r Record) IDs() []chamelio.TaskID {
	ids := make([]chamelio.TaskID, len(r.Tasks))
	for i, t := range r.Tasks {
		ids[i] = t.ID
	}
	return ids
}

// Only returns the record with some of its tasks alone.
func (r Record) Only(these func(Item) bool) Record {
	all := r.Tasks
	r.Tasks = nil
	for _, t := range all {
		if these(t) {
			r.Tasks = append(r.Tasks, t)
		}
	}
	return r
}

// One returns the record with one of its tasks alone.
func (r Record) One(task int) Record {
	r.Tasks = r.Tasks[task : task+1]
	return r
}
