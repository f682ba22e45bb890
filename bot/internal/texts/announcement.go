package texts

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/input"
)

// OutcomeLine returns the last text of a prompt: the outcome in one line. The
// announcement, which follows, says more. In a request it keeps both people.
func (w Texts) OutcomeLine(d decision.Record) Message {
	d = published(d)
	all := resultsOf(d)
	_, _, unknown := counted(all)
	line := w.line(d)
	switch {
	case d.Confirmer != d.Requester:
		line += " " + pair(d) + "."
	case len(all) > 1 && unknown == 0:
		line = w.several(d, all, d.Requester) + " The channel has each result."
	case len(all) > 1:
		line += " The channel has each result."
	}
	return say("%s %s", emojiOf(all), line).meansOutcome(d.Outcome())
}

// pair names the two people of a decision.
func pair(d decision.Record) string {
	return fmt.Sprintf("Requested by %s, approved by %s", mention(d.Requester), mention(d.Confirmer))
}

// Announcement returns the public message that reports the outcomes of a
// decision, the final ones where they are known. It must be enough for someone
// who reads it a month later.
func (w Texts) Announcement(d decision.Record) Message {
	d = d.Published()
	return w.announcementTo("", d, resultsOf(d))
}

// announcementTo returns the announcement for the channel, or for one reader.
func (w Texts) announcementTo(reader string, d decision.Record, all []result) Message {
	if len(all) > 1 {
		return w.announcementOfSeveral(reader, d, all).meansOutcome(outcomesOf(all))
	}
	r := all[0]
	what, next := w.fillOutcome(r.row.what, d.Requester, reader, r), w.fillOutcome(r.row.next, d.Requester, reader, r)
	about := w.about(d, r, reader)
	announced := Message{
		Text: w.notification(d, r, reader, next, about),
		Blocks: layout(
			section(strings.TrimSpace(fmt.Sprintf("%s *%s* %s", r.row.emoji, what, next))),
			quoted(d.Reason),
			footnote(about),
			footnote(movedOn(r.Was)),
			footnote(forPeople(r.People)),
		),
	}
	return announced.meansOutcome(r.Outcome)
}

// maxBrief is the longest title in a notification, of which phones show some
// hundred characters.
const maxBrief = 40

// brief shortens a title for a notification.
func brief(t decision.Named) decision.Named {
	t.Title = input.Shorten(input.Clean(t.Title), maxBrief)
	return t
}

// notification says who, what and why first.
func (w Texts) notification(d decision.Record, r result, reader, next, about string) string {
	short := r
	short.task = brief(r.task)
	text, reason := w.fillOutcome(r.row.what, d.Requester, reader, short), excerpt(d.Reason, input.MaxReason)
	named := strings.Contains(r.row.what, "{By}")
	switch {
	case named && reason != "":
		text = strings.TrimSuffix(text, ".") + ": " + reason
	case named:
	case d.Requester == reader && reason != "":
		text += " Your reason: " + reason
	case reason != "":
		text += " " + mention(d.Requester) + "'s reason: " + reason
	}
	for _, more := range []string{next, about, movedOn(r.Was), forPeople(r.People)} {
		if more != "" {
			text += "\n" + more
		}
	}
	return text
}

// about returns the facts on a task and a decision, in small print.
func (w Texts) about(d decision.Record, r result, reader string) string {
	var parts []string
	add := func(part string) {
		if part != "" {
			parts = append(parts, part)
		}
	}
	add(excerpt(r.Flow, maxName))
	add(stepOf(r.Result))
	if r.Outcome == decision.Cancelled {
		add("can't be resumed")
	}
	add(sinceWhen(r.Result))
	if !strings.Contains(r.row.what, "{By}") {
		add("requested by " + you(d.Requester, reader, "you"))
	}
	if d.Confirmer != d.Requester {
		add("approved by " + you(d.Confirmer, reader, "you"))
	}
	if len(parts) > 0 && excerpt(r.Flow, maxName) == "" {
		parts[0] = upperFirst(parts[0])
	}
	return strings.Join(parts, " · ")
}

