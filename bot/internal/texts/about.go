package texts

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/slack-go/slack"

	"github.com/cancelbot/cancelbot/bot/internal/input"
	"github.com/cancelbot/cancelbot/chamelio"
)

// aboutTask returns the facts on a task, in small print.
func aboutTask(task chamelio.Task) string {
	return joined(whereTaskIs(task), statusOf(task.Status), ageOf(task.CreatedAt.Time), peopleOn(task))
}

// whereTaskIs says how far a task has come. If there is a warning, it has the
// step.
func whereTaskIs(task chamelio.Task) string {
	step := excerpt(task.Step, maxName)
	if step != "" {
		step = "at " + step
	}
	if sensitive(task) != "" {
		step = ""
	}
	return joined(excerpt(task.Workflow, maxName), step, progressOf(task.StepsDone, task.StepsTotal))
}

// peopleOn names the owner and the assignee by the local parts of their
// addresses, which fit on a line.
func peopleOn(task chamelio.Task) string {
	short := func(address string) string {
		local, _, _ := strings.Cut(input.Clean(address), "@")
		return excerpt(cmp.Or(local, address), maxName)
	}
	owner, assignee := short(task.Owner), short(task.Assignee)
	switch {
	case owner == "" && assignee == "":
		return ""
	case owner == "":
		return "assignee " + assignee
	case assignee == "":
		return "owner " + owner
	case owner == assignee:
		return "owner and assignee " + owner
	}
	return "owner " + owner + " · assignee " + assignee
}

// sensitive names a step at which people may lose what they did; "" for others.
func sensitive(task chamelio.Task) string {
	kind := ""
	switch task.StepType {
	case chamelio.StepSignature:
		kind = "a signature step"
	case chamelio.StepApproval:
		kind = "an approval step"
	case chamelio.StepIntake, chamelio.StepAgent, chamelio.StepReview:
	}
	if step := excerpt(task.Step, maxName); step != "" && kind != "" {
		return kind + " (" + step + ")"
	}
	return kind
}

// warning says what people would lose if the task were cancelled at this step.
func warning(task chamelio.Task) string {
	at := sensitive(task)
	if at == "" {
		return ""
	}
	did := "approved"
	if task.StepType == chamelio.StepSignature {
		did = "signed"
	}
	return fmt.Sprintf("*At %s.* People may already have %s it.", at, did)
}

func warningBlock(text string) slack.Block {
	if text == "" {
		return nil
	}
	return section(emojiWarning + " " + text)
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

// statusOf names a status that isn't the usual one of a task that can be
// cancelled.
func statusOf(s chamelio.Status) string {
	switch s {
	case chamelio.InProgress:
		return ""
	case chamelio.Pending:
		return "pending"
	case chamelio.Completed, chamelio.Failed, chamelio.Cancelled:
	}
	if status := excerpt(string(s), maxName); status != "" {
		return "status " + status
	}
	return ""
}
