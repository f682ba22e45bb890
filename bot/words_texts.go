package bot

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"github.com/cancelbot/cancelbot/bot/internal/journal"
	"github.com/cancelbot/cancelbot/bot/internal/policy"
	"github.com/cancelbot/cancelbot/chamelio"
)

// texts holds every text that a person reads in Slack. Each names the task
// and says what happened, whether the task still runs, and what to do next.
// The files in testdata/messages show them all.
type texts struct {
	command string   // as people type it here
	hosts   []string // of task links, besides Chamelio's own

	channels []policy.ChannelID // where tasks can be cancelled; everywhere if empty
	operator string             // who runs the bot; may be empty
}

// Lengths, in characters, of what is quoted from outside.
const (
	maxTitle = 150
	maxName  = 80
	maxInput = 60
)

// again is the command, ready to be copied.
func (w texts) again(task chamelio.TaskID) string {
	return fmt.Sprintf("`%s %d`", w.command, task)
}

// ---- Answers to a command

func (w texts) help() message {
	return say("*Cancel a Chamelio task from here.*\n"+
		"Type `%[1]s` and the task's id, or paste its link. You see what the task is before anything happens, and confirm with a button.\n"+
		"• `%[1]s 12345`\n"+
		"• `%[1]s 12345 duplicate of 12346` – with a reason, for those who read the channel later\n"+
		"Everybody in this channel is told what came of it. Cancelling cannot be undone.", w.command)
}

