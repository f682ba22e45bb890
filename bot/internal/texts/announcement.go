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
func (w Texts) OutcomeLine(d decision.Record, r decision.Result) Message {
	row := outcomeOf(r)
	if d.Confirmer == d.Requester {
		return say("%s %s", row.emoji, w.fillOutcome(row.person, d, r, d.Confirmer)).meansOutcome(r.Outcome)
	}
	return say("%s %s's request to cancel %s was confirmed by %s. Result: %s.%s",
		row.emoji, mention(d.Requester), w.decided(d), mention(d.Confirmer), w.short(r), because(d.Reason)).meansOutcome(r.Outcome)
}

// Announcement returns the public message that reports the outcome of a
// decision. It must be enough for someone who reads it a month later.
func (w Texts) Announcement(d decision.Record, r decision.Result) Message {
	return w.announcementTo("", d, r)
}

// announcementTo returns the announcement for the channel, or for one reader.
func (w Texts) announcementTo(reader string, d decision.Record, r decision.Result) Message {
	row := outcomeOf(r)
	what, next := w.fillOutcome(row.what, d, r, reader), w.fillOutcome(row.next, d, r, reader)
	text := row.emoji + " " + what + " " + next + because(d.Reason)
	if people := forPeople(r.People); people != "" {
		text += "\n" + people
	}
	announced := Message{
		Text: text,
		Blocks: layout(
			section(fmt.Sprintf("%s *%s*\n%s", row.emoji, what, next)),
			fields(
				field{"Workflow", excerpt(r.Flow, maxName)},
				field{stepName(r.Outcome), stepOf(r)},
			),
			quoted("Reason", d.Reason, input.MaxReason),
			footnote(forPeople(r.People)),
			footnote(w.provenance(d, reader)),
		),
	}
	return announced.meansOutcome(r.Outcome)
}

// Settled returns the message that reports the final result of a decision whose
// outcome was announced as unknown.
func (w Texts) Settled(d decision.Record, r decision.Result) Message { return w.settledTo("", d, r) }

func (w Texts) settledTo(reader string, d decision.Record, r decision.Result) Message {
	row := outcomeOf(r)
	if r.Outcome == decision.Unknown {
		row = settledUnknown
	}
	return say("%s *Update: %s*\n%s", row.emoji, w.fillOutcome(row.what, d, r, reader), w.fillOutcome(row.next, d, r, reader)).meansOutcome(r.Outcome)
}

// inPerson adds to a message why it comes as a direct message.
func (w Texts) inPerson(m Message, d decision.Record) Message {
	note := fmt.Sprintf("I'm telling you here because Slack doesn't let me post in %s. Please pass it on there.", inTheConversation(d.Channel))
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
func (w Texts) AnnouncementInPerson(d decision.Record, r decision.Result) Message {
	r.People = nil // they do not read it there
	return w.inPerson(w.announcementTo(d.Requester, d, r), d)
}

// SettledInPerson returns Settled as a direct message to the requester.
func (w Texts) SettledInPerson(d decision.Record, r decision.Result) Message {
	return w.inPerson(w.settledTo(d.Requester, d, r), d)
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
func (w Texts) AuditCopy(d decision.Record, r decision.Result, permalink string) Message {
	r.People = nil
	return w.audited(w.Announcement(d, r), w.short(r), "Original", d.Channel, permalink)
}

// AuditSettled returns Settled for the audit channel.
func (w Texts) AuditSettled(d decision.Record, r decision.Result, permalink string) Message {
	short := w.short(r)
	if r.Outcome == decision.Unknown {
		short = settledUnknown.audit
	}
	return w.audited(w.Settled(d, r), short, "Announcement", d.Channel, permalink)
}

func (w Texts) audited(m Message, short, original, channel, permalink string) Message {
	if permalink != "" {
		original = "<" + strings.ReplaceAll(permalink, "&", "&amp;") + "|" + original + ">"
	}
	copied := footnote(fmt.Sprintf("For the record: %s · %s in %s", short, original, inTheConversation(channel)))
	m.Blocks = append(m.Blocks[:len(m.Blocks):len(m.Blocks)], copied)
	return m
}
