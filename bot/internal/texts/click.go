package texts

import (
	"fmt"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
)

// inPlace returns a sentence about a prompt, for the clicker, or about a
// request, for everyone. A text that replaces a request keeps its requester.
func inPlace(c decision.Confirmation, toClicker, toAll string) Message {
	if !c.Public {
		return say("%s", toClicker)
	}
	return say("%s\nRequested by %s.", toAll, mention(c.Requester))
}

// NotYoursToWithdraw answers someone who tries to withdraw another person's
// request.
func (w Texts) NotYoursToWithdraw(c decision.Confirmation) Message {
	return say("Only %s can withdraw this request.", mention(c.Requester))
}

// MaybeWithdrawn answers *Keep task* and *Withdraw request* if the journal
// doesn't say whether it saved that. pressable says that the buttons are there.
func (w Texts) MaybeWithdrawn(c decision.Confirmation, pressable bool) Message {
	next := fmt.Sprintf("If that happens, I'll post the result in %s.", inChannelNamed(c.Channel))
	if pressable {
		next = fmt.Sprintf("Press *%s* again.", keepLabel(c))
	}
	return say("I'm not sure I saved your click on *%s*, so I may still cancel %s. %s", keepLabel(c), w.asked(c), next)
}

// CannotTell answers someone whose prompt has ended, or is being decided, if the
// journal doesn't say how. It also replaces such a request.
func (w Texts) CannotTell(c decision.Confirmation) Message {
	what := "prompt for"
	if c.Public {
		what = "request to cancel"
	}
	return say("I can't tell what became of this %s %s. If no result appears in %s within a few minutes, type %s to see how things stand.", what, w.asked(c), inChannelNamed(c.Channel), w.again(c.IDs()...))
}

// TooLateToWithdraw answers *Keep task* and *Withdraw request* after first has
// been decided.
func (w Texts) TooLateToWithdraw(c decision.Confirmation, now decision.Current, user string) Message {
	first := inAnswerTo(c, now.Record())
	by, has := mention(first.Confirmer), "has"
	if first.Confirmer == user {
		by, has = "you", "have"
	}
	if first.Outcome() == "" {
		it := "it"
		if len(claimed(first).Tasks) > 1 {
			it = "them"
		}
		return say("Too late to keep %s: %s %s already confirmed, and I'm cancelling %s now. I'll post the result in %s.", w.underWay(first), by, has, it, inChannelNamed(first.Channel))
	}
	return say("Too late: %s", w.happened(first, user, "")).meansOutcome(first.Outcome())
}

// Checking is for someone whose click is still being judged. The next message
// follows without another click, unless the process dies: then nothing else tells them.
func (w Texts) Checking(c decision.Confirmation) Message {
	return say("%s I'm checking whether you can cancel %s. It's taking longer than usual. If nothing changes within a few minutes, %s.",
		emojiPending, w.asked(c), w.pressAgain(c)).meaning(MeansChecking)
}

// CheckingReason is Checking for someone who hasn't given a required reason. Nothing may
// follow but a dialog.
func (w Texts) CheckingReason(c decision.Confirmation) Message {
	return say("%s I'm checking whether you can cancel %s. It's taking longer than usual. If you can, a dialog will ask you for the reason. If none opens in the next few seconds, press the button again.", emojiPending, w.asked(c))
}

// CheckingKeep is Checking for *Keep task* and *Withdraw request*.
func (w Texts) CheckingKeep(c decision.Confirmation) Message {
	return say("%s I'm checking whether it's too late to keep %s. It's taking longer than usual. %s", emojiPending, w.asked(c), w.orSee(c)).meaning(MeansChecking)
}

// CheckingEnd is Checking for a click that doesn't count by itself: it came too
// late, or someone else's does.
func (w Texts) CheckingEnd(c decision.Confirmation) Message {
	return say("%s I'm checking what became of this prompt for %s. It's taking longer than usual. %s", emojiPending, w.asked(c), w.orSee(c)).meaning(MeansChecking)
}

