package texts

import (
	"fmt"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
)

// inPlace returns a sentence about a prompt, for the clicker, or about a
// request, for everyone. A text that replaces a request keeps its requester,
// task and reason.
func (w Texts) inPlace(c decision.Confirmation, toClicker, toAll string) Message {
	if !c.Public {
		return say("%s", toClicker)
	}
	return say("%s's request to cancel %s: %s%s", mention(c.Requester), w.asked(c), toAll, because(c.Reason))
}

// NotYoursToWithdraw answers someone who tries to withdraw another person's
// request.
func (w Texts) NotYoursToWithdraw(c decision.Confirmation) Message {
	return say("Only %s can withdraw this request. Your click didn't count.\nIf you think %s should be kept, talk to them. Unless someone confirms it, the request runs out at %s.",
		mention(c.Requester), w.asked(c), clock(c.ExpiresAt))
}

// NotWithdrawn answers *Keep it* and *Withdraw* if the journal can't save that.
func (w Texts) NotWithdrawn(c decision.Confirmation) Message {
	return say("I couldn't save that just now, so %s can still be cancelled from this prompt.\nPlease press the button again in a moment. If it keeps happening, tell %s that I can't reach my database.",
		w.asked(c), w.contact())
}

// TooLateToWithdraw answers *Keep it* and *Withdraw* after first has been
// decided.
func (w Texts) TooLateToWithdraw(c decision.Confirmation, first decision.Record, user string) Message {
	by, has := mention(first.Confirmer), "has"
	if first.Confirmer == user {
		by, has = "you", "have"
	}
	if first.Outcome() == "" {
		return say("It's too late to keep %s: %s %s already confirmed, and I'm cancelling it now. I'll post the result in %s.", w.asked(c), by, has, inChannelNamed(first.Channel))
	}
	return say("Your click came too late. %s", w.headline(first, user)).meansOutcome(first.Outcome())
}

// Checking is for someone whose click is still being judged. The next message
// follows without another click.
func (w Texts) Checking(c decision.Confirmation) Message {
	return say(":hourglass_flowing_sand: I got your click, and I'm checking whether you can cancel %s. This is taking longer than usual, but there's no need to press again.", w.asked(c)).meaning(MeansChecking)
}

// NotYourPrompt answers a click on another person's prompt.
func (w Texts) NotYourPrompt() Message {
	return say("This prompt isn't yours, so your click didn't count.\nTo cancel a task yourself, type `%s` and its id.", w.Command)
}

// OutdatedPrompt answers a click on a prompt whose signature doesn't verify.
func (w Texts) OutdatedPrompt() Message {
	return say("This prompt is from before the bot was reconfigured, so your click didn't count.\nPlease type `%s` and the task's id again.", w.Command)
}

// ClickedTooFast answers someone who clicks too often.
func (w Texts) ClickedTooFast() Message {
	return say("That's faster than I can follow, so I left this click out. If you had pressed a button of the same message before, that click counts, and I'll tell you what came of it. If not, press it again in a minute.")
}

// StillSaving replaces a prompt while it isn't known whether the journal saved
// the decision. Until it is, nothing is sent to Chamelio.
func (w Texts) StillSaving(c decision.Confirmation) Message {
	return w.inPlace(c,
		fmt.Sprintf(":hourglass_flowing_sand: I'm having trouble saving your decision to cancel %s, so I haven't sent it to Chamelio yet. I'll keep trying and tell you here.", w.asked(c)),
		":hourglass_flowing_sand: confirmed, but I'm having trouble saving that, so I haven't sent it to Chamelio yet. I'll keep trying.").meaning(MeansUnderWay)
}

