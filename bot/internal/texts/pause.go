package texts

import (
	"fmt"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/chamelio"
)

// Paused answers a command while cancelling is paused. note is the operator's.
func (w Texts) Paused(note string, ids ...chamelio.TaskID) Message {
	return say(":double_vertical_bar: *Cancelling is paused.* I didn't do anything.%s", w.untilResumed(note, w.again(ids...)))
}

// PausedClick answers a click on *Cancel task* while cancelling is paused.
func (w Texts) PausedClick(c decision.Confirmation, note string) Message {
	return say(":double_vertical_bar: *Cancelling is paused*, so your click on %s didn't count.%s", w.asked(c),
		w.untilResumed(note, fmt.Sprintf("the button again until %s, or type %s after that", clock(c.ExpiresAt), w.again(c.IDs()...))))
}

// untilResumed says what to do until cancelling is on again.
func (w Texts) untilResumed(note, try string) string {
	return fmt.Sprintf("%s\nAsk %s when it will be on again. Then try %s.", because(note), w.contact(), try)
}

// PauseUnknown answers a click on *Cancel task* if the journal doesn't say
// whether cancelling is paused.
func (w Texts) PauseUnknown(c decision.Confirmation) Message {
	return say("I can't reach my database just now, so your click on %s didn't count.\nPlease press the button again in a moment. If it keeps happening, tell %s.", w.asked(c), w.contact())
}
