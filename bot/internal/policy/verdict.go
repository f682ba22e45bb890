package policy

import "slices"

// Code says why a person was refused. The journal and the metrics keep these
// words permanently: add new ones, but never change one.
type Code string

// CodeAllowed is the only code that isn't a refusal. The empty Code is one, so
// an unset verdict allows nothing.
const CodeAllowed Code = "allowed"

// Refusals because of the person or the place.
const (
	CodeOtherInstallation  Code = "other_installation"    // an envelope for another app, or for another installation of it
	CodeUnknownWorkspace   Code = "unknown_workspace"     // organisation-wide app: the command didn't name its workspace
	CodeWrongChannel       Code = "wrong_channel"         // not in this conversation
	CodeSharedChannel      Code = "shared_channel"        // people of another organisation read this conversation
	CodeHiddenChannel      Code = "hidden_channel"        // Slack doesn't tell the app who reads this conversation
	CodeDeactivated        Code = "deactivated"           // the account is
	CodeBot                Code = "bot"                   // a bot, a workflow, a connector, Slackbot
	CodeStranger           Code = "stranger"              // Slack Connect: someone from outside, in a shared channel
	CodeOtherOrganisation  Code = "other_organisation"    // another workspace or organisation than the app's
	CodeOtherWorkspace     Code = "other_workspace"       // Grid: of the organisation, but not of this workspace
	CodeInvited            Code = "invited"               // has not accepted the invitation yet
	CodeGuest              Code = "guest"                 // of one channel or of several
	CodeNotListed          Code = "not_listed"            // not among those who may cancel
	CodeNotOnTask          Code = "not_on_task"           // not one of the people on the task
	CodeNoEmail            Code = "no_email"              // the profile shows none: hidden, or the scope users:read.email is missing
	CodeEmailUnconfirmed   Code = "email_unconfirmed"     // proves nothing: anyone can type any address
	CodeNeedsSecondPerson  Code = "needs_second_person"   // the requester can't confirm this alone
	CodeNotAnApprover      Code = "not_an_approver"       // only approvers can be the second person
	CodeRequesterForbidden Code = "requester_not_allowed" // the confirmer may, but the requester may cancel nothing any more
	CodeRequesterOffTask   Code = "requester_not_on_task" // the confirmer may, but the requester may not cancel this task any more
)

// Refusals because a fact isn't known. Restrictions never fail open.
const (
	CodeCannotCheck          Code = "cannot_check"           // Slack didn't answer about the person: another try may help
	CodeCannotCheckRequester Code = "cannot_check_requester" // the same about the requester, and the confirmer may
	CodeCannotCheckTask      Code = "cannot_check_task"      // Chamelio didn't answer about the task: another try may help
	CodeCannotCheckScope     Code = "cannot_check_scope"     // the app lacks a permission: the operator can fix that
	CodeCannotCheckGroup     Code = "cannot_check_group"     // a configured usergroup is gone or disabled: the operator can fix that
)

var codes = []Code{
	CodeOtherInstallation, CodeUnknownWorkspace, CodeWrongChannel, CodeSharedChannel, CodeHiddenChannel,
	CodeDeactivated, CodeBot, CodeStranger, CodeOtherOrganisation, CodeOtherWorkspace, CodeInvited, CodeGuest,
	CodeNotListed, CodeNotOnTask, CodeNoEmail, CodeEmailUnconfirmed,
	CodeNeedsSecondPerson, CodeNotAnApprover, CodeRequesterForbidden, CodeRequesterOffTask,
	CodeCannotCheck, CodeCannotCheckRequester, CodeCannotCheckTask, CodeCannotCheckScope, CodeCannotCheckGroup,
}

// Codes returns every refusal, so that tests can check that each has a text.
func Codes() []Code { return slices.Clone(codes) }

// ParseCode reads a refusal from a journal. It reports false for a word that isn't a
// refusal of this package.
func ParseCode(text string) (Code, bool) {
	if !slices.Contains(codes, Code(text)) {
		return "", false
	}
	return Code(text), true
}

// Transient reports whether the same attempt may succeed in a minute.
func (c Code) Transient() bool {
	return c == CodeCannotCheck || c == CodeCannotCheckRequester || c == CodeCannotCheckTask
}

// ForOperator reports whether only the operator can do something about it, so
// that the person isn't advised to try again.
func (c Code) ForOperator() bool { return c == CodeCannotCheckScope || c == CodeCannotCheckGroup }

// Final reports whether this is a real "no", and not an unknown.
func (c Code) Final() bool {
	return c != CodeAllowed && !c.Transient() && !c.ForOperator()
}

// Verdict is the result of the rules: allowed, or refused with a code. The
// zero value refuses.
type Verdict struct {
	Code  Code
	Cause error // why a fact isn't known, for the log
	Task  int64 // the task that is refused, of several; 0 for all

	// Untitled says, of an allowed click, that what the conversation reads has no titles.
	Untitled bool

	// missing has the facts that a lookup could still add. If it is set, the
	// verdict isn't final.
	missing *missing
}

// missing has facts that haven't been looked up.
type missing struct {
	user   UserID
	groups []GroupID // the usergroups to look up; the profile if empty

	audience bool // who reads the conversation, and nothing about a user
}

// Allowed reports whether the verdict is a yes.
func (v Verdict) Allowed() bool { return v.Code == CodeAllowed }

func allow() Verdict { return Verdict{Code: CodeAllowed} }

func refuse(code Code) Verdict { return Verdict{Code: code} }
