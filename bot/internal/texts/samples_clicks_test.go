package texts

import (
	"cmp"
	"strings"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/input"
	"github.com/cancelbot/cancelbot/bot/internal/policy"
	"github.com/cancelbot/cancelbot/chamelio"
)

func (s *sampler) ofClicks() {
	s.part = "Answers to a click, and what becomes of a prompt"
	private, public := s.confirmation(false), s.confirmation(true)
	s.during("kept", "They pressed *Keep task*.", "in place of the prompt", s.Withdrawn(private))
	s.during("kept before", "They pressed *Cancel task* after that.", "in place of the prompt", s.KeptBefore(private))
	s.during("withdrawn", "The requester pressed *Withdraw request*.", "in place of the request", s.Withdrawn(public))
	s.during("expired", "They clicked after the prompt had expired.", "in place of the prompt", s.RanOut(private))
	s.during("ran out", "A request expired without a decision of its own.", "in place of the request", s.RanOut(public))
	s.during("reminder", "A request is about to run out, and `SECOND_PERSON_REMINDER` is set.", toChannel+", in the thread of the request and below it", s.Reminder(public))
	s.during("expired, perhaps decided", "They clicked after it had expired, and for minutes the journal doesn't say what became of it.", toClicker, s.CannotTell(private))
	s.during("request expired, perhaps decided", "The same, for a request.", toClicker+", or in place of the request", s.CannotTell(public))
	s.during("request expired", "They clicked on a request after it had expired.", toClicker, s.Expired(public))
	s.during("perhaps asked", "Slack doesn't answer clearly whether it posted a request, or the journal doesn't answer whether another replica posts it.", "to the person who typed the command or submitted the modal", s.PerhapsAsked(public))
	s.during("asked before", "A submitted modal that asks a second person is delivered to another process, or after a restart.", "in the modal", s.AskedBefore(public))
	s.during("asking", "A request isn't posted after two seconds.", "to the person who typed the command", s.Asking(public))
	s.during("not needed", "Slack asked to wait before it took a request, and then other confirmations had its tasks.", "to the person who typed the command or submitted the modal", s.NotNeeded(public))
	s.during("not requested", "Slack didn't take a request, neither from the bot in the channel nor as the answer.", "to the person who typed the command or submitted the modal", s.NotRequested(public))
	s.during("not requested, without some tasks", "The same, and the policy refuses others of their tasks, or they have ended.", "to the person who typed the command or submitted the modal", s.WithLeftOut(s.NotRequested(public), s.left()))
	s.during("no approver", "A second person has to confirm, and the requester is the only one who could.", "to the person who typed the command or submitted the modal", s.NoApprover(private))
	s.during("paused", "They pressed *Cancel task* while an operator has paused cancelling.", toClicker, s.PausedClick(private, cmp.Or(s.typed, "Chamelio is being upgraded until noon.")))
	s.during("approval paused", "The same, for a request.", toClicker, s.PausedClick(public, cmp.Or(s.typed, "Chamelio is being upgraded until noon.")))
	s.during("pause unknown", "*Cancel task*, and the journal does not say whether cancelling is paused.", toClicker, s.PauseUnknown(private))
	s.during("interrupted", "The bot stopped while it was checking the click.", toClicker, s.Interrupted(private))
	s.during("approval interrupted", "The same, for a request.", toClicker, s.Interrupted(public))
	s.during("not theirs", "They clicked on someone else's prompt.", toClicker, s.NotYourPrompt())
	s.during("forged", "The prompt was not made by this bot as it is set up now.", toClicker, s.OutdatedPrompt())
	s.during("not theirs to withdraw", "They pressed *Withdraw request* on someone else's request.", toClicker, s.NotYoursToWithdraw(public))
	s.during("perhaps withdrawn", "*Keep task* or *Withdraw request*, and the journal does not answer for minutes.", toClicker, s.MaybeWithdrawn(private, true))
	s.during("perhaps withdrawn, without buttons", "The same, while a click on *Cancel task* is being saved, or if the prompt can't be shown again.", toClicker, s.MaybeWithdrawn(private, false))
	s.during("clicked too fast", "They pressed buttons far too often.", toClicker, s.ClickedTooFast())
	s.during("checking", "Slack or Chamelio takes long to say whether they may cancel the task.", "in place of the prompt, or to the person who clicked a request", s.Checking(private))
	s.during("checking keep", "*Keep task* or *Withdraw request*, and the journal takes long to answer.", "in place of the prompt, or to the person who clicked", s.CheckingKeep(private))
	s.during("checking the end", "They clicked too late, or on someone else's *Withdraw request*, and the journal takes a while to say what became of it.", "in place of the prompt, or to the person who clicked", s.CheckingEnd(public))
	s.during("saving", "*Cancel task*, and the journal doesn't answer within a moment.", "in place of the prompt", s.StillSaving(private))
	s.during("saving a request", "The same, for a request.", toClicker, s.StillSaving(public))
	s.during("not saved", "It is certain by now that it was not saved.", "in place of the prompt", s.NotSaved(private))
	s.during("request not saved", "The same, for a request.", "in place of the request", s.NotSaved(public))
	s.during("perhaps saved", "The bot stops before it knows.", "in place of the prompt", s.MaybeSaved(private))
	s.during("request perhaps saved", "The same, for a request.", toClicker, s.MaybeSaved(public))
	alone, together := s.decision(s.user, ""), s.decision(s.other, "")
	s.during("counted", "It was checked or saved slowly, and they read that.", toClicker, s.Counted(alone))
	s.during("approval counted", "The same, for a request.", toClicker, s.Counted(together))
	s.during("withdrawn before", "They clicked on a request that its requester had withdrawn.", toClicker, s.Closed(public, s.decision(s.user, decision.Withdrawn), s.other))
	s.during("withdrawn before, by themselves", "They clicked on a request that they had withdrawn.", toClicker, s.Closed(public, s.decision(s.user, decision.Withdrawn), public.Requester))
	s.during("not saved before", "They clicked on a request whose approval couldn't be saved.", toClicker, s.Closed(public, s.decision(s.other, decision.NotSaved), s.user))
	unused := s.decision(s.other, decision.Superseded)
	s.during("superseded", "Someone approved a request, but another prompt for one of its tasks was confirmed first, and then closed.", "in place of the request", s.Ended(public, unused))
	s.during("superseded before", "They clicked on a request that had ended like this.", toClicker, s.Closed(public, unused, s.user))
	s.during("cancelling", "The cancellation takes more than a moment.", "in place of the prompt", s.Cancelling(alone))
	s.during("cancelling a request", "The same, for a request.", "in place of the request", s.Cancelling(together))
	s.during("slow", "Chamelio or the journal does not answer clearly.", "in place of the prompt", s.StillTrying(alone))
	s.during("slow request", "The same, for a request.", "in place of the request", s.StillTrying(together))
	s.during("waiting", "Chamelio's rate limit is used up.", "in place of the prompt", s.WaitingForChamelio(alone, min(s.retryAfter, time.Minute)))
	cancelled, refused := s.decision(s.other, decision.Cancelled), s.decision(s.other, decision.Failed)
	s.during("came second", "Someone else confirmed before them, and it is under way.", toClicker, s.CameSecond(public, s.user, together.AsOfNow()))
	elsewhere := together
	elsewhere.ID, elsewhere.Channel = "OTHER", "D0PRIVATE"
	s.during("came second to a direct message", "Someone else confirmed in a direct message, and it is under way.", toClicker, s.CameSecond(private, s.user, elsewhere.AsOfNow()))
	hidden := s.decision(s.other, decision.Unknown)
	hidden.ID, hidden.Channel = elsewhere.ID, elsewhere.Channel
	s.during("came second to a direct message, unknown", "The same, and the outcome isn't known.", toClicker, s.CameSecond(private, s.user, hidden.AsOfNow()))
	s.during("pressed twice", "They had confirmed before, and it is under way.", toClicker, s.CameSecond(private, s.user, alone.AsOfNow()))
	s.add("came second, cancelled", "Someone else confirmed before them.", toClicker, s.CameSecond(public, s.user, cancelled.AsOfNow()))
	s.add("came second, failed", "Someone else confirmed before them, and the task couldn't be cancelled.", toClicker, s.CameSecond(public, s.user, refused.AsOfNow()))
	s.add("came second, failed, and overtaken", "The same, and someone has confirmed again since.", toClicker, s.CameSecond(public, s.user, refused.AsOfNow(refused.IDs()...)))
	s.add("pressed twice, cancelled", "They had confirmed before.", toClicker, s.CameSecond(private, s.user, s.decision(s.user, decision.Cancelled).AsOfNow()))
	s.during("too late to keep", "*Keep task*, but it is under way.", toClicker, s.TooLateToWithdraw(private, alone.AsOfNow(), s.user))
	s.during("too late to withdraw", "*Withdraw request*, but someone has confirmed.", toClicker, s.TooLateToWithdraw(public, together.AsOfNow(), s.user))
	s.add("too late, cancelled", "*Withdraw request*, but it was cancelled.", toClicker, s.TooLateToWithdraw(public, cancelled.AsOfNow(), s.user))
	together.ID, cancelled.ID = "OTHER", "OTHER"
	s.during("overtaken", "Someone approved a request, or its time is over, and the task is being cancelled in another way.", "in place of the request", s.Overtaken(public, together.AsOfNow()))
	s.add("overtaken, cancelled", "The same, when that is over.", "in place of the request", s.Overtaken(public, cancelled.AsOfNow()))
	unclear := s.decision(s.other, decision.Unknown)
	unclear.ID = "OTHER"
	again := alone
	again.ID = "OTHER"
	s.during("closed only", "*Keep task*, and they have confirmed cancelling the task with another prompt.", "in place of the prompt", s.ClosedOnly(private, s.user, again.AsOfNow()))
	s.add("closed only, cancelled", "The same, by someone else, when that is over.", "in place of the prompt", s.ClosedOnly(private, s.user, cancelled.AsOfNow()))
	s.during("closed only, unknown", "The same, when its outcome isn't known.", "in place of the prompt", s.ClosedOnly(private, s.user, unclear.AsOfNow()))
	s.during("overtaken, unknown", "The same, when its outcome isn't known.", "in place of the request", s.Overtaken(public, unclear.AsOfNow()))
	kept, unsaved := s.decision(s.other, decision.Withdrawn), s.decision(s.other, decision.NotSaved)
	kept.ID, unsaved.ID = "OTHER", "OTHER"
	s.during("came second, taken back", "Someone else confirmed before them, and then took it back.", toClicker, s.CameSecond(private, s.user, kept.AsOfNow()))
	s.during("came second, not saved", "Someone else confirmed before them, and that couldn't be saved.", toClicker, s.CameSecond(private, s.user, unsaved.AsOfNow()))
	s.during("overtaken, taken back", "Someone approved a request, but lost to a decision that was then taken back.", "in place of the request", s.Overtaken(public, kept.AsOfNow()))
	s.during("came second, unknown", "Someone else confirmed before them, and the outcome isn't known.", toClicker, s.CameSecond(public, s.user, unclear.AsOfNow()))
}

