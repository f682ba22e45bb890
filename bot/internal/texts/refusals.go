package texts

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/input"
	"github.com/cancelbot/cancelbot/bot/internal/policy"
	"github.com/cancelbot/cancelbot/chamelio"
)

// refusalText is what people read about one refusal by the policy: the person
// who was refused, and the audit channel. The channel doesn't see it.
//
// The placeholders are {task}, the task, at a command by its number only, since
// nothing about it may be shown yet, and {retry}, when to try again. fillRefusal has
// the others.
type refusalText struct {
	code   policy.Code
	person string
	audit  string // a sentence
}

// refusalTexts has a row for each code of the policy; a test checks that.
var refusalTexts = []refusalText{
	{policy.CodeOtherInstallation,
		"Only members of the workspace where this bot is installed can cancel tasks. If you're a member, do it from there.",
		"From a workspace where the bot isn't installed."},
	{policy.CodeUnknownWorkspace,
		"I couldn't tell which workspace this came from. Try again in a channel of your own workspace.",
		"From an unknown workspace."},
	{policy.CodeWrongChannel,
		"You can't cancel tasks from here. Type {again} in {places}.",
		"Tasks can't be cancelled from there."},
	{policy.CodeSharedChannel,
		"You can't cancel tasks here: people from other organisations read this conversation. Type {again} in a channel of your own organisation.",
		"People from other organisations read that channel."},
	{policy.CodeHiddenChannel,
		"You can't cancel tasks here: I can't see whether people from other organisations read this. Type {again} in a public channel. In a private one, it also helps to invite me.",
		"Slack doesn't say whether people from other organisations read that conversation."},
	{policy.CodeDeactivated,
		"This Slack account is deactivated, so it can't cancel tasks.",
		"The account is deactivated."},
	{policy.CodeBot,
		"Bots can't cancel tasks. A person has to do it.",
		"Bots can't cancel tasks."},
	{policy.CodeStranger,
		"Only members of this workspace can cancel tasks. Ask your contact in this workspace.",
		"Not a member of the workspace."},
	{policy.CodeOtherOrganisation,
		"Only members of this workspace can cancel tasks. Ask your contact in this workspace.",
		"From another organisation."},
	{policy.CodeOtherWorkspace,
		"This bot works for another workspace of your organisation. Ask a colleague there.",
		"From another workspace of the organisation."},
	{policy.CodeInvited,
		"Accept your invitation to this workspace first. Then you can cancel tasks.",
		"Hasn't accepted the invitation to the workspace yet."},
	{policy.CodeGuest,
		"Guests can't cancel tasks. Ask a full member of this workspace.",
		"Guests can't cancel tasks."},
	{policy.CodeNotListed,
		"You're not on the list of people who can cancel tasks. Ask {operator} to add you.",
		"Not on the list of people who can cancel."},
	{policy.CodeNotOnTask,
		"Only the task's owner, assignee and collaborators can cancel {task}, and none of them has your Slack e-mail address.",
		"Not the task's owner, assignee or a collaborator."},
	{policy.CodeNoEmail,
		"I can't see your e-mail address in Slack, so I can't tell whether you're on this task. Ask {operator}: the bot may need another permission.",
		"Their e-mail address isn't visible, so I can't tell whether they're on the task."},
	{policy.CodeEmailUnconfirmed,
		"Confirm your e-mail address in your Slack account settings, then type {again} again. I need it to tell whether you're on this task.",
		"Their e-mail address isn't confirmed."},
	{policy.CodeNeedsSecondPerson,
		"A second person must now approve this. Type {again} again, and I'll ask here.",
		"Someone else must approve."},
	{policy.CodeNotAnApprover,
		"Only {approvers} can approve this.",
		"Not an approver."},
	{policy.CodeRequesterForbidden,
		"{requester}, who asked for this, may no longer cancel tasks. If you want it cancelled, type {again} yourself.",
		"The requester may no longer cancel tasks."},
	{policy.CodeRequesterOffTask,
		"{requester}, who asked for this, may no longer cancel {task}. If you want it cancelled, type {again} yourself.",
		"The requester may no longer cancel it."},
	{policy.CodeCannotCheck,
		"I couldn't check with Slack whether you may cancel tasks. {retry}",
		"I couldn't check with Slack whether they may cancel tasks."},
	{policy.CodeCannotCheckRequester,
		"I couldn't check with Slack whether {requester}, who asked for this, may still cancel tasks. {retry}",
		"I couldn't check with Slack whether the requester may still cancel tasks."},
	{policy.CodeCannotCheckTask,
		"I couldn't check with Chamelio whether you may cancel {task}. {retry}",
		"Chamelio didn't say who is on the task, or which workflow it belongs to."},
	{policy.CodeCannotCheckScope,
		cannotCheck,
		"The bot lacks a Slack permission to check who may cancel tasks."},
	{policy.CodeCannotCheckGroup,
		cannotCheck,
		"A usergroup in the bot's configuration is gone or disabled."},
}

