package texts

import (
	"cmp"
	"fmt"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/chamelio"
)

// outcomeText is what people read about one outcome, or about one of its causes
// or statuses: the person who confirmed, the channel, and the audit channel.
//
// The placeholders are {Task} and {task}, the task, at the beginning of a
// sentence and elsewhere; {By} and {by}, who confirmed; {again}, the command to
// type; {operator}, who runs the bot; and {when}, {key}, {detail}, {status},
// {wait} and {tries}, details of the result.
type outcomeText struct {
	outcome decision.Outcome
	cause   decision.Cause  // "": also for every cause without a row of its own
	status  chamelio.Status // "": also for every status without a row of its own

	emoji  string
	person string // one line, in place of the prompt: the channel has the rest
	what   string // the announcement's headline
	next   string // what it means, and what to do now
	audit  string // a clause; also shown on a request in the channel
}

// outcomeTexts has a row for each outcome and cause; a test checks that.
var outcomeTexts = []outcomeText{
	{outcome: decision.Cancelled, emoji: ":white_check_mark:",
		person: "You cancelled {task}.",
		what:   "{By} cancelled {task}.",
		next:   "It has stopped and can't be resumed. If the work is still needed, start a new task in Chamelio.",
		audit:  "cancelled"},
	{outcome: decision.Cancelled, cause: decision.CauseSeen, emoji: ":white_check_mark:",
		person: "{Task} is cancelled.",
		what:   "{Task} is cancelled, as {by} asked.",
		next:   "Chamelio didn't confirm my request, so I checked: the task has stopped and can't be resumed. If the work is still needed, start a new task in Chamelio.",
		audit:  "cancelled (as a later check showed)"},
	{outcome: decision.AlreadyCancelled, emoji: ":information_source:",
		person: "{Task} was already cancelled.",
		what:   "{Task} was already cancelled{when} when {by} confirmed.",
		next:   "It's no longer running, and there's nothing left to do.",
		audit:  "already cancelled by someone else"},
	{outcome: decision.NotCancellable, emoji: ":information_source:",
		person: "{Task} wasn't cancelled: its current state doesn't allow it.",
		what:   "{Task} wasn't cancelled: its current state doesn't allow it.",
		next:   "Only tasks that are pending or in progress can be cancelled. Its page in Chamelio shows where it stands.",
		audit:  "not cancelled (its state didn't allow it)"},
	{outcome: decision.NotCancellable, status: chamelio.Completed, emoji: ":information_source:",
		person: "{Task} wasn't cancelled: it had already completed.",
		what:   "{Task} wasn't cancelled: it had already completed.",
		next:   "It's no longer running: it completed{when}. If the result is wrong, talk to its owner.",
		audit:  "not cancelled (it had completed)"},
	{outcome: decision.NotCancellable, status: chamelio.Failed, emoji: ":information_source:",
		person: "{Task} wasn't cancelled: it had already failed.",
		what:   "{Task} wasn't cancelled: it had already failed.",
		next:   "It's no longer running: it failed{when}. If you expected otherwise, talk to its owner.",
		audit:  "not cancelled (it had failed)"},
	{outcome: decision.NotFound, emoji: ":warning:",
		person: "{Task} wasn't cancelled: Chamelio can't find it.",
		what:   "{Task} wasn't cancelled: Chamelio can't find it, or doesn't let this bot see it.",
		next:   "Check the id on the task's page. If it's right, tell {operator}.",
		audit:  "not cancelled (Chamelio couldn't find it)"},
	{outcome: decision.RejectedKey, emoji: ":warning:",
		person: "{Task} wasn't cancelled: Chamelio refused this bot's key.",
		what:   "{Task} wasn't cancelled: Chamelio refused this bot's key.",
		next:   "The task is untouched. Tell {operator} that its Chamelio key needs replacing ({key}), then type {again}.",
		audit:  "not cancelled (Chamelio refused the key: {key})"},
	{outcome: decision.Failed, emoji: ":warning:",
		person: "{Task} wasn't cancelled.",
		what:   "{Task} wasn't cancelled.",
		next:   "Its page in Chamelio shows where it stands. To try again, type {again}.",
		audit:  "not cancelled"},
	{outcome: decision.Failed, cause: decision.CauseRefused, emoji: ":warning:",
		person: "{Task} wasn't cancelled: Chamelio refused.",
		what:   "{Task} wasn't cancelled: Chamelio refused.",
		next:   "{detail} The task is untouched, and its page in Chamelio shows where it stands. If it should be possible to cancel it, tell {operator}.",
		audit:  "not cancelled (Chamelio refused)"},
	{outcome: decision.Failed, cause: decision.CauseServer, emoji: ":warning:",
		person: "{Task} wasn't cancelled: Chamelio had an error.",
		what:   "{Task} wasn't cancelled: Chamelio had an error {tries} times in a row.",
		next:   "It was still running when I last checked. You can safely try again: type {again}.",
		audit:  "not cancelled (Chamelio had an error {tries} times in a row)"},
	{outcome: decision.Failed, cause: decision.CauseUnreachable, emoji: ":warning:",
		person: "{Task} wasn't cancelled: I couldn't reach Chamelio.",
		what:   "{Task} wasn't cancelled: I couldn't reach Chamelio.",
		next:   "The task is untouched. Try again in a few minutes: type {again}. If it keeps happening, tell {operator}.",
		audit:  "not cancelled (Chamelio couldn't be reached)"},
	{outcome: decision.Failed, cause: decision.CauseBusy, emoji: ":warning:",
		person: "{Task} wasn't cancelled: Chamelio is too busy.",
		what:   "{Task} wasn't cancelled: Chamelio is too busy.",
		next:   "The task is untouched. Try again in {wait}: type {again}.",
		audit:  "not cancelled (Chamelio was too busy)"},
	{outcome: decision.Failed, cause: decision.CauseTooLate, emoji: ":warning:",
		person: "{Task} wasn't cancelled: I was interrupted.",
		what:   "{Task} wasn't cancelled: I was interrupted, and it was too late when I came back.",
		next:   "I don't act on a confirmation that's more than half an hour old. If it should still be cancelled, type {again}.",
		audit:  "not cancelled (the bot was interrupted, and the confirmation was too old when it came back)"},
	{outcome: decision.Failed, cause: decision.CauseStillRuns, emoji: ":warning:",
		person: "{Task} wasn't cancelled: a day later, it's still running.",
		what:   "{Task} wasn't cancelled: a day later, it's still running.",
		next:   "My request evidently never got through. To cancel it, type {again}.",
		audit:  "not cancelled (it was still running a day later)"},
	{outcome: decision.Failed, cause: decision.CauseHeld, emoji: ":warning:",
		person: "{Task} isn't part of this: another confirmation for it came first.",
		what:   "{Task} isn't part of this: another confirmation for it came first.",
		next:   "Its result is announced where it was confirmed.",
		audit:  "left to another confirmation, which came first"},
	{outcome: decision.Unknown, emoji: ":question:",
		person: "I don't know yet whether {task} was cancelled. I'll keep checking and post it in the channel.",
		what:   "I don't know yet whether {task} was cancelled: Chamelio hasn't answered clearly.",
		next:   "I'll keep checking for a day and reply here. Please look at its page in Chamelio before you try again.",
		audit:  "not known yet"},
	{outcome: decision.Unknown, cause: decision.CauseKey, emoji: ":question:",
		person: "I don't know yet whether {task} was cancelled. I'll keep checking and post it in the channel.",
		what:   "I don't know yet whether {task} was cancelled: I sent the request, and then Chamelio refused this bot's key.",
		next:   "Tell {operator} that its Chamelio key needs replacing ({key}). I'll keep checking for a day and reply here; the task's page in Chamelio shows it, too.",
		audit:  "not known yet (Chamelio refused the key afterwards: {key})"},
	{outcome: decision.Unknown, cause: decision.CauseStatus, emoji: ":question:",
		person: "I don't know yet whether {task} was cancelled. I'll keep checking and post it in the channel.",
		what:   "I don't know yet whether {task} was cancelled: Chamelio shows a status that I don't know, “{status}”.",
		next:   "I'll keep checking for a day and reply here. Please look at its page in Chamelio before you try again.",
		audit:  "not known yet (its status is “{status}”)"},
	{outcome: decision.Unknown, cause: decision.CauseOverruled, emoji: ":question:",
		person: "I don't know yet whether {task} was cancelled. I'll keep checking and post it in the channel.",
		what:   "I don't know yet whether {task} was cancelled: my record of this confirmation was lost for a moment, and another one for the task came in meanwhile.",
		next:   "I'll keep checking for a day and reply here. Please look at its page in Chamelio before you try again.",
		audit:  "not known yet (the record of it was lost, and another confirmation for the task came in)"},
}

