package texts

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/slack-go/slack"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/policy"
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
}

// Excluded is a task that a prompt leaves out.
type Excluded struct {
	ID  chamelio.TaskID
	Why string // a clause, as mrkdwn
}

// untitled returns the preview without what Chamelio says about the tasks, except
// what would be lost: that they are at an approval, or a signature.
func (p Preview) untitled() Preview {
	p.Tasks = slices.Clone(p.Tasks)
	for i, t := range p.Tasks {
		p.Tasks[i] = chamelio.Task{ID: t.ID, URL: t.URL, StepType: t.StepType}
	}
	return p
}

// Prompt returns the message with the buttons, which carry value.
func (w Texts) Prompt(c decision.Confirmation, p Preview, value string) Message {
	if c.Public && c.Untitled {
		c, p = c.Published(), p.untitled()
	}
	if len(c.Tasks) > 1 || len(p.Excluded) > 0 {
		return w.promptForSeveral(c, p, value)
	}
	task := p.Tasks[0]
	t := decision.Named{ID: c.Tasks[0].ID, Title: task.Title, URL: task.URL}
	text := fmt.Sprintf("Cancel %s? You can confirm until %s. This can't be undone.", w.named(t), clock(c.ExpiresAt))
	if c.Public {
		text = fmt.Sprintf("%s asks to cancel %s. %s You can confirm until %s. This can't be undone.",
			mention(c.Requester), w.named(t), w.whoConfirms(), clock(c.ExpiresAt))
	}
	text += because(c.Reason)
	understood := w.understood(c, p)
	if understood != "" {
		text += "\n" + understood
	}
	warning := w.warning(task)
	if warning != "" {
		text += "\n" + warning
	}
	return Message{
		Text: text,
		Blocks: layout(
			header(fmt.Sprintf("Cancel task %d?", t.ID)),
			w.request(c, "this task"),
			w.described(task),
			warningBlock(warning),
			fields(
				field{"Workflow", excerpt(task.Workflow, maxName)},
				field{"Progress", progressOf(task.StepsDone, task.StepsTotal)},
				field{"Current step", excerpt(task.Step, maxName)},
				field{"Status", statusName(task.Status)},
				field{"Started", ageOf(task.CreatedAt.Time)},
				field{"Owner", excerpt(task.Owner, maxName)},
				field{"Assignee", excerpt(task.Assignee, maxName)},
			),
			quoted(reasonName(c), c.Reason),
			footnote(understood),
			w.buttons(c, value, "Cancel task", plainName(t)),
			footnote(w.promptNote(c)),
		),
	}
}

// promptForSeveral lists the tasks, and those that are left out.
func (w Texts) promptForSeveral(c decision.Confirmation, p Preview, value string) Message {
	tasks := count(len(c.Tasks), "task")
	text := fmt.Sprintf("Cancel %s? You can confirm until %s. This can't be undone.", tasks, clock(c.ExpiresAt))
	if c.Public {
		text = fmt.Sprintf("%s asks to cancel %s. %s You can confirm until %s. This can't be undone.",
			mention(c.Requester), tasks, w.whoConfirms(), clock(c.ExpiresAt))
	}
	blocks := layout(header("Cancel "+tasks+"?"), w.request(c, "these tasks"))
	var lines []string
	for i, t := range c.Tasks {
		line := w.listedTask(t, p.Tasks[i])
		blocks, lines = append(blocks, section(line)), append(lines, line)
	}
	text += listed(lines)
	if left := w.leftOut(p.Excluded); left != "" {
		blocks = append(blocks, section(left))
		text += "\n" + left
	}
	text += because(c.Reason)
	understood := w.understood(c, p)
	if understood != "" {
		text += "\n" + understood
	}
	return Message{Text: text, Blocks: append(blocks, layout(
		quoted(reasonName(c), c.Reason),
		footnote(understood),
		w.buttons(c, value, "Cancel "+tasks, tasks),
		footnote(w.promptNote(c)),
	)...)}
}

// NothingToCancel answers a command about several tasks of which none can be
// cancelled.
func (w Texts) NothingToCancel(left []Excluded) Message {
	return say("None of these %d tasks can be cancelled.\n%s", len(left), w.leftOut(left))
}

