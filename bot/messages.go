package bot

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"github.com/cancelbot/cancelbot/bot/internal/journal"
	"github.com/cancelbot/cancelbot/chamelio"
)

// words holds every text that a person reads in Slack. Each names the task
// and says what happened, whether the task still runs, and what to do next.
// The files in testdata/messages show them all.
type words struct {
	command string   // as people type it here
	hosts   []string // of task links, besides Chamelio's own

	channels []string // where tasks can be cancelled; everywhere if empty
}

// Lengths, in characters, of what is quoted from outside.
const (
	titleLimit = 150
	nameLimit  = 80
	inputLimit = 60
)

// again is the command, ready to be copied.
func (w words) again(task chamelio.TaskID) string {
	return fmt.Sprintf("`%s %d`", w.command, task)
}

// ---- Answers to a command

func (w words) help() message {
	return say("*Cancel a Chamelio task from here.*\n"+
		"Type `%[1]s` and the task's id, or paste its link. You see what the task is before anything happens, and confirm with a button.\n"+
		"• `%[1]s 12345`\n"+
		"• `%[1]s 12345 duplicate of 12346` – with a reason, for those who read the channel later\n"+
		"Everybody in this channel is told what came of it. Cancelling cannot be undone.", w.command)
}

func (w words) notUnderstood(err error) message {
	var bad *inputError
	if errors.Is(err, errHelp) || !errors.As(err, &bad) {
		return w.help()
	}
	typed := "“" + excerpt(bad.input, inputLimit) + "”"
	example := fmt.Sprintf("Type it like this: `%s 12345 duplicate of 12346`", w.command)
	switch bad.err {
	case errForeignLink:
		return say("%s is a link, but not one to a Chamelio task. Nothing was cancelled.\nPaste the address of the task's own page, or type its id. %s", typed, example)
	case errIDOutOfRange:
		return say("%s cannot be a task's id: ids are whole numbers from 1 on. Nothing was cancelled.\nCheck the number on the task's page. %s", typed, example)
	case errReasonTooLong:
		return say("The reason has %d characters, and %d are allowed. Nothing was cancelled.\nPlease say it shorter and type the command again. Your reason was:\n>%s",
			bad.length, maxReason, excerpt(bad.input, 400))
	}
	return say("%s is neither a task's id nor a link to a task. Nothing was cancelled.\nAn id is a number, such as 12345; it stands on the task's page and in its link. %s", typed, example)
}

func (w words) refused(no refusal, task chamelio.TaskID) message {
	switch no.code {
	case refusedPlace:
		return say("Tasks cannot be cancelled from this conversation. Nothing was cancelled.\nPlease type %s in one where it is allowed: %s.", w.again(task), w.places())
	case refusedNotListed:
		return say("Only certain people can cancel tasks here, and you are not on their list. Nothing was cancelled.\nAsk one of them to type %s, or ask whoever runs this bot to add you.", w.again(task))
	case refusedNotOnTask:
		return say("Only the owner, the assignee and the collaborators of a task can cancel it, and the e-mail address in your Slack profile is none of theirs. Task %d is untouched.\nAsk one of them to type %s.", task, w.again(task))
	case refusedNoEmail:
		return say("Only the owner, the assignee and the collaborators of a task can cancel it. I know them by their e-mail addresses, and I cannot see one in your Slack profile. Task %d is untouched.\nAsk whoever runs this bot: it may lack the permission to see it.", task)
	case refusedNoDetails:
		return say("Only the people on a task can cancel it, and Chamelio did not tell me who they are just now. So I let nobody through. Task %d is untouched.\nPlease try again in a minute. If this stays, tell whoever runs this bot.", task)
	case refusedGuest:
		return say("Only full members of this workspace can cancel tasks, and you are here as a guest. Nothing was cancelled.\nAsk a colleague who is a full member to type `%s`.", w.command)
	case refusedForeign:
		return say("Only members of the workspace where this app is installed can cancel tasks, and you belong to another organisation. Nothing was cancelled.\nAsk your contact in this channel.")
	case refusedBot:
		return say("Bots cannot cancel tasks: a person has to decide it. Nothing was cancelled.")
	case refusedDeactivated:
		return say("This Slack account is deactivated, so it cannot cancel tasks. Nothing was cancelled.")
	}
	return say("I could not check with Slack whether you may cancel tasks, so I let nobody through for now. Nothing was cancelled.\nPlease try again in a minute. If this stays, tell whoever runs this bot: its log says what is wrong.")
}

