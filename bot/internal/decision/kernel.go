package decision

import "time"

// State is everything that one process knows about one task of a decision that
// it carries, and from Announcing on about the decision: its stage, and what
// is certain by now. It is a small comparable value. Only Step changes one.
//
// A decision about several tasks has a state for each while they are being
// resolved in parallel. The one that records the last outcome announces them
// all.
type State struct {
	Stage   Stage
	Resumed bool    // another process worked on the decision before
	Outcome Outcome // from Recording on
	Cause   Cause
	Doing   Action        // what the next event answers
	Then    Action        // with DoWait: what follows
	Tries   uint8         // failures in a row of what is being tried
	RetryIn time.Duration // with CauseBusy: the pause that Chamelio asked for

	Save     Save
	Task     Task
	Announce Announce
	Follow   Follow
}

// Stage is a stage in the life of a decision.
type Stage uint8

// The stages.
const (
	Saving     Stage = iota // the click is being saved
	Resolving               // the outcome is being determined
	Recording               // the outcome is being saved
	Announcing              // the outcome is being posted
	Noting                  // saving that it was posted
	Following               // the unknown outcomes are being checked again
	Settling                // the final results are being saved and posted
	Ended                   // nothing is left to do here
)

// Moment has the circumstances of an event.
type Moment struct {
	Elapsed time.Duration // since this process took the decision on, by the monotonic clock
	Age     time.Duration // of the click, by the clock that says the most
	Least   time.Duration // the same, by the one that says the least: each may be set
	Up      time.Duration // since this process began to carry decisions
	Kept    bool          // the person has pressed Keep task since
}

// Event is the answer to an action.
type Event struct {
	Kind     Kind
	Began    time.Duration // when the action began, as Moment.Elapsed
	Pause    time.Duration // that Slack or Chamelio asked for, or that something withheld needs; 0 for none
	Troubled bool          // chat.postMessage has failed in this channel a moment ago
}

// Kind is the kind of an event.
type Kind uint8

// The events. Each action lists the ones that can answer it; Uncertain, Lost
// and Stopped can answer any.
const (
	Begun     Kind = iota // the first event of every life
	Done                  // it was done
	Uncertain             // the call failed: it isn't known whether it was done
	Lost                  // the decision is another process's, or this step was done before
	Gone                  // the row isn't in the journal
	Restored              // it is there again
	Stopped               // the process stops
	Waited                // the wait is over

	Won      // the claim is ours
	Beaten   // another decision was first
	Occupied // the prompt can't be closed: it has another row

	Denied    // nothing was sent: by some clock the click is too old
	Unmarked  // nothing was sent: the journal didn't take note of the request
	Alone     // no other decision's request may still take effect
	Shared    // one may, or the journal didn't say
	Overruled // restored as unknown: another decision about the task was claimed since
	Marked    // recorded, and the post is noted as about to be tried
	Pending   // recorded, and other tasks of the decision have no outcome yet

	AllKnown  // each task has its final result
	SomeKnown // one more task has its final result, and another has none yet
	NoneKnown // no task has its final result that had none before

	Posted   // Slack has the message
	Refused  // Slack said no, and will again
	Later    // Slack said no for now
	Unclear  // Slack may have the message
	Withheld // nothing was posted: the lease ran out, or the journal didn't say what is true

	CancelDone        // 200
	CancelConflict    // 409
	CancelNotFound    // 404 that says so of the task
	CancelKeyRefused  // 401
	CancelRateLimited // 429
	CancelRefused     // any other clear no
	CancelServerError // an error that the API itself answered
	CancelUnanswered  // sent, without a clear answer
	CancelNotSent     // certainly not sent

	TaskCancelled
	TaskEnded      // completed or failed
	TaskRunning    // pending or in progress
	TaskOdd        // a status that we don't know
	TaskMissing    // 404 that says so of the task
	TaskKeyRefused // 401
	TaskUnseen     // no answer that says anything
)

// Do is the runtime's next action, and the state of the prompt meanwhile.
type Do struct {
	Action Action
	Where  Where         // with DoPost
	For    time.Duration // with DoWait, DoDelay; with Show, the pause that it speaks of
	As     Outcome       // with DoClose, DoGiveUp: Withdrawn or NotSaved
	Show   Show
	Leave  bool // with DoEnd: the decision still needs a process
}

// Action is an action of the runtime, which answers it with one event.
type Action uint8

