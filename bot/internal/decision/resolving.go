package decision

import "time"

// Task is the state of the cancel requests for one task. Its times are
// Moment.Elapsed.
type Task struct {
	Known    Known
	Began    time.Duration // when resolving began
	Since    time.Duration // Patience counts from then
	Counts   bool          // Patience counts: there was an answer since the last unclear request
	Tries    uint8         // requests, unless they certainly had no effect and may be repeated
	Failures uint8         // pauses so far; the next is longer
	Sent     time.Duration // when the last request without a clear answer ended
	Conflict time.Duration // when a request was answered with a conflict
	Seen     time.Duration // when the last GET began that saw the task running
	Running  bool          // there was such a GET
	Waited   time.Duration // for the rate limit, in all
	Pause    time.Duration // before the next request
	Asked    time.Duration // the pause that Chamelio asked for last
	Waits    bool          // a GET has to wait: the first one doesn't
	Marked   bool          // the next request is in the journal already
	Late     bool          // by some clock the click is too old
	Alone    bool          // no other decision's request may still take effect
	Ended    bool          // the task was seen to have ended
}

// resolving finds the outcome of the task: by a cancel request and, if its
// answer isn't clear, by GETs (laws 1 to 4).
func (p Protocol) resolving(s State, e Event, at Moment) (State, Do) {
	switch e.Kind {
	case Begun:
		return p.beginResolving(s, at)
	case Lost:
		return s.end(ShowNothing)
	case Waited:
		if s.Then == DoGet {
			return s, Do{Action: DoGet}
		}
		s.Task.Pause = 0
		return p.send(s, at)
	case Denied:
		s.Task.Late = true
		return p.send(s, at)
	case Gone: // another process may have had the row meanwhile
		return s.sentByAnother(at), Do{Action: DoRestore}
	case Overruled:
		return s.finish(Unknown, CauseOverruled)
	case Alone:
		s.Task.Alone = true
		return p.conclude(s, s.Outcome, s.Cause, at)
	case Shared, Restored:
		s.Outcome, s.Cause = "", ""
		return p.get(s.sentByAnother(at), at)
	case Done, Uncertain, Unmarked:
		if s.Doing == DoUnmark { // if it isn't noted, a successor is more careful than it need be
			return s.wait(s.Task.Pause, DoSend)
		}
		s, do := s.wait(min(p.pause(&s.Task), p.SavePause.Max), DoSend)
		do.Show = ShowSlow
		return s, do
	default:
		return p.answered(s, e, at)
	}
}

// reopened is the state of a task whose outcome was found while another process
// may have had the row.
func (s State) reopened(at Moment) State {
	s.Stage, s.Outcome, s.Cause, s.Task = Resolving, "", "", Task{Began: at.Elapsed}
	return s.sentByAnother(at)
}

// sentByAnother goes on as if a request were ours that another process may have
// sent.
func (s State) sentByAnother(at Moment) State {
	s.Task.Known, s.Task.Sent, s.Task.Waits, s.Task.Marked = InFlight, at.Elapsed, true, false
	s.Task.Counts, s.Task.Since = false, 0
	return s
}

// beginResolving starts with a request, or with a GET if a former owner may
// have sent one.
func (p Protocol) beginResolving(s State, at Moment) (State, Do) {
	s.Task.Began = at.Elapsed
	if s.Task.Known == InFlight {
		s.Task.Sent = at.Elapsed
		return p.get(s, at)
	}
	s, do := p.send(s, at)
	if !s.Resumed {
		do.Show = ShowRunning
	}
	return s, do
}

// answered acts on an answer from Chamelio.
func (p Protocol) answered(s State, e Event, at Moment) (State, Do) {
	t := &s.Task
	t.note(e, at)
	c := conclude(t.Known, e.Kind)
	t.Known = c.known
	switch {
	case c.action == DoEnd:
		return p.conclude(s, c.outcome, c.cause, at)
	case c.action == DoGet:
		s, do := p.get(s, at)
		if e.Kind != CancelConflict && s.Stage == Resolving {
			do.Show = ShowSlow
		}
		return s, do
	case e.Kind == CancelRateLimited || e.Kind == CancelNotSent:
		return p.unsent(s, e, at)
	}
	return p.send(s, at)
}

