package journal

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// ErrUsage means that History's arguments are wrong.
var ErrUsage = errors.New("usage")

// History runs "cancelbot history": it prints the latest decisions in the
// journal at databaseURL as a table, or as JSON, one decision a line.
func History(ctx context.Context, args []string, out io.Writer, databaseURL string) error {
	var q Query
	flags := flag.NewFlagSet("history", flag.ContinueOnError)
	flags.SetOutput(out)
	asJSON := flags.Bool("json", false, "print JSON, one decision a line")
	since := flags.String("since", "", "only decisions since then: 24h, 2026-11-23 or 2026-11-23T10:00:00Z")
	flags.Int64Var(&q.Task, "task", 0, "only decisions about this task `id`")
	flags.IntVar(&q.Limit, "limit", 20, "at most so many")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return nil
	case err != nil:
		return fmt.Errorf("%w: history: %w", ErrUsage, err)
	case flags.NArg() > 0:
		return fmt.Errorf("%w: history takes flags only, not %q", ErrUsage, flags.Arg(0))
	}
	var err error
	if q.Since, err = parseSince(*since, time.Now()); err != nil {
		return err
	}
	j, err := Open(ctx, databaseURL, Options{})
	if err != nil {
		return err
	}
	defer j.Close()
	decisions, err := j.Recent(ctx, q)
	if err != nil {
		return err
	}
	if *asJSON {
		return writeJSON(out, decisions)
	}
	return writeTable(out, decisions)
}

func parseSince(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if ago, err := time.ParseDuration(text); err == nil {
		return now.Add(-ago.Abs()), nil
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly, time.DateTime} {
		if at, err := time.Parse(layout, text); err == nil {
			return at, nil
		}
	}
	return time.Time{}, fmt.Errorf("%w: --since %q is neither a duration (24h), nor a date (2026-11-23), nor a time (2026-11-23T10:00:00Z)", ErrUsage, text)
}

// entry is a decision as JSON. The response_url is left out: it is a ticket.
type entry struct {
	Task        int64           `json:"task_id"`
	Outcome     string          `json:"outcome"` // "" while under way
	Channel     string          `json:"channel"`
	Requester   string          `json:"requester"`
	Confirmer   string          `json:"confirmer"`
	Reason      string          `json:"reason"`
	RequestedAt time.Time       `json:"requested_at"`
	DecidedAt   time.Time       `json:"decided_at"`
	FinishedAt  time.Time       `json:"finished_at,omitzero"`
	AnnouncedAt time.Time       `json:"announced_at,omitzero"`
	MessageTS   string          `json:"message_ts,omitempty"`
	Detail      json.RawMessage `json:"detail,omitempty"`
	ID          string          `json:"confirmation_id"`
	Team        string          `json:"team"`
}

func writeJSON(out io.Writer, decisions []Decision) error {
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	for _, d := range decisions {
		err := enc.Encode(entry{
			Task: d.TaskID, Outcome: d.Outcome, Channel: d.Channel, Requester: d.Requester, Confirmer: d.Confirmer,
			Reason: d.Reason, RequestedAt: d.RequestedAt, DecidedAt: d.DecidedAt, FinishedAt: d.FinishedAt,
			AnnouncedAt: d.AnnouncedAt, MessageTS: d.MessageTS, Detail: json.RawMessage(d.Detail),
			ID: d.ConfirmationID, Team: d.Team,
		})
		if err != nil {
			return fmt.Errorf("writing the history: %w", err)
		}
	}
	return nil
}

func writeTable(out io.Writer, decisions []Decision) error {
	if len(decisions) == 0 {
		_, err := fmt.Fprintln(out, "No decisions on record.")
		return err
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "DECIDED\tTASK\tOUTCOME\tREQUESTER\tCONFIRMER\tCHANNEL\tTOLD\tREASON")
	for _, d := range decisions {
		told := "not yet"
		if !d.AnnouncedAt.IsZero() {
			told = d.AnnouncedAt.Sub(d.DecidedAt).Round(10*time.Millisecond).String() + " later"
		}
		fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\t%s\t%s\t%s\n", d.DecidedAt.UTC().Format("2006-01-02 15:04:05Z"), d.TaskID,
			orText(d.Outcome, "under way"), d.Requester, d.Confirmer, d.Channel, told, printable(d.Reason))
	}
	return w.Flush()
}

func orText(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// printable keeps what somebody typed from steering the terminal.
func printable(s string) string {
	return strings.Trim(fmt.Sprintf("%q", s), `"`)
}