// listedTask returns what a prompt shows of one of several tasks.
func (w Texts) listedTask(t decision.Named, task chamelio.Task) string {
	if task.ID == 0 {
		return "• " + w.inList(t) + "\nChamelio didn't give me its details just now. You can still confirm."
	}
	line := "• " + w.inList(decision.Named{ID: t.ID, Title: task.Title, URL: task.URL})
	about := joined(excerpt(task.Workflow, maxName), excerpt(task.Step, maxName), progressOf(task.StepsDone, task.StepsTotal))
	if about != "" {
		line += "\n" + about
	}
	if warning := w.warning(task); warning != "" {
		line += "\n:warning: " + warning
	}
	return line
}

// joined joins what isn't empty.
func joined(parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(part string) bool { return part == "" }), " · ")
}

// leftOut lists the tasks that won't be cancelled; "" if there are none.
func (w Texts) leftOut(left []Excluded) string {
	if len(left) == 0 {
		return ""
	}
	text := "*Won't be cancelled*"
	for _, t := range left {
		text += fmt.Sprintf("\n• Task %d: %s", t.ID, t.Why)
	}
	return text
}

// Exclude says why a task is left out of a prompt, by what Chamelio answered to
// its GET; false if it isn't.
func (w Texts) Exclude(id chamelio.TaskID, task chamelio.Task, err error) (Excluded, bool) {
	var e *chamelio.Error
	switch {
	case errors.As(err, &e) && e.TaskNotFound():
		return Excluded{id, "Chamelio has no such task, or this bot can't see it"}, true
	case errors.Is(err, chamelio.ErrUnauthorized) && errors.As(err, &e):
		return Excluded{id, fmt.Sprintf("Chamelio refused this bot's key (%s)", keyRefused[e.Reason])}, true
	case err == nil && task.Status == chamelio.Cancelled:
		return Excluded{id, "it was already cancelled"}, true
	case err == nil && task.Status.Final():
		return Excluded{id, "it has already " + endVerb(task.Status)}, true
	}
	return Excluded{}, false
}

// ExcludeRefused says why a task is left out that the person may not cancel.
func (w Texts) ExcludeRefused(no policy.Verdict, id chamelio.TaskID) Excluded {
	switch no.Code {
	case policy.CodeNotOnTask:
		return Excluded{id, "you're not on it"}
	default:
		return Excluded{id, "I can't check whether you may cancel it"}
	}
}

// request says who asks to cancel what; nil for a prompt that isn't public.
func (w Texts) request(c decision.Confirmation, what string) slack.Block {
	if !c.Public {
		return nil
	}
	return section(fmt.Sprintf("%s asks to cancel %s. *%s*", mention(c.Requester), what, w.whoConfirms()))
}

func reasonName(c decision.Confirmation) string {
	if c.Public {
		return "Reason"
	}
	return "Your reason"
}

// understood says how a command was read that can be read in two ways.
func (w Texts) understood(c decision.Confirmation, p Preview) string {
	switch {
	case !p.Unsure:
		return ""
	case len(c.Tasks)+len(p.Excluded) == 1:
		return fmt.Sprintf("I took %d as the task and the rest as your reason. If you meant something else, keep it and type it again.", c.Tasks[0].ID)
	}
	return "I took the numbers at the beginning as tasks and the rest as your reason. If you meant something else, keep them and type it again."
}

// buttons returns the buttons of a prompt. Of several tasks, Slack asks once
// more.
func (w Texts) buttons(c decision.Confirmation, value, text, name string) slack.Block {
	cancel := button(ActionCancel, value, text, "Cancel "+name).WithStyle(slack.StyleDanger)
	keep := button(ActionKeep, value, "Keep it", "Keep it: "+name)
	if len(c.Tasks) > 1 {
		cancel.Confirm = slack.NewConfirmationBlockObject(plainText(text+"?"),
			plainText("This can't be undone."), plainText(text), plainText("Go back")).WithStyle(slack.StyleDanger)
		keep = button(ActionKeep, value, "Keep them", "Keep "+name)
	}
	if c.Public {
		keep = button(ActionKeep, value, "Withdraw", "Withdraw the request to cancel "+name)
	}
	return slack.NewActionBlock("", cancel, keep)
}

// promptNote is the small print of a prompt.
func (w Texts) promptNote(c decision.Confirmation) string {
	note := fmt.Sprintf("This can't be undone. You can confirm until %s.", clock(c.ExpiresAt))
	if c.Public {
		note += fmt.Sprintf(" Only %s can withdraw it.", mention(c.Requester))
	}
	if w.AsksReason && c.Reason == "" {
		note += " I'll ask you for a reason."
	}
	return ":warning: " + note
}

