package texts

import (
	"slices"
	"strings"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
)

// Withdrawn replaces a prompt after *Keep task*, and a request that its requester
// withdrew. Another prompt may have cancelled the task, so the text doesn't say that
// the task is still running.
func (w Texts) Withdrawn(c decision.Confirmation) Message {
	if !c.Public {
		return say("OK, I've closed this prompt without cancelling %s.", w.asked(c)).meaning(MeansKept)
	}
	return say("%s withdrew the request to cancel %s.%s", mention(c.Requester), w.asked(c), because(c.Reason)).meaning(MeansKept)
}

// KeptBefore answers a press of *Cancel task* in a private prompt that its person had closed
// with *Keep task*.
func (w Texts) KeptBefore(c decision.Confirmation) Message {
	return say("You'd already closed this prompt, so this click doesn't count. To cancel %s after all, type %s.", w.asked(c), w.again(c.IDs()...)).meaning(MeansKept)
}

// ClosedOnly replaces a private prompt after *Keep task* by user, if other prompts'
// decisions have some of its tasks, each with these tasks only.
func (w Texts) ClosedOnly(c decision.Confirmation, user string, others ...decision.Current) Message {
	l := lostTo(c, others)
	d := l.record()
	l.Tasks = slices.DeleteFunc(slices.Clone(c.Tasks), func(t decision.Named) bool { return !slices.Contains(d.IDs(), t.ID) })
	var result string
	switch {
	case d.Outcome() == "" && l.several():
		result = "I'll post the results in " + l.where() + "."
	case d.Outcome() == "":
		result = "I'll post the result in " + l.where() + "."
	case l.several():
		result = lineOfSeveral(d, l.where()) + l.elsewhere(d)
	default:
		result = w.line(d) + l.elsewhere(d) + since(d)
	}
	with := "another one"
	if len(others) > 1 {
		with = "others"
	}
	return say("OK, I've closed this prompt, but %s already confirmed cancelling %s with %s. %s", l.people(user), w.asked(l.Confirmation), with, result).meaning(MeansKept)
}

// RanOut replaces a prompt that expired without a decision of its own on record. Someone
// may have confirmed it: a confirmation that came second isn't recorded, and the first
// may have failed.
func (w Texts) RanOut(c decision.Confirmation) Message {
	if c.Public {
		return say("%s's request to cancel %s has expired. To see how things stand, or to ask again, type %s.%s", mention(c.Requester), w.asked(c), w.again(c.IDs()...), because(c.Reason))
	}
	return w.Expired(c)
}

// Reminder returns the reminder of a request that is about to expire.
func (w Texts) Reminder(c decision.Confirmation) Message {
	from := ""
	if people := w.mayConfirm(c.Requester); people != "" {
		from = " from " + people
	}
	return say("Still needs approval by %s%s: %s's request to cancel %s. The buttons are further up in this thread.",
		clock(c.ExpiresAt), from, mention(c.Requester), w.asked(c))
}

// NoApprover answers a command or a submitted modal of the only person who could approve
// its request.
func (w Texts) NoApprover(c decision.Confirmation) Message {
	return say("Someone else must approve cancelling %s, and you're the only approver. Ask %s to add another one.", w.asked(c), w.contact())
}

// ReasonFirst answers a command that needs a second person and lacks a required reason.
func (w Texts) ReasonFirst(c decision.Confirmation) Message {
	again := strings.TrimSuffix(w.again(c.IDs()...), "`")
	return say("I need your reason before I can ask someone to approve cancelling %s. Type it with the command, like %s reason`.", w.asked(c), again)
}

// Asking answers a command whose request is still being posted. If the process dies,
// nothing else tells its person.
func (w Texts) Asking(c decision.Confirmation) Message {
	return say("%s I'm still posting your request to cancel %s in %s. If you don't see it there within a few minutes, and I haven't said why, type %s again.",
		emojiPending, w.asked(c), inChannelNamed(c.Channel), w.again(c.IDs()...))
}

// NotNeeded answers a command or a submitted modal whose request had to wait, until other
// confirmations had all of its tasks.
func (w Texts) NotNeeded(c decision.Confirmation) Message {
	came, result := "another confirmation came first", "its result"
	if len(c.Tasks) > 1 {
		came, result = "cancelling them was confirmed elsewhere first", "the results"
	}
	return say("I didn't post your request to cancel %s: %s. If you don't see %s within a few minutes, type %s.", w.asked(c), came, result, w.again(c.IDs()...))
}

// NotRequested answers a command or a submitted modal whose request couldn't be
// posted.
func (w Texts) NotRequested(c decision.Confirmation) Message {
	return say("I couldn't post your request to cancel %s in %s. Try again in a minute, or ask for it in another channel.", w.asked(c), inChannelNamed(c.Channel))
}

// PerhapsAsked answers a command or a submitted modal whose request may have been
// posted, or not.
func (w Texts) PerhapsAsked(c decision.Confirmation) Message {
	return say("I don't know whether your request to cancel %s was posted. If you don't see it in %s in a minute, type %s again.", w.asked(c), inChannelNamed(c.Channel), w.again(c.IDs()...))
}

// AskedBefore answers a submitted modal that was delivered again, if it isn't known here
// what the first delivery did: it may have posted the request, or said why not.
func (w Texts) AskedBefore(c decision.Confirmation) Message {
	return say("You've sent me this request to cancel %s before, and I can't tell from here how I answered. If you don't see it in %s in a minute, type %s again.", w.asked(c), inChannelNamed(c.Channel), w.again(c.IDs()...))
}

// Expired answers a click on a prompt that has expired.
func (w Texts) Expired(c decision.Confirmation) Message {
	return say("This prompt has expired. Type %s to start again.", w.again(c.IDs()...))
}
