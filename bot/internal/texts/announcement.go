package texts

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/input"
)

// OutcomeLine returns the last text of a prompt: the outcome in one line. The
// announcement says more. In a request it keeps both people.
func (w Texts) OutcomeLine(now decision.Current) Message {
	d := published(now.Record())
	line := emojiOf(resultsOf(d)) + " " + w.line(d)
	if d.Confirmer != d.Requester {
		line += " " + pair(d) + "."
	}
	return say("%s", line+since(d)).meansOutcome(d.Outcome())
}

// pair names the two people of a decision.
func pair(d decision.Record) string {
	return fmt.Sprintf("Requested by %s, approved by %s", mention(d.Requester), mention(d.Confirmer))
}

// Announcement returns the public message that reports the outcomes of a
// decision, the final ones where they are known. posted is when people see it. It
// must be enough for someone who reads it a month later.
func (w Texts) Announcement(now decision.Current, posted time.Time) Message {
	d := now.Record().Published()
	return w.announcementTo("", d, resultsOf(d), posted)
}

// announcementTo returns the announcement for the channel, or for one reader.
func (w Texts) announcementTo(reader string, d decision.Record, all []result, posted time.Time) Message {
	if len(all) > 1 {
		return w.announcementOfSeveral(reader, d, all, posted).meansOutcome(outcomesOf(all))
	}
	r := all[0]
	what, next, about := w.fillOutcome(r.row.what, d, reader, r), w.fillOutcome(r.row.next, d, reader, r), about(d, r, reader, posted)
	announced := message(w.notification(d, r, reader, next, about), layout(
		section(strings.TrimSpace(fmt.Sprintf("%s *%s* %s", r.row.emoji, what, next))),
		quoted(d.Reason),
		footnote(about),
		footnote(movedOn(r.Was)),
		footnote(forPeople(r.People)),
	)...)
	return announced.meansOutcome(r.Outcome)
}

// maxBrief is the longest title in a notification, of which phones show some
// hundred characters.
const maxBrief = 40

// shortened returns a name with a shorter title.
func shortened(t decision.Named, limit int) decision.Named {
	t.Title = input.Shorten(input.Clean(t.Title), limit)
	return t
}

// notification says what, who and why first.
func (w Texts) notification(d decision.Record, r result, reader, next, about string) string {
	short := r
	short.task = shortened(r.task, maxBrief)
	text, reason := w.fillOutcome(r.row.what, d, reader, short), excerpt(d.Reason, input.MaxReason)
	switch {
	case reason == "":
	case strings.Contains(r.row.what, "{By}"):
		text += " Reason: " + reason
	case d.Confirmer != d.Requester: // either of them may have given it
		text += " " + you(d.Requester, reader, "You") + " asked. Reason given: " + reason
	default:
		text += " " + you(d.Requester, reader, "You") + ": " + reason
	}
	for _, more := range []string{next, about, movedOn(r.Was), forPeople(r.People)} {
		if more != "" {
			text += "\n" + more
		}
	}
	return text
}

// about returns the facts on a task and a decision, in small print.
func about(d decision.Record, r result, reader string, posted time.Time) string {
	end := sinceWhen(r.Result)
	if r.Outcome == decision.Cancelled {
		end = joined(stopped("stopped", r.Result), "can't be resumed")
	}
	text := joined(excerpt(r.Flow, maxName), end, who(d, strings.Contains(r.row.what, "{By}"), reader, posted))
	if excerpt(r.Flow, maxName) == "" {
		return upperFirst(text)
	}
	return text
}

// late is how long after a click an announcement says when that was.
const late = 2 * time.Minute

// who says who asked, unless the headline does, who approved, and when, unless
// that was just before the post.
func who(d decision.Record, named bool, reader string, posted time.Time) string {
	asked, approved, at := "", "", ""
	if !named {
		asked = "requested by " + you(d.Requester, reader, "you")
	}
	if d.Confirmer != d.Requester {
		approved = "approved by " + you(d.Confirmer, reader, "you")
	}
	if posted.Sub(d.DecidedAt) > late {
		at = "confirmed " + on(d.DecidedAt)
	}
	return joined(asked, approved, at)
}

// sinceWhen says when the task ended; empty if that isn't known.
func sinceWhen(r decision.Result) string {
	verb := "cancelled"
	if r.Outcome == decision.NotCancellable {
		verb = endVerb(r.Status)
	}
	known := r.Outcome == decision.AlreadyCancelled || r.Outcome == decision.NotCancellable && r.Status.Final()
	if r.Over.IsZero() || !known {
		return ""
	}
	return verb + " " + on(r.Over)
}

// stopped says at which step a cancelled task stopped, after a verb: "stopped at
// Legal approval, 3 of 5 steps done".
func stopped(verb string, r decision.Result) string {
	step, progress := excerpt(r.Step, maxName), progressOf(r.StepsDone, r.StepsTotal)
	switch {
	case step == "" && progress == "":
		return verb
	case step == "":
		return verb + " with " + progress
	case progress == "":
		return verb + " at " + step
	}
	return verb + " at " + step + ", " + progress
}

