package texts

import (
	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/chamelio"
)

// Paused answers a command while cancelling is paused. note is the operator's.
func (w Texts) Paused(note string, ids ...chamelio.TaskID) Message {
	return say("%s *Cancelling is paused.*%s\nOnce it resumes, type %s. Questions? Ask %s.", emojiPaused, because(note), w.again(ids...), w.contact())
}

// PausedClick answers a click on *Cancel task* while cancelling is paused. See
// unlessResult.
func (w Texts) PausedClick(c decision.Confirmation, note string) Message {
	return say("%s *Cancelling was paused when I checked*, so your click might not have counted.%s\n%swait until cancelling resumes. Then %s. Questions? Ask %s.",
		emojiPaused, because(note), unlessResult(c), w.pressAgain(c), w.contact())
}

const emojiPaused = ":double_vertical_bar:"

// PauseUnknown answers a click on *Cancel task* if the journal doesn't say
// whether cancelling is paused. See unlessResult.
func (w Texts) PauseUnknown(c decision.Confirmation) Message {
	return say("I couldn't check whether cancelling is paused, so your click to cancel %s might not have counted. %s%s.", w.asked(c), unlessResult(c), w.pressAgain(c))
}
