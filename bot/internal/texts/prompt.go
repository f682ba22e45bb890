package texts

import (
	"fmt"

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

// Prompt returns the message with the buttons, which carry value. task is empty
// if Chamelio didn't return it in time. unsure says that the reason might be a
// second task.
func (w Texts) Prompt(c decision.Confirmation, task chamelio.Task, value string, unsure bool) Message {
	name := plainName(c.Task, task.Title)
	cancel := button(ActionCancel, value, "Cancel task", "Cancel "+name).WithStyle(slack.StyleDanger)
	keep := button(ActionKeep, value, "Keep it", "Keep it: "+name)
	reason := "Your reason"
	text := fmt.Sprintf("Cancel %s? You can confirm until %s. This can't be undone.", w.named(c.Task, task.URL, task.Title), clock(c.ExpiresAt))
	note := fmt.Sprintf("This can't be undone. You can confirm until %s.", clock(c.ExpiresAt))
	var request slack.Block
	if c.Public {
		keep = button(ActionKeep, value, "Withdraw", "Withdraw the request to cancel "+name)
		reason = "Reason"
		by := mention(c.Requester)
		request = section(fmt.Sprintf("%s asks to cancel this task. *%s*", by, w.whoConfirms()))
		text = fmt.Sprintf("%s asks to cancel %s. %s You can confirm until %s. This can't be undone.",
			by, w.named(c.Task, task.URL, task.Title), w.whoConfirms(), clock(c.ExpiresAt))
		note += fmt.Sprintf(" Only %s can withdraw it.", by)
	}
	if w.AsksReason && c.Reason == "" {
		note += " I'll ask you for a reason."
	}
	text += because(c.Reason)
	understood := ""
	if unsure {
		understood = fmt.Sprintf("I took %d as the task and the rest as your reason. If you meant something else, keep it and type it again.", c.Task)
		text += "\n" + understood
	}
	warning := w.warning(task)
	if warning != "" {
		text += "\n" + warning
	}
	return Message{
		Text: text,
		Blocks: layout(
			header(fmt.Sprintf("Cancel task %d?", c.Task)),
			request,
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
			quoted(reason, c.Reason, input.MaxReason),
			footnote(understood),
			slack.NewActionBlock("", cancel, keep),
			footnote(":warning: "+note),
		),
	}
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
			mention(c.Requester), w.asked(c), because(c.Reason), w.again(c.Task))
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
	case own && d.Outcome == decision.Expired:
		return new(w.RanOut(c)), true
	case own && d.Outcome == decision.Withdrawn && d.Confirmer == c.Requester:
		return new(w.Withdrawn(c)), true
	case own && d.Outcome == decision.Withdrawn:
		return nil, true // confirmed, but given up: it says so
	}
	return new(w.Overtaken(c, d)), d.Outcome != ""
}

// PerhapsAsked answers a command whose request may have been posted, or not.
func (w Texts) PerhapsAsked(c decision.Confirmation) Message {
	return say("Slack didn't tell me whether it posted your request to cancel %s. If it doesn't show up in a moment, type %s again.", w.asked(c), w.again(c.Task))
}

// Expired answers a click on a prompt that has expired.
func (w Texts) Expired(c decision.Confirmation) Message {
	return say("This prompt for %s has expired, so your click didn't count.\nTo cancel the task, type %s again.", w.asked(c), w.again(c.Task))
}
