package bot

import (
	"fmt"

	"github.com/slack-go/slack"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/input"
	"github.com/cancelbot/cancelbot/chamelio"
)

// This file holds the prompt, and what it turns into where nothing is
// cancelled.

// prompt asks for the confirmation. task is empty where Chamelio did not tell
// its details in time; unsure says that the command could have been meant
// otherwise.
func (w texts) prompt(c confirmation, task chamelio.Task, value string, unsure bool) message {
	name := plainName(c.Task, task.Title)
	cancel := button(actionCancel, value, "Cancel task", "Cancel "+name).WithStyle(slack.StyleDanger)
	keep := button(actionKeep, value, "Keep it", "Keep it: "+name)
	reason := "Your reason"
	text := fmt.Sprintf("Cancel %s? You can confirm until %s. This can't be undone.", w.named(c.Task, task.URL, task.Title), clock(c.ExpiresAt))
	note := fmt.Sprintf("This can't be undone. You can confirm until %s.", clock(c.ExpiresAt))
	var request slack.Block
	if c.Public {
		keep = button(actionKeep, value, "Withdraw", "Withdraw the request to cancel "+name)
		reason = "Reason"
		by := mention(c.Requester)
		request = section(fmt.Sprintf("%s asks to cancel this task. *%s*", by, w.whoConfirms()))
		text = fmt.Sprintf("%s asks to cancel %s. %s You can confirm until %s. This can't be undone.",
			by, w.named(c.Task, task.URL, task.Title), w.whoConfirms(), clock(c.ExpiresAt))
		note += fmt.Sprintf(" Only %s can withdraw it.", by)
	}
	if w.asks && c.Reason == "" {
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
	return message{
		text: text,
		blocks: layout(
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

// whoConfirms says who the second person can be, as a sentence.
func (w texts) whoConfirms() string {
	if people := w.mayConfirm(); people != "" {
		return "Someone else has to confirm it: " + people + "."
	}
	return "Someone else has to confirm it."
}

func (w texts) described(task chamelio.Task) slack.Block {
	if task.ID == 0 {
		return section("Chamelio didn't give me the details just now, so please make sure this is the task you mean. You can still confirm.")
	}
	title := excerpt(task.Title, maxTitle)
	if title == "" {
		title = "Task without a title"
	}
	return section("*" + link(task.URL, title, w.hosts) + "*")
}

// warning names what people would lose most by a cancellation at this step.
func (w texts) warning(task chamelio.Task) string {
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

// progressOf says how far a task has come; empty if that is not known.
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

// kept is the answer to "Keep it", and what becomes of a request that was
// withdrawn. Somebody else may be cancelling the task meanwhile.
func (w texts) kept(c confirmation) message {
	if c.Public {
		return w.withdrawn(c)
	}
	return say("OK, you decided to keep %s, so I won't do anything.", w.asked(c))
}

func (w texts) withdrawn(c confirmation) message {
	if !c.Public {
		return w.kept(c)
	}
	return say("%s withdrew the request to cancel %s. Nobody had confirmed it.%s", mention(c.Requester), w.asked(c), because(c.Reason))
}

// ranOut is what becomes of a prompt that nobody confirmed in time.
func (w texts) ranOut(c confirmation) message {
	if c.Public {
		return say("%s's request to cancel %s ran out: nobody confirmed it in time.%s\nTo ask again, type %s.",
			mention(c.Requester), w.asked(c), because(c.Reason), w.again(c.Task))
	}
	return w.expired(c)
}

// reminder is the one reminder of a request, before it runs out.
func (w texts) reminder(c confirmation) message {
	return say("%s's request to cancel %s runs out at %s, and nobody has confirmed it yet. %s\nThe buttons are at the top of this thread.",
		mention(c.Requester), w.asked(c), clock(c.ExpiresAt), w.whoConfirms())
}

// lastOf is the last text of a request at its end, by the decision that came
// of it, if any; nil where it has that text already. Until over there is more
// to come.
func (w texts) lastOf(c confirmation, d decision.Record) (last *message, over bool) {
	switch own := string(d.ID) == c.ID; {
	case d.ID == "":
		return new(w.ranOut(c)), true
	case own && d.Outcome == decision.Withdrawn && d.Confirmer == c.Requester:
		return new(w.withdrawn(c)), true
	case own && (d.Outcome == decision.Withdrawn || d.Outcome == decision.SetAside):
		return nil, true // confirmed, but given up: it says so
	}
	return new(w.overtaken(c, d)), d.Outcome != ""
}

// expired tells whoever clicked too late.
func (w texts) expired(c confirmation) message {
	return say("This prompt for %s has expired, so your click didn't count.\nTo cancel the task, type %s again.", w.asked(c), w.again(c.Task))
}