// orSee is the advice to someone who asked for no cancellation, if no other text follows.
func (w Texts) orSee(c decision.Confirmation) string {
	return fmt.Sprintf("If nothing changes within a few minutes, press the button again if it's still there, or type %s to see how things stand.", w.again(c.IDs()...))
}

// Counted follows Checking and StillSaving below a prompt that shows the result
// itself: the click counts.
func (w Texts) Counted(d decision.Record) Message {
	what := "Your decision"
	if d.Confirmer != d.Requester {
		what = "Your approval"
	}
	return say("%s counts: I'm cancelling %s, and I'll post the result in %s.", what, w.underWay(d), inChannelNamed(d.Channel)).meaning(MeansUnderWay)
}

// NotYourPrompt answers a click on another person's prompt.
func (w Texts) NotYourPrompt() Message {
	return say("This prompt isn't yours. To cancel a task, type `%s` and its ID.", w.Command)
}

// OutdatedPrompt answers a click on a prompt whose signature doesn't verify.
func (w Texts) OutdatedPrompt() Message {
	return say("This prompt is no longer valid. Type `%s` and the task's ID again.", w.Command)
}

// Interrupted answers a click on *Cancel task* that was still being judged when the
// process stopped. See unlessResult.
func (w Texts) Interrupted(c decision.Confirmation) Message {
	return say("I'm restarting, so your click to cancel %s might not have counted. %s%s.", w.asked(c), unlessResult(c), w.pressAgain(c))
}

// unlessResult begins the advice to someone whose click wasn't used here. Another
// replica may be using an earlier click, or another delivery of this one, and the
// journal doesn't have that yet. So no answer says that a click doesn't count unless
// the journal says so.
func unlessResult(c decision.Confirmation) string {
	return fmt.Sprintf("If no result appears in %s within a minute, ", inChannelNamed(c.Channel))
}

// pressAgain is the advice to press again. The button may be gone, for example if the
// click was a submitted modal. Only the requester can ask for a second person again.
func (w Texts) pressAgain(c decision.Confirmation) string {
	if c.Public {
		return fmt.Sprintf("press the button again if it's still there. If it's gone, %s can ask again", mention(c.Requester))
	}
	return fmt.Sprintf("press the button again if it's still there, or type %s", w.again(c.IDs()...))
}

// ClickedTooFast answers someone who clicks too often.
func (w Texts) ClickedTooFast() Message {
	return say("You're clicking faster than I can handle, so I ignored that click. Earlier clicks aren't affected. If nothing else appears within a minute, try again.")
}

// StillSaving is for someone whose decision may be in the journal, or not. Another
// replica may have used the same prompt, so it doesn't say what was sent.
func (w Texts) StillSaving(c decision.Confirmation) Message {
	return say("%s I'm having trouble saving your %s to cancel %s, so I can't say yet whether it counts. I'm still trying. If nothing changes within a few minutes, %s.",
		emojiPending, yourClick(c), w.asked(c), w.pressAgain(c)).meaning(MeansUnderWay)
}

// MaybeSaved is for someone whose decision may be in the journal, or not, when the
// process stops: it will never know.
func (w Texts) MaybeSaved(c decision.Confirmation) Message {
	return say("I'm not sure your %s to cancel %s was saved. If no result appears in %s within a few minutes, %s.", yourClick(c), w.asked(c), inChannelNamed(c.Channel), w.pressAgain(c))
}

// yourClick is what a click on the prompt is to its person.
func yourClick(c decision.Confirmation) string {
	if c.Public {
		return "approval"
	}
	return "decision"
}

