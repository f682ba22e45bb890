package texts

import (
	"cmp"
	"fmt"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/chamelio"
)

// outcomeText is what people read about one outcome, or about one of its causes
// or statuses.
//
// A prompt's last text can't be edited later, so it stays true whatever becomes
// known.
//
// The placeholders are {Task} and {task}, the task, at the beginning of a
// sentence and elsewhere; {By}, who asked; {channel}, where the result is posted;
// {again}, the command to type; {operator}, who runs the bot; {already}, "had already "
// if the task certainly ended before the click; and {key}, {detail}, {status} and {wait},
// details of the result.
type outcomeText struct {
	outcome decision.Outcome
	cause   decision.Cause  // "": also for every cause without a row of its own
	status  chamelio.Status // "": also for every status without a row of its own

	emoji  string
	what   string // the announcement's headline
	line   string // the same, in place of a prompt; if empty, what
	update string // the same, in the reply to an announcement; if empty, what
	next   string // what it means, and what to do now
}

// outcomeTexts has a row for each outcome and cause; a test checks that.
var outcomeTexts = []outcomeText{
	{outcome: decision.Cancelled, emoji: emojiCancelled,
		what: "{By} cancelled {task}.",
		line: "{Task} is cancelled."},
	{outcome: decision.Cancelled, cause: decision.CauseSeen, emoji: emojiCancelled,
		what:   "{Task} is cancelled.",
		update: "Confirmed: {task} is cancelled."},
	{outcome: decision.AlreadyCancelled, emoji: emojiNote,
		what: "{Task} was already cancelled."},
	{outcome: decision.NotCancellable, emoji: emojiWarning,
		what: "{Task} can't be cancelled any more, says Chamelio.",
		next: "I couldn't see why: someone may have cancelled it already, or it has ended. Check its page."},
	{outcome: decision.NotCancellable, status: chamelio.Completed, emoji: emojiWarning,
		what: "{Task} wasn't cancelled: it {already}completed."},
	{outcome: decision.NotCancellable, status: chamelio.Failed, emoji: emojiWarning,
		what: "{Task} wasn't cancelled: it {already}failed."},
	{outcome: decision.NotFound, emoji: emojiWarning,
		what: "{Task} wasn't cancelled: Chamelio can't find it.",
		next: "It may have been deleted, or I may have lost access to it."},
	{outcome: decision.RejectedKey, emoji: emojiWarning,
		what: "{Task} wasn't cancelled: I've lost access to Chamelio ({key}).",
		next: "Nothing changed. Once {operator} has replaced the key, type {again} again."},
	{outcome: decision.Failed, emoji: emojiWarning,
		what: "{Task} wasn't cancelled.",
		next: "Check its page in Chamelio. To try again, type {again}."},
	{outcome: decision.Failed, cause: decision.CauseRefused, emoji: emojiWarning,
		what: "{Task} wasn't cancelled: Chamelio refused.",
		next: "{detail}Check the task's page in Chamelio."},
	{outcome: decision.Failed, cause: decision.CauseServer, emoji: emojiWarning,
		what: "{Task} wasn't cancelled: Chamelio returned errors.",
		next: "The task was still running when I last checked. To try again, type {again}."},
	{outcome: decision.Failed, cause: decision.CauseUnreachable, emoji: emojiWarning,
		what: "{Task} wasn't cancelled: I couldn't reach Chamelio.",
		next: "Nothing changed. Try again in a few minutes: type {again}."},
	{outcome: decision.Failed, cause: decision.CauseBusy, emoji: emojiWarning,
		what: "{Task} wasn't cancelled: Chamelio was too busy.",
		next: "Nothing changed. Try again in {wait}: type {again}."},
	{outcome: decision.Failed, cause: decision.CauseTooLate, emoji: emojiWarning,
		what: "{Task} wasn't cancelled: the confirmation was too old.",
		next: "It was over 30 minutes old by the time I could act on it. To cancel it now, type {again}."},
	{outcome: decision.Failed, cause: decision.CauseStillRuns, emoji: emojiWarning,
		what: "{Task} wasn't cancelled: a day later, it was still running.",
		next: "To try again, type {again}."},
	{outcome: decision.Failed, cause: decision.CauseHeld, emoji: emojiNote,
		what: "{Task} was left out: another confirmation to cancel it came first.",
		next: noOtherResult},
	{outcome: decision.Unknown, emoji: emojiPending,
		what: "Not confirmed yet by Chamelio: {task}.",
		line: lineUnknown,
		next: "Chamelio didn't give me a clear answer. " + keepChecking},
	{outcome: decision.Unknown, cause: decision.CauseKey, emoji: emojiPending,
		what: "Not confirmed yet by Chamelio: {task}.",
		line: lineUnknown,
		next: "A cancel request may have been sent, and I've lost access to Chamelio ({key}). I'll keep trying for 24 hours; {operator} needs to replace the key."},
	{outcome: decision.Unknown, cause: decision.CauseStatus, emoji: emojiPending,
		what: "Not confirmed yet by Chamelio: {task}.",
		line: lineUnknown,
		next: "Chamelio shows {status}. " + keepChecking},
	{outcome: decision.Unknown, cause: decision.CauseOverruled, emoji: emojiPending,
		what: "Not confirmed yet by Chamelio: {task}.",
		line: lineUnknown,
		next: "I briefly lost my record of this confirmation, and someone confirmed again. " + keepChecking},
}

