package texts

import (
	"fmt"
	"strings"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/input"
)

// OutcomeLine returns the last text of a prompt: the outcome in one line. The
// announcement says more. In a request it keeps the requester, the task and the
// reason.
func (w Texts) OutcomeLine(d decision.Record) Message {
	d = published(d)
	all := resultsOf(d)
	emoji := emojiOf(all)
	switch {
	case d.Confirmer != d.Requester:
		return say("%s %s's request to cancel %s was confirmed by %s. Result: %s.%s",
			emoji, mention(d.Requester), w.decided(d), mention(d.Confirmer), w.short(d), because(d.Reason)).meansOutcome(d.Outcome())
	case len(all) > 1:
		return say("%s %s The channel has the result of each.", emoji, w.several(d, all, d.Confirmer)).meansOutcome(d.Outcome())
	}
	return say("%s %s", emoji, w.fillOutcome(all[0].row.person, d.Confirmer, d.Confirmer, all[0])).meansOutcome(d.Outcome())
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
	what, next := w.fillOutcome(r.row.what, d.Confirmer, reader, r), w.fillOutcome(r.row.next, d.Confirmer, reader, r)
	text := r.row.emoji + " " + what + " " + next + because(d.Reason)
	for _, more := range []string{movedOn(r.Was), forPeople(r.People)} {
		if more != "" {
			text += "\n" + more
		}
	}
	announced := Message{
		Text: text,
		Blocks: layout(
			section(fmt.Sprintf("%s *%s*\n%s", r.row.emoji, what, next)),
			fields(
				field{"Workflow", excerpt(r.Flow, maxName)},
				field{stepName(r.Outcome), stepOf(r.Result)},
			),
			quoted("Reason", d.Reason),
			footnote(movedOn(r.Was)),
			footnote(forPeople(r.People)),
			footnote(w.provenance(d, reader)),
		),
	}
	return announced.meansOutcome(r.Outcome)
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
// outcomes that were announced as unknown.
func (w Texts) Settled(d decision.Record) Message { return w.settledTo("", d.Published()) }

func (w Texts) settledTo(reader string, d decision.Record) Message {
	all := resultsOf(d)
	if len(all) > 1 {
		return w.settledOfSeveral(d, all).meansFinal(outcomesOf(all))
	}
	r := all[0]
	return say("%s *Update: %s*\n%s", r.row.emoji, w.fillOutcome(r.row.what, d.Confirmer, reader, r), w.fillOutcome(r.row.next, d.Confirmer, reader, r)).meansFinal(r.Outcome)
}

// inPerson adds to a message why it comes as a direct message.
func (w Texts) inPerson(m Message, d decision.Record) Message {
	note := fmt.Sprintf("I'm telling you here because I couldn't make sure that it shows up in %s. If it doesn't, please pass it on there.", inTheConversation(d.Channel))
	m.Text += "\n" + note
	m.Blocks = append(m.Blocks[:len(m.Blocks):len(m.Blocks)], footnote(note))
	return m
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

// provenance says who asked and confirmed, when, and whether no reason was
// given.
func (w Texts) provenance(d decision.Record, reader string) string {
	person := func(id string) string {
		if id == reader {
			return "you"
		}
		return mention(id)
	}
	parts := []string{"Confirmed by " + person(d.Confirmer)}
	if d.Confirmer != d.Requester {
		parts = []string{fmt.Sprintf("Requested by %s, confirmed by %s", person(d.Requester), person(d.Confirmer))}
	}
	parts = append(parts, standing(d.DecidedAt))
	if excerpt(d.Reason, input.MaxReason) == "" {
		parts = append(parts, "No reason given")
	}
	return strings.Join(parts, " · ")
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
	return "For your information: " + strings.Join(all, ", ")
}

func stepName(o decision.Outcome) string {
	if o == decision.Cancelled {
		return "Stopped at"
	}
	return "Step"
}

// stepOf returns the step at which the task was last seen.
func stepOf(r decision.Result) string {
	step, progress := excerpt(r.Step, maxName), progressOf(r.StepsDone, r.StepsTotal)
	switch {
	case step == "":
		return progress
	case progress == "":
		return step
	}
	return step + " (" + progress + ")"
}

// AuditCopy returns an announcement for the audit channel. It doesn't mention
// the people on the task. permalink is the address of the original, or "".
func (w Texts) AuditCopy(d decision.Record, permalink string) Message {
	return w.audited(w.announcementTo("", d, withoutPeople(d)), w.short(d), "Original", d.Channel, permalink)
}

// AuditSettled returns Settled for the audit channel.
func (w Texts) AuditSettled(d decision.Record, permalink string) Message {
	return w.audited(w.settledTo("", d), w.short(d), "Announcement", d.Channel, permalink)
}

func (w Texts) audited(m Message, short, original, channel, permalink string) Message {
	if permalink != "" {
		original = "<" + strings.ReplaceAll(permalink, "&", "&amp;") + "|" + original + ">"
	}
	copied := footnote(fmt.Sprintf("For the record: %s · %s in %s", short, original, inTheConversation(channel)))
	m.Blocks = append(m.Blocks[:len(m.Blocks):len(m.Blocks)], copied)
	return m
}
