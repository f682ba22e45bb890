package bot

import (
	"fmt"

	"github.com/slack-go/slack"

	"github.com/cancelbot/cancelbot/bot/internal/input"
)

// This file holds the modal that asks for a reason. What is said in it is
// plain text.

func (w texts) reasonModal(c confirmation) slack.ModalViewRequest {
	reason := slack.NewPlainTextInputBlockElement(nil, inputReason)
	reason.MaxLength, reason.FocusOnLoad, reason.Multiline = input.MaxReason, true, true
	return slack.ModalViewRequest{
		Type:   slack.VTModal,
		Title:  plainText("Why cancel it?"),
		Submit: plainText("Cancel task"),
		Close:  plainText("Go back"),
		Blocks: slack.Blocks{BlockSet: layout(
			section(fmt.Sprintf("You're about to cancel %s. This can't be undone.", w.asked(c))),
			slack.NewInputBlock(blockReason, plainText("Reason"), plainText("Shown in the channel, with the result."), reason),
		)},
	}
}

// notAskedForReason tells that the modal did not open.
func (w texts) notAskedForReason(c confirmation) message {
	return say("I need a reason to cancel %s, but I couldn't ask you for it in time, so your click didn't count.\nPlease press the button again, or type %s and your reason.",
		w.asked(c), w.again(c.Task))
}

func (w texts) modalEmpty() string { return "Please give a reason." }

func (w texts) modalTooLong(length int) string {
	return fmt.Sprintf("Your reason is %d characters long, and the limit is %d. Please shorten it.", length, input.MaxReason)
}

func (w texts) modalExpired(c confirmation) string {
	return fmt.Sprintf("This prompt has expired. To cancel the task, go back and type %s %d again.", w.command, c.Task)
}

func (w texts) modalNotOurs() string {
	return fmt.Sprintf("This prompt is from before the bot was reconfigured. Please go back and type %s again.", w.command)
}

func (w texts) modalBusy(stopping bool) string {
	if stopping {
		return "I'm just restarting. Please try again in a minute."
	}
	return "I'm very busy right now. Please try again in a minute."
}
