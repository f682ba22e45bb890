package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/cancelbot/cancelbot/bot/cli/internal/doctor"
	"github.com/cancelbot/cancelbot/bot/internal/input"
	"github.com/cancelbot/cancelbot/bot/internal/journal"
	"github.com/cancelbot/cancelbot/bot/internal/work"
)

// pausePatience bounds how long pause waits for clicks that are being saved.
const pausePatience = 20 * time.Second

// pause stops cancelling on all replicas.
func (p Program) pause(ctx context.Context, args []string) error {
	var note string
	err := p.parse("pause", args, func(flags *flag.FlagSet) {
		flags.StringVar(&note, "note", "", "the `text` that people read: why, and until when")
	})
	if err != nil {
		return err
	}
	if n := utf8.RuneCountInString(note); n > input.MaxReason {
		return usageError(fmt.Sprintf("pause: the note has %d characters; at most %d are shown", n, input.MaxReason))
	}
	return withJournal(ctx, func(j *journal.Journal) error {
		err := work.Retry(ctx, pausePatience, func() error { return j.Pause(ctx, note) })
		if err != nil {
			return err
		}
		left, err := j.Backlog(ctx)
		if err != nil {
			return err
		}
		text := "Cancelling is paused on all replicas. cancelbot resume ends that."
		if left.Unannounced > 0 {
			text += fmt.Sprintf("\nConfirmed before, and being finished: %d.", left.Unannounced)
		}
		_, err = fmt.Fprintln(p.Out, text)
		return err
	})
}

// resume ends a pause.
func (p Program) resume(ctx context.Context, args []string) error {
	if err := p.parse("resume", args, noFlags); err != nil {
		return err
	}
	return withJournal(ctx, func(j *journal.Journal) error {
		was, err := j.Resume(ctx)
		if err != nil {
			return err
		}
		text := "Cancelling is on again, on all replicas."
		if !was {
			text = "Cancelling wasn't paused."
		}
		_, err = fmt.Fprintln(p.Out, text)
		return err
	})
}

// withJournal opens the bot's journal, and never creates one.
func withJournal(ctx context.Context, do func(*journal.Journal) error) error {
	url, err := databaseURL()
	if err != nil {
		return err
	}
	j, err := journal.OpenExisting(ctx, url)
	if err != nil {
		return errors.New(doctor.ExplainJournal(url, err))
	}
	return errors.Join(do(j), j.Close())
}
