package cli

import (
	"strconv"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/journal"
)

// refusalEntry is a refusal by the policy, for one task, in the output of
// history.
type refusalEntry struct {
	At         time.Time `json:"refused_at"`
	Task       int64     `json:"task_id"`
	Person     string    `json:"person"`
	PersonName string    `json:"person_name,omitempty"`
	Moment     string    `json:"moment"` // "command" or "click"
	Why        string    `json:"why"`    // one of the policy's codes
	Channel    string    `json:"channel"`
	Team       string    `json:"team"`
	ID         string    `json:"confirmation_id,omitempty"`
	Unverified string    `json:"unverified,omitempty"` // why it may be forged
}

var refusalSheet = sheet[refusalEntry]{
	none:    "No refusals on record.",
	columns: "REFUSED\tTASK\tPERSON\tAT THE\tWHY\tCHANNEL",
	cells: func(e refusalEntry) []string {
		why := e.Why
		if e.Unverified != "" {
			why = "NOT VERIFIED, says: " + why
		}
		return []string{e.At.UTC().Format(tableTime), strconv.FormatInt(e.Task, 10), person(e.Person, e.PersonName), e.Moment, why, e.Channel}
	},
	fields: []string{"refused_at", "task_id", "person", "moment", "why", "team", "channel", "confirmation_id", "unverified"},
	values: func(e refusalEntry) []string {
		return []string{stamp(e.At), strconv.FormatInt(e.Task, 10), e.Person, e.Moment, e.Why, e.Team, e.Channel, e.ID, e.Unverified}
	},
	nameFields: []string{"person_name"},
	nameValues: func(e refusalEntry) []string { return []string{e.PersonName} },
}

func refusalsOf(notes []journal.Noted, people names) []refusalEntry {
	var all []refusalEntry
	for _, n := range notes {
		moment := "command"
		if n.ConfirmationID != "" {
			moment = "click"
		}
		for _, task := range n.Tasks {
			all = append(all, refusalEntry{
				At: n.At, Task: int64(task), Person: n.Person, PersonName: people[n.Person], Moment: moment,
				Why: n.Code, Channel: n.Channel, Team: n.Team, ID: string(n.ConfirmationID), Unverified: reasonOf(n.Unverified),
			})
		}
	}
	return all
}
