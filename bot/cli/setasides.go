package cli

import (
	"encoding/json"
	"strconv"
	"strings"
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

var setAsideSheet = sheet[setAsideEntry]{
	none:    "No rows were set aside.",
	columns: "SET ASIDE\tTABLE\tTASKS\tCONFIRMATION\tWHY (NOT VERIFIED)\tID",
	cells: func(e setAsideEntry) []string {
		return []string{e.At.UTC().Format(tableTime), e.Table, e.tasks(), e.ConfirmationID, e.Why, e.ID}
	},
	fields: []string{"set_aside_at", "table", "task_ids", "confirmation_id", "unverified_why", "id"},
	values: func(e setAsideEntry) []string {
		return []string{stamp(e.At), e.Table, e.tasks(), e.ConfirmationID, e.Why, e.ID}
	},
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