// resultFor returns a result for a row.
func (s *sampler) resultFor(row outcomeText) decision.Result {
	r := decision.Describe(s.task)
	r.Outcome, r.Cause, r.Status, r.Over = row.outcome, row.cause, row.status, time.Time{}
	r.Key, r.Detail, r.RetryIn = chamelio.KeyExpired, s.detail, s.retryAfter
	switch {
	case row.status.Final(), row.outcome == decision.AlreadyCancelled:
		r.Over = s.now
	case row.cause == decision.CauseStatus:
		r.Status = chamelio.Status(input.Clean(strings.Repeat("archived ", 1+len(s.detail)/100)))
	}
	if row.outcome == decision.Cancelled && row.cause == "" {
		r.People = []decision.Person{{User: s.other, Role: "owner and assignee"}}
	}
	return r
}

// rowName names a row for people.
func rowName(row outcomeText) string {
	name := string(row.outcome)
	for _, more := range []string{string(row.cause), string(row.status)} {
		if more != "" {
			name += ", " + more
		}
	}
	return name
}

func (s *sampler) ofOutcomes() {
	s.part = "Outcomes"
	for _, row := range outcomeTexts {
		r, add := s.resultFor(row), s.add
		if row.outcome == decision.Unknown {
			add = s.during
		}
		d, two := s.decision(s.user, row.outcome), s.decision(s.other, row.outcome)
		what := "The outcome is `" + rowName(row) + "`."
		add("line: "+rowName(row), what, "in place of the prompt", s.OutcomeLine(d.With(r).AsOfNow()))
		add("request: "+rowName(row), what, "in place of the request", s.OutcomeLine(two.With(r).AsOfNow()))
		add("announcement: "+rowName(row), what, toChannel, s.Announcement(d.With(r).AsOfNow(), s.now))
	}
	r := s.resultFor(outcomeOf(decision.Result{Outcome: decision.Cancelled}))
	bare := s.decision(s.user, decision.Cancelled)
	bare.Reason, r.People = "", nil
	s.add("announcement without reason", "Nobody gave a reason.", toChannel, s.Announcement(bare.With(r).AsOfNow(), s.now))
	s.add("announcement of two", "A second person confirmed.", toChannel, s.Announcement(s.decision(s.other, decision.Cancelled).With(r).AsOfNow(), s.now))
	s.add("announcement in person", "Slack no longer lets the bot post in the channel.", "to the person who asked, in their chat with the bot", s.AnnouncementInPerson(s.user, s.decision(s.user, decision.Cancelled).With(r).AsOfNow(), s.now))
	moved := r
	moved.Was = decision.Moved{Title: "Draft of the agreement", Step: "Intake"}
	s.add("announcement of a task that has moved on", "Its step and title changed after the prompt.", toChannel, s.Announcement(bare.With(moved).AsOfNow(), s.now))
	bare.Untitled = true
	s.add("announcement without title", "The channel is shared with another organisation, and ANNOUNCE_IN_SHARED_CHANNELS is untitled.", toChannel, s.Announcement(bare.With(moved).AsOfNow(), s.now))
	s.add("announcement, late", "It was posted long after the click.", toChannel, s.Announcement(s.decision(s.user, decision.Cancelled).With(r).AsOfNow(), s.now.Add(time.Hour)))
	taken := s.resultFor(outcomeOf(decision.Result{Outcome: decision.Failed, Cause: decision.CauseServer}))
	late := s.decision(s.user, decision.Failed).With(taken)
	s.add("announcement, overtaken", "It was posted late, and someone has confirmed again since.", toChannel, s.Announcement(late.AsOfNow(late.IDs()...), s.now.Add(time.Hour)))
	s.add("announcement, perhaps overtaken", "The same, if the journal didn't say for ten minutes whether someone has.", toChannel, s.Announcement(late.Unread(), s.now.Add(time.Hour)))
	together := s.decision(s.other, decision.Failed).With(taken)
	s.add("request, overtaken", "Slack took its last text late, and someone has confirmed again since.", "in place of the request", s.OutcomeLine(together.AsOfNow(together.IDs()...)))
	for _, row := range outcomeTexts {
		settles := row.cause == decision.CauseSeen || row.outcome == decision.NotCancellable || row.cause == decision.CauseStillRuns ||
			row.outcome == decision.Unknown && row.cause == ""
		if settles {
			s.add("update: "+rowName(row), "An outcome that was unknown became `"+rowName(row)+"`.", toChannel+", in the thread of the announcement",
				s.Settled(s.decision(s.user, decision.Unknown).WithSettled(s.resultFor(row)).AsOfNow()))
		}
	}
	runs := s.decision(s.user, decision.Unknown).WithSettled(s.resultFor(outcomeOf(decision.Result{Outcome: decision.Failed, Cause: decision.CauseStillRuns})))
	s.add("update, overtaken", "The same, and someone has confirmed again since.", toChannel+", in the thread of the announcement", s.Settled(runs.AsOfNow(runs.IDs()...)))
	later := s.resultFor(outcomeOf(decision.Result{Outcome: decision.NotCancellable, Status: chamelio.Completed}))
	later.Over = s.now.Add(20 * time.Minute)
	s.add("update: completed after the click", "An outcome was unknown, and then the task completed.", toChannel+", in the thread of the announcement",
		s.Settled(s.decision(s.user, decision.Unknown).WithSettled(later).AsOfNow()))
	seen := s.resultFor(outcomeOf(decision.Result{Outcome: decision.Cancelled, Cause: decision.CauseSeen}))
	d := s.decision(s.user, decision.Cancelled)
	people := seen
	people.People = []decision.Person{{User: s.other, Role: "owner"}}
	s.add("update that mentions people", "An outcome that was unknown became known, and `MENTION_PEOPLE_ON_TASK` is set.", toChannel+", in the thread of the announcement", s.Settled(d.WithSettled(people).AsOfNow()))
	s.add("update in person", "Slack no longer lets the bot post in the channel.", "to the person who asked, in their chat with the bot", s.SettledInPerson(s.user, d.WithSettled(seen).AsOfNow()))
}