// settledUnknown is for an outcome that stayed unknown until the end of the
// follow-up.
var settledUnknown = outcomeText{outcome: decision.Unknown, emoji: ":question:",
	person: "I don't know whether {task} was cancelled.",
	what:   "I still don't know whether {task} was cancelled, and I've stopped checking.",
	next:   "Please look at its page in Chamelio before you do anything else.",
	audit:  "not known to the end"}

// keyRefused has a clause for each of Chamelio's reasons to refuse the key. It
// follows "its Chamelio key needs replacing".
var keyRefused = map[chamelio.Reason]string{
	chamelio.KeyMissing:  "it didn't arrive with the request",
	chamelio.KeyInvalid:  "it isn't valid",
	chamelio.KeyInactive: "it's switched off",
	chamelio.KeyRevoked:  "it has been revoked",
	chamelio.KeyExpired:  "it has expired",
	chamelio.KeyUnclear:  "Chamelio didn't say why",
}

// outcomeOf returns the row that fits r best, or the one of an unknown outcome
// if none does.
func outcomeOf(r decision.Result) outcomeText {
	var best, unknown outcomeText
	fit := -1
	for _, row := range outcomeTexts {
		if row.outcome == decision.Unknown && row.cause == "" {
			unknown = row
		}
		if row.outcome != r.Outcome || row.cause != "" && row.cause != r.Cause || row.status != "" && row.status != r.Status {
			continue
		}
		score := 0
		if row.cause != "" {
			score++
		}
		if row.status != "" {
			score++
		}
		if score > fit {
			best, fit = row, score
		}
	}
	if fit < 0 {
		return unknown
	}
	return best
}

