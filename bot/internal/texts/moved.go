package texts

import (
	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/input"
	"github.com/cancelbot/cancelbot/chamelio"
)

// maxNamedStep is the longest step that a prompt's buttons carry, in characters.
const maxNamedStep = 40

// NameOf returns a task as a prompt shows it and its buttons carry it.
func NameOf(task chamelio.Task) decision.Named {
	return decision.Named{
		ID: task.ID, Title: input.Shorten(input.Clean(task.Title), MaxTitle), URL: task.URL,
		Step: input.Shorten(input.Clean(task.Step), maxNamedStep),
	}
}

// Moved returns what has changed of a cancelled task since its prompt.
func Moved(shown decision.Named, r decision.Result) decision.Moved {
	if r.Outcome != decision.Cancelled {
		return decision.Moved{}
	}
	return shown.MovedFrom(NameOf(chamelio.Task{Title: r.Title, Step: r.Step}))
}

// movedOn says what has changed since the prompt; "" if nothing has.
func movedOn(was decision.Moved) string {
	step, title := excerpt(was.Step, maxNamedStep), excerpt(was.Title, maxListed)
	switch {
	case step == "" && title == "":
		return ""
	case title == "":
		return "When requested, it was at " + step + "."
	case step == "":
		return "When requested, it was called “" + title + "”."
	}
	return "When requested, it was at " + step + " and called “" + title + "”."
}
