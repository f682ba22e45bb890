package texts

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/slack-go/slack"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/input"
	"github.com/cancelbot/cancelbot/chamelio"
)

// Names of the buttons. Prompts carry them, so they must not change.
const (
	ActionCancel = "cancel_task"
	ActionKeep   = "keep_task"
)

// Preview is the contents of a prompt other than its confirmation.
type Preview struct {
	Tasks    []chamelio.Task // those of the confirmation; one is empty if Chamelio didn't return it in time
	Excluded []Excluded      // those that were asked for as well, and won't be cancelled
	Unsure   bool            // the reason might be a further task
	Cut      bool            // the reason is shortened, to fit into a button next to the tasks
}

// Excluded is a task that a prompt leaves out.
type Excluded struct {
	ID       chamelio.TaskID
	Why      string // a clause for the person who asked, as mrkdwn
	WhyToAll string // the same for everyone; "" if it doesn't differ
	Over     bool   // it has ended or doesn't exist, so another try won't help
	Locked   bool   // Chamelio refuses the key
}

// untitled returns the preview without what Chamelio says about the tasks.
func (p Preview) untitled() Preview {
	p.Tasks = slices.Clone(p.Tasks)
	for i, t := range p.Tasks {
		p.Tasks[i] = chamelio.Task{ID: t.ID, URL: t.URL}
	}
	return p
}

// Prompt returns the message with the buttons, which carry value. Nothing
// follows them.
func (w Texts) Prompt(c decision.Confirmation, p Preview, value string) Message {
	if c.Public && c.Untitled {
		c, p = c.Published(), p.untitled()
	}
	if len(c.Tasks) > 1 {
		return w.promptForSeveral(c, p, value)
	}
	task := p.Tasks[0]
	t := decision.Named{ID: c.Tasks[0].ID, Title: task.Title, URL: task.URL}
	warning, about, left := warning(task), aboutTask(task), leftOut(p.Excluded, c.Public)
	if !c.Public {
		about = joined(link(t, fmt.Sprintf("Task %d", t.ID), w.Hosts), about)
	}
	if task.ID == 0 {
		about = noDetails
	}
	return message(w.promptText(c, w.named(shortened(t, maxBrief)), warning, about, left, understood(c, p, orElse(c))), layout(
		header(question(t)),
		w.request(c, link(t, fmt.Sprintf("task %d", t.ID), w.Hosts)),
		optional(warning),
		quoted(c.Reason),
		footnote(understood(c, p, orElse(c))),
		footnote(about),
		leftOutBlock(p.Excluded, c.Public),
		section(w.promptNote(c)),
		w.buttons(c, value, "Cancel task", t),
	)...)
}

// noDetails is shown in place of a task's details.
const noDetails = "I couldn't get the task's details in time, so check that it's the right task. You can still confirm."

// question asks about one task, in plain text.
func question(t decision.Named) string {
	const title = "Cancel “%s”?"
	if short := plain(t.Title, headerLimit-utf8.RuneCountInString(title)+len("%s")); short != "" {
		return fmt.Sprintf(title, short)
	}
	return fmt.Sprintf("Cancel task %d?", t.ID)
}

// promptText is a prompt for notifications and screen readers: who, what and why
// first.
func (w Texts) promptText(c decision.Confirmation, what string, rest ...string) string {
	text := fmt.Sprintf("Cancel %s?", what)
	if c.Public {
		text = fmt.Sprintf("%s wants to cancel %s.", mention(c.Requester), what)
	}
	if reason := excerpt(c.Reason, input.MaxReason); reason != "" {
		text += " Reason: " + reason
	}
	if c.Public {
		text += "\n" + w.whoApproves(c, clock(c.ExpiresAt))
	}
	for _, more := range append(rest, w.promptNote(c)) {
		if more != "" {
			text += "\n" + more
		}
	}
	return text
}

// promptForSeveral lists the tasks, and those that are left out.
func (w Texts) promptForSeveral(c decision.Confirmation, p Preview, value string) Message {
	tasks := count(len(c.Tasks), "task")
	blocks := layout(header("Cancel "+tasks+"?"), w.request(c, "these tasks"))
	var lines []string
	for i, t := range c.Tasks {
		line := w.listedTask(t, p.Tasks[i])
		blocks, lines = append(blocks, section(line)), append(lines, line)
	}
	left := leftOut(p.Excluded, c.Public)
	return message(w.promptText(c, tasks, strings.TrimPrefix(listed(lines), "\n"), left, cut(p), understood(c, p, orElse(c))), append(blocks, layout(
		leftOutBlock(p.Excluded, c.Public),
		quoted(c.Reason),
		footnote(cut(p)),
		footnote(understood(c, p, orElse(c))),
		section(w.promptNote(c)),
		w.buttons(c, value, "Cancel "+tasks, decision.Named{}),
	)...)...)
}

