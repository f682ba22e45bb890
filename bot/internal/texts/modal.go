package texts

import (
	"fmt"
	"strings"

	"github.com/slack-go/slack"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/input"
)

// Names in the modal. Open modals carry them, so they must not change.
const (
	ModalReason = "cancel_reason"
	BlockReason = "reason"
	InputReason = "reason"
)

// ReasonModal returns the modal that asks for a reason. The texts about its
// input are plain text.
func (w Texts) ReasonModal(c decision.Confirmation) slack.ModalViewRequest {
	reason := slack.NewPlainTextInputBlockElement(nil, InputReason)
	reason.MaxLength, reason.FocusOnLoad, reason.Multiline = input.MaxReason, true, true
	return slack.ModalViewRequest{
		Type: slack.VTModal, CallbackID: ModalReason,
		Title:  plainText("Why cancel it?"),
		Submit: plainText("Cancel task"),
		Close:  plainText("Go back"),
		Blocks: slack.Blocks{BlockSet: layout(
			section(fmt.Sprintf("You're about to cancel %s. This can't be undone.", w.asked(c))),
			slack.NewInputBlock(BlockReason, plainText("Reason"), plainText("Shown in the channel, with the result."), reason),
		)},
	}
}

// NotAskedForReason answers a click whose modal didn't open.
func (w Texts) NotAskedForReason(c decision.Confirmation) Message {
	return say("I need a reason to cancel %s, but I couldn't ask you for it in time, so your click didn't count.\nPlease press the button again, or type %s and your reason.",
		w.asked(c), w.again(c.IDs()...))
}

// ModalEmpty says that the reason has no visible characters.
func (w Texts) ModalEmpty() string { return "Please give a reason." }

// ModalTooLong says that the reason is too long.
func (w Texts) ModalTooLong(length int) string {
	return fmt.Sprintf("Your reason is %d characters long, and the limit is %d. Please shorten it.", length, input.MaxReason)
}

// ModalExpired says that the prompt expired while the modal was open.
func (w Texts) ModalExpired(c decision.Confirmation) string {
	return fmt.Sprintf("This prompt has expired. To cancel the task, go back and type %s again.", strings.Trim(w.again(c.IDs()...), "`"))
}

// ModalOutdated says that the modal's prompt doesn't verify.
func (w Texts) ModalOutdated() string {
	return fmt.Sprintf("This prompt is from before the bot was reconfigured. Please go back and type %s again.", w.Command)
}

// ModalBusy says that there is no room for the click, or that the bot is
// stopping.
func (w Texts) ModalBusy(stopping bool) string {
	if stopping {
		return "I'm just restarting. Please try again in a minute."
	}
	return "I'm very busy right now. Please try again in a minute."
}
