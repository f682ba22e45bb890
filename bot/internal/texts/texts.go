// Package texts holds every word that people read in Slack, as data. It is pure:
// no clock, no I/O.
package texts

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/input"
	"github.com/cancelbot/cancelbot/bot/internal/policy"
	"github.com/cancelbot/cancelbot/chamelio"
)

// Texts writes every text that a person reads in Slack. Each says what
// happened, to which task, and what to do next. The tables in outcomes.go and
// refusals.go have one row for each outcome and refusal; docs/messages.md shows
// all texts.
//
// Once anyone may be cancelling a task, no text says that it still runs or
// wasn't changed. So an answer is about the click or the command that it
// answers.
type Texts struct {
	Command    string   // the name of the command in this workspace
	Hosts      []string // of task links, in addition to Chamelio's own
	Channels   []policy.ChannelID
	Approvers  []string // who may be the second person; everyone if empty
	Operator   string   // who runs the bot; may be empty
	AsksReason bool     // a reason is required: a prompt without one says that the click asks for it
	MaxTasks   int      // in one command

	SecondPerson policy.SecondPerson // which tasks someone else must approve
}

// The most characters shown of text from outside. MaxTitle is for the titles of
// tasks.
const (
	MaxTitle    = 150
	maxName     = 80
	maxInput    = 60
	maxOperator = 150
)

// fill replaces the placeholders in text. pieces are pairs of a placeholder in
// braces and its value. Values aren't searched again. A strings.Replacer would
// take longer to build than this takes to run.
func fill(text string, pieces ...string) string {
	var filled strings.Builder
next:
	for {
		open := strings.IndexByte(text, '{')
		if open < 0 {
			filled.WriteString(text)
			return filled.String()
		}
		filled.WriteString(text[:open])
		text = text[open:]
		for i := 0; i < len(pieces); i += 2 {
			if rest, ok := strings.CutPrefix(text, pieces[i]); ok {
				filled.WriteString(pieces[i+1])
				text = rest
				continue next
			}
		}
		filled.WriteByte('{')
		text = text[1:]
	}
}

// again returns the command that cancels tasks, ready to be copied.
func (w Texts) again(tasks ...chamelio.TaskID) string {
	text := "`" + w.Command
	for _, id := range tasks {
		text += fmt.Sprintf(" %d", id)
	}
	return text + "`"
}

// contact returns who runs the bot: a mention for a Slack ID, or else plain
// words.
func (w Texts) contact() string {
	id := strings.TrimSpace(w.Operator)
	switch {
	case id == "":
		return "the bot's operator"
	case input.IsID(id, "UW"):
		return "<@" + id + ">"
	case input.IsID(id, "CG"):
		return "<#" + id + ">"
	case input.IsID(id, "S") && len(id) > 5:
		return "<!subteam^" + id + ">"
	}
	return strings.TrimRight(excerpt(id, maxOperator), ".") // a sentence ends with it
}

// please begins a sentence that asks the operator for something.
func (w Texts) please() string {
	if strings.TrimSpace(w.Operator) == "" {
		return "Please"
	}
	return upperFirst(w.contact()) + ": please"
}

// places lists the channels where tasks can be cancelled. Direct messages have no name
// that can be shown, so they are listed once.
func (w Texts) places() string {
	var all []string
	direct := ""
	for _, channel := range w.Channels {
		if id := strings.TrimSpace(string(channel)); input.IsID(id, "CG") {
			all = append(all, "<#"+id+">")
		} else {
			direct = "an allowed direct message"
		}
	}
	if direct != "" {
		all = append(all, direct)
	}
	return cmp.Or(list(all, "or"), "another conversation")
}

// mayConfirm lists who can be the second person: "@Grace or @leads". The requester
// can't. It is empty if everyone else can, or no one.
func (w Texts) mayConfirm(requester string) string {
	var all []string
	for _, id := range w.Approvers {
		switch id = strings.TrimSpace(id); {
		case input.IsID(id, "S"):
			all = append(all, "<!subteam^"+id+">")
		case input.IsID(id, "UW") && id != requester:
			all = append(all, mention(id))
		}
	}
	return list(all, "or")
}

// OnlyApprover reports whether a person is the only one who can be the second person, so
// that no one can approve their requests. The members of a usergroup aren't known here.
func (w Texts) OnlyApprover(user string) bool {
	return len(w.Approvers) > 0 && !slices.ContainsFunc(w.Approvers, func(id string) bool { return strings.TrimSpace(id) != user })
}

