package decision

import "time"

// Follow is what is known about the follow-up of an unknown outcome.
type Follow struct {
	Checks int  // so far
	Thread bool // the announcement has a thread
	Where  Where
}

// following checks an unknown outcome once more (law 8). It never sends a
// cancel request. Unless the result is final, the journal says when the next
// check is due.
func (p Protocol) following(s State, e Event, at Moment) (State, Do) {
	if s.Doing == DoDelay {
		s, do := s.end(ShowNothing)
		do.Leave = e.Kind == Uncertain
		return s, do
	}
	settle := func(o Outcome, c Cause) (State, Do) {
		s.Stage, s.Outcome, s.Cause = Settling, o, c
		return s, Do{Action: DoSettle}
	}
	switch {
	case e.Kind == Begun:
		return s, Do{Action: DoLook}
	case e.Kind == Lost:
		return s.end(ShowNothing)
	case e.Kind == TaskCancelled:
		return settle(Cancelled, CauseSeen)
	case e.Kind == TaskEnded:
		return settle(NotCancellable, "")
	case e.Kind == TaskRunning && at.Last:
		return settle(Failed, CauseStillRuns)
	case e.Kind == TaskOdd && at.Last:
		return settle(Unknown, CauseStatus)
	case at.Last:
		return settle(Unknown, "")
	}
	return s, Do{Action: DoDelay, For: p.checkPause(s.Follow.Checks)}
}

// checkPause doubles with each check.
func (p Protocol) checkPause(checks int) time.Duration {
	return Backoff{p.FirstCheck, p.MaxCheckPause}.after(uint8(min(checks, 64)))
}

// settling posts the final result of an unknown outcome: in the announcement's
// thread; in the channel; through the click's response_url; to the requester
// alone. If Slack takes none of these now, the journal says when to try again.
func (p Protocol) settling(s State, e Event, at Moment) (State, Do) {
	switch s.Doing {
	case DoSettle:
		return p.settled(s, e)
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
	default: // begun: the result is known from an earlier check
		return s, Do{Action: DoSettle}
	}
}

// settled begins to post once the result is saved.
func (p Protocol) settled(s State, e Event) (State, Do) {
	if e.Kind != Done {
		s, do := s.end(ShowNothing)
		do.Leave = e.Kind == Uncertain
		return s, do
	}
	s.Follow.Where = InChannel
	if s.Follow.Thread {
		s.Follow.Where = InThread
	}
	return s, Do{Action: DoPost, Where: s.Follow.Where}
}

// replied goes on after a post.
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
