package decision

import "time"

// Announce is the state of the posts of an outcome or, while settling, of the
// final results.
type Announce struct {
	Reach
	Rounds
	Where   Where // the way that is being tried
	Later   Ways  // ways that failed in this round and may work in a later one
	Doubts  uint8 // posts without a clear answer that everyone may read
	Private uint8 // the same, of direct messages
}

// Rounds says how long posting has been tried. Its times are Moment.Elapsed.
type Rounds struct {
	Started bool          // there was a round
	Began   time.Duration // when the first round began
	Round   time.Duration // when this one did
	Refused time.Duration // when the first one ended of those since which every way is refused; 0 if one may work
	Failed  uint8         // failed ones, as far as they make the pause longer
	Pause   time.Duration // before the next round
}

// Reach says which ways a decision has besides the channel and its requester.
type Reach struct {
	Thread bool // it was asked for in a thread
	URL    bool // the click has a response_url
	Second bool // someone other than the requester confirmed
}

// Ways says which ways may work later.
type Ways struct {
	Channel bool // chat.postMessage
	Answer  bool // the response_url
	Person  bool // a direct message
}

func announceOf(r Record) Announce {
	return Announce{Reach: Reach{Thread: r.Thread != "", URL: r.ResponseURL != "", Second: r.Confirmer != r.Requester}}
}

// maxDoubts is how many posts may get no clear answer in places that everyone
// can read, so that at most one is a double. maxPrivate is the same for direct
// messages: it's better that one person reads it seven times than that no one does.
const (
	maxDoubts  = 2
	maxPrivate = 7
)

// best returns the way that is tried first: in the thread in which the cancellation was
// asked for, or, for a final result, in the announcement's.
func (s State) best() Where {
	if s.Announce.Thread || s.Stage == Settling && s.Follow.Thread {
		return InThread
	}
	return InChannel
}

// mark returns the action that notes a round of posts in the journal.
func (s State) mark() Action {
	if s.Stage == Settling {
		return DoSettle
	}
	return DoQueue
}

// beginRound begins with the channel, unless the message may be there twice
// already. After an unclear answer to chat.postMessage the response_url is next.
func (p Protocol) beginRound(s State, at Moment) (State, Do) {
	s.Tries = 0
	a := &s.Announce
	if !a.Started {
		a.Started, a.Began = true, at.Elapsed
	}
	doubted := a.Doubts > 0 && a.Where <= InChannel
	a.Round, a.Where = at.Elapsed, s.best()
	a.Later = Ways{Channel: true}
	switch {
	case a.Doubts == maxDoubts:
		a.Later.Channel, a.Where = false, InPerson
	case doubted && p.urlUsable(s, at):
		a.Where = ByResponseURL
	}
	return s, Do{Action: DoPost, Where: a.Where}
}

// urlUsable reports whether the click's response_url can be used.
func (p Protocol) urlUsable(s State, at Moment) bool {
	return s.Announce.URL && at.Least < p.ResponseURLLife
}

// resumePosts continues after a wait.
func (s State) resumePosts() (State, Do) {
	switch s.Then {
	case DoPost:
		return s, Do{Action: DoPost, Where: s.Announce.Where}
	case DoProbe, DoRecord:
		return s, Do{Action: s.Then}
	default:
		return s, Do{Action: s.mark()}
	}
}

// tried continues after a post.
func (p Protocol) tried(s State, e Event, at Moment) (State, Do) {
	a := &s.Announce
	switch e.Kind {
	case Posted:
		return s.posted()
	case Withheld:
		return p.withheld(s, e)
	case Unclear, Uncertain:
		return p.doubted(s)
	default: // Refused, Later
	}
	mayWork := e.Kind == Later
	switch a.Where {
	case InThread, InChannel:
		a.Later.Channel = mayWork
		pause := max(p.PostPause.after(s.Tries), e.Pause)
		if mayWork && !e.Troubled && at.Elapsed-a.Round+pause <= p.PostFor {
			s.Tries = p.PostPause.next(s.Tries)
			return s.wait(pause, DoPost)
		}
		s.Tries = 0
	case ByResponseURL:
		a.Later.Answer = mayWork
	case InPerson, ToApprover:
		a.Later.Person = a.Later.Person || mayWork
	}
	if where, ok := p.nextWay(s, mayWork, at); ok {
		a.Where = where
		return s, Do{Action: DoPost, Where: where}
	}
	return p.endRound(s, e, at)
}

