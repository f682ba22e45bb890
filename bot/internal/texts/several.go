package texts

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/slack-go/slack"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/input"
	"github.com/cancelbot/cancelbot/chamelio"
)

// maxListed is the longest title in a list of tasks.
const maxListed = 80

// counted returns how many results are cancelled, not cancelled and unknown.
func counted(all []result) (cancelled, not, unknown int) {
	for _, r := range all {
		switch r.Outcome {
		case decision.Cancelled:
			cancelled++
		case decision.Unknown:
			unknown++
		default:
			not++
		}
	}
	return cancelled, not, unknown
}

// tally returns the results as a clause: "2 of 3 cancelled, 1 not known yet".
func tally(all []result) string {
	cancelled, not, unknown := counted(all)
	parts := []string{fmt.Sprintf("%d of %d cancelled", cancelled, len(all))}
	if not > 0 {
		parts = append(parts, fmt.Sprintf("%d not cancelled", not))
	}
	if unknown > 0 {
		parts = append(parts, fmt.Sprintf("%d not known yet", unknown))
	}
	return strings.Join(parts, ", ")
}

// several returns the result of several tasks as a sentence.
func (w Texts) several(d decision.Record, all []result, reader string) string {
	by := mention(d.Confirmer)
	if d.Confirmer == reader {
		by = "You"
	}
	cancelled, not, unknown := counted(all)
	text := fmt.Sprintf("%s cancelled %d of %d tasks.", by, cancelled, len(all))
	switch {
	case cancelled == len(all):
		text = fmt.Sprintf("%s cancelled %d tasks.", by, len(all))
	case cancelled == 0 && unknown == 0:
		return fmt.Sprintf("None of the %d tasks was cancelled.", len(all))
	case cancelled == 0 && not == 0:
		return fmt.Sprintf("I don't know yet whether the %d tasks were cancelled.", len(all))
	case cancelled == 0:
		text = fmt.Sprintf("%s of the %d tasks wasn't cancelled.", fmt.Sprint(not), len(all))
		if not > 1 {
			text = fmt.Sprintf("%d of the %d tasks weren't cancelled.", not, len(all))
		}
	}
	if unknown > 0 {
		text += fmt.Sprintf(" %d isn't known yet.", unknown)
		if unknown > 1 {
			text = strings.TrimSuffix(text, "isn't known yet.") + "aren't known yet."
		}
	}
	return text
}

// emojiOf returns the emoji of several results: the one that needs most
// attention.
func emojiOf(all []result) string {
	cancelled, not, unknown := counted(all)
	for _, r := range all {
		if unknown > 0 && r.Outcome == decision.Unknown || unknown == 0 && not > 0 && cancelled == 0 && r.Outcome != decision.Cancelled {
			return r.row.emoji
		}
	}
	for _, r := range all {
		if r.Outcome == decision.Cancelled {
			return r.row.emoji
		}
	}
	return all[0].row.emoji
}

// lines returns a line for each task, each a block of its own, whose block_id
// says the task and its outcome.
func (w Texts) lines(all []result) (blocks []slack.Block, text string) {
	var lines []string
	for _, r := range all {
		line := fmt.Sprintf("%s %s: %s", r.row.emoji, w.inList(r.task), w.clause(r))
		if step := stepOf(r.Result); step != "" && r.Outcome == decision.Cancelled {
			line += " · stopped at " + step
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

// maxList is the longest list in the text of a message, in characters. Slack cuts
// a text of more than 4000 (docs.slack.dev: reference/methods/chat.postMessage).
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
func (w Texts) inList(t decision.Named) string {
	t.Title = input.Shorten(input.Clean(t.Title), maxListed)
	return w.namedFirst(t)
}

// announcementOfSeveral returns the announcement of a decision about several
// tasks, for the channel or for one reader.
func (w Texts) announcementOfSeveral(reader string, d decision.Record, all []result) Message {
	emoji, what := emojiOf(all), w.several(d, all, reader)
	lines, list := w.lines(all)
	next := w.nextForSeveral(all)
	people := forPeople(peopleOf(all))
	text := emoji + " " + what + list
	if next != "" {
		text += "\n" + next
	}
	text += because(d.Reason)
	if people != "" {
		text += "\n" + people
	}
	blocks := append([]slack.Block{section(fmt.Sprintf("%s *%s*", emoji, what))}, lines...)
	if next != "" {
		blocks = append(blocks, section(next))
	}
	blocks = append(blocks, layout(quoted("Reason", d.Reason), footnote(people), footnote(w.provenance(d, reader)))...)
	return Message{Text: text, Blocks: blocks}
}

// nextForSeveral says what to do about those that weren't cancelled.
func (w Texts) nextForSeveral(all []result) string {
	var again []chamelio.TaskID
	unknown, open := false, false
	for _, r := range all {
		switch {
		case r.Outcome == decision.Unknown:
			unknown, open = true, open || r.row != settledUnknown
		case r.Outcome == decision.Failed && r.Cause != decision.CauseHeld, r.Outcome == decision.RejectedKey:
			again = append(again, r.task.ID)
		}
	}
	var parts []string
	if open {
		parts = append(parts, "I'll keep checking for a day and update this message.")
	}
	if unknown {
		parts = append(parts, "Please look at a task's page in Chamelio before you try again.")
	}
	if len(again) > 0 {
		parts = append(parts, fmt.Sprintf("To try again, type %s.", w.again(again...)))
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

// settledOfSeveral returns the reply that reports the final results of those
// tasks whose outcome was unknown.
func (w Texts) settledOfSeveral(d decision.Record, all []result) Message {
	var settled []result
	for i, r := range all {
		if d.Tasks[i].SettledOutcome != "" {
			settled = append(settled, r)
		}
	}
	what := fmt.Sprintf("I've found out about %s.", count(len(settled), "task"))
	if len(settled) == 1 {
		what = "I've found out about the last task."
	}
	lines, list := w.lines(settled)
	return Message{
		Text:   settled[0].row.emoji + " Update: " + what + list,
		Blocks: append([]slack.Block{section(fmt.Sprintf("*Update: %s*", what))}, lines...),
	}
}

// Progress replaces a prompt while some of its tasks have an outcome.
func (w Texts) Progress(d decision.Record) Message {
	return w.underWay(d, fmt.Sprintf(" %d of %d done.", d.Done(), len(d.Tasks)))
}
