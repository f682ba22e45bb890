package decision

import "time"

// broken returns the law that a node breaks; "" if it breaks none.
func (n node) broken() string {
	s, w := n.s, n.w
	maybe := w.ours || w.pending > 0 && w.task == running
	switch n.do.Action {
	case DoSend:
		switch {
		case w.denied:
			return "7: sends after the person read that nothing will be sent"
		case w.unsent:
			return "4: sends while the prompt says that nothing was sent yet"
		case w.kept:
			return "7: sends though the person pressed Keep task before the click was saved"
		case s.Stage != Resolving:
			return "8: sends after the outcome"
		case w.age > uint8(coarse.ClickAge):
			return "1: sends for a click that is too old"
		case s.Task.Marked && w.row.exists && !w.row.sent && !w.stolen:
			return "2: sends what isn't in the journal"
		case w.pending > 0 && w.task == running:
			return "3: sends while a request may be in flight"
		case w.unclear && !w.seen:
			return "3: sends again before a GET has seen the task running"
		}
	case DoPost:
		switch private := n.do.Where >= InPerson; {
		case !private && w.doubts >= maxDoubts:
			return "11: posts in the channel again, and the message may be there twice"
		case private && w.private >= maxPrivate:
			return "11: sends a direct message again, and it may be there twice"
		}
		if why := n.untrue(maybe); why != "" {
			return "4: " + why
		}
	case DoEdit:
		if why := n.untrue(maybe); why != "" {
			return "4: " + why
		}
	case DoNote:
		if !w.row.announced && !w.reached(coarse.TellFor) {
			return "12: records an announcement that no one can have read"
		}
	case DoClear:
		if !w.row.over && !w.reached(2*coarse.TellFor) {
			return "8: records that a final result was posted, and no one can have read it"
		}
		if w.stale && !w.row.over && !w.stolen && w.editing <= uint8(coarse.EditFor) {
			return "8: the announcement doesn't say the final result"
		}
	case DoEnd:
		if w.claimed && !w.row.exists {
			return "6: forgets a decision that the journal has lost"
		}
	default:
	}
	switch {
	case w.posts < 0 || w.replies < 0:
		return "11: announced twice"
	case n.do.Show == ShowKept || n.do.Show == ShowNotSaved:
		if !w.row.withdrawn || maybe {
			return "7: says that nothing was sent, and it may be"
		}
	case n.do.Show == ShowOutcome && n.s.Stage == Announcing:
		if why := n.untrue(maybe); why != "" {
			return "4: the prompt shows: " + why
		}
	}
	return ""
}

// reached reports whether Slack has a message, or may have it, or every way has
// been refused for long enough.
func (w world) reached(after time.Duration) bool {
	return w.visible || w.private == maxPrivate || time.Duration(w.age) >= after
}

// untrue returns what is wrong with an outcome that is about to be shown.
func (n node) untrue(maybe bool) string {
	w, o := n.w, n.s.Outcome
	if n.s.Stage == Settling {
		o = w.row.settled
	}
	switch o {
	case Cancelled:
		if w.task != cancelled {
			return "cancelled, and it isn't"
		}
	case AlreadyCancelled:
		if w.task != cancelled || w.ours && !w.rival {
			return "cancelled by someone else, and it wasn't"
		}
	case NotCancellable:
		if w.task == running {
			return "not cancellable, and it runs"
		}
		if n.s.Stage == Settling && w.task != completed {
			return "ended, and it is cancelled"
		}
	case Failed, NotFound, RejectedKey:
		if maybe {
			return string(o) + ", and our request cancelled it, or may yet"
		}
		if w.foreign > 1 && w.task == running {
			return string(o) + ", and another decision's request may yet take effect"
		}
	default:
	}
	return ""
}
