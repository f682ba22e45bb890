package bot

import (
	"github.com/cancelbot/cancelbot/bot/internal/decision"
)

// state is what is certain about the cancel requests of a decision.
type state int

// The states. docs/design/decision.md draws them.
const (
	// untouched: no request of this decision can have done anything.
	untouched state = iota
	// conflicted: untouched, and Chamelio says that the task cannot be
	// cancelled; a look is to tell why.
	conflicted
	// answered: a request was answered by an error of the server's. It may have
	// taken effect, but nothing is under way any more.
	answered
	// inFlight: a request got no answer. It may have taken effect, or may yet.
	inFlight
)

// answer is what Chamelio said to a cancel request or to a look.
type answer int

// The answers to a cancel request, then those to a look.
const (
	cancelDone        answer = iota
	cancelConflict           // 409
	cancelNotFound           // 404 that says so of the task
	cancelKeyRefused         // 401
	cancelRateLimited        // 429
	cancelRefused            // any other clear no
	cancelServerError        // an error that the API itself answered
	cancelUnanswered         // sent, and nobody knows
	cancelNotSent            // certainly not sent

	lookCancelled
	lookEnded    // completed or failed
	lookRunning  // pending or in progress
	lookOdd      // a status that we do not know
	lookNotFound // 404 that says so of the task
	lookKeyRefused
	lookUnavailable // no answer that tells anything
)

// action is what to do next.
type action int

const (
	finish action = iota // with the step's outcome
	send                 // a cancel request, when it is safe
	look                 // at the task
)

// step is a row of the table: the state that an answer leads to, and what to
// do there.
type step struct {
	state   state
	action  action
	outcome decision.Outcome // with finish
	cause   decision.Cause   // with finish; may be empty
}

// next is the whole of what may be concluded from an answer. Where a request
// may have taken effect, only a clear yes or a look that finds the task ended
// is certain; where nothing can have, a clear no is. That a task runs says
// nothing for good: it leads to another request, or, when there may be no
// more, to what resolution.exhausted says.
func next(s state, a answer) step {
	switch a {
	case cancelDone:
		return step{s, finish, decision.Cancelled, ""}
	case cancelConflict:
		if s == untouched {
			return step{state: conflicted, action: look}
		}
	case cancelNotFound:
		if s == untouched {
			return step{s, finish, decision.NotFound, ""}
		}
	case cancelKeyRefused:
		if s == untouched {
			return step{s, finish, decision.RejectedKey, ""}
		}
	case cancelRefused:
		if s == untouched {
			return step{s, finish, decision.Failed, decision.CauseRefused}
		}
	case cancelRateLimited, cancelNotSent:
		if s == untouched {
			return step{state: s, action: send}
		}
	case cancelServerError:
		return step{state: max(s, answered), action: look}
	case cancelUnanswered:
		return step{state: inFlight, action: look}

	case lookCancelled:
		if s == untouched || s == conflicted {
			return step{s, finish, decision.AlreadyCancelled, ""}
		}
		return step{s, finish, decision.Cancelled, decision.CauseSeen}
	case lookEnded:
		return step{s, finish, decision.NotCancellable, ""}
	case lookRunning:
		if s != conflicted {
			return step{state: s, action: send}
		}
	case lookOdd:
		if s == answered || s == inFlight {
			return step{s, finish, decision.Unknown, decision.CauseStatus}
		}
	case lookNotFound:
		if s == untouched {
			return step{s, finish, decision.NotFound, ""}
		}
	case lookKeyRefused:
		if s == answered || s == inFlight {
			return step{s, finish, decision.Unknown, decision.CauseKey}
		}
		if s == untouched {
			return step{s, finish, decision.RejectedKey, ""}
		}
	case lookUnavailable:
	}
	switch s {
	case conflicted: // the conflict itself is certain
		if a == lookRunning {
			return step{s, finish, decision.Failed, decision.CauseRefused}
		}
		return step{s, finish, decision.NotCancellable, ""}
	case untouched: // a look that says nothing: the request is the judge
		return step{state: s, action: send}
	case answered, inFlight:
	}
	return step{state: s, action: look}
}