// The actions, and the events that answer them.
const (
	DoEnd     Action = iota // stop carrying the decision; no answer
	DoWait                  // Waited
	DoSave                  // claim the decision: Won, Beaten
	DoClose                 // close the prompt: Done, Occupied
	DoGiveUp                // close the claim that was won: Done
	DoSend                  // if it is still ours to send: note a cancel request and send it. A Cancel event, Denied, Unmarked, Gone
	DoUnmark                // note that no request had an effect: Done
	DoGet                   // GET the task: a Task event
	DoAsk                   // ask the journal for other decisions about the task: Alone, Shared
	DoRestore               // write the vanished row again: Restored, Overruled
	DoRecord                // save the outcome; if it was the last and the channel is free also that it is about to be posted: Done, Marked, Pending, Gone
	DoQueue                 // wait for the channel's turn: Done
	DoMark                  // note that the outcome is about to be posted: Done, Gone
	DoRetract               // note that nothing got through: Done
	DoPost                  // post the outcome once: Posted, Refused, Later, Unclear, Withheld
	DoProbe                 // ask Slack whether it answers at all: Done
	DoNote                  // save that it was posted: Done, Gone
	DoDelay                 // save when to check again, and end: Done
	DoCheck                 // GET each task without a final result: AllKnown, SomeKnown, NoneKnown
	DoSettle                // save the final results, and that they are about to be posted: Done
	DoEdit                  // put the final results into the announcement: Posted, Refused, Later, Unclear, Withheld
	DoClear                 // save that the final results were posted: Done
)

// Where is a way to post an outcome.
type Where uint8

// The ways, best first.
const (
	InThread      Where = iota // by chat.postMessage, in a thread; the channel sees it, too
	InChannel                  // by chat.postMessage, outside of threads
	ByResponseURL              // in the channel, as an answer to the click
	InPerson                   // to the requester alone
	ToApprover                 // to the one who confirmed alone
)

// Show is the state of the prompt while an action runs.
type Show uint8

// The states of a prompt. The runtime shows each change once.
const (
	ShowNothing  Show = iota
	ShowSaving        // the click is being saved, and it isn't known whether it is
	ShowRunning       // the cancel is under way
	ShowSlow          // it takes longer, or has to be tried again
	ShowBusy          // Chamelio asked to wait for Do.For
	ShowOutcome       // the outcome of each task
	ShowProgress      // how many tasks have an outcome
	ShowBeaten        // another decision was first
	ShowNotSaved      // the click couldn't be saved: nothing was and will be sent
	ShowKept          // the person kept the task
	ShowPerhaps       // it isn't known whether the click was saved
)

// Claimed returns the state of a decision whose click was just accepted.
func Claimed(r Record) State {
	return State{Stage: Saving, Announce: announceOf(r)}
}

// Branched returns the state of a further task of a decision that was just
// claimed.
func Branched(r Record) State {
	s := State{Stage: Resolving, Announce: announceOf(r)}
	s.Task.Marked = true
	return s
}

// Resumed returns the states of a decision that was taken over with this row:
// one for each task without an outcome, or else one for the rest of the
// decision's life.
func Resumed(r Record) map[int]State {
	s := State{Resumed: true, Announce: announceOf(r)}
	states := map[int]State{}
	for i, t := range r.Tasks {
		if t.Outcome != "" {
			continue
		}
		one := s
		one.Stage = Resolving
		if t.Sent { // what became of the former owner's request isn't known
			one.Task.Known, one.Task.Tries = InFlight, uint8(min(t.Tries, 255))
		}
		states[i] = one
	}
	if len(states) > 0 {
		return states
	}
	s.Outcome, s.Cause = r.Tasks[0].Outcome, r.Tasks[0].Result().Cause
	switch {
	case r.AnnouncedAt.IsZero():
		s.Stage = Announcing
	case r.SettledOutcome() != "":
		s.Stage, s.Follow = Settling, followOf(r)
	default:
		s.Stage, s.Follow = Following, followOf(r)
	}
	return map[int]State{0: s}
}

// Step is the whole life of a decision: it returns what is known after an
// event, and the next action. It is a pure function. The first event is Begun,
// and each later one answers the action that the last call returned.
func (p Protocol) Step(s State, e Event, at Moment) (State, Do) {
	s, do := p.step(s, e, at)
	s.Doing = do.Action
	return s, do
}

func (p Protocol) step(s State, e Event, at Moment) (State, Do) {
	if e.Kind == Stopped {
		return s.stop()
	}
	switch s.Stage {
	case Saving:
		return p.saving(s, e, at)
	case Resolving:
		return p.resolving(s, e, at)
	case Recording:
		return p.recording(s, e, at)
	case Announcing:
		return p.announcing(s, e, at)
	case Noting:
		return p.noting(s, e)
	case Following:
		return p.following(s, e)
	case Settling:
		return p.settling(s, e, at)
	case Ended:
	}
	return s.end(ShowNothing)
}

// stop leaves the decision to the next process.
func (s State) stop() (State, Do) {
	show := ShowNothing
	if s.Stage == Saving && (s.Save.Unsure || s.Doing == DoSave) {
		show = ShowPerhaps
	}
	s, do := s.end(show)
	do.Leave = true
	return s, do
}

// end ends a life.
func (s State) end(show Show) (State, Do) {
	s.Stage = Ended
	return s, Do{Action: DoEnd, Show: show}
}

// wait pauses before an action.
func (s State) wait(pause time.Duration, then Action) (State, Do) {
	s.Then = then
	return s, Do{Action: DoWait, For: pause}
}

// again waits before another try of an action that failed.
func (s State) again(b Backoff, then Action) (State, Do) {
	pause := b.after(s.Tries)
	s.Tries = b.next(s.Tries)
	return s.wait(pause, then)
}