// places lists where tasks can be cancelled.
func (w words) places() string {
	const shown = 5
	var places []string
	for _, channel := range w.channels {
		if len(places) == shown {
			places = append(places, fmt.Sprintf("and %d more", len(w.channels)-shown))
			break
		}
		places = append(places, "<#"+channel+">")
	}
	return strings.Join(places, ", ")
}

func (w words) tooFast(perMinute int) message {
	return say("You have typed more than %d commands within a minute, and I take no more than that from one person. This one did nothing: nothing was cancelled by it.\nPlease wait a minute and type it again.", perMinute)
}

func (w words) overloaded() message {
	return say("I am very busy right now and did not get to this. Nothing was cancelled.\nPlease try again in a minute.")
}

func (w words) restarting() message {
	return say("I am just being restarted and did not get to this. Nothing was cancelled.\nPlease try again in a minute.")
}

// explains tells whether noPrompt has something to say about an error that
// gives nothing of a task away.
func (w words) explains(err error) bool {
	_, ok := w.noPrompt(0, chamelio.Task{}, err)
	return err != nil && ok
}

// noPrompt explains why a task gets no prompt; false if it gets one.
func (w words) noPrompt(id chamelio.TaskID, task chamelio.Task, err error) (message, bool) {
	var e *chamelio.Error
	switch {
	case errors.As(err, &e) && e.TaskNotFound():
		return say("Chamelio knows no task %d, or this bot's key may not see it. Nothing was cancelled.\nCheck the id: it stands on the task's page and in its link.", id), true
	case errors.As(err, &e) && e.Kind == chamelio.ErrUnauthorized:
		return say("Chamelio refused this bot's key: %s. Task %d is untouched.\nAsk whoever runs this bot for a new `CHAMELIO_API_KEY`, then type %s again.", keyRefused(e.Reason), id, w.again(id)), true
	case err == nil && task.Status.Final():
		return say("%s There is nothing left to cancel.", w.over(w.named(id, task.URL, task.Title), task.Status, taskOver(task))), true
	}
	return message{}, false
}

// prompt asks for the confirmation. task is empty where Chamelio did not tell
// its details in time.
func (w words) prompt(c confirmation, task chamelio.Task, value string) message {
	cancel := slack.NewButtonBlockElement(actionCancel, value, slack.NewTextBlockObject(slack.PlainTextType, "Cancel task", false, false)).WithStyle(slack.StyleDanger)
	no, reason := "Keep it", "Your reason"
	text := fmt.Sprintf("Cancel task %d? Confirm with a button, until %s. Cancelling cannot be undone.", c.Task, clock(c.ExpiresAt))
	note := fmt.Sprintf(":warning: Cancelling stops the workflow for good: it cannot be undone. You can confirm until %s.", clock(c.ExpiresAt))
	var asked slack.Block
	if c.Public {
		no, reason = "Withdraw", "Reason"
		by := mention(c.Requester)
		text = fmt.Sprintf("%s asks to cancel task %d. Somebody else has to confirm it with a button, until %s. Cancelling cannot be undone.", by, c.Task, clock(c.ExpiresAt))
		asked = section(fmt.Sprintf("%s asks to cancel this task. *Somebody else has to confirm it.*", by))
		note = fmt.Sprintf(":warning: Cancelling stops the workflow for good: it cannot be undone. It can be confirmed until %s; only %s can withdraw it.", clock(c.ExpiresAt), by)
	}
	keep := slack.NewButtonBlockElement(actionKeep, value, slack.NewTextBlockObject(slack.PlainTextType, no, false, false))
	return message{
		text: text,
		blocks: layout(
			header(fmt.Sprintf("Cancel task %d?", c.Task)),
			asked,
			w.described(task),
			fields(
				field{"Workflow", excerpt(task.Workflow, nameLimit)},
				field{"Status", statusName(task.Status)},
				field{"Step", excerpt(task.Step, nameLimit)},
				field{"Started", whenKnown(task.CreatedAt.Time)},
				field{"Owner", excerpt(task.Owner, nameLimit)},
				field{"Assignee", excerpt(task.Assignee, nameLimit)},
				field{reason, excerpt(c.Reason, maxReason)},
			),
			slack.NewActionBlock("", cancel, keep),
			footnote(note),
		),
	}
}

