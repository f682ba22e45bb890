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
	return say("Only %s can withdraw this request. It expires at %s unless someone approves it.", mention(c.Requester), clock(c.ExpiresAt))
}

// NotWithdrawn answers *Keep task* and *Withdraw request* if the journal can't
// save that.
func (w Texts) NotWithdrawn(c decision.Confirmation) Message {
	return say("I couldn't save that, so %s can still be cancelled. Press *%s* again.", w.asked(c), keepLabel(c))
}

// TooLateToWithdraw answers *Keep task* and *Withdraw request* after first has
// been decided.
func (w Texts) TooLateToWithdraw(c decision.Confirmation, first decision.Record, user string) Message {
	by, has := mention(first.Confirmer), "has"
	if first.Confirmer == user {
		by, has = "you", "have"
	}
	if first.Outcome() == "" {
		return say("Too late to keep %s: %s %s already confirmed, and I'm cancelling it now. I'll post the result in %s.", w.asked(c), by, has, inChannelNamed(first.Channel))
	}
	return say("Too late: %s", w.happened(first, user)).meansOutcome(first.Outcome())
}

// Checking is for someone whose click is still being judged. The next message
// follows without another click.
func (w Texts) Checking(c decision.Confirmation) Message {
	return say("%s I'm checking whether you can cancel %s. It's taking longer than usual, but there's no need to press again.", emojiPending, w.asked(c)).meaning(MeansChecking)
}

// NotYourPrompt answers a click on another person's prompt.
func (w Texts) NotYourPrompt() Message {
	return say("This prompt isn't yours. To cancel a task, type `%s` and its ID.", w.Command)
}

// OutdatedPrompt answers a click on a prompt whose signature doesn't verify.
func (w Texts) OutdatedPrompt() Message {
	return say("This prompt is no longer valid. Type `%s` and the task's ID again.", w.Command)
}

// ClickedTooFast answers someone who clicks too often.
func (w Texts) ClickedTooFast() Message {
	return say("You're clicking faster than I can handle, so I ignored that one. Any earlier click on this message still counts. Otherwise, try again in a minute.")
}

// StillSaving replaces a prompt while it isn't known whether the journal saved
// the decision. Until it is, nothing is sent to Chamelio.
func (w Texts) StillSaving(c decision.Confirmation) Message {
	return inPlace(c,
		fmt.Sprintf("%s I'm having trouble saving your decision to cancel %s, so I haven't started yet. I'll keep trying.", emojiPending, w.asked(c)),
		fmt.Sprintf("%s I'm having trouble saving the approval to cancel %s, so I haven't started yet. I'll keep trying.", emojiPending, w.asked(c))).meaning(MeansUnderWay)
}

// MaybeSaved replaces a prompt if this process will never know whether the
// journal saved the decision.
func (w Texts) MaybeSaved(c decision.Confirmation) Message {
	rest := fmt.Sprintf("was saved. If no result appears in %s within a few minutes, type %s again.", inChannelNamed(c.Channel), w.again(c.IDs()...))
	return inPlace(c,
		fmt.Sprintf("I'm not sure your decision to cancel %s %s", w.asked(c), rest),
		fmt.Sprintf("I'm not sure the approval to cancel %s %s", w.asked(c), rest))
}

// NotSaved replaces a prompt whose decision certainly wasn't saved.
func (w Texts) NotSaved(c decision.Confirmation) Message {
	rest := fmt.Sprintf("so I sent nothing to Chamelio. To try again, type %s.", w.again(c.IDs()...))
	return inPlace(c,
		fmt.Sprintf("I couldn't save your decision to cancel %s, %s", w.asked(c), rest),
		fmt.Sprintf("I couldn't save the approval to cancel %s, %s", w.asked(c), rest)).meaning(MeansNotSaved)
}

// underWay returns a progress line, which replaces the prompt.
func (w Texts) underWay(d decision.Record, rest string) Message {
	line := fmt.Sprintf("%s Cancelling %s…%s", emojiPending, w.decided(d), rest)
	if d.Confirmer != d.Requester {
		line += "\n" + pair(d) + "."
	}
	return say("%s", line).meaning(MeansUnderWay)
}

