package texts

import (
	"fmt"
	"slices"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/input"
)

// lost is a confirmation that came after the decisions of its winners.
type lost struct {
	decision.Confirmation
	winners []decision.Record
}

func lostTo(c decision.Confirmation, winners []decision.Current) lost {
	l := lost{Confirmation: c}
	for _, w := range winners {
		l.winners = append(l.winners, w.Record())
	}
	return l
}

// toOthers reports whether other prompts' decisions were first.
func (l lost) toOthers() bool { return string(l.winners[0].ID) != l.ID }

// several reports whether other prompts' decisions have several tasks.
func (l lost) several() bool { return l.toOthers() && len(l.Tasks) > 1 }

// record returns the winner. Its tasks are those of the confirmation, each as the
// winner that has it knows it.
func (l lost) record() decision.Record {
	d := l.winners[0]
	d.Tasks = nil
	for _, id := range l.IDs() {
		for _, w := range l.winners {
			d.Tasks = append(d.Tasks, w.Only(func(t decision.Item) bool { return t.ID == id }).Tasks...)
		}
	}
	return d
}

// people returns who confirmed, each once, to user, who comes first.
func (l lost) people(user string) string {
	var all []string
	for _, w := range l.winners {
		switch name := mention(w.Confirmer); {
		case w.Confirmer == user:
			all = slices.Insert(slices.DeleteFunc(all, func(s string) bool { return s == "you" }), 0, "you")
		case !slices.Contains(all, name):
			all = append(all, name)
		}
	}
	return list(all, "and")
}

// elsewhere follows the results of d, the winner's record, if they are reported or listed
// in other conversations, which the person may not be able to read. It doesn't say where:
// the final result may come as a direct message.
func (l lost) elsewhere(d decision.Record) string {
	page := "the task's page"
	if len(d.Tasks) > 1 {
		page = "the tasks' pages"
	}
	switch {
	case !slices.ContainsFunc(l.winners, func(w decision.Record) bool { return w.Channel != l.Channel }):
		return ""
	case counted(resultsOf(d)).unknown > 0:
		return fmt.Sprintf(" That may be where you can't read it, so check %s.", page)
	case len(d.Tasks) > 1 && len(closedOf(d)) < len(d.Tasks):
		return fmt.Sprintf(" If you can't read those, check %s.", page)
	}
	return ""
}

// where returns the conversations in which the winners are announced.
func (l lost) where() string {
	var all []string
	for _, w := range l.winners {
		name := inChannelNamed(w.Channel)
		if w.Channel != l.Channel && !input.IsID(w.Channel, "CG") {
			name = "another conversation"
		}
		if !slices.Contains(all, name) {
			all = append(all, name)
		}
	}
	return list(all, "and")
}