func (w words) described(task chamelio.Task) slack.Block {
	if task.ID == 0 {
		return section("Chamelio did not tell me its details just now, so please make sure that this is the task you mean. Confirming works all the same.")
	}
	title := excerpt(task.Title, titleLimit)
	if title == "" {
		title = "Task without a title"
	}
	return section("*" + link(task.URL, title, w.hosts) + "*")
}

// ---- Answers to a click

func (w words) kept(task chamelio.TaskID) message {
	return say("Task %d was kept: nothing was cancelled, and it goes on as before.", task)
}

// refusedClick is the policy's "no" to a click.
func (w words) refusedClick(no refusal, c confirmation) message {
	switch {
	case no.code == refusedSamePerson && c.Public:
		return say("You asked to cancel task %d yourself, so somebody else has to confirm it. Your click did not count: the task is untouched.\nAsk a colleague in this channel to look at it, or press *Withdraw* if it should be kept.", c.Task)
	case no.code == refusedSamePerson:
		return say("Since you typed this, a rule was set that somebody else has to confirm a cancellation. Your click did not count: task %d is untouched.\nPlease type %s again, and the others in this channel can confirm it.", c.Task, w.again(c.Task))
	case no.code == refusedRequester:
		return say("%s, who asked for this, may not cancel tasks any more, so it cannot be confirmed. Task %d is untouched.\nIf you think it should be cancelled, type %s yourself.", mention(c.Requester), c.Task, w.again(c.Task))
	}
	return w.refused(no, c.Task)
}

func (w words) withdrawn(c confirmation) message {
	return say("%s withdrew the request to cancel task %d. Nothing was cancelled, and it goes on as before.", mention(c.Requester), c.Task)
}

func (w words) notYoursToWithdraw(c confirmation) message {
	return say("Only %s, who asked for it, can withdraw this. Your click changed nothing: task %d is untouched.\nIf you think it should be kept, tell them; unless somebody confirms it, the request runs out at %s.", mention(c.Requester), c.Task, clock(c.ExpiresAt))
}

func (w words) notWithdrawn(task chamelio.TaskID) message {
	return say("I could not write down just now that you withdrew this, so it can still be confirmed. Task %d is untouched so far.\nPlease press the button again in a moment. If this stays, tell whoever runs this bot: its database cannot be reached.", task)
}

func (w words) tooLateToWithdraw(c confirmation) message {
	return say("Somebody confirmed this before you withdrew it, so task %d is being cancelled or has been.\nWhat comes of it is told in <#%s>.", c.Task, c.Channel)
}

func (w words) invalidClick(err error, c confirmation) message {
	switch {
	case errors.Is(err, errExpired):
		return say("This prompt has expired, so the click did not count: task %d was not cancelled by it.\nIf you still want to cancel it, type %s again.", c.Task, w.again(c.Task))
	case errors.Is(err, errNotTheirs):
		return say("This prompt is not yours, so the click did not count. Nothing was cancelled by it.\nTo cancel a task yourself, type `%s` and its id.", w.command)
	}
	return say("I cannot accept this prompt: it was not made by me as I run now. Perhaps the bot was set up anew since. Nothing was cancelled by this click.\nPlease type `%s` and the task's id again.", w.command)
}

func (w words) journalDown(task chamelio.TaskID) message {
	return say("I could not write your decision down just now, and I cancel nothing that is not on record. Task %d is untouched, as far as I know.\nPlease press the button again in a minute. If this stays, tell whoever runs this bot: its database cannot be reached.", task)
}