// outcomesOf returns the outcome that all results share, or Various.
func outcomesOf(all []result) decision.Outcome {
	for _, r := range all {
		if r.Outcome != all[0].Outcome {
			return decision.Various
		}
	}
	return all[0].Outcome
}

// Settled returns the message that reports the final results of a decision with
// outcomes that were announced as unknown. The announcement has the rest. It mentions
// the people on these tasks again, since an edited announcement notifies no one.
func (w Texts) Settled(now decision.Current) Message {
	d := now.Record().Published()
	m, people := w.settledTo("", d), forPeople(peopleOf(settledOf(d, resultsOf(d))))
	if people != "" {
		m = message(m.Text+"\n"+people, m.Blocks...).with(footnote(people))
	}
	return m
}

// settledOf returns the final results of tasks whose outcomes were unknown.
func settledOf(d decision.Record, all []result) []result {
	var settled []result
	for i, r := range all {
		if d.Tasks[i].SettledOutcome != "" {
			settled = append(settled, r)
		}
	}
	return settled
}

func (w Texts) settledTo(reader string, d decision.Record) Message {
	all := resultsOf(d)
	settled := settledOf(d, all)
	asked := footnote(fmt.Sprintf("Requested by %s · %s", you(d.Requester, reader, "you"), standing(d.RequestedAt)))
	if len(settled) > 1 {
		what := fmt.Sprintf("Update on %d tasks:", len(settled))
		lines, list := w.lines(d, settled)
		m := message(what+list, append([]slack.Block{section("*" + what + "*")}, lines...)...)
		return m.with(asked).meansFinal(outcomesOf(all))
	}
	r := settled[0]
	what, next := w.fillOutcome(cmp.Or(r.row.update, r.row.what), d, reader, r), w.fillOutcome(r.row.next, d, reader, r)
	return say("%s", strings.TrimSpace(fmt.Sprintf("%s *%s* %s", r.row.emoji, what, next))).with(asked).meansFinal(outcomesOf(all))
}

// inPerson adds to a message why it comes as a direct message.
func inPerson(m Message, why string, d decision.Record) Message {
	note := fmt.Sprintf(why, inTheConversation(d.Channel))
	return message(m.Text+"\n"+note, m.Blocks...).with(footnote(note))
}

// The reasons for a direct message, with the conversation in which it isn't.
const (
	perhapsNotPosted = "I'm not sure I could post this in %s. If it isn't there, please pass it on."
	notEdited        = "I can't change the announcement to say so. If others in %s need to know now, please pass it on. I'm still checking the rest."
)

// inTheConversation is inChannelNamed for someone who reads it elsewhere.
func inTheConversation(id string) string {
	if name := inChannelNamed(id); strings.HasPrefix(name, "<") {
		return name
	}
	return "the conversation where you asked"
}

// AnnouncementInPerson returns the announcement as a direct message to the
// requester or the approver, for when the bot can't post in the channel.
func (w Texts) AnnouncementInPerson(to string, now decision.Current, posted time.Time) Message {
	d := now.Record()
	return inPerson(w.announcementTo(to, d, withoutPeople(d), posted), perhapsNotPosted, d)
}

// withoutPeople returns the results without the people on the tasks, who don't
// read them where they go.
func withoutPeople(d decision.Record) []result {
	all := resultsOf(d)
	for i := range all {
		all[i].People = nil
	}
	return all
}

// SettledInPerson returns Settled as a direct message to the requester or the
// approver.
func (w Texts) SettledInPerson(to string, now decision.Current) Message {
	d := now.Record()
	return inPerson(w.settledTo(to, d), perhapsNotPosted, d)
}

// SettledSoFar returns the final results that are known while others aren't, for the
// requester alone: the announcement can't be edited.
func (w Texts) SettledSoFar(to string, now decision.Current) Message {
	d := now.Record()
	return inPerson(w.settledTo(to, d), notEdited, d)
}

// forPeople mentions the people on the task.
func forPeople(people []decision.Person) string {
	var all []string
	for _, p := range people {
		all = append(all, mention(p.User)+" ("+excerpt(p.Role, maxName)+")")
	}
	if len(all) == 0 {
		return ""
	}
	return "FYI " + strings.Join(all, ", ")
}

// AuditCopy returns an announcement for the audit channel. It doesn't mention
// the people on the task. permalink is the address of the original, or "".
func (w Texts) AuditCopy(now decision.Current, permalink string, posted time.Time) Message {
	d := now.Record()
	return audited(w.announcementTo("", d, withoutPeople(d), posted), "Original", d.Channel, permalink)
}

// AuditSettled returns Settled for the audit channel.
func (w Texts) AuditSettled(now decision.Current, permalink string) Message {
	d := now.Record()
	return audited(w.settledTo("", d), "Announcement", d.Channel, permalink)
}

// audited adds where the message is from.
func audited(m Message, original, channel, permalink string) Message {
	where := inChannelNamed(channel)
	if !strings.HasPrefix(where, "<") {
		where = "a direct message"
	}
	from := "Confirmed" // it may have been announced in a direct message
	if permalink != "" {
		from = "<" + strings.ReplaceAll(permalink, "&", "&amp;") + "|" + original + ">"
	}
	return m.with(footnote(from + " in " + where))
}