func (w texts) notUnderstood(err error) message {
	var bad *inputError
	if errors.Is(err, errHelp) || !errors.As(err, &bad) {
		return w.help()
	}
	typed := "“" + excerpt(bad.input, maxInput) + "”"
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

func (w texts) refused(no policy.Verdict, task chamelio.TaskID) message {
	switch no.Code {
	case policy.CodeWrongChannel:
		return say("You can't cancel tasks from this conversation. Nothing was cancelled.\nPlease type %s in one where it's allowed: %s.", w.again(task), w.places())
	case policy.CodeNotListed:
		return say("Only certain people can cancel tasks here, and you're not on their list. Nothing was cancelled.\nAsk one of them to type %s, or ask %s to add you.", w.again(task), w.whoRuns())
	case policy.CodeNotOnTask:
		return say("Only the owner, the assignee and the collaborators of a task can cancel it, and your Slack e-mail address doesn't match any of theirs. Task %d is untouched.\nAsk one of them to type %s.", task, w.again(task))
	case policy.CodeNoEmail:
		return say("Only the owner, the assignee and the collaborators of a task can cancel it. I know them by their e-mail addresses, and I can't see yours. Task %d is untouched.\nTell %s: the bot may lack the permission to see it.", task, w.whoRuns())
	case policy.CodeEmailUnconfirmed:
		return say("Only the owner, the assignee and the collaborators of a task can cancel it. I know them by their e-mail addresses, and yours isn't confirmed in Slack yet. Task %d is untouched.\nConfirm it in your Slack account settings, then type %s again.", task, w.again(task))
	case policy.CodeCannotCheckTask:
		return say("Only the people on a task can cancel it, and Chamelio didn't tell me who they are just now, so I let nobody through. Task %d is untouched.\nPlease try again in a minute. If it keeps happening, tell %s.", task, w.whoRuns())
	case policy.CodeGuest:
		return say("Only full members of this workspace can cancel tasks, and you're here as a guest. Nothing was cancelled.\nAsk a colleague who is a full member to type `%s`.", w.command)
	case policy.CodeInvited:
		return say("You can cancel tasks once you've accepted your invitation to this workspace. Nothing was cancelled.")
	case policy.CodeOtherOrganisation, policy.CodeStranger, policy.CodeOtherInstallation:
		return say("Only members of the workspace where this app is installed can cancel tasks, and you belong to another one. Nothing was cancelled.\nAsk your contact in this channel.")
	case policy.CodeOtherWorkspace:
		return say("Only members of the workspace where this app is installed can cancel tasks, and you're in another workspace of the organisation. Nothing was cancelled.\nAsk a colleague who is a member to do it.")
	case policy.CodeUnknownWorkspace:
		return say("I couldn't tell which workspace this came from, so I let nobody through. Nothing was cancelled.\nTry it in a channel of your own workspace.")
	case policy.CodeBot:
		return say("Bots can't cancel tasks: a person has to decide it. Nothing was cancelled.")
	case policy.CodeDeactivated:
		return say("This Slack account is deactivated, so it can't cancel tasks. Nothing was cancelled.")
	case policy.CodeNotAnApprover:
		return say("Only certain people can confirm this, and you're not one of them. Your click didn't count.\nAsk one of them, or ask %s.", w.whoRuns())
	case policy.CodeCannotCheckScope, policy.CodeCannotCheckGroup:
		return say("I couldn't check whether you may cancel tasks, because the bot isn't set up for it, so I let nobody through. Nothing was cancelled.\nTell %s: its log says what is wrong.", w.whoRuns())
	}
	return say("I couldn't check with Slack whether you may cancel tasks, so I let nobody through for now. Nothing was cancelled.\nPlease try again in a minute. If it keeps happening, tell %s.", w.whoRuns())
}

// whoRuns names whoever runs the bot.
func (w texts) whoRuns() string {
	if w.operator == "" {
		return "whoever runs this bot"
	}
	return w.operator
}

// places lists where tasks can be cancelled.
func (w texts) places() string {
	const shown = 5
	var places []string
	for _, channel := range w.channels {
		if len(places) == shown {
			places = append(places, fmt.Sprintf("and %d more", len(w.channels)-shown))
			break
		}
		places = append(places, "<#"+string(channel)+">")
	}
	return strings.Join(places, ", ")
}

func (w texts) tooFast(perMinute int) message {
	return say("You have typed more than %d commands within a minute, and I take no more than that from one person. This one did nothing: nothing was cancelled by it.\nPlease wait a minute and type it again.", perMinute)
}

func (w texts) overloaded() message {
	return say("I am very busy right now and did not get to this. Nothing was cancelled.\nPlease try again in a minute.")
}

func (w texts) restarting() message {
	return say("I am just being restarted and did not get to this. Nothing was cancelled.\nPlease try again in a minute.")
}

// explains tells whether noPrompt has something to say about an error that
// gives nothing of a task away.
func (w texts) explains(err error) bool {
	_, ok := w.noPrompt(0, chamelio.Task{}, err)
	return err != nil && ok
}

// noPrompt explains why a task gets no prompt; false if it gets one.
func (w texts) noPrompt(id chamelio.TaskID, task chamelio.Task, err error) (message, bool) {
	var e *chamelio.Error
	switch {
	case errors.As(err, &e) && e.TaskNotFound():
		return say("Chamelio knows no task %d, or this bot's key may not see it. Nothing was cancelled.\nCheck the id: it stands on the task's page and in its link.", id), true
	case errors.As(err, &e) && e.Kind == chamelio.ErrUnauthorized:
		return say("Chamelio refused this bot's key: %s. Task %d is untouched.\nTell %s that its Chamelio key needs replacing, then type %s again.", keyRefused(e.Reason), id, w.whoRuns(), w.again(id)), true
	case err == nil && task.Status.Final():
		return say("%s There is nothing left to cancel.", w.over(w.named(id, task.URL, task.Title), task.Status, taskOver(task))), true
	}
	return message{}, false
}

// prompt asks for the confirmation. task is empty where Chamelio did not tell
// its details in time.
func (w texts) prompt(c confirmation, task chamelio.Task, value string) message {
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
				field{"Workflow", excerpt(task.Workflow, maxName)},
				field{"Status", statusName(task.Status)},
				field{"Step", excerpt(task.Step, maxName)},
				field{"Started", whenKnown(task.CreatedAt.Time)},
				field{"Owner", excerpt(task.Owner, maxName)},
				field{"Assignee", excerpt(task.Assignee, maxName)},
				field{reason, excerpt(c.Reason, maxReason)},
			),
			slack.NewActionBlock("", cancel, keep),
			footnote(note),
		),
	}
}

func (w texts) described(task chamelio.Task) slack.Block {
	if task.ID == 0 {
		return section("Chamelio did not tell me its details just now, so please make sure that this is the task you mean. Confirming works all the same.")
	}
	title := excerpt(task.Title, maxTitle)
	if title == "" {
		title = "Task without a title"
	}
	return section("*" + link(task.URL, title, w.hosts) + "*")
}

// ---- Answers to a click

func (w texts) kept(c confirmation) message {
	return say("OK, %s keeps running. Nothing was cancelled.", w.asked(c))
}

// asked is the task of a prompt.
func (w texts) asked(c confirmation) string { return w.named(c.Task, c.URL, c.Title) }

// decided is the task of a decision.
func (w texts) decided(d journal.Decision) string { return w.named(taskOf(d), d.URL, d.Title) }

