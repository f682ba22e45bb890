package simulation

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/texts"
	"github.com/cancelbot/cancelbot/chamelio"
)

// settling is how long a text may take that says less than the bot has announced.
const settling = 10 * time.Second

// lastTexts (law 13): the last text of a prompt knows what the bot knew of its tasks. If
// another prompt's decision had cancelled them all, it doesn't say only that the prompt
// has ended, and it isn't about work in progress.
func (c *checker) lastTexts() {
	for place, all := range c.versions() {
		first, last := all[0], all[len(all)-1]
		if first.ts == "" || !first.buttons || last.buttons {
			continue
		}
		tasks := tasksIn(first.text)
		switch last.meaning {
		case "", texts.MeansSuperseded, texts.MeansKept:
			if last.meaning == texts.MeansKept && (last.only == "" || strings.Contains(last.text, "already confirmed")) {
				continue // everyone has the announcement, or the person reads of it
			}
			if len(tasks) > 0 && !slices.ContainsFunc(tasks, func(t chamelio.TaskID) bool { return !c.cancelledBefore(t, last.at.Add(-settling)) }) {
				c.breaks("a last text knows", "%s ends with %q; the bot had cancelled its tasks before", place, last.text)
			}
		case texts.MeansUnderWay, texts.MeansChecking:
			if !c.hindered() {
				c.breaks("a last text knows", "%s ends with %q", place, last.text)
			}
		default:
		}
	}
}

// progress (law 4): no text says that tasks are being cancelled if each decision about
// them had been announced.
func (c *checker) progress() {
	for _, s := range c.seen {
		if s.meaning != texts.MeansUnderWay || strings.Contains(s.text, "can't say yet") {
			continue
		}
		tasks := tasksIn(s.text)
		if len(tasks) > 0 && !slices.ContainsFunc(tasks, func(t chamelio.TaskID) bool { return !c.overBefore(t, s.at.Add(-settling)) }) {
			c.breaks("progress is progress", "%s reads in %s: %q; the bot had announced its tasks before", s.only, s.channel, s.text)
		}
	}
}

// versions returns the texts of each message, in their order.
func (c *checker) versions() map[string][]sight {
	all := map[string][]sight{}
	for _, s := range c.seen {
		place := s.channel + " " + s.ts
		all[place] = append(all[place], s)
	}
	return all
}

// cancelledBefore reports whether a decision had announced by then that it cancelled a task.
func (c *checker) cancelledBefore(task chamelio.TaskID, then time.Time) bool {
	for _, d := range c.rows {
		cancelled := slices.ContainsFunc(d.Tasks, func(t decision.Item) bool { return t.ID == task && t.Outcome == decision.Cancelled })
		if cancelled && !c.odd(d.ID) && c.toldBefore(d.ID, then) {
			return true
		}
	}
	return false
}

// overBefore reports whether each decision about a task that had been claimed by then had
// been announced with a known outcome, and there was one.
func (c *checker) overBefore(task chamelio.TaskID, then time.Time) bool {
	found := false
	for _, d := range c.rows {
		claimed := slices.IndexFunc(c.claims, func(a acquired) bool { return a.id == d.ID })
		switch {
		case d.Outcome().Closed(), !slices.Contains(d.IDs(), task):
		case c.odd(d.ID):
			return false
		case claimed < 0 || c.claims[claimed].at.After(then.Add(settling)):
		case d.Outcome() == decision.Unknown || !c.toldBefore(d.ID, then):
			return false
		default:
			found = true
		}
	}
	return found
}

// odd reports whether someone else has changed a decision's row, or the journal has lost it.
func (c *checker) odd(id decision.ID) bool { return slices.Contains(c.meddled, id) || c.lost(id) }

// toldBefore reports whether the journal had recorded by then that a decision was announced.
func (c *checker) toldBefore(id decision.ID, then time.Time) bool {
	return slices.ContainsFunc(c.records, func(r record) bool { return r.id == id && !r.at.After(then) })
}

var taskText = regexp.MustCompile(`\b70\d\d\b`)

// tasksIn returns the tasks that a text names.
func tasksIn(text string) (tasks []chamelio.TaskID) {
	for _, one := range taskText.FindAllString(text, -1) {
		if id, err := strconv.ParseInt(one, 10, 64); err == nil {
			tasks = append(tasks, chamelio.TaskID(id))
		}
	}
	return tasks
}