// onlyAtClick are the codes that compare the person who clicks with the one who
// asked. At the command there is no such pair.
var onlyAtClick = map[policy.Code]bool{
	policy.CodeNeedsSecondPerson: true, policy.CodeNotAnApprover: true, policy.CodeRequesterForbidden: true, policy.CodeRequesterOffTask: true,
	policy.CodeCannotCheckRequester: true,
}

func (s *sampler) ofRefusals() {
	s.part = "Refusals by the policy"
	private, public := s.confirmation(false), s.confirmation(true)
	for _, row := range refusalTexts {
		no, code := policy.Verdict{Code: row.code}, string(row.code)
		if onlyAtClick[row.code] {
			c := public
			if row.code == policy.CodeNeedsSecondPerson {
				c = private
			}
			s.during("refused: "+code, "`"+code+"`, at the click.", toClicker, s.RefusedClick(no, c))
			continue
		}
		s.during("refused: "+code, "`"+code+"`, at the command or the click.", "only to the person who typed or clicked", s.Refused(no, s.task.ID))
		if click := s.RefusedClick(no, private); click.Text != s.Refused(no, s.task.ID).Text {
			s.during("click refused: "+code, "The same, at the click.", toClicker, click)
		}
	}
	several := s.confirmation(false)
	several.Tasks = append(several.Tasks, decision.Named{ID: 501}, decision.Named{ID: 502})
	s.during("click on several refused for one", "The policy refuses one of several tasks, at the click.", toClicker,
		s.RefusedClick(policy.Verdict{Code: policy.CodeNotOnTask, Task: 501}, several))
	offTask := s.confirmation(true)
	offTask.Tasks = several.Tasks
	s.during("approval of several refused for one", "The same, because the requester may no longer cancel one of them.", toClicker,
		s.RefusedClick(policy.Verdict{Code: policy.CodeRequesterOffTask, Task: 501}, offTask))
	s.during("click on several not checked for one", "Chamelio doesn't say whether they may cancel one of several tasks, at the click.", toClicker,
		s.RefusedClick(policy.Verdict{Code: policy.CodeCannotCheckTask, Task: 501}, several))
	s.during("click on several of which one is gone", "The same, and Chamelio says that there is no such task.", toClicker,
		s.RefusedClick(policy.Verdict{Code: policy.CodeCannotCheckTask, Task: 501, Cause: &chamelio.Error{Kind: chamelio.ErrNotFound, Detail: "Task not found"}}, several))
	s.during("click not checked without the key", "The same, and Chamelio refuses the key.", toClicker,
		s.RefusedClick(policy.Verdict{Code: policy.CodeCannotCheckTask, Cause: &chamelio.Error{Kind: chamelio.ErrUnauthorized, Reason: chamelio.KeyRevoked}}, private))
	s.during("second person needed", "The requester confirms their own request.", toClicker,
		s.RefusedClick(policy.Verdict{Code: policy.CodeNeedsSecondPerson}, public))
}

