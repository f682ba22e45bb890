package policy

// Code says why somebody was refused. The journal and the metrics keep these
// words for ever: add to them, never change one.
type Code string

// CodeAllowed is the one code that is not a refusal. The empty Code is: a
// verdict that nobody filled in allows nothing.
const CodeAllowed Code = "allowed"

// Refusals that say something about the person or the place.
const (
	CodeOtherInstallation  Code = "other_installation"    // an envelope for another app, or for another installation of it
	CodeUnknownWorkspace   Code = "unknown_workspace"     // organisation-wide app: the command did not say which workspace it came from
	CodeWrongChannel       Code = "wrong_channel"         // not in this conversation
	CodeSharedChannel      Code = "shared_channel"        // people of another organisation read this conversation
	CodeHiddenChannel      Code = "hidden_channel"        // Slack doesn't tell the app who reads this conversation
	CodeDeactivated        Code = "deactivated"           //
	CodeBot                Code = "bot"                   // a bot, a workflow, a connector, Slackbot
	CodeStranger           Code = "stranger"              // Slack Connect: somebody from outside, in a shared channel
	CodeOtherOrganisation  Code = "other_organisation"    // another workspace or organisation than the app's
	CodeOtherWorkspace     Code = "other_workspace"       // Grid: of the organisation, but not of this workspace
	CodeInvited            Code = "invited"               // has not accepted the invitation yet
	CodeGuest              Code = "guest"                 // of one channel or of several
	CodeNotListed          Code = "not_listed"            //
	CodeNotOnTask          Code = "not_on_task"           //
	CodeNoEmail            Code = "no_email"              // the profile shows none: hidden, or the scope users:read.email is missing
	CodeEmailUnconfirmed   Code = "email_unconfirmed"     // proves nothing: anybody can type any address
	CodeNeedsSecondPerson  Code = "needs_second_person"   // the requester cannot confirm this alone
	CodeNotAnApprover      Code = "not_an_approver"       // only approvers are the second person
	CodeRequesterForbidden Code = "requester_not_allowed" // the confirmer may, but the requester may not any more
)

// Refusals because something is not known. Restrictions never fail open.
const (
	CodeCannotCheck      Code = "cannot_check"       // Slack did not answer about the person: worth another try
	CodeCannotCheckTask  Code = "cannot_check_task"  // Chamelio did not answer about the task: worth another try
	CodeCannotCheckScope Code = "cannot_check_scope" // the app may not ask: the operator's to fix
	CodeCannotCheckGroup Code = "cannot_check_group" // a configured usergroup is gone or disabled: the operator's to fix
)

// codes are all refusals, each with the word that journals written by older
// versions hold for it, if any.
var codes = []struct{ code, old Code }{
	{CodeOtherInstallation, ""},
	{CodeUnknownWorkspace, ""},
	{CodeWrongChannel, "not in this conversation"},
	{CodeSharedChannel, ""},
	{CodeHiddenChannel, ""},
	{CodeDeactivated, ""},
	{CodeBot, ""},
	{CodeStranger, ""},
	{CodeOtherOrganisation, "other organisation"},
	{CodeOtherWorkspace, ""},
	{CodeInvited, ""},
	{CodeGuest, ""},
	{CodeNotListed, "not listed"},
	{CodeNotOnTask, "not on the task"},
	{CodeNoEmail, "no e-mail address"},
	{CodeEmailUnconfirmed, ""},
	{CodeNeedsSecondPerson, "needs a second person"},
	{CodeNotAnApprover, ""},
	{CodeRequesterForbidden, "requester not allowed any more"},
	{CodeCannotCheck, "cannot look the person up"},
	{CodeCannotCheckTask, "cannot look the task up"},
	{CodeCannotCheckScope, ""},
	{CodeCannotCheckGroup, ""},
}

// Codes lists every refusal, so that texts can be tested to cover them all.
func Codes() []Code {
	all := make([]Code, 0, len(codes))
	for _, c := range codes {
		all = append(all, c.code)
	}
	return all
}

// ParseCode reads a refusal from a journal, also one that an older version
// wrote. It reports false for a word that was never a refusal of this package.
func ParseCode(text string) (Code, bool) {
	for _, c := range codes {
		if text != "" && (Code(text) == c.code || Code(text) == c.old) {
			return c.code, true
		}
	}
	return "", false
}

// Transient reports whether the same attempt may succeed in a minute.
func (c Code) Transient() bool { return c == CodeCannotCheck || c == CodeCannotCheckTask }

// ForOperator reports whether nobody but the operator can do anything about
// it, so that the person is not told to try again.
func (c Code) ForOperator() bool { return c == CodeCannotCheckScope || c == CodeCannotCheckGroup }

// Final reports whether this is a real "no", not a "not known".
func (c Code) Final() bool {
	return c != CodeAllowed && !c.Transient() && !c.ForOperator()
}

// Verdict is a decision: allowed, or refused with a code. Its zero value
// refuses.
type Verdict struct {
	Code  Code
	Cause error // for the operator's log: why something is not known

	// missing is what a look-up could still add. A verdict that has it is not
	// the last word.
	missing *missing
}

// missing names facts that nobody has asked Slack for so far.
type missing struct {
	user   UserID
	groups []GroupID // of these the user may be a member; the user's own profile if empty

	audience bool // who reads the conversation, and nothing about a user
}

// Allowed reports whether it is a yes.
func (v Verdict) Allowed() bool { return v.Code == CodeAllowed }

func allow() Verdict { return Verdict{Code: CodeAllowed} }

func refuse(code Code) Verdict { return Verdict{Code: code} }