// refusedClick is the policy's "no" to a click.
func (w texts) refusedClick(no policy.Verdict, c confirmation) message {
	switch {
	case no.Code == policy.CodeNeedsSecondPerson && c.Public:
		return say("You asked to cancel %s yourself, so somebody else has to confirm it. Your click didn't count, and nothing was cancelled.\nAsk a colleague in this channel to look at it, or press *Withdraw* to keep the task.", w.asked(c))
	case no.Code == policy.CodeNeedsSecondPerson:
		return say("Since you typed this, a rule was set that somebody else has to confirm a cancellation. Your click didn't count, and nothing was cancelled.\nType %s again, and the others in this channel can confirm it.", w.again(c.Task))
	case no.Code == policy.CodeRequesterForbidden:
		return say("%s, who asked for this, may not cancel tasks any more, so it can't be confirmed. Nothing was cancelled.\nIf you think %s should be cancelled, type %s yourself.", mention(c.Requester), w.asked(c), w.again(c.Task))
	}
	return w.refused(no, c.Task)
}

func (w texts) withdrawn(c confirmation) message {
	return say("%s withdrew the request to cancel %s. Nothing was cancelled; it keeps running.", mention(c.Requester), w.asked(c))
}

func (w texts) notYoursToWithdraw(c confirmation) message {
	return say("Only %s, who asked for it, can withdraw this. Your click changed nothing.\nIf you think %s should be kept, tell them; unless somebody confirms it, the request runs out at %s.", mention(c.Requester), w.asked(c), clock(c.ExpiresAt))
}

func (w texts) notWithdrawn(c confirmation) message {
	return say("I couldn't save that just now, so the request to cancel %s can still be confirmed.\nPlease press the button again in a moment. If it keeps happening, tell %s: the bot's database can't be reached.", w.asked(c), w.whoRuns())
}

func (w texts) tooLateToWithdraw(c confirmation, first journal.Decision) message {
	if first.Outcome == "" {
		return say("It's too late to keep %s: %s confirmed it before, and it's being cancelled. I'll post the result in <#%s>.", w.asked(c), mention(first.Confirmer), first.Channel)
	}
	return say("It's too late to keep %s: %s confirmed it before. %s", w.asked(c), mention(first.Confirmer), w.headline(first, resultOf(first)))
}

func (w texts) invalidClick(err error, c confirmation) message {
	switch {
	case errors.Is(err, errExpired) && c.Public:
		return say("%s's request to cancel %s ran out before anybody confirmed it. Nothing was cancelled by it.%s\nTo ask again, type %s.", mention(c.Requester), w.asked(c), w.because(c.Reason), w.again(c.Task))
	case errors.Is(err, errExpired):
		return say("This prompt has expired, so your click didn't count: %s was not cancelled by it.\nIf you still want to cancel it, type %s again.", w.asked(c), w.again(c.Task))
	case errors.Is(err, errNotTheirs):
		return say("This prompt isn't yours, so your click didn't count. Nothing was cancelled by it.\nTo cancel a task yourself, type `%s` and its id.", w.command)
	}
	return say("This prompt is from before the bot was reconfigured, so your click didn't count. Nothing was cancelled by it.\nPlease type `%s` and the task's id again.", w.command)
}

func (w texts) because(reason string) string {
	if reason == "" {
		return ""
	}
	return "\n>" + excerpt(reason, maxReason)
}

func (w texts) pressedTooFast() message {
	return say("You're pressing faster than I can follow. The first press of a button counts, and you'll read what came of it here.")
}

// stillSaving says what is certain while it is not known whether the journal
// took a decision: nothing was sent to Chamelio for it.
func (w texts) stillSaving(c confirmation) message {
	return say(":hourglass_flowing_sand: I'm having trouble saving your decision about %s, and I haven't sent anything to Chamelio yet. I keep trying, and tell you here what comes of it.", w.asked(c))
}

// maybeSaved is all that can be said when that will not be known here.
func (w texts) maybeSaved(c confirmation) message {
	return say("I couldn't make sure that your decision about %s was saved. If it was, the cancellation goes ahead and I'll post the result in <#%s>. If nothing shows up there within a few minutes, nothing was cancelled: then type %s again.\nIf it keeps happening, tell %s: the bot's database can't be reached.", w.asked(c), c.Channel, w.again(c.Task), w.whoRuns())
}

