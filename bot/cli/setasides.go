package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/journal"
)

// setAsideEntry is a row that was set aside, in the output of history.
type setAsideEntry struct {
	At             time.Time      `json:"set_aside_at"`
	Table          string         `json:"table"`
	Tasks          []int64        `json:"task_ids,omitempty"`
	ConfirmationID string         `json:"confirmation_id,omitempty"`
	Why            string         `json:"unverified_why"` // what the row says, which anyone may have written
	ID             string         `json:"id"`
	Row            map[string]any `json:"row,omitempty"` // without the response_url, which is a credential
}

func setAsidesOf(found []journal.SetAside) []setAsideEntry {
	var all []setAsideEntry
	for _, s := range found {
		e := setAsideEntry{At: s.At, Table: string(s.Table), ConfirmationID: string(s.ConfirmationID), Why: s.Why, ID: s.ID}
		for _, task := range s.Tasks {
			e.Tasks = append(e.Tasks, int64(task))
		}
		_ = json.Unmarshal([]byte(s.Content), &e.Row) // the other fields say enough
		delete(e.Row, "response_url")
		all = append(all, e)
	}
	return all
}

// tasks returns the IDs of the tasks, separated by spaces.
func (e setAsideEntry) tasks() string {
	all := make([]string, len(e.Tasks))
	for i, task := range e.Tasks {
		all[i] = strconv.FormatInt(task, 10)
	}
	return strings.Join(all, " ")
}

func writeSetAsidesCSV(out io.Writer, entries []setAsideEntry, _ bool) error {
	var rows [][]string
	for _, e := range entries {
		rows = append(rows, []string{stamp(e.At), e.Table, e.tasks(), e.ConfirmationID, e.Why, e.ID})
	}
	return writeRows(out, []string{"set_aside_at", "table", "task_ids", "confirmation_id", "unverified_why", "id"}, rows)
}

func writeSetAsidesTable(out io.Writer, entries []setAsideEntry) error {
	if len(entries) == 0 {
		_, err := fmt.Fprintln(out, "No rows were set aside.")
		return err
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "SET ASIDE\tTABLE\tTASKS\tCONFIRMATION\tWHY (NOT VERIFIED)\tID")
	for _, e := range entries {
		writeCells(w, e.At.UTC().Format(tableTime), e.Table, e.tasks(), e.ConfirmationID, e.Why, e.ID)
	}
	return w.Flush()
}