func (w words) cancelling(task chamelio.TaskID) message {
	return say(":hourglass_flowing_sand: Cancelling task %d…", task)
}

func (w words) stillTrying(task chamelio.TaskID) message {
	return say(":hourglass_flowing_sand: Cancelling task %d… Chamelio is slow to answer. I keep trying for a few minutes and tell the channel what comes of it; you need not wait here.", task)
}

func (w words) waitingForChamelio(task chamelio.TaskID, pause time.Duration) message {
	return say(":hourglass_flowing_sand: Cancelling task %d… Chamelio is busy and asks to wait %s. I go on by myself and tell the channel what comes of it.", task, duration(pause))
}

// cameSecond tells somebody whose click came after another's.
func (w words) cameSecond(winner journal.Decision) message {
	task := taskOf(winner)
	by := mention(winner.Confirmer)
	switch Outcome(winner.Outcome) {
	case "":
		return say("Task %d is being cancelled already: %s confirmed it at %s. This click changed nothing; what comes of it is told in <#%s>.", task, by, clock(winner.DecidedAt), winner.Channel)
	case Cancelled:
		return say("Task %d was cancelled already, by %s on %s. It does not run any more, and this click changed nothing.", task, by, when(winner.DecidedAt))
	}
	return say("%s tried to cancel task %d at the same moment, and it came to this: %s\nThis click changed nothing.", by, task, w.headline(winner, resultOf(winner)))
}

// outcomeLine is what becomes of the prompt.
func (w words) outcomeLine(d journal.Decision, r result) message {
	return say("%s %s", emoji(r.Outcome), w.headline(d, r))
}

// ---- The announcement

// announcement tells the channel what came of a decision.
func (w words) announcement(d journal.Decision, r result) message {
	headline := w.headline(d, r)
	return message{
		text: emoji(r.Outcome) + " " + headline,
		blocks: layout(
			section(fmt.Sprintf("%s *%s*\n%s", emoji(r.Outcome), headline, w.consequence(d, r))),
			fields(
				field{"Task", w.titleField(d, r)},
				field{"Workflow", excerpt(r.Flow, nameLimit)},
				field{stepName(r.Outcome), excerpt(r.Step, nameLimit)},
				field{"Reason", excerpt(d.Reason, maxReason)},
			),
			footnote(w.provenance(d)),
		),
	}
}

// announcementInPerson is the announcement where the channel cannot be
// reached any more.
func (w words) announcementInPerson(d journal.Decision, r result) message {
	m := w.announcement(d, r)
	m.blocks = append(m.blocks, footnote(fmt.Sprintf("I tell you here because Slack does not let me post in <#%s>. Please pass it on there.", d.Channel)))
	return m
}

func (w words) provenance(d journal.Decision) string {
	if d.Confirmer != d.Requester {
		return fmt.Sprintf("Asked for by %s, confirmed by %s on %s", mention(d.Requester), mention(d.Confirmer), when(d.DecidedAt))
	}
	return fmt.Sprintf("Asked for and confirmed by %s on %s", mention(d.Requester), when(d.DecidedAt))
}

// headline says in a sentence what happened.
func (w words) headline(d journal.Decision, r result) string {
	task := w.named(taskOf(d), r.URL, "")
	by := mention(d.Confirmer)
	switch r.Outcome {
	case Cancelled:
		return fmt.Sprintf("%s cancelled %s.", by, task)
	case AlreadyCancelled:
		return fmt.Sprintf("%s had been cancelled already when %s confirmed it.", capital(task), by)
	case NotCancellable:
		if !r.Status.Final() {
			return fmt.Sprintf("%s was not cancelled: Chamelio does not allow it in its present state.", capital(task))
		}
		return fmt.Sprintf("%s was not cancelled: it had %s already.", capital(task), endVerb(r.Status))
	case NotFound:
		return fmt.Sprintf("%s was not cancelled: Chamelio does not know it, or this bot's key may not see it.", capital(task))
	case RejectedKey:
		return fmt.Sprintf("%s was not cancelled: Chamelio refused this bot's key, because %s.", capital(task), keyRefused(r.Key))
	case Failed:
		return fmt.Sprintf("%s was not cancelled: %s.", capital(task), failure(r))
	}
	return fmt.Sprintf("Whether %s was cancelled is not known.", task)
}