// sinceWhen says when the task ended; empty if that isn't known.
func sinceWhen(r decision.Result) string {
	verb := "cancelled"
	if r.Outcome == decision.NotCancellable {
		verb = endVerb(r.Status)
	}
	if r.Over.IsZero() || r.Outcome != decision.AlreadyCancelled && r.Outcome != decision.NotCancellable {
		return ""
	}
	return verb + " " + on(r.Over)
}

// stepOf says at which step the task was stopped, or last seen; empty once it
// has ended in another way.
func stepOf(r decision.Result) string {
	step, progress := excerpt(r.Step, maxName), progressOf(r.StepsDone, r.StepsTotal)
	at := "at "
	switch r.Outcome {
	case decision.AlreadyCancelled, decision.NotCancellable, decision.NotFound:
		return ""
	case decision.Cancelled:
		at = "stopped at "
	default:
	}
	if step == "" {
		return progress
	}
	if progress != "" {
		progress = ", " + progress
	}
	return at + step + progress
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
// outcomes that were announced as unknown. The announcement has the rest.
func (w Texts) Settled(d decision.Record) Message { return w.settledTo("", d.Published()) }

func (w Texts) settledTo(reader string, d decision.Record) Message {
	all := resultsOf(d)
	if len(all) > 1 {
		return w.settledOfSeveral(d, all).meansFinal(outcomesOf(all))
	}
	r := all[0]
	what, next := w.fillOutcome(cmp.Or(r.row.update, r.row.what), "", "", r), w.fillOutcome(r.row.next, "", "", r)
	m := say("%s", strings.TrimSpace(fmt.Sprintf("%s *Update: %s* %s", r.row.emoji, what, next)))
	return m.with(footnote(fmt.Sprintf("Requested by %s · %s", you(d.Requester, reader, "you"), standing(d.RequestedAt)))).meansFinal(r.Outcome)
}

// inPerson adds to a message why it comes as a direct message.
func (w Texts) inPerson(m Message, d decision.Record) Message {
	note := fmt.Sprintf("I'm not sure I could post this in %s. If it isn't there, please pass it on.", inTheConversation(d.Channel))
	m.Text += "\n" + note
	return m.with(footnote(note))
}

// inTheConversation is inChannelNamed for someone who reads it elsewhere.
func inTheConversation(id string) string {
	if name := inChannelNamed(id); strings.HasPrefix(name, "<") {
		return name
	}
	return "the conversation where you asked"
}

// AnnouncementInPerson returns the announcement as a direct message to the
// requester, for when the bot can't post in the channel.
func (w Texts) AnnouncementInPerson(d decision.Record) Message {
	return w.inPerson(w.announcementTo(d.Requester, d, withoutPeople(d)), d)
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

// SettledInPerson returns Settled as a direct message to the requester.
func (w Texts) SettledInPerson(d decision.Record) Message {
	return w.inPerson(w.settledTo(d.Requester, d), d)
}

// forPeople mentions the people on the task.
func forPeople(people []decision.Person) string {
	var all []string
	for _, p := range people {
		all = append(all, mention(p.User)+" ("+p.Role+")")
	}
	if len(all) == 0 {
		return ""
	}
	return "FYI " + strings.Join(all, ", ")
}

// AuditCopy returns an announcement for the audit channel. It doesn't mention
// the people on the task. permalink is the address of the original, or "".
func (w Texts) AuditCopy(d decision.Record, permalink string) Message {
	return audited(w.announcementTo("", d, withoutPeople(d)), "Original", d.Channel, permalink)
}

// AuditSettled returns Settled for the audit channel.
func (w Texts) AuditSettled(d decision.Record, permalink string) Message {
	return audited(w.settledTo("", d), "Announcement", d.Channel, permalink)
}

// audited adds where the message is from.
func audited(m Message, original, channel, permalink string) Message {
	where := inChannelNamed(channel)
	if !strings.HasPrefix(where, "<") {
		where = "a direct message"
	}
	if permalink != "" {
		original = "<" + strings.ReplaceAll(permalink, "&", "&amp;") + "|" + original + ">"
	}
	return m.with(footnote(original + " in " + where))
}
