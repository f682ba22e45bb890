package bot

import (
	"fmt"
	"strings"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/input"
)

// This file holds what is told of an outcome.

// outcomeLine is the last thing that a prompt says: the outcome in one line.
// The announcement has the rest. A request that the channel sees keeps who
// asked, for what and why.
func (w texts) outcomeLine(d decision.Record, r decision.Result) message {
	row := outcomeOf(r)
	if d.Confirmer == d.Requester {
		return say("%s %s", row.emoji, w.fillOutcome(row.person, d, r, d.Confirmer))
	}
	return say("%s %s's request to cancel %s was confirmed by %s. Result: %s.%s",
		row.emoji, mention(d.Requester), w.decided(d), mention(d.Confirmer), w.short(r), because(d.Reason))
}

// announcement tells the channel what came of a decision: all that its reader
// a month later wants to know.
func (w texts) announcement(d decision.Record, r decision.Result) message {
	return w.announcementTo("", d, r)
}

// announcementTo tells the channel, or one person alone.
func (w texts) announcementTo(reader string, d decision.Record, r decision.Result) message {
	row := outcomeOf(r)
	what, next := w.fillOutcome(row.what, d, r, reader), w.fillOutcome(row.next, d, r, reader)
	text := row.emoji + " " + what + " " + next + because(d.Reason)
	if people := forPeople(r.People); people != "" {
		text += "\n" + people
	}
	return message{
		text: text,
		blocks: layout(
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
}

// settled says once more what came of a decision whose outcome was unknown.
func (w texts) settled(d decision.Record, r decision.Result) message { return w.settledTo("", d, r) }

func (w texts) settledTo(reader string, d decision.Record, r decision.Result) message {
	row := outcomeOf(r)
	if r.Outcome == decision.Unknown {
		row = settledUnknown
	}
	return say("%s *Update: %s*\n%s", row.emoji, w.fillOutcome(row.what, d, r, reader), w.fillOutcome(row.next, d, r, reader))
}

// inPerson is what could not be said in its channel.
func (w texts) inPerson(m message, d decision.Record) message {
	note := fmt.Sprintf("I'm telling you here because Slack doesn't let me post in %s. Please pass it on there.", inTheConversation(d.Channel))
	m.text += "\n" + note
	m.blocks = append(m.blocks[:len(m.blocks):len(m.blocks)], footnote(note))
	return m
}

// inTheConversation is inChannelNamed for somebody who reads it elsewhere.
func inTheConversation(id string) string {
	if name := inChannelNamed(id); strings.HasPrefix(name, "<") {
		return name
	}
	return "the conversation where you asked"
}

// announcementInPerson is the announcement where the channel cannot be
// reached any more.
func (w texts) announcementInPerson(d decision.Record, r decision.Result) message {
	r.People = nil // they do not read it there
	return w.inPerson(w.announcementTo(d.Requester, d, r), d)
}

// settledInPerson is the same for what came of an unknown outcome.
func (w texts) settledInPerson(d decision.Record, r decision.Result) message {
	return w.inPerson(w.settledTo(d.Requester, d, r), d)
}

// provenance is who and when, and that no reason was given.
func (w texts) provenance(d decision.Record, reader string) string {
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

// forPeople tells those who are on the task.
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

// stepOf is where the task was when it was last seen.
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

// auditCopy is an announcement as the audit channel gets it. It mentions
// nobody who is only to be told of the task.
func (w texts) auditCopy(d decision.Record, r decision.Result, permalink string) message {
	r.People = nil
	return w.audited(w.announcement(d, r), w.short(r), "Original", d.Channel, permalink)
}

// auditSettled is the copy of what an unknown outcome came to.
func (w texts) auditSettled(d decision.Record, r decision.Result, permalink string) message {
	short := w.short(r)
	if r.Outcome == decision.Unknown {
		short = settledUnknown.audit
	}
	return w.audited(w.settled(d, r), short, "Announcement", d.Channel, permalink)
}

func (w texts) audited(m message, short, original, channel, permalink string) message {
	if permalink != "" {
		original = "<" + strings.ReplaceAll(permalink, "&", "&amp;") + "|" + original + ">"
	}
	copied := footnote(fmt.Sprintf("For the record: %s · %s in %s", short, original, inTheConversation(channel)))
	m.blocks = append(m.blocks[:len(m.blocks):len(m.blocks)], copied)
	return m
}
