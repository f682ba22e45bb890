package texts

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/slack-go/slack"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/input"
	"github.com/cancelbot/cancelbot/chamelio"
)

// maxListed is the longest title in a list of tasks.
const maxListed = 80

// counted returns how many results are cancelled, unknown, and unknown in the end.
func counted(all []result) (cancelled, unknown, never int) {
	for _, r := range all {
		switch {
		case r.Outcome == decision.Cancelled:
			cancelled++
		case r.row == settledUnknown:
			never++
		case r.Outcome == decision.Unknown:
			unknown++
		}
	}
	return cancelled, unknown, never
}

// several returns the headline about several tasks. Of those that aren't
// cancelled it says nothing: someone else may have cancelled them.
func several(d decision.Record, all []result, reader string) string {
	by := you(d.Requester, reader, "You")
	cancelled, unknown, never := counted(all)
	text := fmt.Sprintf("%s cancelled %d of %d tasks.", by, cancelled, len(all))
	switch {
	case cancelled == len(all):
		return fmt.Sprintf("%s cancelled %d tasks.", by, len(all))
	case cancelled == 0 && unknown+never == 0:
		return fmt.Sprintf("%s couldn't cancel any of the %d tasks.", by, len(all))
	case cancelled == 0 && unknown == len(all):
		return fmt.Sprintf("Not confirmed yet by Chamelio: %d tasks.", len(all))
	case cancelled == 0 && unknown > 0:
		return fmt.Sprintf("Not confirmed yet by Chamelio: %d of %d tasks.", unknown, len(all))
	case cancelled == 0:
		return fmt.Sprintf("I couldn't find out about %d of %d tasks.", never, len(all))
	case unknown > 0:
		text += fmt.Sprintf(" %d not confirmed yet by Chamelio.", unknown)
	case never > 0:
		text += fmt.Sprintf(" %d still unknown.", never)
	}
	return text
}

// lineOfSeveral is like line, for several tasks. where is where each result is.
func lineOfSeveral(d decision.Record, where string) string {
	cancelled, unknown, _ := counted(resultsOf(d))
	if unknown > 0 {
		return fmt.Sprintf("I couldn't tell right away what happened to %d of %s. %s", unknown, numbered(d.IDs()), willReport)
	}
	text := fmt.Sprintf("Cancelled %d of %s.", cancelled, numbered(d.IDs()))
	if len(closedOf(d)) < len(d.Tasks) {
		text += fmt.Sprintf(" The results are in %s.", where)
	}
	return text
}

// closedOf returns the tasks of a decision that were closed before anything was
// sent.
func closedOf(d decision.Record) []chamelio.TaskID {
	return d.Only(func(t decision.Item) bool { return t.Outcome.Closed() }).IDs()
}

// againAfterClosed follows lineOfSeveral, and says how to cancel the tasks whose
// decisions were closed before anything was sent.
func (w Texts) againAfterClosed(d decision.Record) string {
	closed := closedOf(d)
	if len(closed) == 0 {
		return ""
	}
	return fmt.Sprintf(" I sent nothing for %d of them: the confirmation was withdrawn, or couldn't be saved. To cancel what's left, type %s.", len(closed), w.again(closed...))
}

// emojiOf returns the emoji of several results: the one that needs most
// attention.
func emojiOf(all []result) string {
	cancelled, unknown, never := counted(all)
	switch {
	case len(all) == 1:
		return all[0].row.emoji
	case unknown > 0:
		return emojiPending
	case cancelled > 0 && never == 0:
		return emojiCancelled
	}
	return emojiWarning
}

// lines returns a line for each task, each a block of its own, whose block_id
// says the task and its outcome.
func (w Texts) lines(d decision.Record, all []result) (blocks []slack.Block, text string) {
	var lines []string
	for _, r := range all {
		r.task = shortened(r.task, maxListed)
		line := r.row.emoji + " " + strings.TrimSuffix(w.fillOutcome(r.row.what, d, "", r), ".")
		if r.Outcome == decision.Cancelled {
			line = r.row.emoji + " " + w.namedFirst(r.task) + " " + stopped("was cancelled", r.Result)
		}
		if moved := movedOn(r.Was); moved != "" {
			line += "\n" + moved
		}
		blocks = append(blocks, slack.NewSectionBlock(mrkdwn(input.Shorten(line, sectionLimit)), nil, nil,
			slack.SectionBlockOptionBlockID(fmt.Sprintf("%s:%d", r.Outcome, r.task.ID))))
		lines = append(lines, line)
	}
	return blocks, listed(lines)
}