// listedTask returns what a prompt shows of one of several tasks.
func (w Texts) listedTask(t decision.Named, task chamelio.Task) string {
	if task.ID == 0 {
		return "• " + w.inList(t) + "\nI couldn't get the task's details in time. You can still confirm."
	}
	line := "• " + w.inList(decision.Named{ID: t.ID, Title: task.Title, URL: task.URL})
	if about := progressAbout(task); about != "" {
		line += "\n" + about
	}
	if at := sensitive(task); at != "" {
		line += "\n" + emojiWarning + " *At " + at + "*"
	}
	return line
}

// joined joins what isn't empty.
func joined(parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(part string) bool { return part == "" }), " · ")
}

// upperFirst capitalises the first letter of text.
func upperFirst(text string) string {
	_, size := utf8.DecodeRuneInString(text)
	return strings.ToUpper(text[:size]) + text[size:]
}

// request says who asks to cancel what, and until when someone else can approve
// it; nil for a prompt that isn't public.
func (w Texts) request(c decision.Confirmation, what string) slack.Block {
	if !c.Public {
		return nil
	}
	return section(fmt.Sprintf("%s wants to cancel %s. *%s*", mention(c.Requester), what, w.whoApproves(c, clock(c.ExpiresAt))))
}

// cut says that the reason isn't shown as it was typed.
func cut(p Preview) string {
	if !p.Cut {
		return ""
	}
	return "I had to shorten the reason: there wasn't enough room next to that many tasks."
}

// understood says how a command was read that can be read in two ways, and what to do
// if that's wrong.
func understood(c decision.Confirmation, p Preview, orElse string) string {
	if !p.Unsure {
		return ""
	}
	read := fmt.Sprintf("%d as the task", c.Tasks[0].ID)
	if n := len(c.Tasks) + len(p.Excluded); n > 1 {
		read = fmt.Sprintf("the first %d numbers as tasks", n)
	}
	return fmt.Sprintf("I took %s, and the rest as the reason. %s", read, orElse)
}

// orElse says what to do if a command was misread. Everyone reads a request.
func orElse(c decision.Confirmation) string {
	if c.Public {
		return fmt.Sprintf("If the requester meant something else, they can press *%s* and type the command again.", keepLabel(c))
	}
	return notMeant(keepLabel(c), "type the command again")
}

// notMeant says which button to press if a command was misread, and what to do next.
func notMeant(press, next string) string {
	return fmt.Sprintf("Not what you meant? Press *%s* and %s.", press, next)
}

// keepLabel is the text of the button that leaves the tasks alone.
func keepLabel(c decision.Confirmation) string {
	switch {
	case c.Public:
		return "Withdraw request"
	case len(c.Tasks) > 1:
		return "Keep them"
	}
	return "Keep task"
}

// buttons returns the buttons of a prompt about t, or about several tasks. In the
// channel, and for several tasks, Slack asks once more.
func (w Texts) buttons(c decision.Confirmation, value, text string, t decision.Named) slack.Block {
	several := len(c.Tasks) > 1
	name := labelled(t)
	title, stops := "Cancel this task permanently?", quotedName(t)+" stops immediately and can't be resumed."
	if several {
		name = count(len(c.Tasks), "task")
		title, stops = text+" permanently?", "They stop immediately and can't be resumed."
	}
	cancel, keep := button(ActionCancel, value, text, "Cancel "+name), button(ActionKeep, value, keepLabel(c), "Keep "+name)
	if c.Public {
		cancel = button(ActionCancel, value, "Approve cancellation", "Approve cancelling "+name)
		keep = button(ActionKeep, value, keepLabel(c), "Withdraw the request to cancel "+name)
	}
	if c.Public || several {
		cancel.Confirm = slack.NewConfirmationBlockObject(plainText(title), plainText(stops), plainText(text), plainText("Go back")).WithStyle(slack.StyleDanger)
	}
	return slack.NewActionBlock("", cancel.WithStyle(slack.StyleDanger), keep)
}

const undone = "*This can't be undone.*"

// promptNote is the last line before the buttons. A request says the time at the
// top.
func (w Texts) promptNote(c decision.Confirmation) string {
	if c.Public {
		return undone
	}
	note := undone + fmt.Sprintf(" Confirm by %s.", clock(c.ExpiresAt))
	if w.AsksReason && c.Reason == "" {
		note += " I'll ask you for a reason."
	}
	return note
}

// whoApproves says in a sentence who can be the second person, and until when.
func (w Texts) whoApproves(c decision.Confirmation, by string) string {
	text := "Someone else must approve"
	if by != "" {
		text += " by " + by
	}
	if people := w.mayConfirm(c.Requester); people != "" {
		text += ": " + people
	}
	return text + "."
}