func (w texts) notSaved(c confirmation) message {
	return say("I couldn't save your decision, so I didn't cancel anything: %s was not touched by it.\nType %s to try again. If it keeps happening, tell %s: the bot's database can't be reached.", w.asked(c), w.again(c.Task), w.whoRuns())
}

func (w texts) cancelling(d journal.Decision) message {
	return say(":hourglass_flowing_sand: Cancelling %s…", w.decided(d))
}

func (w texts) stillTrying(d journal.Decision) message {
	return say(":hourglass_flowing_sand: Cancelling %s… Chamelio is slow to answer. I keep trying for a few minutes and post the result in the channel; you needn't wait here.", w.decided(d))
}

func (w texts) waitingForChamelio(d journal.Decision, pause time.Duration) message {
	return say(":hourglass_flowing_sand: Cancelling %s… Chamelio is busy and asks to wait %s. I go on by myself and post the result in the channel.", w.decided(d), duration(pause))
}

// cameSecond tells somebody whose click came after another's.
func (w texts) cameSecond(winner journal.Decision, user string) message {
	by, task := mention(winner.Confirmer), w.decided(winner)
	if winner.Confirmer == user {
		by = "you"
	}
	switch winner.Outcome {
	case "":
		return say("%s is already being cancelled: %s confirmed it at %s. This click changed nothing. I'll post the result in <#%s>.", capital(task), by, clock(winner.DecidedAt), winner.Channel)
	case journal.OutcomeCancelled:
		return say("%s was already cancelled, by %s (%s). It's no longer running, and this click changed nothing.", capital(task), by, when(winner.DecidedAt))
	}
	return say("%s confirmed this before you (%s): %s\nThis click changed nothing.", capital(by), clock(winner.DecidedAt), w.headline(winner, resultOf(winner)))
}

// outcomeLine is what becomes of the prompt.
func (w texts) outcomeLine(d journal.Decision, r result) message {
	return say("%s %s", emoji(r.Outcome), w.headline(d, r))
}

// ---- The announcement

// announcement tells the channel what came of a decision.
func (w texts) announcement(d journal.Decision, r result) message {
	headline := w.headline(d, r)
	return message{
		text: emoji(r.Outcome) + " " + headline,
		blocks: layout(
			section(fmt.Sprintf("%s *%s*\n%s", emoji(r.Outcome), headline, w.consequence(d, r))),
			fields(
				field{"Task", w.titleField(d, r)},
				field{"Workflow", excerpt(r.Flow, maxName)},
				field{stepName(r.Outcome), excerpt(r.Step, maxName)},
				field{"Reason", excerpt(d.Reason, maxReason)},
			),
			footnote(w.provenance(d)),
		),
	}
}

// settled says once more what came of a decision whose outcome was unknown.
func (w texts) settled(d journal.Decision, r result) message {
	headline := w.headline(d, r)
	follow := w.consequence(d, r)
	if r.Outcome == journal.OutcomeUnknown {
		follow = "I've stopped checking. Look at the task's page in Chamelio before you do anything else."
	}
	return say("%s *Now I know: %s*\n%s", emoji(r.Outcome), headline, follow)
}

// inPerson is what could not be said in its channel.
func (w texts) inPerson(m message, d journal.Decision) message {
	m.blocks = append(m.blocks, footnote(fmt.Sprintf("I'm telling you here because Slack doesn't let me post in <#%s>. Please pass it on there.", d.Channel)))
	return m
}

// announcementInPerson is the announcement where the channel cannot be
// reached any more.
func (w texts) announcementInPerson(d journal.Decision, r result) message {
	return w.inPerson(w.announcement(d, r), d)
}

func (w texts) provenance(d journal.Decision) string {
	if d.Confirmer != d.Requester {
		return fmt.Sprintf("Asked for by %s, confirmed by %s on %s", mention(d.Requester), mention(d.Confirmer), when(d.DecidedAt))
	}
	return fmt.Sprintf("Asked for and confirmed by %s on %s", mention(d.Requester), when(d.DecidedAt))
}

