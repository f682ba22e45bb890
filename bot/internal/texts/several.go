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

// tally sorts results.
type tally struct {
	total, unknown int
	never          int               // unknown in the end
	cancelled      []chamelio.TaskID // now, by this decision or before it
	own            []chamelio.TaskID // certainly by this decision
	seen           int               // perhaps by this decision: seen cancelled after a request without a clear answer
	others         int               // another decision has it, or had it, and may have cancelled it
	not            int               // seen running, or ended otherwise
}

// counted sorts results.
func counted(all []result) tally {
	n := tally{total: len(all)}
	for _, r := range all {
		switch {
		case r.Outcome == decision.Cancelled || r.Outcome == decision.AlreadyCancelled:
			n.cancelled = append(n.cancelled, r.task.ID)
			if r.Outcome == decision.Cancelled && r.Cause == decision.CauseSeen {
				n.seen++
			} else if r.Outcome == decision.Cancelled {
				n.own = append(n.own, r.task.ID)
			}
		case r.row == settledUnknown:
			n.never++
		case r.Outcome == decision.Unknown:
			n.unknown++
		case r.taken != decision.NotTaken || r.LeftOut() || r.Outcome == decision.Superseded:
			n.others++
		case notCancelled(r.Result):
			n.not++
		}
	}
	return n
}

// notCancelled reports whether Chamelio has shown that no one has cancelled a task.
// After other failures, someone else may have cancelled it.
func notCancelled(r decision.Result) bool {
	runs := r.Cause == decision.CauseServer || r.Cause == decision.CauseStillRuns || r.Cause == decision.CauseRefused && !r.Seen.IsZero()
	return runs || r.Outcome == decision.NotCancellable && r.Status.Final()
}

// named reports whether a text may say that the requester cancelled the tasks that
// this decision ended: each of them certainly by its request.
func (n tally) named() bool { return n.seen == 0 }

// ended returns how many tasks this decision ended, as far as is known.
func (n tally) ended() int { return len(n.own) + n.seen }

// sentence says how many tasks the requester cancelled or, if that isn't certain of
// each, how many are cancelled. A number out of all tasks would also be about the
// others: that the requester didn't cancel them with another confirmation, or that no
// one has cancelled them. Unless that is known, the sentence has no such number.
func (n tally) sentence(by string) string {
	if n.named() {
		return fmt.Sprintf("%s cancelled %s.", by, n.of(len(n.own), n.others == 0))
	}
	return n.areCancelled(n.of(len(n.cancelled), len(n.cancelled)+n.not == n.total))
}

// of returns "2 of 3 tasks" or, if nothing may be said about the third, "2 tasks".
func (n tally) of(k int, outOf bool) string {
	if k == n.total || !outOf {
		return count(k, "task")
	}
	return fmt.Sprintf("%d of %d tasks", k, n.total)
}

// areCancelled says of tasks that they are cancelled.
func (n tally) areCancelled(tasks string) string {
	if len(n.cancelled) == 1 {
		return tasks + " is cancelled."
	}
	return tasks + " are cancelled."
}

// several returns the headline about several tasks. It names the requester only if
// each task that is cancelled by this decision certainly was. Of those that aren't
// cancelled it says nothing: someone else may have cancelled them.
func several(d decision.Record, all []result, reader string) string {
	by, n := you(d.Requester, reader, "You"), counted(all)
	switch {
	case n.ended() == 0 && n.unknown+n.never == 0 && n.others > 0: // the requester may have them by another confirmation
		return fmt.Sprintf("This confirmation cancelled none of the %d tasks.", n.total)
	case n.ended() == 0 && n.unknown+n.never == 0:
		return fmt.Sprintf("%s couldn't cancel any of the %d tasks.", by, n.total)
	case n.ended() == 0 && n.unknown == n.total:
		return fmt.Sprintf("Not confirmed yet by Chamelio: %d tasks.", n.total)
	case n.ended() == 0 && n.unknown > 0:
		return fmt.Sprintf("Not confirmed yet by Chamelio: %d of %d tasks.", n.unknown, n.total)
	case n.ended() == 0:
		return fmt.Sprintf("I couldn't find out about %d of %d tasks.", n.never, n.total)
	}
	text := n.sentence(by)
	switch {
	case n.unknown > 0:
		text += fmt.Sprintf(" %d not confirmed yet by Chamelio.", n.unknown)
	case n.never > 0:
		text += fmt.Sprintf(" %d still unknown.", n.never)
	}
	return text
}

// lineOfSeveral is like line, for several tasks. where is where each result is. It
// can't be edited, so it says of no task that it isn't cancelled, and counts like
// sentence.
func lineOfSeveral(d decision.Record, where string) string {
	n := counted(resultsOf(d))
	if n.unknown > 0 {
		return fmt.Sprintf("I couldn't tell right away what happened to %d of %s. %s", n.unknown, numbered(d.IDs()), willReport)
	}
	of, text := "", ""
	switch {
	case !n.named():
		text = n.areCancelled(numbered(n.cancelled))
	case n.others == 0:
		text = fmt.Sprintf("Cancelled %d of %s.", len(n.own), numbered(d.IDs()))
	case len(n.own) > 0:
		text = fmt.Sprintf("Cancelled %s.", numbered(n.own))
	default:
		of = " of " + numbered(d.IDs())
	}
	if len(closedOf(d)) < len(d.Tasks) { // it may not be there yet
		text += fmt.Sprintf(" See %s for the results%s.", where, of)
	}
	return strings.TrimSpace(text)
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
	n := counted(all)
	switch {
	case len(all) == 1:
		return all[0].row.emoji
	case n.unknown > 0:
		return emojiPending
	case n.ended() > 0 && n.never == 0:
		return emojiCancelled
	}
	return emojiWarning
}