// The emojis of outcomes. A cancelled task gets no check mark: it's gone.
const (
	emojiCancelled = ":octagonal_sign:"
	emojiWarning   = ":warning:" // not cancelled
	emojiPending   = ":hourglass_flowing_sand:"
	emojiNote      = ":information_source:"
)

// keepChecking doesn't say where the result will be: the announcement is edited
// if it can be.
const keepChecking = "I'm checking, and I'll report back within 24 hours. Check the task's page before you try again."

// noOtherResult is about a task that another decision has. That may have been announced
// before, or be taken back, and then it's announced nowhere.
const noOtherResult = "If you don't see its result within a few minutes, type {again}."

// taken is about a task that this decision didn't cancel and another one has since, or may
// have.
var taken = map[decision.Taken]string{
	decision.TakenSince: "Another confirmation to cancel it came later.",
	decision.MaybeTaken: "Another confirmation to cancel it may have come later.",
}

const lineUnknown = "I couldn't tell right away whether {task} was cancelled. " + willReport

// willReport doesn't say where: in a conversation that the bot isn't in, the
// result may come as a direct message.
const willReport = "I'll report back within 24 hours."

// settledUnknown is for an outcome that stayed unknown until the end of the
// follow-up.
var settledUnknown = outcomeText{outcome: decision.Unknown, emoji: emojiWarning,
	what: "I couldn't find out whether {task} was cancelled, and I've stopped checking.",
	next: "Check the task's page in Chamelio before you do anything else."}

// closedTexts are for people who lost to a decision that was closed before
// anything was sent. They follow the sentence that says who had confirmed.
var closedTexts = []outcomeText{
	{outcome: decision.Withdrawn, emoji: emojiNote,
		what: "That confirmation was withdrawn before I sent anything. To cancel {task}, type {again}."},
	{outcome: decision.NotSaved, emoji: emojiNote,
		what: "That confirmation couldn't be saved, so I didn't act on it. To cancel {task}, type {again}."},
	{outcome: decision.Superseded, emoji: emojiNote,
		what: "But another request came before that one, so I didn't act on it. To cancel {task}, type {again}."},
	{outcome: decision.Expired, emoji: emojiNote,
		what: "That confirmation expired before I sent anything. To cancel {task}, type {again}."},
}

