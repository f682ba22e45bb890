package texts

import (
	"fmt"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/policy"
	"github.com/cancelbot/cancelbot/chamelio"
)

// refusalText is what people read about one refusal by the policy: the person
// who was refused, and the audit channel. The channel doesn't see it.
//
// The placeholders are {task}, the task, at a command by its number only, since
// nothing about it may be shown yet; and {nothing}, which says that the command
// or click had no effect. fillRefusal has the others.
type refusalText struct {
	code   policy.Code
	person string
	audit  string // a clause: "was refused: …"
}

// refusalTexts has a row for each code of the policy; a test checks that.
var refusalTexts = []refusalText{
	{policy.CodeOtherInstallation,
		"Only members of the workspace where this app is installed can cancel tasks, and this came from another one. {nothing}\nIf you're a member of that workspace, please do it from there.",
		"it didn't come from the workspace where the app is installed"},
	{policy.CodeUnknownWorkspace,
		"I couldn't tell which workspace this came from. {nothing}\nPlease try again in a channel of your own workspace.",
		"it wasn't clear which workspace it came from"},
	{policy.CodeWrongChannel,
		"You can't cancel tasks from this conversation. {nothing}\nPlease type {again} in {places}.",
		"tasks can't be cancelled from there"},
	{policy.CodeSharedChannel,
		"Tasks can't be cancelled here: people from other organisations read this channel. {nothing}\nPlease type {again} in a channel of your own organisation.",
		"people from other organisations read that channel"},
	{policy.CodeHiddenChannel,
		"Tasks can't be cancelled here: Slack doesn't tell me whether people from other organisations read this conversation. {nothing}\nInvite me to it, or type {again} in a public channel.",
		"Slack doesn't say whether people from other organisations read that conversation"},
	{policy.CodeDeactivated,
		"This Slack account is deactivated, so it can't cancel tasks. {nothing}",
		"the account is deactivated"},
	{policy.CodeBot,
		"Bots can't cancel tasks: that's for a person to decide. {nothing}",
		"bots can't cancel tasks"},
	{policy.CodeStranger,
		"Only members of this workspace can cancel tasks, and you're with another organisation. {nothing}\nAsk your contact in this channel.",
		"people from other organisations can't cancel tasks"},
	{policy.CodeOtherOrganisation,
		"Only members of this workspace can cancel tasks, and you're with another organisation. {nothing}\nAsk your contact in this channel.",
		"people from other organisations can't cancel tasks"},
	{policy.CodeOtherWorkspace,
		"Only members of the workspace that this app serves can cancel tasks, and you're in another workspace of the organisation. {nothing}\nAsk a colleague who is a member.",
		"people from other workspaces can't cancel tasks"},
	{policy.CodeInvited,
		"You can cancel tasks once you've accepted your invitation to this workspace. {nothing}",
		"they haven't accepted their invitation yet"},
	{policy.CodeGuest,
		"Only full members of this workspace can cancel tasks, and you're here as a guest. {nothing}\nAsk a colleague who is a full member.",
		"guests can't cancel tasks"},
	{policy.CodeNotListed,
		"Only certain people can cancel tasks here, and you're not one of them. {nothing}\nAsk one of them to type {again}, or ask {operator} to add you.",
		"they aren't on the list of people who can"},
	{policy.CodeNotOnTask,
		"Only the owner, the assignee and the collaborators can cancel {task}, and your Slack e-mail doesn't match any of them. {nothing}\nAsk one of them to type {again}.",
		"they aren't on the task"},
	{policy.CodeNoEmail,
		"Only the owner, the assignee and the collaborators can cancel {task}. I know them by their e-mail, and I can't see yours. {nothing}\nTell {operator}: the bot may lack the permission to see it.",
		"I can't see their e-mail address, so I can't tell whether they're on the task"},
	{policy.CodeEmailUnconfirmed,
		"Only the owner, the assignee and the collaborators can cancel {task}. I know them by their e-mail, and yours isn't confirmed in Slack yet. {nothing}\nConfirm it in your Slack account settings, then type {again} again.",
		"their e-mail address isn't confirmed"},
	{policy.CodeNeedsSecondPerson,
		"Someone else has to confirm this now: the rule came in after you typed the command. {nothing}\nType {again} again, and I'll ask in the channel.",
		"someone else has to confirm it"},
	{policy.CodeNotAnApprover,
		"Only {approvers} can confirm this, and you're not one of them. {nothing}",
		"they aren't one of the people who can confirm"},
	{policy.CodeRequesterForbidden,
		"{requester}, who asked for this, can no longer cancel tasks, so it can't be confirmed. {nothing}\nIf you think {task} should be cancelled, type {again} yourself.",
		"the person who asked for it can no longer cancel tasks"},
	{policy.CodeCannotCheck,
		"Slack didn't tell me whether you may cancel tasks. {nothing}\nPlease try again in a minute. If it keeps happening, tell {operator}.",
		"Slack didn't say who they are"},
	{policy.CodeCannotCheckTask,
		"Chamelio didn't tell me enough about {task} to check whether you may cancel it. {nothing}\nPlease try again in a minute. If it keeps happening, tell {operator}.",
		"Chamelio didn't say who is on the task, or which workflow it belongs to"},
	{policy.CodeCannotCheckScope,
		"I'm not set up to check whether you may cancel tasks. {nothing}\nTell {operator}: the bot's log says what's missing.",
		"the bot lacks a permission in Slack that it needs to check who they are"},
	{policy.CodeCannotCheckGroup,
		"I'm not set up to check whether you may cancel tasks. {nothing}\nTell {operator}: the bot's log says what's missing.",
		"a usergroup that the bot is set up with is gone or disabled"},
}

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
	return say("%s", w.fillRefusal(refusalOf(no.Code).person, c, w.asked(c), "I didn't do anything."))
}

// RefusedClick answers a click that the policy refuses.
func (w Texts) RefusedClick(no policy.Verdict, c decision.Confirmation) Message {
	text := refusalOf(no.Code).person
	if no.Code == policy.CodeNeedsSecondPerson && c.Public {
		text = "You asked to cancel {task} yourself, so someone else has to confirm it. {nothing}\nAsk {someone} to take a look, or press *Withdraw* to take it back."
	}
	return say("%s", w.fillRefusal(text, c, w.asked(c), "Your click didn't count."))
}

func (w Texts) fillRefusal(text string, c decision.Confirmation, task, nothing string) string {
	approvers := w.mayConfirm()
	someone, certain := approvers, approvers
	if approvers == "" {
		someone, certain = "a colleague in this channel", "certain people"
	}
	return fill(text, "{nothing}", nothing, "{task}", task, "{again}", w.again(c.IDs()...), "{places}", w.places(),
		"{operator}", w.contact(), "{requester}", mention(c.Requester), "{approvers}", certain, "{someone}", someone)
}

// AuditRefusal reports a refusal in the audit channel.
func (w Texts) AuditRefusal(n decision.Note) Message {
	did := "typed the command"
	if n.ConfirmationID != "" {
		did = "clicked"
	}
	code, _ := policy.ParseCode(n.Code)
	tasks := numbered(n.Tasks)
	if len(n.Tasks) == 1 {
		tasks = fmt.Sprintf("task %d", n.Tasks[0])
	}
	return say(":no_entry: %s %s to cancel %s in %s %s and was refused: %s.",
		mention(n.Person), did, tasks, inChannelNamed(n.Channel), on(n.At), refusalOf(code).audit)
}
