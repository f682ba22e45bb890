package cli

import (
	"cmp"
	"encoding/json"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/journal"
)

// entry is one task of a decision in the output of history. It omits the
// response_url, which is a credential.
type entry struct {
	Task           int64           `json:"task_id"`
	Title          string          `json:"title,omitempty"`
	Outcome        string          `json:"outcome"` // "" while under way; see outcomeOf
	Channel        string          `json:"channel"`
	Requester      string          `json:"requester"`
	RequesterName  string          `json:"requester_name,omitempty"`
	Confirmer      string          `json:"confirmer"` // "" where it was withdrawn
	ConfirmerName  string          `json:"confirmer_name,omitempty"`
	WithdrawnBy    string          `json:"withdrawn_by,omitempty"`
	WithdrawerName string          `json:"withdrawn_by_name,omitempty"`
	Reason         string          `json:"reason"`
	RequestedAt    time.Time       `json:"requested_at"`
	DecidedAt      time.Time       `json:"decided_at"`
	FactsAge       float64         `json:"facts_age_seconds"` // age of the facts by which the confirmer was allowed
	FinishedAt     time.Time       `json:"finished_at,omitzero"`
	AnnouncedAt    time.Time       `json:"announced_at,omitzero"`
	MessageTS      string          `json:"message_ts,omitempty"`
	Detail         json.RawMessage `json:"detail,omitempty"`
	SettledOutcome string          `json:"settled_outcome,omitempty"`
	ID             string          `json:"confirmation_id"`
	Team           string          `json:"team"`
	Unverified     string          `json:"unverified,omitempty"` // why it may be forged
}

var decisionSheet = sheet[entry]{
	none:    "No decisions on record.",
	columns: "DECIDED\tTASK\tOUTCOME\tTITLE\tREQUESTER\tCONFIRMER\tCHANNEL\tANNOUNCED\tREASON",
	cells: func(e entry) []string {
		return []string{
			e.DecidedAt.UTC().Format(tableTime), strconv.FormatInt(e.Task, 10),
			e.cameTo(), shortened(e.Title), person(e.Requester, e.RequesterName), person(e.Confirmer, e.ConfirmerName),
			e.Channel, e.announced(), e.Reason,
		}
	},
	fields: []string{"decided_at", "task_id", "title", "outcome", "settled_outcome", "requester", "confirmer", "team", "channel", "announced_at", "reason", "confirmation_id", "withdrawn_by", "unverified"},
	values: func(e entry) []string {
		return []string{
			stamp(e.DecidedAt), strconv.FormatInt(e.Task, 10), e.Title, e.Outcome, e.SettledOutcome, e.Requester, e.Confirmer,
			e.Team, e.Channel, stamp(e.AnnouncedAt), e.Reason, e.ID, e.WithdrawnBy, e.Unverified,
		}
	},
	nameFields: []string{"requester_name", "confirmer_name", "withdrawn_by_name"},
	nameValues: func(e entry) []string { return []string{e.RequesterName, e.ConfirmerName, e.WithdrawerName} },
}

func entriesOf(decisions []journal.Recorded, people names) []entry {
	var all []entry
	for _, d := range decisions {
		for _, t := range d.Tasks {
			e := entry{
				Task: int64(t.ID), Title: t.Title, Outcome: outcomeOf(t), Channel: d.Channel,
				Requester: d.Requester, RequesterName: people[d.Requester], Confirmer: d.Confirmer, ConfirmerName: people[d.Confirmer],
				Reason: d.Reason, RequestedAt: d.RequestedAt, DecidedAt: d.DecidedAt, FactsAge: d.FactsAge.Seconds(), FinishedAt: t.FinishedAt,
				AnnouncedAt: d.AnnouncedAt, MessageTS: d.MessageTS, Detail: asJSON(t.Detail),
				SettledOutcome: string(t.SettledOutcome), ID: string(d.ID), Team: d.Team, Unverified: reasonOf(d.Unverified),
			}
			if t.Outcome == decision.Withdrawn { // only its requester withdraws a prompt
				e.WithdrawnBy, e.WithdrawerName, e.Confirmer, e.ConfirmerName = e.Requester, e.RequesterName, "", ""
			}
			if t.Outcome.Closed() { // it needs no announcement: the journal has its end there
				e.AnnouncedAt = time.Time{}
			}
			all = append(all, e)
		}
	}
	return all
}

// leftOut is the outcome of a task that another decision had first. Whether that one
// cancelled it is in its own entry.
const leftOut = "left_out"

// outcomeOf returns the outcome of a task, or leftOut, which the journal records as a
// failure.
func outcomeOf(t decision.Item) string {
	if t.Result().LeftOut() {
		return leftOut
	}
	return string(t.Outcome)
}

// asJSON returns the detail of an outcome, which is JSON; if it isn't, as a string.
func asJSON(detail string) json.RawMessage {
	if detail == "" || json.Valid([]byte(detail)) {
		return json.RawMessage(detail)
	}
	quoted, err := json.Marshal(detail)
	if err != nil {
		panic(err) // a string always encodes
	}
	return quoted
}

// reasonOf returns why an entry can't be verified; "" if it is genuine, or if
// nothing was verified.
func reasonOf(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func stamp(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.UTC().Format(time.RFC3339)
}

// tableTime is the format of a time in a terminal.
const tableTime = "2006-01-02 15:04:05Z"

// maxTitle is how many characters of a title are shown in a terminal.
const maxTitle = 40

// person returns a name, or else an ID; "-" for no one.
func person(id, name string) string {
	if id == "" {
		return "-"
	}
	if name != "" {
		return name
	}
	return id
}

func (e entry) cameTo() string {
	if e.Unverified != "" {
		return "NOT VERIFIED, says: " + cmp.Or(e.Outcome, "under way")
	}
	switch {
	case e.Outcome == "":
		return "under way"
	case e.WithdrawnBy != "":
		return "withdrawn by " + person(e.WithdrawnBy, e.WithdrawerName)
	case e.SettledOutcome != "" && e.SettledOutcome != e.Outcome:
		return e.Outcome + ", then " + e.SettledOutcome
	}
	return e.Outcome
}

func (e entry) announced() string {
	switch {
	case decision.Outcome(e.Outcome).Closed():
		return "not needed"
	case e.AnnouncedAt.IsZero():
		return "not yet"
	}
	return e.AnnouncedAt.Sub(e.DecidedAt).Round(10*time.Millisecond).String() + " later"
}

func shortened(title string) string {
	if utf8.RuneCountInString(title) <= maxTitle {
		return title
	}
	return string([]rune(title)[:maxTitle-1]) + "…"
}