// maxList is the longest list in the text of a message, in characters. It usually
// leaves room for the rest; see maxText.
const maxList = 2500

// listed returns lines as text for notifications, as many as have room.
func listed(lines []string) string {
	text := ""
	for i, line := range lines {
		if utf8.RuneCountInString(text)+utf8.RuneCountInString(line) > maxList {
			return text + fmt.Sprintf("\n… and %d more", len(lines)-i)
		}
		text += "\n" + line
	}
	return text
}

// inList is named for a list.
func (w Texts) inList(t decision.Named) string { return w.namedFirst(shortened(t, maxListed)) }

// announcementOfSeveral returns the announcement of a decision about several
// tasks, for the channel or for one reader.
func (w Texts) announcementOfSeveral(reader string, d decision.Record, all []result, posted time.Time) Message {
	emoji, what := emojiOf(all), several(d, all, reader)
	lines, list := w.lines(d, all)
	next, about, people := w.nextForSeveral(all), aboutSeveral(d, all, what, reader, posted), forPeople(peopleOf(all))
	text := emoji + " " + what
	if reason := excerpt(d.Reason, input.MaxReason); reason != "" {
		text += " Reason: " + reason
	}
	text += list
	for _, more := range []string{next, about, people} {
		if more != "" {
			text += "\n" + more
		}
	}
	blocks := append([]slack.Block{section(fmt.Sprintf("%s *%s*", emoji, what))}, lines...)
	if next != "" {
		blocks = append(blocks, section(next))
	}
	return message(text, append(blocks, layout(quoted(d.Reason), footnote(about), footnote(people))...)...)
}

// aboutSeveral is about for several tasks.
func aboutSeveral(d decision.Record, all []result, what, reader string, posted time.Time) string {
	cannot := ""
	if cancelled, _, _ := counted(all); cancelled > 0 {
		cannot = "cancelled tasks can't be resumed"
	}
	named := strings.HasPrefix(what, you(d.Requester, reader, "You"))
	return upperFirst(joined(cannot, who(d, named, reader, posted)))
}

// nextForSeveral says what to do about those that weren't cancelled.
func (w Texts) nextForSeveral(all []result) string {
	var again, held []chamelio.TaskID
	for _, r := range all {
		switch {
		case r.Outcome == decision.Failed && r.Cause == decision.CauseHeld:
			held = append(held, r.task.ID)
		case r.Outcome == decision.Failed, r.Outcome == decision.RejectedKey:
			again = append(again, r.task.ID)
		}
	}
	var parts []string
	_, unknown, never := counted(all)
	if unknown > 0 {
		parts = append(parts, "I'm checking, and I'll report back within 24 hours.")
	}
	switch unknown + never {
	case 0:
	case 1:
		parts = append(parts, "Check that task's page before you try again.")
	default:
		parts = append(parts, "Check those tasks' pages before you try again.")
	}
	if len(again) > 0 {
		parts = append(parts, fmt.Sprintf("To try again, type %s.", w.again(again...)))
	}
	switch len(held) {
	case 0:
	case 1:
		parts = append(parts, fmt.Sprintf("If no other result appears for the one left out within a few minutes, type %s.", w.again(held...)))
	default:
		parts = append(parts, fmt.Sprintf("If no other result appears for those left out within a few minutes, type %s.", w.again(held...)))
	}
	return strings.Join(parts, " ")
}

// peopleOf returns the people on several tasks, each once.
func peopleOf(all []result) []decision.Person {
	var people []decision.Person
	seen := map[string]bool{}
	for _, r := range all {
		for _, p := range r.People {
			if !seen[p.User] {
				seen[p.User] = true
				people = append(people, p)
			}
		}
	}
	return people
}

// Progress replaces a prompt while some of its tasks have an outcome.
func (w Texts) Progress(d decision.Record) Message {
	return w.underWay(d, fmt.Sprintf(" %d of %d done.", d.Done(), len(d.Tasks)))
}
