package texts

import (
	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/chamelio"
)

// Paused answers a command while cancelling is paused. note is the operator's.
func (w Texts) Paused(note string, ids ...chamelio.TaskID) Message {
	return say("%s *Cancelling is paused.*%s\nOnce it resumes, type %s. Questions? Ask %s.", emojiPaused, because(note), w.again(ids...), w.contact())
}

// PausedClick answers a click on *Cancel task* while cancelling is paused.
func (w Texts) PausedClick(c decision.Confirmation, note string) Message {
	return say("%s *Cancelling is paused*, so your confirmation didn't count.%s\nOnce it resumes, confirm again, or type %s. Questions? Ask %s.",
		emojiPaused, because(note), w.again(c.IDs()...), w.contact())
}

const emojiPaused = ":double_vertical_bar:"

// PauseUnknown answers a click on *Cancel task* if the journal doesn't say
// whether cancelling is paused.
func (w Texts) PauseUnknown(c decision.Confirmation) Message {
	return say("I couldn't check whether cancelling is paused, so your confirmation to cancel %s didn't count. Try again in a minute.", w.asked(c))
}