// whoConfirms says in a sentence who can be the second person.
func (w Texts) whoConfirms() string {
	if people := w.mayConfirm(); people != "" {
		return "Someone else has to confirm it: " + people + "."
	}
	return "Someone else has to confirm it."
}

func (w Texts) described(task chamelio.Task) slack.Block {
	if task.ID == 0 {
		return section("Chamelio didn't give me the details just now, so please make sure this is the task you mean. You can still confirm.")
	}
	title := excerpt(task.Title, MaxTitle)
	if title == "" {
		title = "Task without a title"
	}
	return section("*" + link(task.URL, title, w.Hosts) + "*")
}

// warning says what people would lose if the task were cancelled at this step.
func (w Texts) warning(task chamelio.Task) string {
	switch task.StepType {
	case chamelio.StepSignature:
		return "*This task is at a signature step.* People may have been asked to sign, or have signed already."
	case chamelio.StepApproval:
		return "*This task is at an approval step.* People may have been asked to approve it, or have approved it already."
	case chamelio.StepIntake, chamelio.StepAgent, chamelio.StepReview:
	}
	return ""
}

func warningBlock(text string) slack.Block {
	if text == "" {
		return nil
	}
	return section(":warning: " + text)
}

// progressOf says how many steps of a task are done; empty if that isn't known.
func progressOf(done, total int) string {
	switch {
	case total <= 0:
		return ""
	case total == 1:
		return fmt.Sprintf("%d of 1 step done", done)
	}
	return fmt.Sprintf("%d of %d steps done", done, total)
}

func statusName(s chamelio.Status) string {
	switch s {
	case chamelio.Pending:
		return "Pending"
	case chamelio.InProgress:
		return "In progress"
	case chamelio.Completed, chamelio.Failed, chamelio.Cancelled:
	}
	return excerpt(string(s), maxName)
}

// Kept replaces a prompt after *Keep it*. Someone else may be cancelling the
// task.
func (w Texts) Kept(c decision.Confirmation) Message {
	if c.Public {
		return w.Withdrawn(c)
	}
	return say("OK, you decided to keep %s, so I won't do anything.", w.asked(c)).meaning(MeansKept)
}

// Withdrawn replaces a request that its requester withdrew.
func (w Texts) Withdrawn(c decision.Confirmation) Message {
	if !c.Public {
		return w.Kept(c)
	}
	return say("%s withdrew the request to cancel %s. Nobody had confirmed it.%s", mention(c.Requester), w.asked(c), because(c.Reason)).meaning(MeansKept)
}

// RanOut replaces a prompt that no one confirmed in time.
func (w Texts) RanOut(c decision.Confirmation) Message {
	if c.Public {
		return say("%s's request to cancel %s ran out: nobody confirmed it in time.%s\nTo ask again, type %s.",
			mention(c.Requester), w.asked(c), because(c.Reason), w.again(c.IDs()...))
	}
	return w.Expired(c)
}

// Reminder returns the reminder of a request that is about to expire.
func (w Texts) Reminder(c decision.Confirmation) Message {
	return say("%s's request to cancel %s runs out at %s, and nobody has confirmed it yet. %s\nThe buttons are at the top of this thread.",
		mention(c.Requester), w.asked(c), clock(c.ExpiresAt), w.whoConfirms())
}

// LastOf returns the last text of a request that has come to its end. d is the
// decision about it. last is nil if the request shows its last text already.
// over is false if d has no outcome yet.
func (w Texts) LastOf(c decision.Confirmation, d decision.Record) (last *Message, over bool) {
	switch own := string(d.ID) == c.ID; {
	case own && d.Outcome() == decision.Expired:
		return new(w.RanOut(c)), true
	case own && d.Outcome() == decision.Withdrawn && d.Confirmer == c.Requester:
		return new(w.Withdrawn(c)), true
	case own && d.Outcome() == decision.Withdrawn:
		return nil, true // confirmed, but given up: it says so
	}
	return new(w.Overtaken(c, d)), d.Outcome() != ""
}

// PerhapsAsked answers a command whose request may have been posted, or not.
func (w Texts) PerhapsAsked(c decision.Confirmation) Message {
	return say("Slack didn't tell me whether it posted your request to cancel %s. If it doesn't show up in a moment, type %s again.", w.asked(c), w.again(c.IDs()...))
}

// Expired answers a click on a prompt that has expired.
func (w Texts) Expired(c decision.Confirmation) Message {
	return say("This prompt for %s has expired, so your click didn't count.\nTo cancel the task, type %s again.", w.asked(c), w.again(c.IDs()...))
}