// NotSaved replaces a prompt whose decision certainly wasn't saved.
func (w Texts) NotSaved(c decision.Confirmation) Message {
	rest := fmt.Sprintf("so I didn't act on it. To try again, type %s.", w.again(c.IDs()...))
	return inPlace(c,
		fmt.Sprintf("I couldn't save your decision to cancel %s, %s", w.asked(c), rest),
		fmt.Sprintf("I couldn't save the approval to cancel %s, %s", w.asked(c), rest)).meaning(MeansNotSaved)
}

// superseded replaces a prompt whose click lost to other prompts' decisions, which may
// have cancelled the task or not.
func (w Texts) superseded(c decision.Confirmation) Message {
	text := fmt.Sprintf("This request to cancel %s wasn't used: another request was confirmed. To see how things stand, or to try again, type %s.",
		w.asked(c), w.again(c.IDs()...))
	return inPlace(c, text, text).meaning(MeansSuperseded)
}

// Ended replaces a prompt that is closed. It says what the journal has about it,
// in row, and nothing of what a later click brought along.
func (w Texts) Ended(c decision.Confirmation, row decision.Record) Message {
	c.Reason = row.Reason
	if row.Confirmer != "" && row.Confirmer != row.Requester {
		c.Reason = "" // the approver may have given it
	}
	switch row.Outcome() {
	case decision.Withdrawn:
		return w.Withdrawn(c)
	case decision.NotSaved:
		return w.NotSaved(c)
	case decision.Superseded:
		return w.superseded(c)
	default:
		return w.RanOut(c)
	}
}

// Closed answers user, who pressed a button of a prompt that is closed. A prompt
// that only they see shows it itself.
func (w Texts) Closed(c decision.Confirmation, row decision.Record, user string) Message {
	again := fmt.Sprintf("To ask again, type %s.", w.again(c.IDs()...))
	switch how := row.Outcome(); {
	case how == decision.Expired:
		return w.Expired(c)
	case !c.Public:
		return w.Ended(c, row)
	case how == decision.NotSaved:
		return say("This request has ended: I couldn't save an approval, so I didn't act on it. %s", again).meaning(MeansNotSaved)
	case how == decision.Superseded:
		return say("This request wasn't used: another one was confirmed. %s", again).meaning(MeansSuperseded)
	case user == c.Requester:
		return say("You withdrew this request, so I didn't act on it. %s", again).meaning(MeansKept)
	}
	return say("%s withdrew this request, so your click doesn't count and I didn't act on the request. %s", mention(c.Requester), again).meaning(MeansKept)
}

// progress returns a progress line, which replaces the prompt.
func (w Texts) progress(d decision.Record, rest string) Message {
	line := fmt.Sprintf("%s Cancelling %s…%s", emojiPending, w.underWay(d), rest)
	if d.Confirmer != d.Requester {
		line += "\n" + pair(d) + "."
	}
	return say("%s", line).meaning(MeansUnderWay)
}

// Cancelling replaces a prompt whose decision takes more than a moment.
func (w Texts) Cancelling(d decision.Record) Message { return w.progress(d, "") }

// StillTrying replaces a prompt while Chamelio or the journal doesn't answer
// clearly.
func (w Texts) StillTrying(d decision.Record) Message {
	return w.progress(d, " This is taking a while, so don't wait here: I'll post the result in "+inChannelNamed(d.Channel)+".")
}

// WaitingForChamelio replaces a prompt while Chamelio's rate limit is used up.
func (w Texts) WaitingForChamelio(d decision.Record, pause time.Duration) Message {
	return w.progress(d, fmt.Sprintf(" Chamelio is busy, so I'll wait %s and try again. I'll post the result in %s.", duration(pause), inChannelNamed(d.Channel)))
}