// lines returns a line for each task, each a block of its own, whose block_id
// says the task and its outcome. None names the requester.
func (w Texts) lines(d decision.Record, all []result) (blocks []slack.Block, text string) {
	var lines []string
	headlined := counted(all).named()
	for _, r := range all {
		r.task = shortened(r.task, maxListed)
		line := r.row.emoji + " " + w.inLine(d, r, headlined)
		if moved := movedOn(r.Was); moved != "" {
			line += "\n" + moved
		}
		if r.taken != decision.NotTaken {
			line += "\n" + taken[r.taken]
		}
		blocks = append(blocks, slack.NewSectionBlock(mrkdwn(line), nil, nil,
			slack.SectionBlockOptionBlockID(fmt.Sprintf("%s:%d", r.Outcome, r.task.ID))))
		lines = append(lines, line)
	}
	return blocks, listed(lines)
}

// inLine says what became of one of several tasks. headlined says that the headline
// names who cancelled; otherwise a footnote says who requested it.
func (w Texts) inLine(d decision.Record, r result, headlined bool) string {
	at := strings.TrimSuffix(stopped(", stopped", r.Result), ", stopped")
	switch {
	case r.Outcome == decision.Failed && r.Cause == decision.CauseRefused:
		return strings.TrimSuffix(strings.TrimSpace(w.fillOutcome(r.row.what+" {detail}", d, "", r)), ".")
	case r.Outcome != decision.Cancelled:
		return strings.TrimSuffix(w.fillOutcome(r.row.what, d, "", r), ".")
	case r.Cause == decision.CauseSeen:
		return w.namedFirst(r.task) + " is cancelled" + at
	case headlined:
		return w.namedFirst(r.task) + " " + stopped("was cancelled", r.Result)
	}
	return w.namedFirst(r.task) + " was cancelled as requested" + at
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
	if counted(all).ended() > 0 {
		cannot = "cancelled tasks can't be resumed"
	}
	named := strings.HasPrefix(what, you(d.Requester, reader, "You"))
	return upperFirst(joined(cannot, who(d, named, reader, posted)))
}

// nextForSeveral says what to do about those that weren't cancelled.
func (w Texts) nextForSeveral(all []result) string {
	var again, locked, held, since, perhaps []chamelio.TaskID
	refused, missing, ended := false, false, false
	var wait time.Duration
	for _, r := range all {
		switch {
		case r.taken == decision.TakenSince:
			since = append(since, r.task.ID)
		case r.taken == decision.MaybeTaken:
			perhaps = append(perhaps, r.task.ID)
		case r.LeftOut():
			held = append(held, r.task.ID)
		case r.Outcome == decision.RejectedKey:
			locked = append(locked, r.task.ID)
		case r.Outcome == decision.NotFound:
			missing = true
		case r.Outcome == decision.Failed && r.Cause == decision.CauseRefused:
			refused = true
		case r.Outcome == decision.NotCancellable && r.row.status == "":
			ended = true
		case r.Outcome == decision.Failed:
			again = append(again, r.task.ID)
			if r.Cause == decision.CauseBusy {
				wait = max(wait, r.RetryIn, time.Minute)
			}
		}
	}
	var parts []string
	n := counted(all)
	if n.unknown > 0 {
		parts = append(parts, "I'm checking, and I'll report back within 24 hours.")
	}
	switch n.unknown + n.never {
	case 0:
	case 1:
		parts = append(parts, "Check that task's page before you try again.")
	default:
		parts = append(parts, "Check those tasks' pages before you try again.")
	}
	switch {
	case wait > 0:
		parts = append(parts, fmt.Sprintf("Try again in %s: type %s.", duration(wait), w.again(again...)))
	case len(again) > 0:
		parts = append(parts, fmt.Sprintf("To try again, type %s.", w.again(again...)))
	}
	if len(locked) > 0 {
		parts = append(parts, w.onceReplaced(locked...))
	}
	if refused {
		parts = append(parts, "Where Chamelio refused, check the task's page.")
	}
	if ended {
		parts = append(parts, "Where a task can't be cancelled any more, check its page: someone may have cancelled it already, or it has ended.")
	}
	if missing {
		parts = append(parts, "Tasks that Chamelio can't find may have been deleted, or I may have lost access to them.")
	}
	if len(held) > 0 {
		parts = append(parts, w.unlessSeen("left out", held))
	}
	if len(since) > 0 {
		parts = append(parts, w.unlessSeen("confirmed again", since))
	}
	if len(perhaps) > 0 {
		parts = append(parts, w.unlessSeen("that may have been confirmed again", perhaps))
	}
	return strings.Join(parts, " ")
}

// unlessSeen says what to do about tasks that other decisions have, and whose results
// are posted, or were, elsewhere. They may also be taken back, and have none.
func (w Texts) unlessSeen(what string, tasks []chamelio.TaskID) string {
	which := "the one"
	if len(tasks) > 1 {
		which = "those"
	}
	return fmt.Sprintf("If you don't see another result for %s %s within a few minutes, type %s.", which, what, w.again(tasks...))
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
	d = claimed(d)
	return w.progress(d, fmt.Sprintf(" %d of %d done.", d.Done(), len(d.Tasks)))
}