// headline says in a sentence what happened.
func (w texts) headline(d journal.Decision, r result) string {
	task := w.named(taskOf(d), cmp.Or(r.URL, d.URL), "")
	by := mention(d.Confirmer)
	switch r.Outcome {
	case journal.OutcomeCancelled:
		if r.Cause == causeSeen {
			return fmt.Sprintf("%s is cancelled, as %s asked.", capital(task), by)
		}
		return fmt.Sprintf("%s cancelled %s.", by, task)
	case journal.OutcomeAlreadyCancelled:
		return fmt.Sprintf("%s had been cancelled already when %s confirmed it.", capital(task), by)
	case journal.OutcomeNotCancellable:
		if !r.Status.Final() {
			return fmt.Sprintf("%s was not cancelled: Chamelio does not allow it in its present state.", capital(task))
		}
		return fmt.Sprintf("%s was not cancelled: it had %s already.", capital(task), endVerb(r.Status))
	case journal.OutcomeNotFound:
		return fmt.Sprintf("%s was not cancelled: Chamelio does not know it, or this bot's key may not see it.", capital(task))
	case journal.OutcomeRejectedKey:
		return fmt.Sprintf("%s was not cancelled: Chamelio refused this bot's key, because %s.", capital(task), keyRefused(r.Key))
	case journal.OutcomeFailed:
		return fmt.Sprintf("%s was not cancelled: %s.", capital(task), failure(r))
	}
	return fmt.Sprintf("Whether %s was cancelled is not known.", task)
}

// consequence says whether the task still runs, and what to do next.
func (w texts) consequence(d journal.Decision, r result) string {
	again := w.again(taskOf(d))
	switch r.Outcome {
	case journal.OutcomeCancelled:
		if r.Cause == causeSeen {
			return "Chamelio gave no clear answer to my request, so I looked: the task has stopped and can't be resumed. If the work is needed after all, start a new task in Chamelio."
		}
		return "It has stopped and can't be resumed. If the work is needed after all, start a new task in Chamelio."
	case journal.OutcomeAlreadyCancelled:
		return "It does not run any more. There is nothing left to do."
	case journal.OutcomeNotCancellable:
		if !r.Status.Final() {
			return "Only tasks that are pending or in progress can be cancelled. Open the task's page in Chamelio to see where it stands."
		}
		return fmt.Sprintf("It does not run any more; that was on %s. If its result should not stand, talk to its owner.", whenOr(r.Over, "a day that Chamelio does not tell"))
	case journal.OutcomeNotFound:
		return "Nothing was changed. Check the id: it stands on the task's page and in its link."
	case journal.OutcomeRejectedKey:
		return fmt.Sprintf("The task is untouched. Tell %s that its Chamelio key needs replacing, then type %s again.", w.whoRuns(), again)
	case journal.OutcomeFailed:
		return w.afterFailure(r, again)
	}
	switch r.Cause {
	case causeKey:
		return fmt.Sprintf("The request was sent, but before its effect could be seen Chamelio refused this bot's key, because %s. Look at the task's page in Chamelio. Tell %s that its Chamelio key needs replacing. I'll keep checking for a day and reply here as soon as I know.", keyRefused(r.Key), w.whoRuns())
	case causeStatus:
		return fmt.Sprintf("Chamelio says that its status is “%s”, which I do not know. Look at the task's page in Chamelio before you do anything else.", excerpt(string(r.Status), maxName))
	}
	return fmt.Sprintf("I sent the request, but Chamelio hasn't given a clear answer, so the task may or may not still run. I'll keep checking for a day and reply here as soon as I know. If you look at its page in Chamelio and it still runs, it is safe to type %s again.", again)
}

func failure(r result) string {
	switch r.Cause {
	case causeServer:
		return fmt.Sprintf("Chamelio failed to do it, %d times in a row", maxTries)
	case causeUnreachable:
		return "Chamelio could not be reached"
	case causeBusy:
		return "Chamelio is too busy"
	case causeStillRuns:
		return "it still runs"
	case causeTooLate:
		return "I was interrupted right after the confirmation, and came back too late to act on it"
	}
	if r.Detail != "" {
		return fmt.Sprintf("Chamelio refused it and says “%s”", excerpt(r.Detail, maxTitle))
	}
	return "Chamelio refused it and does not say why"
}

func (w texts) afterFailure(r result, again string) string {
	switch r.Cause {
	case causeUnreachable:
		return fmt.Sprintf("The task is untouched. Try again in a few minutes with %s. If this stays, tell whoever runs this bot.", again)
	case causeBusy:
		return fmt.Sprintf("The task is untouched. Try again in %s with %s.", duration(max(r.RetryIn, time.Minute)), again)
	case causeTooLate:
		return fmt.Sprintf("I changed nothing. If it should still be cancelled, type %s again.", again)
	case causeServer:
		return fmt.Sprintf("The task was still running when I last looked. It is safe to try again with %s.", again)
	case causeStillRuns:
		return fmt.Sprintf("It still runs a day later, so my request evidently didn't reach it. To cancel it, type %s again.", again)
	}
	return "The task is untouched. Look at its page in Chamelio; if it should be possible to cancel it, tell whoever runs this bot."
}

