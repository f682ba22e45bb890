package texts

import (
	"slices"
	"strings"

	"github.com/slack-go/slack"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/input"
	"github.com/cancelbot/cancelbot/bot/internal/policy"
	"github.com/cancelbot/cancelbot/chamelio"
)

// ofSeveral are the texts of decisions about several tasks. Of hostile data
// there are as many as one command may name.
func (s *sampler) ofSeveral() {
	s.part = "Several tasks"
	const value = "…"
	n := 3
	if len(s.detail) > 1000 {
		n = s.MaxTasks
	}
	private, public := s.confirmation(false), s.confirmation(true)
	var shown Preview
	tasks := make([]decision.Named, n)
	for i := range n {
		task := s.task
		task.ID -= chamelio.TaskID(i)
		task.URL = strings.Replace(task.URL, s.task.ID.String(), task.ID.String(), 1)
		if i > 0 {
			task.StepType, task.StepsDone = chamelio.StepReview, 1
		}
		tasks[i] = decision.Named{ID: task.ID, Title: s.named().Title, URL: task.URL}
		shown.Tasks = append(shown.Tasks, task)
	}
	private.Tasks, public.Tasks = tasks, tasks
	s.add("prompt for several", "The command named several tasks.", toRequester, s.Prompt(private, shown, value))
	s.add("request for several", "The same, and a second person has to confirm.", toChannel, s.Prompt(public, shown, value))
	s.during("not needed for several", "Slack asked to wait before it took a request, and then other confirmations, or one, had its tasks.", "to the person who typed the command or submitted the modal", s.NotNeeded(public))
	out := s.left()
	some := shown
	some.Excluded, some.Unsure = out, true
	some.Tasks = append([]chamelio.Task{{}}, shown.Tasks[1:]...)
	s.add("prompt for some", "Some of the tasks can't be cancelled, and Chamelio didn't tell the details of one in time.", toRequester, s.Prompt(private, some, value))
	s.add("request for some", "The same, and a second person has to confirm. Everyone reads it, so it speaks of the requester.", toChannel, s.Prompt(public, some, value))
	long := shown
	long.Cut = true
	s.add("prompt with a shortened reason", "The reason has no room next to that many tasks.", toRequester, s.Prompt(private, long, value))
	one, left := private, Preview{Tasks: shown.Tasks[:1], Excluded: out[:1]}
	one.Tasks = tasks[:1]
	s.add("prompt for one of several", "Only one of the tasks can be cancelled.", toRequester, s.Prompt(one, left, value))
	s.add("nothing to cancel", "None of the tasks can be cancelled.", toRequester, s.NothingToCancel(out))
	s.add("nothing left to cancel", "All of the tasks have ended, or don't exist.", toRequester, s.NothingToCancel(slices.DeleteFunc(slices.Clone(out), func(t Excluded) bool { return !t.Over })))

	d := s.decision(s.user, "")
	d.Tasks = nil
	for _, t := range tasks {
		d.Tasks = append(d.Tasks, t.Item())
	}
	s.during("progress", "Some of the tasks have an outcome.", "in place of the prompt", s.Progress(d.With(decision.Result{Outcome: decision.Cancelled})))
	all := func(rows ...outcomeText) decision.Record {
		var results []decision.Result
		for i := range d.Tasks {
			r := s.resultFor(rows[i%len(rows)])
			r.URL = d.Tasks[i].URL
			results = append(results, r)
		}
		return d.With(results...)
	}
	cancelled, already := outcomeOf(decision.Result{Outcome: decision.Cancelled}), outcomeOf(decision.Result{Outcome: decision.AlreadyCancelled})
	failed, unknown := outcomeOf(decision.Result{Outcome: decision.Failed, Cause: decision.CauseServer}), outcomeOf(decision.Result{Outcome: decision.Unknown})
	s.add("announcement of several", "Each was cancelled.", toChannel, s.Announcement(all(cancelled).AsOfNow(), s.now))
	s.add("announcement of several, mixed", "They came out differently.", toChannel, s.Announcement(all(cancelled, already, failed).AsOfNow(), s.now))
	s.during("announcement of several, unknown", "The outcome of one isn't known yet.", toChannel, s.Announcement(all(cancelled, unknown, cancelled).AsOfNow(), s.now))
	held := outcomeOf(decision.Result{Outcome: decision.Failed, Cause: decision.CauseHeld})
	s.add("announcement of several, left out", "Another decision has one of them, which may yet be taken back.", toChannel, s.Announcement(all(cancelled, held, cancelled).AsOfNow(), s.now))
	s.add("announcement of several, all left out", "Other decisions have all of them.", toChannel, s.Announcement(all(held).AsOfNow(), s.now))
	s.add("line of several, left out", "Another decision has one of them.", "in place of the prompt", s.OutcomeLine(all(cancelled, held, cancelled).AsOfNow()))
	s.add("line of several, all left out", "Other decisions have all of them.", "in place of the prompt", s.OutcomeLine(all(held).AsOfNow()))
	late := all(cancelled, failed, cancelled)
	s.add("announcement of several, overtaken", "It was posted late, and someone has confirmed again since.", toChannel, s.Announcement(late.AsOfNow(late.Tasks[1].ID), s.now))
	s.add("announcement of several, perhaps overtaken", "The same, if the journal didn't say for ten minutes whether someone has.", toChannel, s.Announcement(late.Unread(), s.now))
	s.during("announcement of several, two unknown", "The outcomes of two aren't known yet.", toChannel, s.Announcement(all(cancelled, unknown, unknown).AsOfNow(), s.now))
	s.add("announcement of several, none", "None was cancelled.", toChannel, s.Announcement(all(already, failed, already).AsOfNow(), s.now))
	locked, gone := outcomeOf(decision.Result{Outcome: decision.RejectedKey}), outcomeOf(decision.Result{Outcome: decision.NotFound})
	refused := outcomeOf(decision.Result{Outcome: decision.Failed, Cause: decision.CauseRefused})
	s.add("announcement of several, refused", "Chamelio refused the key for one, refused another one, and has no third.", toChannel, s.Announcement(all(locked, refused, gone).AsOfNow(), s.now))
	busy, ended := outcomeOf(decision.Result{Outcome: decision.Failed, Cause: decision.CauseBusy}), outcomeOf(decision.Result{Outcome: decision.NotCancellable})
	s.add("announcement of several, busy", "Chamelio was too busy for two, and refused one without a reason that the bot could see.", toChannel, s.Announcement(all(busy, ended, busy).AsOfNow(), s.now))
	s.add("line of several", "They came out differently.", "in place of the prompt", s.OutcomeLine(all(cancelled, already, failed).AsOfNow()))
	s.during("line of several, unknown", "The outcome of one isn't known yet.", "in place of the prompt", s.OutcomeLine(all(cancelled, unknown, cancelled).AsOfNow()))
	two := all(cancelled, already, failed)
	two.Confirmer = s.other
	s.add("request of several", "The same, for a request.", "in place of the request", s.OutcomeLine(two.AsOfNow()))
	seen := s.resultFor(outcomeOf(decision.Result{Outcome: decision.Cancelled, Cause: decision.CauseSeen}))
	seen.URL = d.Tasks[1].URL
	settled := all(cancelled, unknown, cancelled).WithSettled(decision.Result{}, seen)
	s.add("announcement of several, edited", "What was unknown became known.", toChannel+", in place of the announcement", s.Announcement(settled.AsOfNow(), s.now))
	s.add("update of several", "The same.", toChannel+", in the thread of the announcement", s.Settled(settled.AsOfNow()))
	part := all(cancelled, unknown, unknown).WithSettled(decision.Result{}, seen)
	s.add("update of several, so far", "One became known, another isn't yet, and the announcement can't be edited.", "to the person who asked, in their chat with the bot", s.SettledSoFar(s.user, part.AsOfNow()))
	after := outcomeOf(decision.Result{Outcome: decision.Cancelled, Cause: decision.CauseSeen})
	s.add("announcement of several, seen afterwards", "The requests got no clear answer, and then the tasks were cancelled.", toChannel, s.Announcement(all(after).AsOfNow(), s.now))
	s.add("line of several, seen afterwards", "The same, and one was cancelled before.", "in place of the prompt", s.OutcomeLine(all(after, already, after).AsOfNow()))
	both := all(cancelled, unknown, unknown).WithSettled(decision.Result{}, seen, decision.Result{Outcome: decision.Unknown})
	s.add("update of several, partly", "One became known, and one didn't until the end.", toChannel+", in the thread of the announcement", s.Settled(both.AsOfNow()))
	s.add("announcement of several, partly", "The same.", toChannel+", in place of the announcement", s.Announcement(both.AsOfNow(), s.now))
	s.add("came second of several", "Someone else confirmed before them.", toClicker, s.CameSecond(private, s.user, two.AsOfNow()))
	s.ofLost(private, public, all)
}

