package cli

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/journal"
)

// history prints the latest decisions: the journal as the audit trail.
func (p Program) history(ctx context.Context, args []string) error {
	var q journal.Query
	var asJSON bool
	var since string
	err := p.parse("history", args, func(flags *flag.FlagSet) {
		flags.BoolVar(&asJSON, "json", false, "print JSON, one decision a line")
		flags.StringVar(&since, "since", "", "only decisions since then: 24h, 3d, 2026-11-23 or 2026-11-23T10:00:00Z")
		flags.Int64Var(&q.Task, "task", 0, "only decisions about this task `id`")
		flags.IntVar(&q.Limit, "limit", 20, "at most so many")
	})
	if err != nil {
		return err
	}
	if q.Limit < 1 {
		return usageError("history: --limit must be 1 or more")
	}
	if q.Since, err = parseSince(since, time.Now()); err != nil {
		return err
	}
	url, err := databaseURL()
	if err != nil {
		return err
	}
	j, err := journal.OpenReadOnly(ctx, url)
	if err != nil {
		return err
	}
	defer j.Close()
	decisions, err := j.Recent(ctx, q)
	if err != nil {
		return err
	}
	if asJSON {
		return writeJSON(p.Out, decisions)
	}
	return writeTable(p.Out, decisions)
}

// databaseURL is all that history needs of the environment.
func databaseURL() (string, error) {
	if file, found, wrong := secretFile("DATABASE_URL"); wrong != nil {
		return "", usageError(wrong.Found)
	} else if found {
		return file.Reveal(), nil
	}
	if url := os.Getenv("DATABASE_URL"); url != "" {
		return url, nil
	}
	return "sqlite:cancelbot.db", nil
}

func parseSince(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if days, ok := strings.CutSuffix(text, "d"); ok {
		var n int
		if _, err := fmt.Sscanf(days, "%d", &n); err == nil && fmt.Sprint(n) == days {
			return now.AddDate(0, 0, -n), nil
		}
	}
	if ago, err := time.ParseDuration(text); err == nil {
		return now.Add(-ago.Abs()), nil
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly, time.DateTime} {
		if at, err := time.Parse(layout, text); err == nil {
			return at, nil
		}
	}
	return time.Time{}, usageError(fmt.Sprintf("history: --since %q is neither a duration (24h, 3d), nor a date (2026-11-23), nor a time (2026-11-23T10:00:00Z)", text))
}

// entry is a decision as JSON. The response_url is left out: it is a ticket.
type entry struct {
	Task           int64           `json:"task_id"`
	Title          string          `json:"title,omitempty"`
	Outcome        string          `json:"outcome"` // "" while under way
	Channel        string          `json:"channel"`
	Requester      string          `json:"requester"`
	Confirmer      string          `json:"confirmer"`
	Reason         string          `json:"reason"`
	RequestedAt    time.Time       `json:"requested_at"`
	DecidedAt      time.Time       `json:"decided_at"`
	FinishedAt     time.Time       `json:"finished_at,omitzero"`
	AnnouncedAt    time.Time       `json:"announced_at,omitzero"`
	MessageTS      string          `json:"message_ts,omitempty"`
	Detail         json.RawMessage `json:"detail,omitempty"`
	SettledOutcome string          `json:"settled_outcome,omitempty"`
	SettledAt      time.Time       `json:"settled_at,omitzero"`
	ID             string          `json:"confirmation_id"`
	Team           string          `json:"team"`
}

func writeJSON(out io.Writer, decisions []journal.Decision) error {
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	for _, d := range decisions {
		err := enc.Encode(entry{
			Task: d.TaskID, Title: d.Title, Outcome: string(d.Outcome), Channel: d.Channel, Requester: d.Requester, Confirmer: d.Confirmer,
			Reason: d.Reason, RequestedAt: d.RequestedAt, DecidedAt: d.DecidedAt, FinishedAt: d.FinishedAt,
			AnnouncedAt: d.AnnouncedAt, MessageTS: d.MessageTS, Detail: json.RawMessage(d.Detail),
			SettledOutcome: string(d.SettledOutcome), SettledAt: d.SettledAt, ID: string(d.ID), Team: d.Team,
		})
		if err != nil {
			return fmt.Errorf("writing the history: %w", err)
		}
	}
	return nil
}

func writeTable(out io.Writer, decisions []journal.Decision) error {
	if len(decisions) == 0 {
		_, err := fmt.Fprintln(out, "No decisions on record.")
		return err
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "DECIDED\tTASK\tOUTCOME\tREQUESTER\tCONFIRMER\tCHANNEL\tTOLD\tREASON")
	for _, d := range decisions {
		fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\t%s\t%s\t%s\n", d.DecidedAt.UTC().Format("2006-01-02 15:04:05Z"), d.TaskID,
			outcomeOf(d), d.Requester, d.Confirmer, d.Channel, told(d), printable(d.Reason))
	}
	return w.Flush()
}

func outcomeOf(d journal.Decision) string {
	switch {
	case d.Outcome == "":
		return "under way"
	case d.SettledOutcome != "" && d.SettledOutcome != d.Outcome:
		return fmt.Sprintf("%s, then %s", d.Outcome, d.SettledOutcome)
	}
	return string(d.Outcome)
}

func told(d journal.Decision) string {
	switch {
	case d.Outcome == journal.OutcomeWithdrawn || d.Outcome == journal.OutcomeSetAside:
		return "nothing to tell"
	case d.AnnouncedAt.IsZero():
		return "not yet"
	}
	return d.AnnouncedAt.Sub(d.DecidedAt).Round(10*time.Millisecond).String() + " later"
}

// printable keeps what somebody typed from steering the terminal.
func printable(s string) string {
	return strings.Trim(fmt.Sprintf("%q", s), `"`)
}