// consequence says whether the task still runs, and what to do next.
func (w words) consequence(d journal.Decision, r result) string {
	again := w.again(taskOf(d))
	switch r.Outcome {
	case Cancelled:
		return "It has stopped and cannot be resumed. If the work is needed after all, start a new task in Chamelio."
	case AlreadyCancelled:
		return "It does not run any more. There is nothing left to do."
	case NotCancellable:
		if !r.Status.Final() {
			return "Only tasks that are pending or in progress can be cancelled. Open the task's page in Chamelio to see where it stands."
		}
		return fmt.Sprintf("It does not run any more; that was on %s. If its result should not stand, talk to its owner.", whenOr(r.Over, "a day that Chamelio does not tell"))
	case NotFound:
		return "Nothing was changed. Check the id: it stands on the task's page and in its link."
	case RejectedKey:
		return fmt.Sprintf("The task is untouched. Ask whoever runs this bot for a new `CHAMELIO_API_KEY`, then type %s again.", again)
	case Failed:
		return w.afterFailure(r, again)
	}
	switch r.Cause {
	case causeKey:
		return fmt.Sprintf("The request was sent, but before its effect could be seen Chamelio refused this bot's key, because %s. Look at the task's page in Chamelio. If it still runs, ask whoever runs this bot for a new `CHAMELIO_API_KEY`, then type %s again.", keyRefused(r.Key), again)
	case causeStatus:
		return fmt.Sprintf("Chamelio says that its status is “%s”, which I do not know. Look at the task's page in Chamelio before you do anything else.", excerpt(string(r.Status), nameLimit))
	}
	return fmt.Sprintf("The request was sent, but Chamelio gave no clear answer, and it could not be asked since. The task may or may not still run: look at its page in Chamelio. If it does, it is safe to type %s again.", again)
}

func failure(r result) string {
	switch r.Cause {
	case causeServer:
		return fmt.Sprintf("Chamelio failed to do it, %d times in a row", maxTries)
	case causeUnreachable:
		return "Chamelio could not be reached"
	case causeBusy:
		return "Chamelio is too busy"
	case causeTooLate:
		return "I was interrupted right after the confirmation, and came back too late to act on it"
	}
	if r.Detail != "" {
		return fmt.Sprintf("Chamelio refused it and says “%s”", excerpt(r.Detail, titleLimit))
	}
	return "Chamelio refused it and does not say why"
}

func (w words) afterFailure(r result, again string) string {
	switch r.Cause {
	case causeUnreachable:
		return fmt.Sprintf("The task is untouched. Try again in a few minutes with %s. If this stays, tell whoever runs this bot.", again)
	case causeBusy:
		return fmt.Sprintf("The task is untouched. Try again in %s with %s.", duration(max(r.RetryIn, time.Minute)), again)
	case causeTooLate:
		return fmt.Sprintf("The task still runs. If it should still be cancelled, type %s again.", again)
	case causeServer:
		return fmt.Sprintf("The task still runs. It is safe to try again with %s.", again)
	}
	return "The task is untouched. Look at its page in Chamelio; if it should be possible to cancel it, tell whoever runs this bot."
}

// ---- The audit channel

// auditCopy is an announcement as the audit channel gets it.
func (w words) auditCopy(d journal.Decision, r result, permalink string) message {
	m := w.announcement(d, r)
	original := "the announcement"
	if permalink != "" {
		original = "<" + strings.ReplaceAll(permalink, "&", "&amp;") + "|the announcement>"
	}
	m.blocks = append(m.blocks, footnote(fmt.Sprintf("A copy of %s in <#%s>", original, d.Channel)))
	return m
}

