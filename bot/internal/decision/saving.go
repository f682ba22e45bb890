package decision

// Save is the state of saving a click.
type Save struct {
	Unsure  bool // a claim got no clear answer
	Closing bool // whatever the claim says, nothing will be sent
}

// saving claims the decision. A claim without a clear answer means "maybe"
// (law 7): it is repeated until the journal says what it did, and nothing is
// sent before. After SaveFor, or once the person has pressed Keep task, the
// prompt is closed instead, so that the click is never carried out.
func (p Protocol) saving(s State, e Event, at Moment) (State, Do) {
	switch e.Kind {
	case Begun:
		return s, Do{Action: DoSave, Show: ShowRunning}
	case Won:
		if s.Save.Closing || at.Kept {
			s.Save.Closing = true
			return s, Do{Action: DoGiveUp}
		}
		s.Stage, s.Tries, s.Save = Resolving, 0, Save{}
		s.Task.Marked = true
		return p.resolving(s, Event{Kind: Begun}, at)
	case Beaten:
		return s.end(ShowBeaten)
	case Occupied: // by whose claim?
		return s, Do{Action: DoSave}
	case Done: // closed
		if at.Kept {
			return s.end(ShowKept)
		}
		return s.end(ShowNotSaved)
	case Waited:
		if s.Save.Closing || at.Kept || at.Age > p.SaveFor {
			s.Save.Closing = true
			return s, Do{Action: DoClose}
		}
		return s, Do{Action: DoSave}
	default: // nothing is known; also after a claim that was lost, or is gone
		s.Save.Unsure = true
		s, do := s.again(p.SavePause, DoSave)
		do.Show = ShowSaving
		return s, do
	}
}
