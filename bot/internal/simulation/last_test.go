package simulation

import (
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/texts"
	"github.com/cancelbot/cancelbot/chamelio"
)

// lastTexts (law 13): the last text of each prompt knows what the bot knew of its tasks:
// one that a prompt of other people had cancelled before isn't offered again, and nothing
// is under way for good.
func (c *checker) lastTexts() {
	versions := map[string][]sight{}
	var places []string
	for _, s := range c.seen {
		place := s.channel + " " + s.ts
		if versions[place] == nil {
			places = append(places, place)
		}
		versions[place] = append(versions[place], s)
	}
	for _, place := range places {
		all := versions[place]
		first, last := all[0], all[len(all)-1]
		if first.ts == "" || !first.buttons || last.buttons {
			continue
		}
		tasks := tasksIn(first.text)
		switch last.meaning {
		case "", texts.MeansSuperseded:
			if len(tasks) > 0 && !slices.ContainsFunc(tasks, func(t chamelio.TaskID) bool { return !c.endedBefore(t, last.at.Add(-10*time.Second)) }) {
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

// endedBefore reports whether a decision had announced that it cancelled a task.
func (c *checker) endedBefore(task chamelio.TaskID, before time.Time) bool {
	for _, d := range c.rows {
		if slices.Contains(c.meddled, d.ID) || c.lost(d.ID) || d.AnnouncedAt.IsZero() || !d.AnnouncedAt.Before(before) {
			continue
		}
		if slices.ContainsFunc(d.Tasks, func(t decision.Item) bool { return t.ID == task && t.Outcome == decision.Cancelled }) {
			return true
		}
	}
	return false
}

var taskText = regexp.MustCompile(`\b70\d\d\b`)

// tasksIn returns the tasks that a text names.
func tasksIn(text string) (tasks []chamelio.TaskID) {
	for _, one := range taskText.FindAllString(text, -1) {
		id, err := strconv.ParseInt(one, 10, 64)
		if err == nil && !slices.Contains(tasks, chamelio.TaskID(id)) {
			tasks = append(tasks, chamelio.TaskID(id))
		}
	}
	return tasks
}