// auditRefusal tells the audit channel whom the policy refused.
func (w words) auditRefusal(n journal.Note) message {
	did := "typed the command"
	if n.ConfirmationID != "" {
		did = "clicked"
	}
	return say(":no_entry: %s %s to cancel task %d in <#%s> on %s and was refused: %s. Nothing was cancelled by it.",
		mention(n.Person), did, n.TaskID, n.Channel, when(n.At), refusedBecause(refusalCode(n.Code)))
}

// refusedBecause is a clause.
func refusedBecause(code refusalCode) string {
	switch code {
	case refusedPlace:
		return "tasks cannot be cancelled from there"
	case refusedGuest:
		return "guests cannot cancel tasks"
	case refusedBot:
		return "bots cannot cancel tasks"
	case refusedDeactivated:
		return "the account is deactivated"
	case refusedForeign:
		return "people of other organisations cannot cancel tasks"
	case refusedNotListed:
		return "they are not on the list of those who can"
	case refusedNotOnTask:
		return "they are not on the task"
	case refusedNoEmail:
		return "their Slack profile shows no e-mail address by which to know whether they are on the task"
	case refusedSamePerson:
		return "somebody else has to confirm what they asked for"
	case refusedRequester:
		return "the one who asked for it may not cancel tasks any more"
	case refusedNoDetails:
		return "Chamelio did not tell who is on the task"
	}
	return "Slack did not tell who they are"
}

// ---- Pieces

// over says that a task has ended.
func (w words) over(task string, s chamelio.Status, since time.Time) string {
	verb := "was cancelled already"
	if s != chamelio.Cancelled {
		verb = "has " + endVerb(s) + " already"
	}
	if since.IsZero() {
		return fmt.Sprintf("%s %s.", capital(task), verb)
	}
	return fmt.Sprintf("%s %s, on %s.", capital(task), verb, when(since))
}

// named is "task 12345", linked where its page is known, with its title in
// brackets where that is wanted.
func (w words) named(id chamelio.TaskID, address, title string) string {
	name := link(address, fmt.Sprintf("task %d", id), w.hosts)
	if title != "" {
		name += " (" + excerpt(title, titleLimit) + ")"
	}
	return name
}

func (w words) titleField(d journal.Decision, r result) string {
	if r.Title == "" {
		return ""
	}
	return link(r.URL, excerpt(r.Title, titleLimit), w.hosts)
}

// capital begins a sentence with what named returns.
func capital(named string) string { return strings.Replace(named, "task ", "Task ", 1) }

func stepName(o Outcome) string {
	if o == Cancelled {
		return "Stopped at"
	}
	return "Step"
}

func endVerb(s chamelio.Status) string {
	switch s {
	case chamelio.Completed:
		return "completed"
	case chamelio.Failed:
		return "failed"
	}
	return "ended"
}

func statusName(s chamelio.Status) string {
	switch s {
	case chamelio.Pending:
		return "Pending"
	case chamelio.InProgress:
		return "In progress"
	}
	return excerpt(string(s), nameLimit)
}

// keyRefused is a clause: which of Chamelio's reasons it was.
func keyRefused(r chamelio.Reason) string {
	switch r {
	case chamelio.KeyMissing:
		return "it did not arrive with the request"
	case chamelio.KeyInvalid:
		return "it is not valid"
	case chamelio.KeyInactive:
		return "it is switched off"
	case chamelio.KeyRevoked:
		return "it has been revoked"
	case chamelio.KeyExpired:
		return "it has expired"
	}
	return "it is not accepted, for a reason that Chamelio does not name"
}

func emoji(o Outcome) string {
	switch o {
	case Cancelled:
		return ":white_check_mark:"
	case AlreadyCancelled, NotCancellable:
		return ":information_source:"
	case Unknown:
		return ":question:"
	}
	return ":warning:"
}

func whenKnown(t time.Time) string { return whenOr(t, "") }

func whenOr(t time.Time, unknown string) string {
	if t.IsZero() {
		return unknown
	}
	return when(t)
}

// duration is a wait as people say it, rounded up.
func duration(d time.Duration) string {
	if d <= time.Minute {
		s := int((d + time.Second - 1) / time.Second)
		if s == 1 {
			return "a second"
		}
		if s == 60 {
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
