package cli

import (
	"fmt"
	"io"
	"strconv"
	"text/tabwriter"
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

func writeRefusalsCSV(out io.Writer, entries []refusalEntry, named bool) error {
	header := []string{"refused_at", "task_id", "person", "moment", "why", "team", "channel", "confirmation_id", "unverified"}
	if named {
		header = append(header, "person_name")
	}
	var rows [][]string
	for _, e := range entries {
		row := []string{stamp(e.At), strconv.FormatInt(e.Task, 10), e.Person, e.Moment, e.Why, e.Team, e.Channel, e.ID, e.Unverified}
		if named {
			row = append(row, e.PersonName)
		}
		rows = append(rows, row)
	}
	return writeRows(out, header, rows)
}

func writeRefusalsTable(out io.Writer, entries []refusalEntry) error {
	if len(entries) == 0 {
		_, err := fmt.Fprintln(out, "No refusals on record.")
		return err
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "REFUSED\tTASK\tPERSON\tAT THE\tWHY\tCHANNEL")
	for _, e := range entries {
		why := e.Why
		if e.Unverified != "" {
			why = "NOT VERIFIED, says: " + why
		}
		writeCells(w, e.At.UTC().Format(tableTime), strconv.FormatInt(e.Task, 10), person(e.Person, e.PersonName), e.Moment, why, e.Channel)
	}
	return w.Flush()
}
