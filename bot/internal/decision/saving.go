package decision

// Save is the state of saving a click.
type Save struct {
	Unsure bool // a claim got no clear answer

	// Closing is how the prompt is closed, Withdrawn or NotSaved; "" if it isn't.
	// Whatever the claim says, nothing will be sent.
	Closing Outcome
}

// saving claims the decision. A claim without a clear answer means "maybe"
// (law 7): it is repeated until the journal says what it did, and nothing is
// sent before. After SaveFor, or once the person has pressed Keep task, the
// prompt is closed instead, so that the click is never carried out. The journal
// says which of the two it was.
func (p Protocol) saving(s State, e Event, at Moment) (State, Do) {
	switch e.Kind {
	case Begun:
		return s, Do{Action: DoSave, Show: ShowSaving}
	case Won:
		if p.closes(&s.Save, at) {
			return s, Do{Action: DoGiveUp, As: s.Save.Closing}
		}
		s.Stage, s.Tries, s.Save = Resolving, 0, Save{}
		s.Task.Marked = true
		return p.resolving(s, Event{Kind: Begun}, at)
	case Beaten:
		return s.end(ShowBeaten)
	case Occupied: // by whose claim?
		return s, Do{Action: DoSave}
	case Done: // closed
		if s.Save.Closing == Withdrawn {
			return s.end(ShowKept)
		}
		return s.end(ShowNotSaved)
	case Waited:
		if p.closes(&s.Save, at) || at.Age > p.SaveFor {
			if s.Save.Closing == "" {
				s.Save.Closing = NotSaved
			}
			return s, Do{Action: DoClose, As: s.Save.Closing}
		}
		return s, Do{Action: DoSave}
	case Lost:
		if s.Doing != DoGiveUp { // this process has no claim to wait for any more
			return s.end(ShowPerhaps)
		}
		fallthrough
	default: // nothing is known; also after a claim that was lost, or is gone
		s.Save.Unsure = true
		s, do := s.again(p.SavePause, DoSave)
		do.Show = ShowSaving
		return s, do
	}
}

// closes reports whether the prompt is being closed. The first cause stays: it
// may be in the journal already.
func (p Protocol) closes(s *Save, at Moment) bool {
	if s.Closing == "" && at.Kept {
		s.Closing = Withdrawn
	}
	return s.Closing != ""
}
