package texts

import (
	"cmp"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/chamelio"
)

// outcomeText is what people read about one outcome, or about one of its causes
// or statuses.
//
// The placeholders are {Task} and {task}, the task, at the beginning of a
// sentence and elsewhere; {By}, who asked; {again}, the command to type;
// {operator} and {Please}, who runs the bot; and {key}, {detail}, {status},
// {wait} and {tries}, details of the result.
type outcomeText struct {
	outcome decision.Outcome
	cause   decision.Cause  // "": also for every cause without a row of its own
	status  chamelio.Status // "": also for every status without a row of its own

	emoji  string
	line   string // the last text of a prompt; if empty, what
	what   string // the announcement's headline
	next   string // what it means, and what to do now
	update string // the headline of the reply to an announcement; if empty, what
	clause string // in lists, and after "Result:"
}

// outcomeTexts has a row for each outcome and cause; a test checks that.
var outcomeTexts = []outcomeText{
	{outcome: decision.Cancelled, emoji: emojiCancelled,
		line:   "Cancelled {task}.",
		what:   "{By} cancelled {task}.",
		clause: "cancelled"},
	{outcome: decision.Cancelled, cause: decision.CauseSeen, emoji: emojiCancelled,
		line:   "{Task} is cancelled.",
		what:   "Confirmed: {task} is cancelled.",
		update: "{Task} is cancelled.",
		clause: "cancelled"},
	{outcome: decision.AlreadyCancelled, emoji: emojiNote,
		what:   "{Task} was already cancelled.",
		clause: "already cancelled"},
	{outcome: decision.NotCancellable, emoji: emojiWarning,
		what:   "Not cancelled: {task} is no longer pending or in progress.",
		next:   "Check its page in Chamelio.",
		update: "{Task} is no longer pending or in progress, so it wasn't cancelled.",
		clause: "not cancelled (its state doesn't allow it)"},
	{outcome: decision.NotCancellable, status: chamelio.Completed, emoji: emojiWarning,
		what:   "Not cancelled: {task} had already completed.",
		update: "{Task} had already completed, so it wasn't cancelled.",
		clause: "not cancelled (it had already completed)"},
	{outcome: decision.NotCancellable, status: chamelio.Failed, emoji: emojiWarning,
		what:   "Not cancelled: {task} had already failed.",
		update: "{Task} had already failed, so it wasn't cancelled.",
		clause: "not cancelled (it had already failed)"},
	{outcome: decision.NotFound, emoji: emojiWarning,
		what:   "Not cancelled: Chamelio can't find {task} any more.",
		next:   "It may have been deleted, or I may have lost access to it. If you can still open its page, ask {operator}.",
		clause: "not cancelled (Chamelio can't find it any more)"},
	{outcome: decision.RejectedKey, emoji: emojiWarning,
		what:   "Not cancelled: {task}. I've lost access to Chamelio ({key}).",
		next:   "Nothing changed. Once {operator} has replaced the key, type {again} again.",
		clause: "not cancelled (I've lost access to Chamelio: {key})"},
	{outcome: decision.Failed, emoji: emojiWarning,
		what:   "Not cancelled: {task}.",
		next:   "Check its page in Chamelio. To try again, type {again}.",
		clause: "not cancelled"},
	{outcome: decision.Failed, cause: decision.CauseRefused, emoji: emojiWarning,
		what:   "Not cancelled: Chamelio refused to cancel {task}.",
		next:   "{detail} Nothing changed. If it should be possible, ask {operator}.",
		clause: "not cancelled (Chamelio refused)"},
	{outcome: decision.Failed, cause: decision.CauseServer, emoji: emojiWarning,
		what:   "Not cancelled: {task}. Chamelio had an error {tries} times in a row.",
		next:   "It was still running when I last checked. It's safe to try again: type {again}.",
		clause: "not cancelled (Chamelio had an error {tries} times in a row)"},
	{outcome: decision.Failed, cause: decision.CauseUnreachable, emoji: emojiWarning,
		what:   "Not cancelled: {task}. I couldn't reach Chamelio.",
		next:   "Nothing changed. Try again in a few minutes: type {again}. If it keeps happening, ask {operator}.",
		clause: "not cancelled (I couldn't reach Chamelio)"},
	{outcome: decision.Failed, cause: decision.CauseBusy, emoji: emojiWarning,
		what:   "Not cancelled: {task}. Chamelio is too busy.",
		next:   "Nothing changed. Try again in {wait}: type {again}.",
		clause: "not cancelled (Chamelio is too busy)"},
	{outcome: decision.Failed, cause: decision.CauseTooLate, emoji: emojiWarning,
		what:   "Not cancelled: {task}. I was offline for too long after it was confirmed.",
		next:   "I don't act on confirmations older than 30 minutes. If you still want to cancel it, type {again}.",
		clause: "not cancelled (I was offline for too long after it was confirmed)"},
	{outcome: decision.Failed, cause: decision.CauseStillRuns, emoji: emojiWarning,
		what:   "Not cancelled: {task} is still running, a day later.",
		next:   "My request had no effect. To cancel it, type {again}.",
		update: "{Task} wasn't cancelled. It's still running, a day later.",
		clause: "not cancelled (it's still running, a day later)"},
	{outcome: decision.Failed, cause: decision.CauseHeld, emoji: emojiNote,
		what:   "Left out: {task}. An earlier confirmation covers it.",
		next:   "The result is posted where that one was made.",
		clause: "left out (an earlier confirmation covers it)"},
	{outcome: decision.Unknown, emoji: emojiPending,
		line:   lineUnknown,
		what:   "Not confirmed yet: cancelling {task}.",
		next:   "Chamelio didn't give me a clear answer. " + keepChecking,
		clause: "not confirmed yet"},
	{outcome: decision.Unknown, cause: decision.CauseKey, emoji: emojiPending,
		line:   lineUnknown,
		what:   "Not confirmed yet: cancelling {task}.",
		next:   "I sent the request, then lost access to Chamelio ({key}). I'll keep trying for 24 hours. {Please} replace the key.",
		clause: "not confirmed yet (I've lost access to Chamelio: {key})"},
	{outcome: decision.Unknown, cause: decision.CauseStatus, emoji: emojiPending,
		line:   lineUnknown,
		what:   "Not confirmed yet: cancelling {task}.",
		next:   "Chamelio shows a status I don't know: “{status}”. " + keepChecking,
		clause: "not confirmed yet (its status is “{status}”)"},
	{outcome: decision.Unknown, cause: decision.CauseOverruled, emoji: emojiPending,
		line:   lineUnknown,
		what:   "Not confirmed yet: cancelling {task}.",
		next:   "My record of it was briefly lost, and the same task was confirmed again in the meantime. " + keepChecking,
		clause: "not confirmed yet (my record of it was briefly lost)"},
}

