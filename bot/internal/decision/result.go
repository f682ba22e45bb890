package decision

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/cancelbot/cancelbot/chamelio"
)

// Cause separates results that share an outcome but need different words. The
// journal stores these words.
type Cause string

// The causes.
const (
	CauseServer      Cause = "server_error"
	CauseUnreachable Cause = "unreachable"
	CauseBusy        Cause = "rate_limited"
	CauseRefused     Cause = "refused"
	CauseTooLate     Cause = "resumed_too_late"
	CauseKey         Cause = "key_refused"
	CauseStatus      Cause = "unknown_status"
	CauseOverruled   Cause = "overruled"       // restored after another decision about the task was claimed
	CauseSeen        Cause = "seen_afterwards" // no clear answer, but the task was seen cancelled
	CauseStillRuns   Cause = "still_runs"      // checked until the end of the follow-up, and never cancelled
	CauseHeld        Cause = "held"            // another decision about the task was first
)

// Result is an outcome with the details for its announcement. The journal
// stores it as JSON, so that any process can announce it.
type Result struct {
	Outcome Outcome `json:"-"`
	Cause   Cause   `json:"cause,omitempty"`
	Title   string  `json:"title,omitempty"`
	URL     string  `json:"url,omitempty"`
	Flow    string  `json:"workflow,omitempty"`
	Step    string  `json:"step,omitempty"`

	StepsDone  int      `json:"steps_done,omitempty"`
	StepsTotal int      `json:"steps_total,omitempty"`
	People     []Person `json:"people,omitempty"` // mentioned in the announcement
	Was        Moved    `json:"was,omitzero"`     // what has changed since the prompt

	Status  chamelio.Status `json:"status,omitempty"`
	Over    time.Time       `json:"over,omitzero"` // when the task reached Status; zero if Chamelio doesn't say
	Key     chamelio.Reason `json:"key,omitempty"`
	Detail  string          `json:"detail,omitempty"`  // what Chamelio said when it refused
	RetryIn time.Duration   `json:"retry_in,omitzero"` // with CauseBusy
	Seen    time.Time       `json:"seen,omitzero"`     // when the task was last seen running
}

// Frees reports whether the result is announced although other decisions can have the
// task, which this one didn't cancel.
func (r Result) Frees() bool {
	not := []Outcome{Failed, RejectedKey, NotFound, NotCancellable}
	return slices.Contains(not, r.Outcome) && !r.LeftOut()
}

// Held reports whether another decision had the task first.
func (r Result) Held() bool { return r.Cause == CauseHeld }

// LeftOut is Held for a task that the other decision hadn't cancelled by then.
func (r Result) LeftOut() bool { return r.Outcome == Failed && r.Held() }

// Moved is what a prompt showed of a task and isn't so any more.
type Moved struct {
	Title string `json:"title,omitempty"`
	Step  string `json:"step,omitempty"`
}

// Person is someone on a task whom the announcement mentions.
type Person struct {
	User string `json:"user"` // their Slack ID
	Role string `json:"role"` // as people read it
}

// Encode returns the JSON that the journal stores.
func (r Result) Encode() string {
	raw, err := json.Marshal(r)
	if err != nil {
		return "{}" // a struct of strings and times always encodes
	}
	return string(raw)
}

// Named returns the task as its prompt showed it.
func (t Item) Named() Named { return Named{t.ID, t.Title, t.URL, t.Step} }

// Result returns the recorded result.
func (t Item) Result() Result { return decodeResult(t.Outcome, t.Detail) }

// Settled returns the final result of a task whose outcome was unknown.
func (t Item) Settled() Result { return decodeResult(t.SettledOutcome, t.SettledDetail) }

// Final returns the final result of the task, or the recorded one if it has
// none.
func (t Item) Final() Result {
	if t.SettledOutcome != "" {
		return t.Settled()
	}
	return t.Result()
}

// decodeResult returns a recorded result. The outcome alone can be announced too: if
// the detail doesn't decode, nothing says that the bot's own request cancelled the task.
func decodeResult(o Outcome, detail string) Result {
	var r Result
	if json.Unmarshal([]byte(detail), &r) != nil {
		r = Result{}
		if o == Cancelled {
			r.Cause = CauseSeen
		}
	}
	r.Outcome = o
	return r
}

// With returns the record with a result for each task; a task whose result is
// zero has none. The record itself stays as it is.
func (r Record) With(results ...Result) Record {
	r.Tasks = slices.Clone(r.Tasks)
	for i, res := range results {
		t := &r.Tasks[i]
		if t.Outcome, t.Detail = res.Outcome, ""; t.Outcome != "" {
			t.Detail = res.Encode()
		}
	}
	return r
}

// WithSettled is With for final results.
func (r Record) WithSettled(results ...Result) Record {
	r.Tasks = slices.Clone(r.Tasks)
	for i, res := range results {
		if res.Outcome != "" {
			r.Tasks[i].SettledOutcome, r.Tasks[i].SettledDetail = res.Outcome, res.Encode()
		}
	}
	return r
}

// Free returns the record with only the tasks that other decisions can have by now.
func (r Record) Free() Record { return r.Only(func(t Item) bool { return t.Final().Frees() }) }

// Taken says whether another decision has a task since one that didn't cancel it.
type Taken uint8

const (
	NotTaken Taken = iota
	TakenSince
	MaybeTaken // the journal didn't say
)

// Current is a decision as a text may quote it: its tasks are marked that it didn't cancel
// and other decisions have since, or may have. Only AsOfNow and Unread make one.
type Current struct{ record Record }

// AsOfNow returns the record as it may be quoted if other decisions have taken these of
// its free tasks since.
func (r Record) AsOfNow(taken ...chamelio.TaskID) Current {
	return r.marked(func(t Item) Taken {
		if slices.Contains(taken, t.ID) {
			return TakenSince
		}
		return NotTaken
	})
}

// Unread is AsOfNow if it isn't known which of its free tasks other decisions have.
func (r Record) Unread() Current {
	return r.marked(func(t Item) Taken {
		if t.Final().Frees() {
			return MaybeTaken
		}
		return NotTaken
	})
}

func (r Record) marked(of func(Item) Taken) Current {
	r.Tasks = slices.Clone(r.Tasks)
	for i, t := range r.Tasks {
		r.Tasks[i].Taken = of(t)
	}
	return Current{r}
}

// Record returns the decision with its marks.
func (c Current) Record() Record { return c.record }

// Overruled returns the result of a decision that was restored after another
// decision about its task had been claimed: nothing is known for certain.
func (r Result) Overruled() Result {
	r.Outcome, r.Cause, r.Status, r.Over, r.Seen = Unknown, CauseOverruled, "", time.Time{}, time.Time{}
	return r
}

// Doubted is the result of a task whose request another process may have sent again:
// unknown, unless the task was cancelled or is over.
func (r Result) Doubted() Result {
	if r.Frees() && !r.Status.Final() {
		r.Outcome, r.Cause, r.Status, r.Seen = Unknown, "", "", time.Time{}
	}
	return r
}

// Describe copies the fields of a task that may be shown. Without completed_at, it isn't
// known when a task ended: updated_at may be of any later change.
func Describe(t chamelio.Task) Result {
	return Result{
		Title: t.Title, URL: t.URL, Flow: t.Workflow, Step: t.Step, StepsDone: t.StepsDone, StepsTotal: t.StepsTotal,
		Status: t.Status, Over: t.CompletedAt.Time,
	}
}