func (s *sampler) ofAudit() {
	s.part = "The audit channel"
	r := s.resultFor(outcomeOf(decision.Result{Outcome: decision.Cancelled}))
	d := s.decision(s.user, decision.Cancelled)
	s.add("audit copy", "An outcome was announced.", toAudit, s.AuditCopy(d.With(r).AsOfNow(), s.permalink, s.now))
	seen := s.resultFor(outcomeOf(decision.Result{Outcome: decision.Cancelled, Cause: decision.CauseSeen}))
	s.add("audit of an update", "An outcome that was unknown became known.", toAudit, s.AuditSettled(d.WithSettled(seen).AsOfNow(), s.permalink))
	s.add("audit of the end", "An outcome stayed unknown.", toAudit, s.AuditSettled(d.WithSettled(decision.Result{Outcome: decision.Unknown}).AsOfNow(), ""))
	for i, row := range refusalTexts {
		n := decision.Note{Person: s.user, Tasks: []chamelio.TaskID{s.task.ID}, Channel: s.channel, At: s.now, Code: string(row.code)}
		if i%2 == 1 || onlyAtClick[row.code] {
			n.ConfirmationID = "SAMPLE"
		}
		s.during("audit of a refusal: "+string(row.code), "The policy refused someone.", toAudit, s.AuditRefusal(n, s.now))
	}
	s.during("audit of a refusal, late", "The same, but the audit channel couldn't be reached for an hour.", toAudit,
		s.AuditRefusal(decision.Note{Person: s.user, Tasks: []chamelio.TaskID{s.task.ID}, Channel: s.channel, At: s.now, Code: string(policy.CodeGuest)}, s.now.Add(time.Hour)))
	for _, row := range credentialTexts {
		n := decision.Note{Person: row.which, At: s.now, Code: "token_revoked"}
		if row.which == "api_key" {
			n.Code = string(chamelio.KeyExpired)
		}
		if row.refused != "" {
			s.during("audit of a refused credential: "+row.which, "Slack or Chamelio refuses it.", toAudit, *s.AuditCredential(n, s.now))
		}
		n.Code, n.Since = "", s.now.Add(-20*time.Minute)
		s.during("audit of an accepted credential: "+row.which, "It works again.", toAudit, *s.AuditCredential(n, s.now))
	}
	s.during("audit of a refused credential, late", "The same, but the audit channel couldn't be reached for an hour.", toAudit,
		*s.AuditCredential(decision.Note{Person: "api_key", At: s.now, Code: string(chamelio.KeyExpired)}, s.now.Add(time.Hour)))
}
