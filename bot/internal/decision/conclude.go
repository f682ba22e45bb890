package decision

// Known is what is certain about the cancel requests for one task.
type Known uint8

// The states. docs/design/decision.md has a table of the answers.
const (
	// Untouched means that no request of this decision can have had an effect.
	Untouched Known = iota
	// Conflicted means that the task is untouched, and that Chamelio says it
	// can't be cancelled. A GET shows why: someone else may have cancelled it.
	Conflicted
	// Answered means that a request was answered by a server error. It may
	// have taken effect, but none is in flight any more.
	Answered
	// InFlight means that a request got no answer. It may have taken effect,
	// or may still do so.
	InFlight
)

// conclusion is what follows from an answer: another action, or with DoEnd an
// outcome.
type conclusion struct {
	known   Known
	action  Action // DoEnd, DoSend or DoGet
	outcome Outcome
	cause   Cause
}

// conclude returns what may be concluded from an answer. If a request may have
// taken effect, only a successful cancel, or a GET that finds the task ended,
// settles the outcome. Otherwise a clear refusal does, too. That a task is still running is
// never certain by itself: it leads to another request or, if no more may be
// sent, to Task.surelyRuns. After a conflict, a GET without a result is repeated
// for Patience; then only the conflict is certain.
func conclude(k Known, a Kind) conclusion {
	end := func(o Outcome, c Cause) conclusion { return conclusion{k, DoEnd, o, c} }
	maybe := k == Answered || k == InFlight
	switch a {
	case CancelDone:
		return end(Cancelled, "")
	case CancelServerError:
		return conclusion{known: max(k, Answered), action: DoGet}
	case CancelUnanswered:
		return conclusion{known: InFlight, action: DoGet}
	case TaskCancelled:
		if maybe {
			return end(Cancelled, CauseSeen)
		}
		return end(AlreadyCancelled, "")
	case TaskEnded:
		return end(NotCancellable, "")
	case TaskRunning:
		if k != Conflicted {
			return conclusion{known: k, action: DoSend}
		}
		return end(Failed, CauseRefused)
	case TaskOdd:
		if maybe {
			return end(Unknown, CauseStatus)
		}
	case TaskKeyRefused:
		if maybe {
			return end(Unknown, CauseKey)
		}
	default:
	}
	switch k {
	case Untouched:
		return concludeUntouched(a)
	case Conflicted:
		if a == TaskOdd || a == TaskKeyRefused { // another GET won't show more
			return end(NotCancellable, "")
		}
	case Answered, InFlight:
	}
	return conclusion{known: k, action: DoGet}
}

// concludeUntouched returns the conclusion while no request can have had an
// effect: a clear no is certain.
func concludeUntouched(a Kind) conclusion {
	end := func(o Outcome, c Cause) conclusion { return conclusion{Untouched, DoEnd, o, c} }
	switch a {
	case CancelConflict:
		return conclusion{known: Conflicted, action: DoGet}
	case CancelNotFound, TaskMissing:
		return end(NotFound, "")
	case CancelKeyRefused, TaskKeyRefused:
		return end(RejectedKey, "")
	case CancelRefused:
		return end(Failed, CauseRefused)
	default: // a GET without a result: the request will tell
		return conclusion{known: Untouched, action: DoSend}
	}
}