// ofLost are the answers to a click whose tasks other prompts' decisions have. of
// returns a decision with outcomes.
func (s *sampler) ofLost(private, public decision.Confirmation, of func(...outcomeText) decision.Record) {
	cancelled, already := outcomeOf(decision.Result{Outcome: decision.Cancelled}), outcomeOf(decision.Result{Outcome: decision.AlreadyCancelled})
	unknown := outcomeOf(decision.Result{Outcome: decision.Unknown})
	between := func(d decision.Record) (first, second decision.Record) {
		first, second = d.One(0), d
		second.Tasks = d.Tasks[1:]
		first.ID, first.Confirmer = "OTHER", s.other
		second.ID, second.Channel = "THIRD", "D0PRIVATE"
		return first, second
	}
	by := func(user string, d decision.Record) decision.Record {
		d.Confirmer = user
		return d
	}
	first, second := between(of(cancelled, already, cancelled))
	open := second.With(make([]decision.Result, len(second.Tasks))...)
	s.during("tasks of others", "All of their tasks are already being cancelled by other prompts.", toClicker, s.CameSecond(private, s.user, first.AsOfNow(), open.AsOfNow()))
	s.add("tasks of others, done", "The same, when that is over.", toClicker, s.CameSecond(private, s.user, first.AsOfNow(), second.AsOfNow()))
	s.during("request for tasks of others", "The same, for a request.", "in place of the request", s.Overtaken(public, first.AsOfNow(), by("U0LINUS", open).AsOfNow()))
	s.add("request for tasks of others, done", "The same, when that is over.", "in place of the request", s.Overtaken(public, first.AsOfNow(), by("U0LINUS", second).AsOfNow()))
	s.during("only the prompt of several closed", "*Keep them*, and other prompts' decisions have all of the tasks.", "in place of the prompt", s.ClosedOnly(private, s.user, first.AsOfNow(), open.AsOfNow()))
	s.add("only the prompt of several closed, for one", "The same, and one of the tasks is cancelled already.", "in place of the prompt", s.ClosedOnly(private, s.user, first.AsOfNow()))
	s.add("only the prompt of several closed, done", "The same for all of them, when that is over.", "in place of the prompt", s.ClosedOnly(private, s.user, first.AsOfNow(), second.AsOfNow()))
	kept := second.With(decision.Result{Outcome: decision.Withdrawn}, decision.Result{Outcome: decision.Withdrawn})
	s.during("tasks of others, taken back", "All of their tasks were being cancelled by other prompts, and a decision was taken back.", toClicker, s.CameSecond(private, s.user, first.AsOfNow(), kept.AsOfNow()))
	first, second = between(of(unknown, cancelled, cancelled))
	s.during("tasks of others, unknown", "The same, when an outcome isn't known.", toClicker, s.CameSecond(private, s.user, first.AsOfNow(), second.AsOfNow()))
	s.during("request for tasks of others, unknown", "The same, for a request.", "in place of the request", s.Overtaken(public, first.AsOfNow(), by("U0LINUS", second).AsOfNow()))
}

