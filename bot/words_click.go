package bot

import (
	"errors"
	"fmt"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
)

// This file holds the answers to clicks, and what a prompt shows while its
// decision is under way. What takes the place of a request that the channel
// sees keeps its requester, its task and its reason.

// inPlace is a sentence about a prompt, to the clicker; or about a request, to
// everybody.
func (w texts) inPlace(c confirmation, toClicker, toAll string) message {
	if !c.Public {
		return say("%s", toClicker)
	}
	return say("%s's request to cancel %s: %s%s", mention(c.Requester), w.asked(c), toAll, because(c.Reason))
}

func (w texts) notYoursToWithdraw(c confirmation) message {
	return say("Only %s can withdraw this request. Your click didn't count.\nIf you think %s should be kept, talk to them. Unless someone confirms it, the request runs out at %s.",
		mention(c.Requester), w.asked(c), clock(c.ExpiresAt))
}

func (w texts) notWithdrawn(c confirmation) message {
	return say("I couldn't save that just now, so %s can still be cancelled from this prompt.\nPlease press the button again in a moment. If it keeps happening, tell %s that I can't reach my database.",
		w.asked(c), w.contact())
}

func (w texts) tooLateToWithdraw(c confirmation, first decision.Record, user string) message {
	by, has := mention(first.Confirmer), "has"
	if first.Confirmer == user {
		by, has = "you", "have"
	}
	if first.Outcome == "" {
		return say("It's too late to keep %s: %s %s already confirmed, and I'm cancelling it now. I'll post the result in %s.", w.asked(c), by, has, inChannelNamed(first.Channel))
	}
	return say("Your click came too late. %s", w.headline(first, first.Result(), user))
}

func (w texts) invalidClick(err error) message {
	if errors.Is(err, errNotTheirs) {
		return say("This prompt isn't yours, so your click didn't count.\nTo cancel a task yourself, type `%s` and its id.", w.command)
	}
	return say("This prompt is from before the bot was reconfigured, so your click didn't count.\nPlease type `%s` and the task's id again.", w.command)
}

func (w texts) pressedTooFast() message {
	return say("That's faster than I can follow, so I left this click out. If you had pressed a button of the same message before, that click counts, and I'll tell you what came of it. If not, press it again in a minute.")
}

// stillSaving says what is certain while it is not known whether the journal
// took a decision: nothing was sent to Chamelio for it.
func (w texts) stillSaving(c confirmation) message {
	return w.inPlace(c,
		fmt.Sprintf(":hourglass_flowing_sand: I'm having trouble saving your decision to cancel %s, so I haven't sent it to Chamelio yet. I'll keep trying and tell you here.", w.asked(c)),
		":hourglass_flowing_sand: confirmed, but I'm having trouble saving that, so I haven't sent it to Chamelio yet. I'll keep trying.")
}

// maybeSaved is all that can be said when that will not be known here.
func (w texts) maybeSaved(c confirmation) message {
	const then = "If it was, I'll post the result in %[1]s. If nothing shows up there within a few minutes, it wasn't: then type %[2]s again.\nIf it keeps happening, tell %[3]s that I can't reach my database."
	rest := fmt.Sprintf(then, inChannelNamed(c.Channel), w.again(c.Task), w.contact())
	return w.inPlace(c,
		fmt.Sprintf("I couldn't make sure that your decision to cancel %s was saved. %s", w.asked(c), rest),
		"confirmed, but I couldn't make sure that this was saved. "+rest)
}

func (w texts) notSaved(c confirmation) message {
	rest := fmt.Sprintf("To try again, type %s. If it keeps happening, tell %s that I can't reach my database.", w.again(c.Task), w.contact())
	return w.inPlace(c,
		fmt.Sprintf("I couldn't save your decision to cancel %s, so I didn't send it to Chamelio.\n%s", w.asked(c), rest),
		"confirmed, but I couldn't save that, so I didn't send it to Chamelio. "+rest)
}

// underWay is a progress line. It takes the place of the prompt.
func (w texts) underWay(d decision.Record, rest string) message {
	line := fmt.Sprintf(":hourglass_flowing_sand: Cancelling %s…%s", w.decided(d), rest)
	if d.Confirmer != d.Requester {
		line += fmt.Sprintf("\nRequested by %s, confirmed by %s%s", mention(d.Requester), mention(d.Confirmer), because(d.Reason))
	}
	return say("%s", line)
}

func (w texts) cancelling(d decision.Record) message { return w.underWay(d, "") }

func (w texts) stillTrying(d decision.Record) message {
	return w.underWay(d, " This is taking a while. I'll keep trying for a few minutes and post the result in the channel, so there's no need to wait here.")
}

func (w texts) waitingForChamelio(d decision.Record, pause time.Duration) message {
	return w.underWay(d, fmt.Sprintf(" Chamelio is busy and asked me to wait %s. I'll carry on by myself and post the result in the channel.", duration(pause)))
}

// cameSecond tells somebody whose click came after another's.
func (w texts) cameSecond(winner decision.Record, user string) message {
	by, late := mention(winner.Confirmer), "It was confirmed at %s, before your click, so your click didn't count."
	if winner.Confirmer == user {
		by, late = "you", "You confirmed it at %s, so this second click didn't count."
	}
	if winner.Outcome == "" {
		return say("%s is already being cancelled: %s confirmed it at %s, so this click didn't count. I'll post the result in %s.",
			capital(w.decided(winner)), by, clock(winner.DecidedAt), inChannelNamed(winner.Channel))
	}
	return say("%s\n"+late, w.headline(winner, winner.Result(), user), clock(winner.DecidedAt))
}

// overtaken is what becomes of a request that another click has decided, or
// whose task somebody cancelled in another way.
func (w texts) overtaken(c confirmation, winner decision.Record) message {
	switch own := string(winner.ID) == c.ID; {
	case own && winner.Outcome == "":
		return w.cancelling(winner)
	case own:
		return w.outcomeLine(winner, winner.Result())
	}
	result := "It's under way."
	if winner.Outcome != "" {
		result = "Result: " + w.short(winner.Result()) + "."
	}
	return say("%s's request to cancel %s was overtaken by another one, which %s confirmed. %s%s",
		mention(c.Requester), w.asked(c), mention(winner.Confirmer), result, because(c.Reason))
}
