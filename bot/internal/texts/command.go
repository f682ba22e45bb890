package texts

import (
	"errors"
	"fmt"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/input"
	"github.com/cancelbot/cancelbot/chamelio"
)

// help explains the command.
func (w Texts) help() Message {
	several := ""
	if w.MaxTasks > 1 {
		several = fmt.Sprintf("• `%s 12345 12346 12347: started twice` – several at once, up to %d\n", w.Command, w.MaxTasks)
	}
	then := "I'll show you the task and ask you to confirm."
	switch s := w.SecondPerson; {
	case s.Always:
		then = "I'll show the task to everyone in the conversation at once: someone else must approve."
	case s.Ever():
		then += " In some workflows someone else must approve: then I'll show the task to everyone in the conversation at once."
	}
	alone, reason := fmt.Sprintf("• `%s 12345`\n", w.Command), "with a reason"
	if w.AsksReason && w.SecondPerson.Ever() { // a request needs one with the command
		alone, reason = "", "with your reason, which is required"
	}
	return say("*Cancel a Chamelio task from Slack*\n"+
		"Type `%[1]s` and the task's ID or link. %[2]s\n"+
		"%[3]s• `%[1]s 12345 duplicate of 12346` – %[4]s\n"+
		"%[5]sI'll post the result in the channel. Cancelling can't be undone.", w.Command, then, alone, reason, several)
}

// NotUnderstood answers a command that input.ParseCommand rejected with err.
func (w Texts) NotUnderstood(err error) Message {
	var bad *input.Error
	if errors.Is(err, input.ErrHelp) || !errors.As(err, &bad) {
		return w.help()
	}
	typed := "“" + excerpt(bad.Input, maxInput) + "”"
	example := fmt.Sprintf("For example: `%s 12345 duplicate of 12346`", w.Command)
	switch {
	case errors.Is(err, input.ErrForeignLink):
		return say("%s isn't a link to a Chamelio task. Paste the address of the task's own page, or type its ID.\n%s", typed, example)
	case errors.Is(err, input.ErrIDOutOfRange):
		return say("%s isn't a possible task ID. Check the number on the task's page.\n%s", typed, example)
	case errors.Is(err, input.ErrReasonTooLong):
		return say("That reason has %s characters; the limit is %d. Shorten it and try again. You wrote:%s",
			thousands(bad.Length), input.MaxReason, because(bad.Input))
	case errors.Is(err, input.ErrTooManyTasks):
		return w.tooManyTasks(bad.Tasks)
	}
	return say("%s isn't a task ID or a link to a task. The ID is the number on the task's page.\n%s", typed, example)
}

func (w Texts) tooManyTasks(tasks []chamelio.TaskID) Message {
	these := "these"
	if w.MaxTasks == 1 {
		these = "this one"
	}
	return say("That's %s; the limit is %d at once. Start with %s:\n%s",
		count(len(tasks), "task"), w.MaxTasks, these, w.again(tasks[:w.MaxTasks]...))
}

// TooFast answers someone who types more than perMinute commands a minute.
func (w Texts) TooFast(perMinute int) Message {
	return say("That's more than %s in a minute, so I skipped this one. Wait a minute and type it again.", count(perMinute, "command"))
}

// Overloaded answers a command or a click for which there is no room.
func (w Texts) Overloaded() Message {
	return say("I'm too busy right now, so I might not have handled this. If nothing else appears within a minute, try again.")
}

// GettingDetails says that a prompt comes late because of the rate limit.
func (w Texts) GettingDetails(tasks ...chamelio.TaskID) Message {
	them := "this task"
	if len(tasks) > 1 {
		them = "these tasks"
	}
	return say("%s I'm getting the details of %s. Chamelio's rate limit is used up, so it takes a few seconds longer. If nothing else appears within a minute, type %s again.", emojiPending, them, w.again(tasks...))
}

// Restarting answers a command or a click while the bot stops and no other
// replica serves.
func (w Texts) Restarting() Message {
	return say("I'm restarting, so I might not have handled this. If nothing else appears within a minute, try again.")
}

// Explains reports whether NoPrompt has an answer to err that reveals nothing
// about the task.
func (w Texts) Explains(err error) bool {
	_, ok := w.NoPrompt(0, chamelio.Task{}, err)
	return err != nil && ok
}

// NoPrompt explains why a task gets no prompt. It returns false if the task
// gets one.
func (w Texts) NoPrompt(id chamelio.TaskID, task chamelio.Task, err error) (Message, bool) {
	var e *chamelio.Error
	switch {
	case errors.As(err, &e) && e.TaskNotFound():
		return say("Chamelio has no task %d, or I can't see it. Check the ID on the task's page.", id), true
	case errors.Is(err, chamelio.ErrUnauthorized) && errors.As(err, &e):
		return say("I can't cancel task %d: I've lost access to Chamelio (%s). %s", id, whyKeyRefused(e.Reason), w.onceReplaced(id)), true
	case err == nil && task.Status.Final():
		return over(w.namedFirst(decision.Named{ID: id, Title: task.Title, URL: task.URL}), task.Status, task.CompletedAt.Time), true
	}
	return Message{}, false
}

// over says that a task has ended. task is its name at the beginning of a
// sentence. The time is in the small print, since Slack may show it as "Today
// at 9:31 AM".
func over(task string, s chamelio.Status, since time.Time) Message {
	verb := "was already cancelled"
	if s != chamelio.Cancelled {
		verb = "has already " + endVerb(s)
	}
	m := say("%s %s.", task, verb)
	if since.IsZero() {
		return m
	}
	return m.with(footnote(standing(since)))
}

// thousands returns a number with separators.
func thousands(n int) string {
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return thousands(n/1000) + fmt.Sprintf(",%03d", n%1000)
}

func endVerb(s chamelio.Status) string {
	switch s {
	case chamelio.Completed:
		return "completed"
	case chamelio.Failed:
		return "failed"
	case chamelio.Pending, chamelio.InProgress, chamelio.Cancelled:
	}
	return "ended"
}

func count(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %ss", n, one)
}

// duration returns a wait as people say it, rounded up.
func duration(d time.Duration) string {
	if d <= time.Minute {
		s := int((d + time.Second - 1) / time.Second)
		switch s {
		case 1:
			return "a second"
		case 60:
			return "a minute"
		}
		return fmt.Sprintf("%d seconds", s)
	}
	m := int((d + time.Minute - 1) / time.Minute)
	if m >= 120 {
		return fmt.Sprintf("%d hours", (m+59)/60)
	}
	return fmt.Sprintf("%d minutes", m)
}
