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
	return say("*Cancel a Chamelio task from Slack*\n"+
		"Type `%[1]s` and the task's id, or paste its link. I'll show you the task first, and nothing happens until you confirm.\n"+
		"• `%[1]s 12345`\n"+
		"• `%[1]s 12345 duplicate of 12346` – with a reason, for anyone who reads about it later\n"+
		"• `%[1]s 12345 12346 12347: started twice` – several at once, up to %[2]d\n"+
		"I'll post the result in this channel. A cancelled task can't be brought back.", w.Command, w.MaxTasks)
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
		return say("%s isn't a link to a Chamelio task, so I didn't do anything.\nPaste the address of the task's own page, or type its id. %s", typed, example)
	case errors.Is(err, input.ErrIDOutOfRange):
		return say("%s can't be a task id: an id is a positive whole number. I didn't do anything.\nCheck the number on the task's page. %s", typed, example)
	case errors.Is(err, input.ErrReasonTooLong):
		return say("Your reason is %d characters long, and the limit is %d. I didn't do anything.\nPlease shorten it and try again. You wrote:%s",
			bad.Length, input.MaxReason, because(bad.Input))
	case errors.Is(err, input.ErrTooManyTasks):
		return w.tooManyTasks(bad.Tasks)
	}
	return say("%s isn't a task id or a link to a task, so I didn't do anything.\nAn id is a number, such as 12345: you'll find it on the task's page. %s", typed, example)
}

func (w Texts) tooManyTasks(tasks []chamelio.TaskID) Message {
	return say("You named %s, and I cancel at most %d at once. I didn't do anything.\nPlease start with these:\n%s",
		count(len(tasks), "task"), w.MaxTasks, w.again(tasks[:w.MaxTasks]...))
}

// TooFast answers someone who types more than perMinute commands a minute.
func (w Texts) TooFast(perMinute int) Message {
	return say("That's more than %s in a minute, so I skipped this one. I didn't do anything.\nPlease wait a minute and type it again.", count(perMinute, "command"))
}

// Overloaded answers a command or a click for which there is no room.
func (w Texts) Overloaded() Message {
	return say("I'm very busy right now and couldn't get to this, so I didn't do anything.\nPlease try again in a minute.")
}

// Restarting answers a command or a click while the bot stops and no other
// replica serves.
func (w Texts) Restarting() Message {
	return say("I'm just restarting and couldn't get to this, so I didn't do anything.\nPlease try again in a minute.")
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
		return say("Chamelio has no task %d, or this bot can't see it. There's nothing to cancel.\nCheck the id: you'll find it on the task's page.", id), true
	case errors.Is(err, chamelio.ErrUnauthorized) && errors.As(err, &e):
		return say("I can't cancel task %d right now: Chamelio refused this bot's key.\nTell %s that its Chamelio key needs replacing (%s), then type %s again.",
			id, w.contact(), keyRefused[e.Reason], w.again(id)), true
	case err == nil && task.Status.Final():
		return say("%s There's nothing left to cancel.", w.over(w.namedFirst(decision.Named{ID: id, Title: task.Title, URL: task.URL}), task.Status, decision.Over(task))), true
	}
	return Message{}, false
}

// over says that a task has ended. task is its name at the beginning of a
// sentence.
func (w Texts) over(task string, s chamelio.Status, since time.Time) string {
	verb := "was already cancelled"
	if s != chamelio.Cancelled {
		verb = "has already " + endVerb(s)
	}
	at := ""
	if !since.IsZero() {
		at = " (" + standing(since) + ")"
	}
	return fmt.Sprintf("%s %s%s.", task, verb, at)
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
