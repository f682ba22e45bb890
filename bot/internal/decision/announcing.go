package decision

import "time"

// Announce is the state of an announcement's posts. Its times are
// Moment.Elapsed.
type Announce struct {
	URL     bool          // the click has a response_url
	Where   Where         // the way that is being tried
	Started bool          // there was a round
	Began   time.Duration // when the first round began
	Round   time.Duration // when this one did
	Channel bool          // chat.postMessage may work later
	Answer  bool          // the response_url may work later
	Unclear bool          // a post of this round may have got through
	Doubts  uint8         // posts that everyone may read, though Slack reported an error
	Rounds  uint8         // failed ones, as far as they make the pause longer
	Pause   time.Duration // before the next round
}

// announcing posts the outcome, round by round, until Slack has it: in the
// channel; in the channel through the click's response_url; to the requester
// alone, once neither can work. Before each round it makes sure that the outcome
// is ours to announce and that the journal knows of the try (law 11). Between
// rounds the channel belongs to others (law 10).
func (p Protocol) announcing(s State, e Event, at Moment) (State, Do) {
	switch e.Kind {
	case Lost:
		return s.end(ShowNothing)
	case Gone:
		return s, Do{Action: DoRestore}
	case Restored:
		s.Stage = Recording
		return s, Do{Action: DoRecord}
	case Overruled:
		s.Stage, s.Outcome, s.Cause = Recording, Unknown, CauseOverruled
		return s, Do{Action: DoRecord}
	case Marked:
		return p.beginRound(s, at)
	case Waited:
		if s.Then == DoPost {
			return s, Do{Action: DoPost, Where: s.Announce.Where}
		}
		return s, Do{Action: DoQueue}
	default: // goes by the action
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
	case DoPost:
		return p.tried(s, e, at)
	default: // begun, or recorded while another decision had the channel's turn
		return s, Do{Action: DoQueue}
	}
}

// maxDoubts is how many posts in the channel Slack may answer with an error that
// leaves open whether it posted. So at most one is a double.
const maxDoubts = 2

// beginRound tries the channel, unless the outcome may be there twice already.
func (p Protocol) beginRound(s State, at Moment) (State, Do) {
	s.Tries = 0
	a := &s.Announce
	if !a.Started {
		a.Started, a.Began = true, at.Elapsed
	}
	a.Round, a.Where = at.Elapsed, InChannel
	a.Channel, a.Answer, a.Unclear = true, false, false
	if a.Doubts == maxDoubts {
		a.Where = InPerson
	}
	return s, Do{Action: DoPost, Where: a.Where}
}

// tried continues after a post.
func (p Protocol) tried(s State, e Event, at Moment) (State, Do) {
	a := &s.Announce
	switch e.Kind {
	case Posted:
		s.Stage, s.Tries, s.Announce = Noting, 0, Announce{}
		return s, Do{Action: DoNote}
	case Withheld:
		return s.again(p.SavePause, DoQueue)
	case Unclear, Uncertain:
		a.Unclear = true
	default:
	}
	mayWork := e.Kind != Refused
	doubtful := e.Kind == Unclear && e.Answered && a.Where != InPerson
	if doubtful {
		a.Doubts++
	}
	switch a.Where {
	case InChannel:
		a.Channel = mayWork
		pause := max(p.PostPause.after(s.Tries), e.Pause)
		if mayWork && !doubtful && !e.Troubled && at.Elapsed-a.Round+pause <= p.PostFor {
			s.Tries = p.PostPause.next(s.Tries)
			return s.wait(pause, DoPost)
		}
		s.Tries = 0
		if a.Doubts < maxDoubts && a.URL && at.Age < p.ResponseURLLife {
			a.Where = ByResponseURL
			return s, Do{Action: DoPost, Where: ByResponseURL}
		}
	case ByResponseURL:
		a.Answer = mayWork
	case InPerson, InThread:
		return p.endRound(s, e)
	}
	if a.Doubts < maxDoubts && (a.Answer || a.Channel && at.Elapsed-a.Began < p.PersonAfter) {
		return p.endRound(s, e)
	}
	a.Where = InPerson
	return s, Do{Action: DoPost, Where: InPerson}
}

// endRound waits for the next round. If no post of this one can have got
// through, the journal learns that first, so that a successor needn't wait.
func (p Protocol) endRound(s State, e Event) (State, Do) {
	a := &s.Announce
	a.Pause = max(p.RoundPause.after(a.Rounds), min(e.Pause, p.RoundPause.Max))
	a.Rounds = p.RoundPause.next(a.Rounds)
	if a.Unclear {
		return s.wait(a.Pause, DoQueue)
	}
	return s, Do{Action: DoRetract}
}