// list returns "a, b or c". It shows only the first of many.
func list(all []string, last string) string {
	const shown = 5
	if len(all) > shown+1 {
		all = append(all[:shown:shown], fmt.Sprintf("%d more", len(all)-shown))
	}
	if len(all) < 2 {
		return strings.Join(all, "")
	}
	return strings.Join(all[:len(all)-1], ", ") + " " + last + " " + all[len(all)-1]
}

// named returns a task's title and number, "Master agreement (task 12345)", or
// "task 12345" if the title isn't known. It is linked if its address is its own
// page. Otherwise, the title is in quotation marks.
func (w Texts) named(t decision.Named) string { return w.name("task", t) }

// namedFirst is named for the beginning of a sentence.
func (w Texts) namedFirst(t decision.Named) string { return w.name("Task", t) }

// name uses noun where a name begins with it.
func (w Texts) name(noun string, t decision.Named) string {
	title := excerpt(t.Title, MaxTitle)
	if title == "" {
		return link(t, fmt.Sprintf("%s %d", noun, t.ID), w.Hosts)
	}
	label := link(t, title, w.Hosts)
	if label == title {
		label = "“" + title + "”"
	}
	return label + fmt.Sprintf(" (task %d)", t.ID)
}

// nameInText matches a link, and a name without a link. No text from outside can
// look like either: escape leaves it no < and no ”.
var nameInText = regexp.MustCompile(`<(https?://[^<>|]*)\|[^<>]*>|” \((task \d+)\)`)

// NamesIn returns the links and the numbers of the tasks that mrkdwn of the bot
// names, for input.FindTasks. The other words may be someone else's, such as a reason
// or the name of a workflow.
func NamesIn(text string) (names []string) {
	for _, found := range nameInText.FindAllStringSubmatch(text, -1) {
		if found[1] != "" {
			names = append(names, "<"+found[1]+">")
		} else {
			names = append(names, found[2])
		}
	}
	return names
}

// quotedName is namedFirst for plain_text, where nothing is linked.
func quotedName(t decision.Named) string {
	title := plain(t.Title, MaxTitle)
	if title == "" {
		return fmt.Sprintf("Task %d", t.ID)
	}
	return fmt.Sprintf("“%s” (task %d)", title, t.ID)
}

// labelled is named for the labels of buttons, which are short: number first.
func labelled(t decision.Named) string {
	text := fmt.Sprintf("task %d", t.ID)
	if title := plain(t.Title, MaxTitle); title != "" {
		text += ", " + title
	}
	return text
}

// numbered returns "3 tasks (12345, 12346 and 12347)".
func numbered(ids []chamelio.TaskID) string {
	all := make([]string, len(ids))
	for i, id := range ids {
		all[i] = id.String()
	}
	return fmt.Sprintf("%s (%s)", count(len(ids), "task"), list(all, "and"))
}

// asked returns the name of the task of a prompt, or the numbers of several.
func (w Texts) asked(c decision.Confirmation) string {
	if c.Public {
		c = c.Published()
	}
	if len(c.Tasks) > 1 {
		return numbered(c.IDs())
	}
	return w.named(c.Tasks[0])
}

// published returns a decision as its prompt may show it: the prompt of two people
// is in the conversation.
func published(d decision.Record) decision.Record {
	if d.Confirmer != d.Requester {
		return d.Published()
	}
	return d
}

// inAnswerTo returns a decision as an answer to a press on a prompt may show it: everyone
// in the conversation can press the buttons of a request.
func inAnswerTo(c decision.Confirmation, d decision.Record) decision.Record {
	if c.Public {
		d.Untitled = d.Untitled || c.Untitled
		return d.Published()
	}
	return d
}

// decided returns the name of the task of a decision, or the numbers of several.
func (w Texts) decided(d decision.Record) string {
	d = published(d)
	if len(d.Tasks) > 1 {
		return numbered(d.IDs())
	}
	return w.named(d.Tasks[0].Named())
}

// underWay returns the name of the tasks that a decision without an outcome cancels:
// not of those that another one had first.
func (w Texts) underWay(d decision.Record) string { return w.decided(claimed(d)) }

// claimed returns a decision with the tasks that its claim got, or with all if it got
// none.
func claimed(d decision.Record) decision.Record {
	got := d.Only(func(t decision.Item) bool { return !t.Result().Held() })
	if len(got.Tasks) == 0 {
		return d
	}
	return got
}

// because returns a reason as a quotation on a line of its own; empty if there
// is none.
func because(reason string) string {
	if reason = excerpt(reason, input.MaxReason); reason == "" {
		return ""
	}
	return "\n>" + reason
}