// The emojis of outcomes. A cancelled task gets no check mark: it's gone.
const (
	emojiCancelled = ":octagonal_sign:"
	emojiWarning   = ":warning:" // not cancelled
	emojiPending   = ":hourglass_flowing_sand:"
	emojiNote      = ":information_source:"
)

const (
	keepChecking = "I'm checking, and I'll post the result here within 24 hours. Check the task's page before you try again."

	// The last text of a prompt can't be edited later, so it is in the past.
	lineUnknown = "Chamelio didn't say clearly whether {task} was cancelled. The result appears in the channel once I know it."
)

// settledUnknown is for an outcome that stayed unknown until the end of the
// follow-up.
var settledUnknown = outcomeText{outcome: decision.Unknown, emoji: emojiWarning,
	what:   "I couldn't find out whether {task} was cancelled, and I've stopped checking.",
	next:   "Check its page in Chamelio before you do anything else.",
	clause: "never confirmed"}

// keyRefused has a clause for each of Chamelio's reasons to refuse the key. It
// follows "I've lost access to Chamelio".
var keyRefused = map[chamelio.Reason]string{
	chamelio.KeyMissing:  "the key didn't arrive with the request",
	chamelio.KeyInvalid:  "the key isn't valid",
	chamelio.KeyInactive: "the key is switched off",
	chamelio.KeyRevoked:  "the key has been revoked",
	chamelio.KeyExpired:  "the key has expired",
	chamelio.KeyUnclear:  "it didn't say why",
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
	return fill(text, "{Task}", w.namedFirst(r.task), "{task}", w.named(r.task), "{By}", you(by, reader, "You"), "{again}", w.again(r.task.ID),
		"{operator}", w.contact(), "{Please}", w.please(), "{key}", whyKeyRefused(r.Key), "{detail}", detail,
		"{status}", excerpt(string(r.Status), maxName), "{wait}", duration(max(r.RetryIn, time.Minute)), "{tries}", fmt.Sprint(w.Tries))
}

// you returns a mention, or the word for the reader themselves.
func you(user, reader, word string) string {
	if user == reader {
		return word
	}
	return mention(user)
}

func whyKeyRefused(r chamelio.Reason) string {
	return cmp.Or(keyRefused[r], keyRefused[chamelio.KeyUnclear])
}

// short returns the result as a clause.
func (w Texts) short(d decision.Record) string {
	all := resultsOf(d)
	if len(all) > 1 {
		return tally(all)
	}
	return w.clause(all[0])
}

func (w Texts) clause(r result) string { return w.fillOutcome(r.row.clause, "", "", r) }

// line returns the result as a sentence, which names no one. It isn't updated
// later, so of an unknown outcome it says nothing that can become false.
func (w Texts) line(d decision.Record) string {
	all := resultsOf(d)
	_, _, unknown := counted(all)
	switch {
	case len(all) > 1 && unknown == len(all):
		return fmt.Sprintf("Chamelio didn't say clearly what happened to the %d tasks.", unknown)
	case len(all) > 1 && unknown > 0:
		return fmt.Sprintf("Chamelio didn't say clearly what happened to %d of the %d tasks.", unknown, len(all))
	case len(all) > 1:
		return sentence(tally(all))
	}
	row := all[0].row
	return w.fillOutcome(cmp.Or(row.line, row.what), "", "", all[0])
}

// sentence makes a clause of ours a sentence.
func sentence(clause string) string { return upperFirst(clause) + "." }

// upperFirst capitalises the first letter.
func upperFirst(text string) string {
	_, size := utf8.DecodeRuneInString(text)
	return strings.ToUpper(text[:size]) + text[size:]
}