// result is what people read about one task of a decision.
type result struct {
	decision.Result
	row  outcomeText
	task decision.Named
}

// resultsOf returns what is known of each task of a decision, in the end.
func resultsOf(d decision.Record) []result {
	all := make([]result, len(d.Tasks))
	for i, t := range d.Tasks {
		r := t.Final()
		all[i] = result{r, outcomeOf(r), decision.Named{ID: t.ID, Title: cmp.Or(r.Title, t.Title), URL: cmp.Or(r.URL, t.URL)}}
		if t.SettledOutcome == decision.Unknown {
			all[i].row = settledUnknown
		}
	}
	return all
}

// fillOutcome replaces the placeholders of an outcomeText. reader is the only
// person who reads it; "" for the channel.
func (w Texts) fillOutcome(text string, by, reader string, r result) string {
	detail := "It didn't say why."
	if r.Detail != "" {
		detail = "It said: “" + excerpt(r.Detail, MaxTitle) + "”."
	}
	person, sentence := mention(by), mention(by)
	if by == reader {
		person, sentence = "you", "You"
	}
	key, known := keyRefused[r.Key]
	if !known {
		key = keyRefused[chamelio.KeyUnclear]
	}
	return fill(text, "{Task}", w.namedFirst(r.task), "{task}", w.named(r.task), "{by}", person, "{By}", sentence, "{again}", w.again(r.task.ID),
		"{operator}", w.contact(), "{when}", sinceWhen(r.Result), "{key}", key, "{detail}", detail,
		"{status}", excerpt(string(r.Status), maxName), "{wait}", duration(max(r.RetryIn, time.Minute)), "{tries}", fmt.Sprint(w.Tries))
}

// sinceWhen returns when the task ended, to follow "completed" or "was
// cancelled"; empty if that isn't known.
func sinceWhen(r decision.Result) string {
	switch {
	case r.Over.IsZero():
		return ""
	case r.Outcome == decision.AlreadyCancelled:
		return " (" + standing(r.Over) + ")"
	}
	return " " + on(r.Over)
}

// short returns the result as a clause.
func (w Texts) short(d decision.Record) string {
	all := resultsOf(d)
	if len(all) > 1 {
		return tally(all)
	}
	return w.clause(all[0])
}

func (w Texts) clause(r result) string { return w.fillOutcome(r.row.audit, "", "", r) }

// headline returns the result as a sentence.
func (w Texts) headline(d decision.Record, reader string) string {
	all := resultsOf(d)
	if len(all) > 1 {
		return w.several(d, all, reader)
	}
	return w.fillOutcome(all[0].row.what, d.Confirmer, reader, all[0])
}