// withheld notes again that a post or an edit is about to be tried, after a pause.
func (p Protocol) withheld(s State, e Event) (State, Do) {
	pause := max(p.SavePause.after(s.Tries), e.Pause)
	s.Tries = p.SavePause.next(s.Tries)
	return s.wait(pause, s.mark())
}

// nextWay returns the way to try after one has failed; false if this round is over. A
// thread may be gone while the channel accepts posts, so a refusal there is followed by
// a post outside of it. The requester gets a direct message once no way to the channel
// can work, and the approver once the requester can't be reached.
func (p Protocol) nextWay(s State, mayWork bool, at Moment) (Where, bool) {
	a := s.Announce
	early := at.Elapsed-a.Began < p.PersonAfter && !s.Follow.Unposted
	switch {
	case a.Where == InThread && !mayWork:
		return InChannel, true
	case a.Where <= InChannel && p.urlUsable(s, at):
		return ByResponseURL, true
	case a.Where == InPerson && a.Second && (!mayWork || at.Elapsed-a.Began >= 2*p.PersonAfter):
		return ToApprover, true
	case a.Where >= InPerson, early && (a.Later.Answer || a.Later.Channel):
		return a.Where, false
	}
	return InPerson, true
}

// doubted continues after a post without a clear answer: Slack may have the
// message. It is posted again, after a pause and when Slack answers again, up to a
// bound. After that it counts as posted.
func (p Protocol) doubted(s State) (State, Do) {
	a := &s.Announce
	s.Tries = 0
	if a.Where >= InPerson {
		if a.Private++; a.Private == maxPrivate {
			return s.posted()
		}
		return s.wait(p.PrivatePause.after(a.Private-1), DoProbe)
	}
	if a.Doubts++; a.Doubts == maxDoubts {
		return s.wait(p.PersonAfter, DoProbe)
	}
	return s.wait(p.DoubtPause, DoProbe)
}

// probed posts once more, or waits until Slack answers; though not forever, since
// posts may work while the question doesn't.
func (p Protocol) probed(s State, e Event, at Moment) (State, Do) {
	if e.Kind != Done && at.Elapsed-s.Announce.Round <= p.ProbeFor {
		return s.again(p.RoundPause, DoProbe)
	}
	s.Tries = 0
	return s, Do{Action: s.mark()}
}

// endRound waits for the next round, for longer the longer it has been tried. If
// no post can have got through, the journal learns that first, so that a
// successor needn't wait.
func (p Protocol) endRound(s State, e Event, at Moment) (State, Do) {
	a := &s.Announce
	switch {
	case a.Later != (Ways{}):
		a.Refused = 0
	case a.Refused == 0:
		a.Refused = at.Elapsed
	}
	if p.hopeless(s, at) {
		return s.posted()
	}
	doubts := a.Doubts > 0 || a.Private > 0
	longest := max(p.RoundPause.Max, min((at.Elapsed-a.Began)/8, p.MaxRoundPause))
	a.Pause = max(p.RoundPause.after(a.Failed), min(e.Pause, longest))
	if a.Failed = p.RoundPause.next(a.Failed); longest > p.RoundPause.Max {
		a.Pause = longest
	}
	switch {
	case s.Stage == Settling && !doubts: // the journal knows when to go on
		return s, Do{Action: DoDelay, For: max(p.PersonAfter, p.checkPause(s.Follow.Checks))}
	case doubts:
		return s.wait(a.Pause, s.mark())
	}
	return s, Do{Action: DoRetract}
}

// hopeless reports whether to stop posting: every way has been refused for TryFor, and the
// click is older than TellFor; twice that for a final result, which may be a day younger.
// Each round of a final result is a life of its own: there, the process has to be up for
// TryFor.
func (p Protocol) hopeless(s State, at Moment) bool {
	switch {
	case s.Announce.Later != (Ways{}):
		return false
	case s.Stage == Settling:
		return at.Least >= 2*p.TellFor && at.Up >= p.TryFor
	}
	return at.Least >= p.TellFor && at.Elapsed-s.Announce.Refused >= p.TryFor
}

// posted ends the posts: Slack has the message, or may have it, or no one can
// be reached.
func (s State) posted() (State, Do) {
	s.Tries, s.Announce = 0, Announce{}
	if s.Stage == Settling {
		return s, Do{Action: DoClear}
	}
	s.Stage = Noting
	return s, Do{Action: DoNote}
}