// MaybeSaved replaces a prompt if this process will never know whether the
// journal saved the decision.
func (w Texts) MaybeSaved(c decision.Confirmation) Message {
	const then = "If it was, I'll post the result in %[1]s. If nothing shows up there within a few minutes, it wasn't: then type %[2]s again.\nIf it keeps happening, tell %[3]s that I can't reach my database."
	rest := fmt.Sprintf(then, inChannelNamed(c.Channel), w.again(c.IDs()...), w.contact())
	return w.inPlace(c,
		fmt.Sprintf("I couldn't make sure that your decision to cancel %s was saved. %s", w.asked(c), rest),
		"confirmed, but I couldn't make sure that this was saved. "+rest)
}

// NotSaved replaces a prompt whose decision certainly wasn't saved.
func (w Texts) NotSaved(c decision.Confirmation) Message {
	rest := fmt.Sprintf("To try again, type %s. If it keeps happening, tell %s that I can't reach my database.", w.again(c.IDs()...), w.contact())
	return w.inPlace(c,
		fmt.Sprintf("I couldn't save your decision to cancel %s, so I didn't send it to Chamelio.\n%s", w.asked(c), rest),
		"confirmed, but I couldn't save that, so I didn't send it to Chamelio. "+rest).meaning(MeansNotSaved)
}

// underWay returns a progress line, which replaces the prompt.
func (w Texts) underWay(d decision.Record, rest string) Message {
	line := fmt.Sprintf(":hourglass_flowing_sand: Cancelling %s…%s", w.decided(d), rest)
	if d.Confirmer != d.Requester {
		line += fmt.Sprintf("\nRequested by %s, confirmed by %s%s", mention(d.Requester), mention(d.Confirmer), because(d.Reason))
	}
	return say("%s", line).meaning(MeansUnderWay)
}

// Cancelling replaces a prompt whose decision takes more than a moment.
func (w Texts) Cancelling(d decision.Record) Message { return w.underWay(d, "") }

// StillTrying replaces a prompt while Chamelio or the journal doesn't answer
// clearly.
func (w Texts) StillTrying(d decision.Record) Message {
	return w.underWay(d, " This is taking a while. I'll keep trying for a few minutes and post the result in the channel, so there's no need to wait here.")
}

// WaitingForChamelio replaces a prompt while Chamelio's rate limit is used up.
func (w Texts) WaitingForChamelio(d decision.Record, pause time.Duration) Message {
	return w.underWay(d, fmt.Sprintf(" Chamelio is busy and asked me to wait %s. I'll carry on by myself and post the result in the channel.", duration(pause)))
}

// CameSecond answers user, whose click came after that of winner.
func (w Texts) CameSecond(winner decision.Record, user string) Message {
	by, late := mention(winner.Confirmer), "It was confirmed at %s, before your click, so your click didn't count."
	if winner.Confirmer == user {
		by, late = "you", "You confirmed it at %s, so this second click didn't count."
	}
	if winner.Outcome() == "" {
		return say("%s is already being cancelled: %s confirmed it at %s, so this click didn't count. I'll post the result in %s.",
			w.decidedFirst(winner), by, clock(winner.DecidedAt), inChannelNamed(winner.Channel)).meaning(MeansUnderWay)
	}
	return say("%s\n"+late, w.headline(winner, user), clock(winner.DecidedAt)).meansOutcome(winner.Outcome())
}

// Overtaken replaces a request that another click decided, or whose task
// someone cancels by another prompt.
func (w Texts) Overtaken(c decision.Confirmation, winner decision.Record) Message {
	switch own := string(winner.ID) == c.ID; {
	case own && winner.Outcome() == "":
		return w.Cancelling(winner)
	case own:
		return w.OutcomeLine(winner)
	}
	result := "It's under way."
	if winner.Outcome() != "" {
		result = "Result: " + w.short(winner) + "."
	}
	return say("%s's request to cancel %s was overtaken by another one, which %s confirmed. %s%s",
		mention(c.Requester), w.asked(c), mention(winner.Confirmer), result, because(c.Reason)).meansOutcome(winner.Outcome())
}
