package decision

// announcing posts the outcome, round by round, until Slack has it. Before each
// round it makes sure that the outcome is ours to announce and that the journal
// knows of the try (law 11). Between rounds the channel belongs to others
// (law 10).
func (p Protocol) announcing(s State, e Event, at Moment) (State, Do) {
	switch e.Kind {
	case Lost:
		return s.end(ShowNothing)
	case Gone:
		return s, Do{Action: DoRestore}
	case Restored:
		return s, Do{Action: DoRecord}
	case Overruled:
		s.Stage, s.Outcome, s.Cause = Recording, Unknown, CauseOverruled
		return s, Do{Action: DoRecord}
	case Marked:
		return p.beginRound(s, at)
	case Waited:
		return s.resumePosts()
	default: // goes by the action
	}
	if s.Doing == DoRecord && e.Kind != Done { // after a restore
		return s.again(p.SavePause, DoRecord)
	}
	switch s.Doing {
	case DoQueue:
		return s, Do{Action: DoMark}
	case DoMark:
		if e.Kind == Done {
			return p.beginRound(s, at)
		}
		return s.again(p.SavePause, DoQueue)
	case DoRestore:
		return s.again(p.SavePause, DoQueue)
	case DoRetract:
		return s.wait(s.Announce.Pause, DoQueue)
	case DoProbe:
		return p.probed(s, e, at)
	case DoPost:
		return p.tried(s, e, at)
	default: // begun, or recorded while another decision had the channel's turn
		return s, Do{Action: DoQueue}
	}
}
