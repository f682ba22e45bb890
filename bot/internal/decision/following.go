package decision

import "time"

// Follow is the state of the follow-up of unknown outcomes.
type Follow struct {
	Checks int  // so far
	Thread bool // the announcement can be edited, and has a thread
	Some   bool // a task has no final result yet
	Where  Where
}

func followOf(r Record) Follow { return Follow{Checks: r.Looks, Thread: r.MessageTS != ""} }

// Final returns the final result of a task after a check of the follow-up,
// which may be the last one; false if it isn't known yet.
func Final(seen Kind, last bool) (Outcome, Cause, bool) {
	switch {
	case seen == TaskCancelled:
		return Cancelled, CauseSeen, true
	case seen == TaskEnded:
		return NotCancellable, "", true
	case seen == TaskRunning && last:
		return Failed, CauseStillRuns, true
	case seen == TaskOdd && last:
		return Unknown, CauseStatus, true
	}
	return Unknown, "", last
}

// following checks unknown outcomes again (law 8). It never sends a cancel
// request. Final results are saved and added to the announcement. Unless each
// task has one, the next check is scheduled in the journal.
func (p Protocol) following(s State, e Event) (State, Do) {
	if s.Doing == DoDelay {
		s, do := s.end(ShowNothing)
		do.Leave = e.Kind == Uncertain
		return s, do
	}
	switch e.Kind {
	case Begun:
		return s, Do{Action: DoCheck}
	case Lost:
		return s.end(ShowNothing)
	case AllKnown, SomeKnown:
		s.Stage, s.Follow.Some = Settling, e.Kind == SomeKnown
		return s, Do{Action: DoSettle}
	default:
		return s, Do{Action: DoDelay, For: p.checkPause(s.Follow.Checks)}
	}
}

// checkPause doubles with each check.
func (p Protocol) checkPause(checks int) time.Duration {
	return Backoff{p.FirstCheck, p.MaxCheckPause}.after(uint8(min(checks, 64)))
}

// settling edits the announcement and, once each task has its final result,
// posts the results: in the announcement's thread; in the channel; through the
// click's response_url; to the requester alone. If Slack accepts none of these
// now, the journal records when to try again. An edit can be repeated, a post
// can't.
func (p Protocol) settling(s State, e Event, at Moment) (State, Do) {
	switch s.Doing {
	case DoSettle:
		return p.settled(s, e)
	case DoEdit:
		return p.edited(s, e)
	case DoPost:
		return p.replied(s, e, at)
	case DoClear, DoWait:
		switch e.Kind {
		case Waited:
			return s, Do{Action: DoClear}
		case Uncertain:
			return s.again(p.SavePause, DoClear)
		default:
			return s.end(ShowNothing)
		}
	case DoDelay:
		s, do := s.end(ShowNothing)
		do.Leave = e.Kind == Uncertain
		return s, do
	default: // begun: the results are known from an earlier check
		return s, Do{Action: DoSettle}
	}
}

// settled begins to post once the results are saved.
func (p Protocol) settled(s State, e Event) (State, Do) {
	switch {
	case e.Kind != Done:
		s, do := s.end(ShowNothing)
		do.Leave = e.Kind == Uncertain
		return s, do
	case s.Follow.Thread:
		return s, Do{Action: DoEdit}
	case s.Follow.Some:
		return s, Do{Action: DoDelay, For: p.checkPause(s.Follow.Checks)}
	}
	s.Follow.Where = InChannel
	return s, Do{Action: DoPost, Where: InChannel}
}

// edited continues after an edit. If the announcement can't be edited any
// more, the post has to suffice.
func (p Protocol) edited(s State, e Event) (State, Do) {
	switch {
	case e.Kind == Lost, e.Kind == Withheld:
		return s.end(ShowNothing)
	case s.Follow.Some:
		return s, Do{Action: DoDelay, For: p.checkPause(s.Follow.Checks)}
	case e.Kind != Posted && e.Kind != Refused:
		return s, Do{Action: DoDelay, For: p.FirstCheck}
	}
	s.Follow.Where = InThread
	return s, Do{Action: DoPost, Where: InThread}
}

// replied continues after a post.
func (p Protocol) replied(s State, e Event, at Moment) (State, Do) {
	f := &s.Follow
	switch {
	case e.Kind == Posted:
		return s, Do{Action: DoClear}
	case e.Kind == Lost, e.Kind == Withheld:
		return s.end(ShowNothing)
	case f.Where == InPerson:
		return s, Do{Action: DoDelay, For: p.checkPause(f.Checks)}
	case e.Kind == Unclear && e.Answered: // it may be there: no double
		f.Where = InPerson
		return s, Do{Action: DoPost, Where: InPerson}
	case e.Kind != Refused && f.Where != ByResponseURL:
		return s, Do{Action: DoDelay, For: p.FirstCheck}
	case f.Where == InThread: // the announcement may have been deleted
		f.Where = InChannel
	case f.Where == InChannel && s.Announce.URL && at.Age < p.ResponseURLLife:
		f.Where = ByResponseURL
	default:
		f.Where = InPerson
	}
	return s, Do{Action: DoPost, Where: f.Where}
}