// Cancelling replaces a prompt whose decision takes more than a moment.
func (w Texts) Cancelling(d decision.Record) Message { return w.underWay(d, "") }

// StillTrying replaces a prompt while Chamelio or the journal doesn't answer
// clearly.
func (w Texts) StillTrying(d decision.Record) Message {
	return w.underWay(d, " This is taking a while, so don't wait here: I'll post the result in "+inChannelNamed(d.Channel)+".")
}

// WaitingForChamelio replaces a prompt while Chamelio's rate limit is used up.
func (w Texts) WaitingForChamelio(d decision.Record, pause time.Duration) Message {
	return w.underWay(d, fmt.Sprintf(" Chamelio is busy and asked me to wait %s. I'll post the result in %s.", duration(pause), inChannelNamed(d.Channel)))
}

// CameSecond answers user, whose click on a prompt lost to winners: the decision
// that an earlier click on the same prompt made, or those that have the prompt's
// tasks, each with these tasks only.
func (w Texts) CameSecond(c decision.Confirmation, user string, winners ...decision.Record) Message {
	winner := winners[0]
	if l := (lost{c, winners}); l.several() {
		return w.lostSeveral(l, user)
	}
	mine := winner.Confirmer == user
	switch {
	case winner.Outcome() == "" && mine:
		return say("Already on it: you confirmed cancelling %s at %s. I'll post the result in %s.",
			w.decided(winner), clock(winner.DecidedAt), inChannelNamed(winner.Channel)).meaning(MeansUnderWay)
	case winner.Outcome() == "":
		return say("%s got there first: I'm cancelling %s now, and I'll post the result in %s.",
			mention(winner.Confirmer), w.decided(winner), inChannelNamed(winner.Channel)).meaning(MeansUnderWay)
	}
	return say("%s", upperFirst(w.happened(winner, user))).meansOutcome(winner.Outcome())
}

// lostSeveral answers user, whose tasks other prompts' decisions have.
func (w Texts) lostSeveral(l lost, user string) Message {
	d, by := l.record(), upperFirst(l.people(user))
	if d.Outcome() == "" {
		return say("%s already confirmed cancelling %s, and I'm working on it. See %s for each result.", by, numbered(d.IDs()), l.where()).meaning(MeansUnderWay)
	}
	return say("%s already confirmed cancelling these tasks. %s", by, lineOfSeveral(d, l.where())).meansOutcome(d.Outcome())
}

// happened says to user who decided, when, and the result.
func (w Texts) happened(first decision.Record, user string) string {
	by, at := you(first.Confirmer, user, "you"), clock(first.DecidedAt)
	if all := resultsOf(first); len(all) == 1 && all[0].Outcome == decision.Cancelled && all[0].Cause == "" {
		return fmt.Sprintf("%s already cancelled %s at %s.", by, w.decided(first), at)
	}
	return fmt.Sprintf("%s already confirmed this at %s. %s", by, at, w.line(first))
}

// Overtaken replaces a request that another click decided, or whose tasks people
// cancel by other prompts. See CameSecond.
func (w Texts) Overtaken(c decision.Confirmation, winners ...decision.Record) Message {
	l := lost{c, winners}
	switch own := !l.toOthers(); {
	case own && winners[0].Outcome() == "":
		return w.Cancelling(winners[0])
	case own:
		return w.OutcomeLine(winners[0])
	}
	d := l.record()
	d.Untitled = d.Untitled || c.Untitled
	d = d.Published()
	became := fmt.Sprintf("%s Cancelling %s…", emojiPending, w.asked(c))
	switch {
	case d.Outcome() == "":
	case l.several():
		became = emojiOf(resultsOf(d)) + " " + lineOfSeveral(d, l.where())
	default:
		became = emojiOf(resultsOf(d)) + " " + w.line(d)
	}
	other := "another request"
	if len(winners) > 1 {
		other = "other requests"
	}
	return say("%s %s had confirmed %s first. This one, from %s, wasn't used.", became, l.people(""), other, mention(c.Requester)).meansOutcome(d.Outcome())
}