// CameSecond answers user, whose click on a prompt lost to winners: the decision
// that an earlier click on the same prompt made, or those that have the prompt's
// tasks, each with these tasks only.
func (w Texts) CameSecond(c decision.Confirmation, user string, winners ...decision.Current) Message {
	l := lostTo(c, winners)
	winner := inAnswerTo(c, l.winners[0])
	if l.several() {
		return w.lostSeveral(l, user)
	}
	mine := winner.Confirmer == user
	switch {
	case string(winner.ID) == c.ID && winner.Outcome().Closed():
		return w.Closed(c, winner, user)
	case winner.Outcome() == "" && mine:
		return say("Already on it: you confirmed cancelling %s %s. I'll post the result in %s.",
			w.underWay(winner), on(winner.DecidedAt), l.where()).meaning(MeansUnderWay)
	case winner.Outcome() == "":
		return say("%s got there first: I'm cancelling %s now, and I'll post the result in %s.",
			mention(winner.Confirmer), w.underWay(winner), l.where()).meaning(MeansUnderWay)
	}
	return say("%s", upperFirst(w.happened(winner, user, l.elsewhere(winner)))).meansOutcome(winner.Outcome())
}

// lostSeveral answers user, whose tasks other prompts' decisions have.
func (w Texts) lostSeveral(l lost, user string) Message {
	d, by := l.record(), upperFirst(l.people(user))
	if d.Outcome() == "" {
		return say("%s already confirmed cancelling %s, and I'm working on them. The results will be posted in %s.", by, numbered(d.IDs()), l.where()).meaning(MeansUnderWay)
	}
	return say("%s already confirmed cancelling these tasks. %s", by, lineOfSeveral(d, l.where())+l.elsewhere(d)+w.againAfterClosed(d)).meansOutcome(d.Outcome())
}

// happened says to user who decided, when, and the result, which more follows. That may be
// long ago.
func (w Texts) happened(first decision.Record, user, more string) string {
	by, at := you(first.Confirmer, user, "you"), on(first.DecidedAt)
	if all := resultsOf(first); len(all) == 1 && all[0].Outcome == decision.Cancelled && all[0].Cause == "" {
		return fmt.Sprintf("%s already cancelled %s %s.", by, w.decided(first), at)
	}
	return fmt.Sprintf("%s already confirmed this %s. %s", by, at, w.line(first)+more+since(first))
}

// Overtaken replaces a request that another click decided, or whose tasks people
// cancel by other prompts. See CameSecond. It doesn't say who was first: those that
// have the tasks now may have confirmed after the ones that the request lost to.
func (w Texts) Overtaken(c decision.Confirmation, winners ...decision.Current) Message {
	l := lostTo(c, winners)
	switch own, first := !l.toOthers(), l.winners[0]; {
	case own && first.Outcome() == "":
		return w.Cancelling(first)
	case own && first.Outcome().Closed():
		return w.Ended(c, first)
	case own:
		return w.OutcomeLine(winners[0])
	}
	d := inAnswerTo(c, l.record())
	var became string
	switch {
	case d.Outcome() == "" && l.several():
		became = fmt.Sprintf("%s Cancelling %s… I'll post the results in %s.", emojiPending, w.asked(c), l.where())
	case d.Outcome() == "":
		became = fmt.Sprintf("%s Cancelling %s… I'll post the result in %s.", emojiPending, w.asked(c), l.where())
	case l.several():
		became = emojiOf(resultsOf(d)) + " " + lineOfSeveral(d, l.where()) + l.elsewhere(d) + w.againAfterClosed(d)
	default:
		became = emojiOf(resultsOf(d)) + " " + w.line(d) + l.elsewhere(d) + since(d)
	}
	other := "another one"
	if len(winners) > 1 {
		other = "other requests"
	}
	unused := fmt.Sprintf("This request from %s wasn't used: %s confirmed %s.", mention(c.Requester), l.people(""), other)
	if len(closedOf(d)) == len(d.Tasks) && len(d.Tasks) > 0 && !l.several() {
		return say("%s %s", unused, w.line(d)).meansOutcome(d.Outcome())
	}
	return say("%s %s", became, unused).meansOutcome(d.Outcome())
}
