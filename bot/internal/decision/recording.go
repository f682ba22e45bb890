package decision

// recording saves the outcome, for as long as it takes (law 7).
func (p Protocol) recording(s State, e Event, at Moment) (State, Do) {
	switch e.Kind {
	case Done, Marked:
		s.Stage, s.Tries = Announcing, 0
		s, do := p.announcing(s, e, at)
		if !s.Resumed { // else once it is posted: former owners may have left one use of the response_url
			do.Show = ShowOutcome
		}
		return s, do
	case Pending:
		return s.end(ShowProgress)
	case Lost:
		return s.end(ShowNothing)
	case Gone:
		if s.Outcome != Cancelled && s.Outcome != Unknown {
			s = s.reopened(at)
		}
		return s, Do{Action: DoRestore}
	case Overruled:
		s.Outcome, s.Cause = Unknown, CauseOverruled
		return s, Do{Action: DoRecord}
	case Restored, Waited:
		return s, Do{Action: DoRecord}
	default:
		return s.again(p.SavePause, DoRecord)
	}
}

// noting saves that the outcome was posted. The message is out, so this is
// retried until the journal has it (law 11).
func (p Protocol) noting(s State, e Event) (State, Do) {
	switch {
	case s.Doing == DoNote && e.Kind == Done:
		if s.Resumed {
			return s.end(ShowOutcome)
		}
		return s.end(ShowNothing)
	case s.Doing == DoNote && e.Kind == Lost:
		return s.end(ShowNothing)
	case e.Kind == Gone:
		return s, Do{Action: DoRestore}
	case e.Kind == Overruled:
		s.Outcome, s.Cause = Unknown, CauseOverruled
	case e.Kind == Uncertain:
		return s.again(p.SavePause, DoNote)
	}
	return s, Do{Action: DoNote}
}