const cannotCheck = "I can't check who may cancel tasks: the bot isn't set up correctly. Ask {operator}: the reason is in its log."

// refusalOf returns the row for code, or the one for CodeCannotCheck if there
// is none.
func refusalOf(code policy.Code) refusalText {
	fallback := refusalText{}
	for _, row := range refusalTexts {
		if row.code == code {
			return row
		}
		if row.code == policy.CodeCannotCheck {
			fallback = row
		}
	}
	return fallback
}

// Refused answers a command that the policy refuses.
func (w Texts) Refused(no policy.Verdict, ids ...chamelio.TaskID) Message {
	c := decision.Confirmation{}
	for _, id := range ids {
		c.Tasks = append(c.Tasks, decision.Named{ID: id})
	}
	return say("%s", w.fillRefusal(fill(refusalOf(no.Code).person, "{retry}", "Try again in a minute."), c))
}

// RefusedClick answers a click that the policy refuses. See unlessResult.
func (w Texts) RefusedClick(no policy.Verdict, c decision.Confirmation) Message {
	text, retry, gone := refusalOf(no.Code).person, "Your click might not have counted. "+unlessResult(c)+w.pressAgain(c)+".", false
	if why, ok := w.Exclude(0, chamelio.Task{}, no.Cause); ok && no.Code == policy.CodeCannotCheckTask { // Chamelio has answered
		e := new(chamelio.Error)
		gone = errors.As(no.Cause, &e) && e.TaskNotFound()
		text = "I can't check whether you may cancel {task}: " + why.Why + ". {retry}"
	}
	if gone && no.Task != 0 { // another try won't help
		retry = ""
	}
	text = strings.TrimSpace(fill(text, "{retry}", retry))
	if no.Code == policy.CodeNeedsSecondPerson && c.Public {
		text = "You can't approve your own request. Ask {someone}, or press *Withdraw request*."
	}
	if no.Task == 0 || no.Code == policy.CodeNeedsSecondPerson { // who can approve one task can approve all
		return say("%s", w.fillRefusal(text, c))
	}
	refused := func(t decision.Named) bool { return int64(t.ID) == no.Task }
	one, others := c, c
	one.Tasks = slices.Clone(c.Tasks[slices.IndexFunc(c.Tasks, refused):][:1])
	others.Tasks = slices.DeleteFunc(slices.Clone(c.Tasks), refused)
	if !no.Code.Final() && !gone { // another try may help, with all of them
		return say("%s", w.fillRefusal(text, one))
	}
	return say("%s So you can't cancel these %d tasks together. To cancel the others, type %s.", w.fillRefusal(text, one), len(c.Tasks), w.again(others.IDs()...))
}

func (w Texts) fillRefusal(text string, c decision.Confirmation) string {
	approvers := w.mayConfirm(c.Requester)
	someone, certain := approvers, approvers
	if approvers == "" {
		someone, certain = "a colleague in this channel", "approvers"
		if !input.IsID(c.Channel, "CG") {
			someone = "a colleague in this conversation"
		}
		if w.OnlyApprover(c.Requester) {
			someone = "another approver"
		}
	}
	return fill(text, "{task}", w.asked(c), "{again}", w.again(c.IDs()...), "{places}", w.places(),
		"{operator}", w.contact(), "{requester}", mention(c.Requester), "{approvers}", certain, "{someone}", someone)
}

// AuditRefusal reports a refusal in the audit channel. It says when that was
// unless it is posted soon after.
func (w Texts) AuditRefusal(n decision.Note, posted time.Time) Message {
	did := "command"
	if n.ConfirmationID != "" {
		did = "click"
	}
	code, _ := policy.ParseCode(n.Code)
	tasks := numbered(n.Tasks)
	if len(n.Tasks) == 1 {
		tasks = fmt.Sprintf("task %d", n.Tasks[0])
	}
	where := "a direct message"
	if input.IsID(n.Channel, "CG") {
		where = inChannelNamed(n.Channel)
	}
	if posted.Sub(n.At) > late {
		did += " " + on(n.At)
	}
	return say(":no_entry: *Refused:* %s, %s in %s (%s). %s", mention(n.Person), tasks, where, did, refusalOf(code).audit)
}