// ---- The audit channel

// auditCopy is an announcement as the audit channel gets it.
func (w texts) auditCopy(d journal.Decision, r result, permalink string) message {
	m := w.announcement(d, r)
	original := "the announcement"
	if permalink != "" {
		original = "<" + strings.ReplaceAll(permalink, "&", "&amp;") + "|the announcement>"
	}
	m.blocks = append(m.blocks, footnote(fmt.Sprintf("A copy of %s in <#%s>", original, d.Channel)))
	return m
}

// auditSettled is the copy of what an unknown outcome came to.
func (w texts) auditSettled(d journal.Decision, r result, permalink string) message {
	m := w.settled(d, r)
	original := "the announcement"
	if permalink != "" {
		original = "<" + strings.ReplaceAll(permalink, "&", "&amp;") + "|the announcement>"
	}
	m.blocks = append(m.blocks, footnote(fmt.Sprintf("A reply to %s in <#%s>", original, d.Channel)))
	return m
}

// auditRefusal tells the audit channel whom the policy refused.
func (w texts) auditRefusal(n journal.Note) message {
	did := "typed the command"
	if n.ConfirmationID != "" {
		did = "clicked"
	}
	return say(":no_entry: %s %s to cancel task %d in <#%s> on %s and was refused: %s. Nothing was cancelled by it.",
		mention(n.Person), did, n.TaskID, n.Channel, when(n.At), refusedBecause(n.Code))
}

// refusedBecause is a clause, for the audit channel.
func refusedBecause(code string) string {
	known, _ := policy.ParseCode(code)
	switch known {
	case policy.CodeWrongChannel:
		return "tasks can't be cancelled from there"
	case policy.CodeGuest:
		return "guests can't cancel tasks"
	case policy.CodeInvited:
		return "they haven't accepted their invitation yet"
	case policy.CodeBot:
		return "bots can't cancel tasks"
	case policy.CodeDeactivated:
		return "the account is deactivated"
	case policy.CodeOtherOrganisation, policy.CodeStranger:
		return "people of other organisations can't cancel tasks"
	case policy.CodeOtherWorkspace:
		return "people of other workspaces can't cancel tasks"
	case policy.CodeOtherInstallation, policy.CodeUnknownWorkspace:
		return "it didn't come from the workspace where the app is installed"
	case policy.CodeNotListed:
		return "they aren't on the list of those who can"
	case policy.CodeNotOnTask:
		return "they aren't on the task"
	case policy.CodeNoEmail:
		return "I can't see an e-mail address by which to know whether they are on the task"
	case policy.CodeEmailUnconfirmed:
		return "their e-mail address isn't confirmed"
	case policy.CodeNeedsSecondPerson:
		return "somebody else has to confirm what they asked for"
	case policy.CodeNotAnApprover:
		return "they aren't one of those who can confirm"
	case policy.CodeRequesterForbidden:
		return "the one who asked for it may not cancel tasks any more"
	case policy.CodeCannotCheckTask:
		return "Chamelio didn't tell who is on the task"
	case policy.CodeCannotCheckScope, policy.CodeCannotCheckGroup:
		return "the bot isn't set up to check who they are"
	}
	return "Slack didn't tell who they are"
}

// ---- Pieces

// over says that a task has ended.
func (w texts) over(task string, s chamelio.Status, since time.Time) string {
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
func (w texts) named(id chamelio.TaskID, address, title string) string {
	name := link(address, fmt.Sprintf("task %d", id), w.hosts)
	if title != "" {
		name += " (" + excerpt(title, maxTitle) + ")"
	}
	return name
}

func (w texts) titleField(d journal.Decision, r result) string {
	if r.Title == "" {
		return ""
	}
	return link(r.URL, excerpt(r.Title, maxTitle), w.hosts)
}

// capital begins a sentence with what named returns.
func capital(named string) string { return strings.Replace(named, "task ", "Task ", 1) }

func stepName(o journal.Outcome) string {
	if o == journal.OutcomeCancelled {
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
	return excerpt(string(s), maxName)
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

func emoji(o journal.Outcome) string {
	switch o {
	case journal.OutcomeCancelled:
		return ":white_check_mark:"
	case journal.OutcomeAlreadyCancelled, journal.OutcomeNotCancellable:
		return ":information_source:"
	case journal.OutcomeUnknown:
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
