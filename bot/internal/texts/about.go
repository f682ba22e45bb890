package texts

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/cancelbot/cancelbot/bot/internal/input"
	"github.com/cancelbot/cancelbot/chamelio"
)

// aboutTask returns the facts on a task, in small print.
func aboutTask(task chamelio.Task) string {
	return joined(progressAbout(task), statusOf(task.Status), ageOf(task.CreatedAt.Time), peopleOn(task))
}

// progressAbout returns the workflow of a task, and how far it has come. The
// warning has the step if there is one.
func progressAbout(task chamelio.Task) string {
	step := excerpt(task.Step, maxName)
	if sensitive(task) != "" {
		step = ""
	}
	if step != "" {
		step = "at " + step
	}
	return joined(excerpt(task.Workflow, maxName), step, progressOf(task.StepsDone, task.StepsTotal))
}

// peopleOn names the owner and the assignee by the local parts of their
// addresses, which fit on a line, unless these are the same for two addresses.
func peopleOn(task chamelio.Task) string {
	owner, assignee := input.Clean(task.Owner), input.Clean(task.Assignee)
	if owner == assignee {
		return person("owner and assignee", localPart(owner))
	}
	if localPart(owner) != localPart(assignee) {
		owner, assignee = localPart(owner), localPart(assignee)
	}
	return joined(person("owner", owner), person("assignee", assignee))
}

func localPart(address string) string {
	local, _, _ := strings.Cut(address, "@")
	return cmp.Or(local, address)
}

func person(role, name string) string {
	if name = excerpt(name, maxName); name == "" {
		return ""
	}
	return role + " " + name
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
	return fmt.Sprintf("%s *At %s.* People may already have %s it.", emojiWarning, at, did)
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
