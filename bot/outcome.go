package bot

import (
	"encoding/json"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/journal"
	"github.com/cancelbot/cancelbot/chamelio"
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
	outcome journal.Outcome // with finish
	cause   cause           // with finish; may be empty
}

// next is the whole of what may be concluded from an answer. Where a request
// may have taken effect, only a clear yes or a look that finds the task ended
// is certain; where nothing can have, a clear no is. That a task runs says
// nothing for good: it leads to another request, or, when there may be no
// more, to what resolution.exhausted says.
func next(s state, a answer) step {
	switch a {
	case cancelDone:
		return step{s, finish, journal.OutcomeCancelled, ""}
	case cancelConflict:
		if s == untouched {
			return step{state: conflicted, action: look}
		}
	case cancelNotFound:
		if s == untouched {
			return step{s, finish, journal.OutcomeNotFound, ""}
		}
	case cancelKeyRefused:
		if s == untouched {
			return step{s, finish, journal.OutcomeRejectedKey, ""}
		}
	case cancelRefused:
		if s == untouched {
			return step{s, finish, journal.OutcomeFailed, causeRefused}
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
			return step{s, finish, journal.OutcomeAlreadyCancelled, ""}
		}
		return step{s, finish, journal.OutcomeCancelled, causeSeen}
	case lookEnded:
		return step{s, finish, journal.OutcomeNotCancellable, ""}
	case lookRunning:
		if s != conflicted {
			return step{state: s, action: send}
		}
	case lookOdd:
		if s == answered || s == inFlight {
			return step{s, finish, journal.OutcomeUnknown, causeStatus}
		}
	case lookNotFound:
		if s == untouched {
			return step{s, finish, journal.OutcomeNotFound, ""}
		}
	case lookKeyRefused:
		if s == answered || s == inFlight {
			return step{s, finish, journal.OutcomeUnknown, causeKey}
		}
		if s == untouched {
			return step{s, finish, journal.OutcomeRejectedKey, ""}
		}
	case lookUnavailable:
	}
	switch s {
	case conflicted: // the conflict itself is certain
		if a == lookRunning {
			return step{s, finish, journal.OutcomeFailed, causeRefused}
		}
		return step{s, finish, journal.OutcomeNotCancellable, ""}
	case untouched: // a look that says nothing: the request is the judge
		return step{state: s, action: send}
	case answered, inFlight:
	}
	return step{state: s, action: look}
}

// result is an outcome with what the announcement says about it. The journal
// keeps it as JSON, so that any process can tell it.
type result struct {
	Outcome journal.Outcome `json:"-"`
	Cause   cause           `json:"cause,omitempty"`
	Title   string          `json:"title,omitempty"`
	URL     string          `json:"url,omitempty"`
	Flow    string          `json:"workflow,omitempty"`
	Step    string          `json:"step,omitempty"`

	StepsDone  int      `json:"steps_done,omitempty"`
	StepsTotal int      `json:"steps_total,omitempty"`
	People     []person `json:"people,omitempty"` // who are to be told, besides

	Status  chamelio.Status `json:"status,omitempty"`
	Over    time.Time       `json:"over,omitzero"` // since when the task is what Status says
	Key     chamelio.Reason `json:"key,omitempty"`
	Detail  string          `json:"detail,omitempty"`  // what Chamelio said when it refused
	RetryIn time.Duration   `json:"retry_in,omitzero"` // with busy
	Seen    time.Time       `json:"seen,omitzero"`     // when the task was last seen running
}

// cause tells failures apart that are one outcome but need other words. The
// journal keeps these words for ever.
type cause string

const (
	causeServer      cause = "server_error"
	causeUnreachable cause = "unreachable"
	causeBusy        cause = "rate_limited"
	causeRefused     cause = "refused"
	causeTooLate     cause = "resumed_too_late"
	causeKey         cause = "key_refused"
	causeStatus      cause = "unknown_status"
	causeOverruled   cause = "overruled"       // put back after another decision about the task
	causeSeen        cause = "seen_afterwards" // no clear answer, but the task was seen cancelled
	causeStillRuns   cause = "still_runs"      // followed up to the end, and never cancelled
)

// oldCauses are as earlier versions wrote them.
var oldCauses = map[cause]cause{
	"server error": causeServer, "rate limited": causeBusy, "resumed too late": causeTooLate,
	"key refused while checking": causeKey, "unknown status": causeStatus,
}

func (r result) encode() string {
	raw, err := json.Marshal(r)
	if err != nil {
		return "{}" // a struct of strings and times: does not happen
	}
	return string(raw)
}

// resultOf reads back what a decision came to.
func resultOf(d journal.Decision) result { return decodeResult(d.Outcome, d.Detail) }

// settledOf reads back what an unknown outcome came to after all.
func settledOf(d journal.Decision) result { return decodeResult(d.SettledOutcome, d.SettledDetail) }

func decodeResult(o journal.Outcome, detail string) result {
	var r result
	_ = json.Unmarshal([]byte(detail), &r) // the outcome alone can be told too
	if now, old := oldCauses[r.Cause]; old {
		r.Cause = now
	}
	r.Outcome = o
	return r
}

// on is a decision with this result; with none if it is zero.
func (r result) on(d journal.Decision) journal.Decision {
	if d.Outcome = r.Outcome; d.Outcome != "" {
		d.Detail = r.encode()
	}
	return d
}

// overruled is the same with nothing claimed to be known.
func (r result) overruled() result {
	r.Outcome, r.Cause, r.Status, r.Over, r.Seen = journal.OutcomeUnknown, causeOverruled, "", time.Time{}, time.Time{}
	return r
}

// describe takes over what may be shown of a task.
func describe(t chamelio.Task) result {
	return result{
		Title: t.Title, URL: t.URL, Flow: t.Workflow, Step: t.Step, StepsDone: t.StepsDone, StepsTotal: t.StepsTotal,
		Status: t.Status, Over: taskOver(t),
	}
}

// taskOver tells, of a task that cannot be cancelled, since when.
func taskOver(t chamelio.Task) time.Time {
	if !t.CompletedAt.IsZero() {
		return t.CompletedAt.Time
	}
	return t.UpdatedAt.Time
}

func taskOf(d journal.Decision) chamelio.TaskID { return chamelio.TaskID(d.TaskID) }