// note records the parts of an answer that matter apart from its conclusion.
// Patience counts from the first answer that follows an unclear request, and so
// never from before a call could be sent: a wait for the rate limit, or for the
// journal, says nothing about the task.
func (t *Task) note(e Event, at Moment) {
	t.Asked = e.Pause
	switch e.Kind {
	case CancelServerError, CancelUnanswered, CancelConflict:
		t.Counts, t.Since = false, 0
	default:
		if !t.Counts {
			t.Counts, t.Since = true, at.Elapsed
		}
	}
	switch e.Kind {
	case CancelServerError, CancelUnanswered:
		t.Sent, t.Tries, t.Waits = at.Elapsed, t.Tries+1, true
	case CancelConflict:
		t.Conflict, t.Tries, t.Waits = at.Elapsed, t.Tries+1, t.Known != Untouched
	case CancelNotFound, CancelKeyRefused, CancelRefused:
		t.Tries, t.Waits = t.Tries+1, true
	case TaskRunning:
		t.Seen, t.Running, t.Waits = e.Began, true, true // the answer may be as old as its question
	case TaskCancelled, TaskEnded:
		t.Ended = true
	default:
		t.Waits = true
	}
	if e.Kind >= CancelDone && e.Kind <= CancelNotSent {
		t.Marked = false
	}
}

// send returns the action for a request, if one may be sent now.
func (p Protocol) send(s State, at Moment) (State, Do) {
	t := s.Task
	late := t.Late || at.Age > p.ClickAge
	cause := CauseServer
	if late {
		cause = CauseTooLate
	}
	spent := late || t.Tries >= p.MaxTries
	switch {
	case t.Known == Untouched && late:
		return p.conclude(s, Failed, CauseTooLate, at)
	case t.Known == Untouched:
	case spent && p.surelyRuns(t):
		return p.conclude(s, Failed, cause, at)
	case spent, t.Known == InFlight && at.Elapsed-t.Sent < p.Flight:
		return p.get(s, at)
	}
	return s, Do{Action: DoSend}
}

// surelyRuns reports whether a GET has seen the task running that began after
// every request had its answer, and long enough after to show its effect.
func (p Protocol) surelyRuns(t Task) bool {
	return t.Known == Answered && t.Running && t.Seen-t.Sent >= p.ReadLag
}

// unsent waits before a request is repeated because the last one certainly had
// no effect.
func (p Protocol) unsent(s State, e Event, at Moment) (State, Do) {
	t := &s.Task
	pause, show := e.Pause, ShowSlow
	if pause == 0 {
		pause = p.pause(t)
	}
	if e.Kind == CancelRateLimited {
		if e.Pause == 0 {
			pause = max(pause, p.MinBusy)
		}
		show = ShowBusy
		s.RetryIn = pause
		if t.Waited+pause > p.BusyFor {
			return p.conclude(s, Failed, CauseBusy, at)
		}
		t.Waited += pause
	} else if pause > p.left(*t, at) {
		return p.conclude(s, Failed, CauseUnreachable, at)
	}
	t.Pause = pause
	return s, Do{Action: DoUnmark, Show: show, For: pause}
}

// get returns the action for a GET, the last one when Patience is over. A conflict
// is certain even then, but not why.
func (p Protocol) get(s State, at Moment) (State, Do) {
	left := p.left(s.Task, at)
	switch {
	case left <= 0 && s.Task.Known == Conflicted:
		return p.conclude(s, NotCancellable, "", at)
	case left <= 0 && p.surelyRuns(s.Task):
		return p.conclude(s, Failed, CauseServer, at)
	case left <= 0:
		return s.finish(Unknown, "")
	case !s.Task.Waits:
		return s, Do{Action: DoGet}
	}
	pause := s.Task.Asked
	if pause == 0 {
		pause = p.pause(&s.Task)
	}
	return s.wait(min(pause, left), DoGet)
}

// left returns what is left of Patience.
func (p Protocol) left(t Task, at Moment) time.Duration {
	if !t.Counts {
		return p.Patience
	}
	return p.Patience - (at.Elapsed - t.Since)
}

// pause returns a longer pause each time.
func (p Protocol) pause(t *Task) time.Duration {
	pause := p.CheckPause.after(t.Failures)
	t.Failures = p.CheckPause.next(t.Failures)
	return pause
}

// conclude ends with an outcome once that is certain. A clear no is certain
// only if no other decision's request may still take effect: one whose outcome
// is unknown, and that the follow-up hasn't settled. After a conflict, that
// the task is running is certain only by a GET that began ReadLag after the
// conflict.
func (p Protocol) conclude(s State, o Outcome, c Cause, at Moment) (State, Do) {
	t := s.Task
	if t.Known == Conflicted && c == CauseRefused && t.Seen-t.Conflict < p.ReadLag {
		return p.get(s, at)
	}
	certain := t.Ended || t.Alone || o == Cancelled || o == Unknown
	if !certain {
		s.Outcome, s.Cause = o, c
		return s, Do{Action: DoAsk}
	}
	return s.finish(o, c)
}

// finish ends resolving.
func (s State) finish(o Outcome, c Cause) (State, Do) {
	s.Stage, s.Outcome, s.Cause = Recording, o, c
	s.Task, s.Tries = Task{}, 0
	return s, Do{Action: DoRecord}
}