// keyRefused has a clause for each of Chamelio's reasons to refuse the key. It
// follows "I've lost access to Chamelio".
var keyRefused = map[chamelio.Reason]string{
	chamelio.KeyMissing:  "the key didn't arrive with the request",
	chamelio.KeyInvalid:  "the key isn't valid",
	chamelio.KeyInactive: "the key is switched off",
	chamelio.KeyRevoked:  "the key has been revoked",
	chamelio.KeyExpired:  "the key has expired",
	chamelio.KeyForeign:  "the key belongs to another organisation",
	chamelio.KeyUnclear:  "it didn't say why",
}

// outcomeOf returns the row that fits r best, or the one of an unknown outcome
// if none does.
func outcomeOf(r decision.Result) outcomeText {
	var best, unknown outcomeText
	fit := -1
	rows := outcomeTexts
	if r.Outcome.Closed() {
		rows = closedTexts
	}
	for _, row := range rows {
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
	row   outcomeText
	task  decision.Named
	taken decision.Taken // whether another decision has it since
}

// resultsOf returns what is known of each task of a decision, in the end.
func resultsOf(d decision.Record) []result {
	all := make([]result, len(d.Tasks))
	for i, t := range d.Tasks {
		r := t.Final()
		all[i] = result{r, outcomeOf(r), decision.Named{ID: t.ID, Title: cmp.Or(r.Title, t.Title), URL: cmp.Or(r.URL, t.URL)}, t.Taken}
		if t.SettledOutcome == decision.Unknown {
			all[i].row = settledUnknown
		}
		if t.Taken != decision.NotTaken {
			all[i].row.next = taken[t.Taken] + " " + noOtherResult
		}
	}
	return all
}

// fillOutcome replaces the placeholders of an outcomeText. reader is the only
// person who reads it; "" for the channel.
func (w Texts) fillOutcome(text string, d decision.Record, reader string, r result) string {
	detail := "It didn't say why. "
	switch {
	case r.Detail != "":
		detail = "It said: “" + excerpt(r.Detail, MaxTitle) + "”. "
	case d.Untitled: // whatever it said isn't for this channel
		detail = ""
	}
	status := "no status"
	if shown := excerpt(string(r.Status), maxName); shown != "" {
		status = "a status I don't know: “" + shown + "”"
	}
	return fill(text, "{Task}", w.namedFirst(r.task), "{task}", w.named(r.task), "{By}", you(d.Requester, reader, "You"),
		"{channel}", inChannelNamed(d.Channel), "{again}", w.again(r.task.ID), "{operator}", w.contact(), "{key}", whyKeyRefused(r.Key), "{detail}", detail,
		"{status}", status, "{already}", already(d, r), "{wait}", duration(max(r.RetryIn, time.Minute)))
}

// already says that a task had ended when someone confirmed. It may have ended later if
// the outcome was unknown for a while, or if Chamelio doesn't say when it ended.
func already(d decision.Record, r result) string {
	if r.Over.IsZero() || r.Over.After(d.DecidedAt) {
		return ""
	}
	return "had already "
}

// you returns a mention, or the word for the reader themselves.
func you(user, reader, word string) string {
	if user == reader {
		return word
	}
	return mention(user)
}

// onceReplaced says what to do if Chamelio refuses the key.
func (w Texts) onceReplaced(tasks ...chamelio.TaskID) string {
	return fmt.Sprintf("Once %s has replaced the key, type %s again.", w.contact(), w.again(tasks...))
}

func whyKeyRefused(r chamelio.Reason) string {
	return cmp.Or(keyRefused[r], keyRefused[chamelio.KeyUnclear])
}

// since follows line about one task, and says if another decision has it since, or may have.
// The line about several is silent about such tasks.
func since(d decision.Record) string {
	if len(d.Tasks) == 1 && d.Tasks[0].Taken != decision.NotTaken {
		return " " + taken[d.Tasks[0].Taken]
	}
	return ""
}

// line returns the results of a decision as a sentence that names no one.
func (w Texts) line(d decision.Record) string {
	all := resultsOf(d)
	if len(all) > 1 {
		return lineOfSeveral(d, "the announcement")
	}
	row := all[0].row
	return w.fillOutcome(cmp.Or(row.line, row.what), d, "", all[0])
}
