package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/cancelbot/cancelbot/bot/cli/internal/doctor"
	"github.com/cancelbot/cancelbot/bot/internal/journal"
	"github.com/cancelbot/cancelbot/bot/internal/signed"
	"github.com/cancelbot/cancelbot/chamelio"
)

// historyFlags are the flags of history.
type historyFlags struct {
	query       journal.Query
	since       string
	refusals    bool
	setAside    bool
	names       bool
	asJSON, csv bool
}

func (h *historyFlags) define(flags *flag.FlagSet) {
	flags.BoolVar(&h.asJSON, "json", false, "print JSON, one entry a line")
	flags.BoolVar(&h.csv, "csv", false, "print CSV")
	flags.BoolVar(&h.refusals, "refusals", false, "print whom the policy refused, instead of the decisions")
	flags.BoolVar(&h.setAside, "set-aside", false, "print the rows that did not verify and were set aside, instead of the decisions")
	flags.BoolVar(&h.names, "names", false, "show people by name; needs SLACK_BOT_TOKEN")
	flags.StringVar(&h.since, "since", "", "only what happened since `then`: 24h, 3d, 2026-11-23 or 2026-11-23T10:00:00Z")
	flags.Func("task", "only decisions or refusals about the task `id`, with all their tasks", func(s string) error {
		id, err := strconv.ParseInt(s, 10, 64)
		if err != nil || id < 1 {
			return errors.New("it must be the id of a task, a positive whole number")
		}
		h.query.Task = chamelio.TaskID(id)
		return nil
	})
	flags.IntVar(&h.query.Limit, "limit", 20, "at most `n` decisions or refusals, with all their tasks")
}

func (h *historyFlags) complete() (err error) {
	switch {
	case h.query.Limit < 1:
		return usageError("history: --limit must be 1 or more")
	case h.asJSON && h.csv:
		return usageError("history: --json and --csv exclude each other")
	case h.refusals && h.setAside:
		return usageError("history: --refusals and --set-aside exclude each other")
	}
	h.query.Since, err = parseSince(h.since, time.Now())
	return err
}

// history prints the latest decisions or refusals.
func (p Program) history(ctx context.Context, args []string) error {
	var h historyFlags
	if err := p.parse("history", args, h.define); err != nil {
		return err
	}
	if err := h.complete(); err != nil {
		return err
	}
	url, err := databaseURL(ctx)
	if err != nil {
		return err
	}
	j, err := journal.OpenReadOnly(ctx, url)
	if err != nil {
		return errors.New(doctor.ExplainJournal(url, err))
	}
	defer j.Close()
	if !h.asJSON && !h.csv {
		p.nameJournal(ctx, j, url)
	}
	if h.setAside {
		return p.setAside(ctx, h, j)
	}
	if err := verifying(ctx, j); err != nil {
		p.say("the rows are shown as the database has them, and nothing verifies them: " + err.Error())
	}
	if h.refusals {
		return p.refusals(ctx, h, j)
	}
	return p.decisions(ctx, h, j)
}

// nameJournal says on stderr which journal is read, and who uses it: if no replica does,
// newer decisions may be in another one.
func (p Program) nameJournal(ctx context.Context, j *journal.Journal, url string) {
	if use, err := usedBy(ctx, j, url); err != nil {
		p.say(err.Error())
	} else {
		p.say("journal: " + use.String())
	}
}

// verifying makes the journal verify what it returns, for which the bot token
// and Chamelio's address are needed.
func verifying(ctx context.Context, j *journal.Journal) error {
	cfg, problems := readConfig(ctx)
	for _, p := range problems {
		if p.Variable == "SLACK_BOT_TOKEN" || p.Variable == "CHAMELIO_API_URL" {
			return errors.New(p.Found)
		}
	}
	api, err := chamelio.AddressOf(cfg.ChamelioAPIURL)
	if err != nil {
		return err
	}
	sign, err := signed.NewSigner(cfg.SlackBotToken.Reveal(), api, j, time.Now)
	if err != nil {
		return err
	}
	if err := sign.Load(ctx); err != nil {
		return err
	}
	j.Trust(sign, func(journal.Unverified) {}) // the entries show it
	return nil
}

func (p Program) setAside(ctx context.Context, h historyFlags, j *journal.Journal) error {
	return printHistory(ctx, h, j.SetAsides, setAsidesOf, &printer[setAsideEntry]{out: p.Out, format: h, sheet: setAsideSheet})
}

func (p Program) decisions(ctx context.Context, h historyFlags, j *journal.Journal) error {
	people := p.peopleFor(h)
	return printHistory(ctx, h, j.Recent, func(found []journal.Recorded) []entry {
		var ids []string
		for _, d := range found {
			ids = append(ids, d.Requester, d.Confirmer)
		}
		return entriesOf(found, people.of(ctx, ids))
	}, &printer[entry]{out: p.Out, format: h, sheet: decisionSheet})
}

func (p Program) refusals(ctx context.Context, h historyFlags, j *journal.Journal) error {
	people := p.peopleFor(h)
	return printHistory(ctx, h, j.Refusals, func(found []journal.Noted) []refusalEntry {
		var ids []string
		for _, n := range found {
			ids = append(ids, n.Person)
		}
		return refusalsOf(found, people.of(ctx, ids))
	}, &printer[refusalEntry]{out: p.Out, format: h, sheet: refusalSheet})
}

// printHistory prints each page of rows before it reads the next one.
func printHistory[R journal.Row, T any](ctx context.Context, h historyFlags, read func(context.Context, journal.Query) ([]R, error), entries func([]R) []T, to *printer[T]) error {
	err := journal.Pages(ctx, h.query, read, func(page []R) error { return to.page(entries(page)) })
	if err != nil {
		return err
	}
	return to.end()
}

// peopleFor returns a directory that has names if they are wanted, and reports why some
// are missing.
func (p Program) peopleFor(h historyFlags) *directory {
	return &directory{closed: !h.names, failed: func(err error) { p.say("people are shown by their ids: " + err.Error()) }}
}

// databaseURL returns the only variable that history needs.
func databaseURL(ctx context.Context) (string, error) {
	var cfg config
	found := &findings{}
	if s, ok := settingOf("DATABASE_URL"); ok {
		s.read(ctx, &cfg, found)
	}
	cfg.fillIn(found)
	for _, p := range found.all {
		return "", usageError(p.Found)
	}
	url := cfg.DatabaseURL.Reveal()
	if err := journal.CheckURL(url); err != nil {
		return "", usageError("DATABASE_URL " + err.Error())
	}
	return url, nil
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
