package decision

import (
	"slices"
	"time"
)

// Follow is the state of the follow-up of unknown outcomes.
type Follow struct {
	Checks   int  // so far
	Thread   bool // the announcement can be edited, and has a thread
	Some     bool // a task has no final result yet
	New      bool // this life found one
	Part     bool // some final results were on record before this life; the announcement may not have them
	Unposted bool // all were, but weren't posted

	Editing bool          // an edit got no clear yes or no
	Began   time.Duration // when the first such edit did, as Moment.Elapsed
	Edited  bool          // nothing more is edited
}

func followOf(r Record) Follow {
	part := slices.ContainsFunc(r.Tasks, func(t Item) bool { return t.SettledOutcome != "" })
	return Follow{Checks: r.Checks, Thread: r.MessageTS != "", Part: part, Unposted: part && r.SettledOutcome() != ""}
}

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
	default: // goes by what is known
	}
	again := e.Kind == NoneKnown && s.Follow.Part && s.Follow.Thread // the last edit may have failed
	if e.Kind == AllKnown || e.Kind == SomeKnown || again {
		s.Stage, s.Follow.Some, s.Follow.New = Settling, e.Kind != AllKnown, e.Kind == SomeKnown
		return s, Do{Action: DoSettle}
	}
	return p.checkLater(s)
}

// checkLater ends this life until the next check.
func (p Protocol) checkLater(s State) (State, Do) {
	return s, Do{Action: DoDelay, For: p.checkPause(s.Follow.Checks)}
}

// checkPause doubles with each check.
func (p Protocol) checkPause(checks int) time.Duration {
	return Backoff{p.FirstCheck, p.MaxCheckPause}.after(uint8(min(checks, 64)))
}

// settling edits the announcement and, once each task has its final result,
// posts the results as announcing does, first in the announcement's thread. Before
// that, if the announcement can't be edited, the requester gets what is known in a
// direct message, which isn't repeated. If Slack accepts nothing now and can't have the
// message, the journal records when to try again. An edit can be repeated, so it is, for
// a while.
func (p Protocol) settling(s State, e Event, at Moment) (State, Do) {
	switch {
	case e.Kind == Lost:
		return s.end(ShowNothing)
	case e.Kind == Waited && s.Then == DoClear, e.Kind == Waited && s.Then == DoEdit:
		return s, Do{Action: s.Then}
	case e.Kind == Waited:
		return s.resumePosts()
	}
	switch s.Doing {
	case DoSettle:
		return p.settled(s, e, at)
	case DoEdit:
		return p.edited(s, e, at)
	case DoProbe:
		return p.probed(s, e, at)
	case DoPost:
		if s.Follow.Some {
			return p.checkLater(s)
		}
		return p.tried(s, e, at)
	case DoClear:
		if e.Kind == Uncertain {
			return s.again(p.SavePause, DoClear)
		}
		return s.end(ShowNothing)
	case DoDelay:
		s, do := s.end(ShowNothing)
		do.Leave = e.Kind == Uncertain
		return s, do
	default: // begun: the results are known from an earlier check
		return s, Do{Action: DoSettle}
	}
}

// settled begins to post once the results are saved.
func (p Protocol) settled(s State, e Event, at Moment) (State, Do) {
	switch {
	case e.Kind == Uncertain && s.Announce.Doubts+s.Announce.Private > 0: // else the next owner would post again
		return s.again(p.SavePause, DoSettle)
	case e.Kind != Done:
		s, do := s.end(ShowNothing)
		do.Leave = e.Kind == Uncertain
		return s, do
	case s.Follow.Thread && !s.Follow.Edited:
		return s, Do{Action: DoEdit}
	case s.Follow.Some:
		return p.unedited(s)
	}
	return p.beginRound(s, at)
}

// unedited goes on if some results are known and the announcement can't be edited.
func (p Protocol) unedited(s State) (State, Do) {
	if s.Follow.New {
		return s, Do{Action: DoPost, Where: InPerson}
	}
	return p.checkLater(s)
}

// edited continues after an edit. If the announcement can't be edited any
// more, or Slack hasn't accepted the edit for EditFor, the post has to suffice.
func (p Protocol) edited(s State, e Event, at Moment) (State, Do) {
	f := &s.Follow
	switch {
	case e.Kind == Withheld:
		return p.withheld(s, e)
	case f.Some && e.Kind == Refused:
		return p.unedited(s)
	case f.Some:
		return p.checkLater(s)
	case e.Kind != Posted && e.Kind != Refused:
		if !f.Editing {
			f.Editing, f.Began = true, at.Elapsed
		}
		if pause := max(p.RoundPause.after(s.Tries), e.Pause); at.Elapsed-f.Began+pause <= p.EditFor {
			s.Tries = p.RoundPause.next(s.Tries)
			return s.wait(pause, DoEdit)
		}
	}
	f.Edited = true
	return p.beginRound(s, at)
}