// ofShortcut are the texts of the message shortcut and its modals.
func (s *sampler) ofShortcut() {
	s.part = "From a message"
	const inModal = toClicker + ", in the modal"
	s.add("looking at a message", "They chose *Cancel Chamelio task* from a message's menu.", "only to the person who chose it, in a modal", s.LookingAt())
	modal := func(name, when string, view slack.ModalViewRequest) {
		s.add(name, when, inModal, Message{Text: view.Title.Text, Blocks: view.Blocks.BlockSet})
		s.all[len(s.all)-1].Modal = true
	}
	one, request := s.confirmation(false), s.confirmation(true)
	modal("modal for one task", "The message names one task.", s.ConfirmModal(one, Preview{Tasks: []chamelio.Task{s.task}}, Others{}))
	modal("modal for a request", "The same, and a second person has to confirm.", s.ConfirmModal(request, Preview{Tasks: []chamelio.Task{s.task}}, Others{}))
	several, shown := one, Preview{Excluded: s.left()}
	several.Tasks = nil
	for i := range s.MaxTasks {
		task := s.task
		task.ID -= chamelio.TaskID(i)
		several.Tasks = append(several.Tasks, decision.Named{ID: task.ID, Title: s.named().Title, URL: s.task.URL})
		shown.Tasks = append(shown.Tasks, task)
	}
	modal("modal for several tasks", "The message names more tasks than one decision can cover, and the first have ended.", s.ConfirmModal(several, shown, Others{Over: 2 * s.MaxTasks, More: 3}))
	modal("modal without details", "Chamelio didn't send the details in time.", s.ConfirmModal(one, Preview{Tasks: []chamelio.Task{{}}}, Others{}))
	several.Tasks, shown.Tasks = several.Tasks[:2], []chamelio.Task{s.task, {}}
	modal("modal for several, one without details", "It didn't send those of one task.", s.ConfirmModal(several, shown, Others{}))
	modal("modal to find a task", "The message names no task.", s.FindModal())
	s.during("modal, not a task", "What they typed there is neither an ID nor a link.", inModal, Message{Text: s.ModalNoTask(input.ErrNotATask)})
	s.during("modal, too many tasks", "They typed more tasks than one decision can cover.", inModal, Message{Text: s.ModalNoTask(input.ErrTooManyTasks)})
	s.during("modal, none chosen", "They removed every check mark.", inModal, Message{Text: s.ModalNoneChosen()})
	s.during("submitted", "They submitted the modal.", inModal, s.Submitted())
	s.during("requested", "They submitted the modal, and a second person has to confirm.", inModal, s.Requested(request))
	s.during("none of the first tasks", "The message names many tasks, and none of the first can be cancelled.", inModal, s.WithOthers(s.NothingToCancel(s.left()), Others{Over: 2 * s.MaxTasks, More: 4}))
	s.during("modal too old", "They typed a task when the modal had been open for too long.", inModal, Message{Text: s.ModalTooOld()})
	s.during("shortcut too late", "Slack didn't open the modal within three seconds.", toClicker, s.ShortcutTooLate())
	s.during("modal too large", "The message names tasks and a place that don't fit in a modal.", inModal, s.ModalTooLarge())
}

// left are tasks that a prompt leaves out, for every reason.
func (s *sampler) left() []Excluded {
	id := s.task.ID - 100
	var all []Excluded
	for _, e := range []error{&chamelio.Error{Kind: chamelio.ErrNotFound, Detail: "Task not found"}, &chamelio.Error{Kind: chamelio.ErrUnauthorized, Reason: chamelio.KeyExpired}, nil} {
		why, _ := s.Exclude(id, chamelio.Task{ID: id, Status: chamelio.Completed}, e)
		all = append(all, why)
		id--
	}
	return append(all, s.ExcludeRefused(policy.Verdict{Code: policy.CodeNotOnTask}, id), s.ExcludeRefused(policy.Verdict{Code: policy.CodeCannotCheck}, id-1), s.ExcludeUnseen(id-2))
}
