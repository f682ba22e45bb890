package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/cancelbot/cancelbot/bot/cli/internal/doctor"
	"github.com/cancelbot/cancelbot/bot/cli/internal/terminal"
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
	return p.withJournal(ctx, func(j *journal.Journal) (func(inUse) string, error) {
		if err := work.Retry(ctx, pausePatience, func() error { return j.Pause(ctx, note) }); err != nil {
			return nil, err
		}
		left, err := j.Backlog(ctx)
		if err != nil {
			return nil, fmt.Errorf("cancelling is paused, but what was confirmed before can't be counted: %w", err)
		}
		return func(use inUse) string { return use.paused(left.Unannounced) }, nil
	})
}

// resume ends a pause.
func (p Program) resume(ctx context.Context, args []string) error {
	if err := p.parse("resume", args, noFlags); err != nil {
		return err
	}
	return p.withJournal(ctx, func(j *journal.Journal) (func(inUse) string, error) {
		was, err := j.Resume(ctx)
		return func(use inUse) string { return use.resumed(was) }, err
	})
}

// inUse is a journal, and how many replicas use it. A switch in a journal that none uses
// stops nothing: the replicas may have another one.
type inUse struct {
	place    string
	replicas int
}

func usedBy(ctx context.Context, j *journal.Journal, databaseURL string) (inUse, error) {
	n, err := j.Replicas(ctx)
	return inUse{terminal.Printable(doctor.Where(databaseURL)), n}, err
}

// String names the journal, and says who uses it.
func (u inUse) String() string {
	users := fmt.Sprintf("%d replicas", u.replicas)
	switch u.replicas {
	case 0:
		users = "no replica"
	case 1:
		users = "1 replica"
	}
	return u.place + ", used by " + users + " now"
}

// lines returns the last lines of what pause and resume print.
func (u inUse) lines() string {
	text := "\nJournal: " + u.String() + "."
	if u.replicas == 0 {
		text += "\nIf the bot is running, it uses another journal: see its DATABASE_URL."
	}
	return text
}

// paused returns what pause prints. unannounced is how many decisions go on.
func (u inUse) paused(unannounced int) string {
	text, goOn := "Cancelling is paused on every replica of this journal. cancelbot resume ends that.", "being finished"
	if u.replicas == 0 {
		text, goOn = "Nothing was stopped: no replica uses this journal. Replicas that start with it will be paused, until cancelbot resume.", "finished once a replica starts"
	}
	text += u.lines()
	if unannounced > 0 {
		text += fmt.Sprintf("\nConfirmed before, and %s: %d.", goOn, unannounced)
	}
	return text
}

// resumed returns what resume prints.
func (u inUse) resumed(was bool) string {
	text := "Cancelling is on again, on every replica of this journal."
	switch {
	case !was:
		text = "Cancelling wasn't paused in this journal."
	case u.replicas == 0:
		text = "The pause has ended. No replica uses this journal."
	}
	return text + u.lines()
}

// withJournal opens the bot's journal, and never creates one. It prints what do says
// about the journal.
func (p Program) withJournal(ctx context.Context, do func(*journal.Journal) (say func(inUse) string, err error)) error {
	url, err := databaseURL(ctx)
	if err != nil {
		return err
	}
	j, err := journal.OpenExisting(ctx, url)
	if err != nil {
		return errors.New(doctor.ExplainJournal(url, err))
	}
	say, err := do(j)
	if err != nil {
		return errors.Join(err, j.Close())
	}
	use, err := usedBy(ctx, j, url)
	if err := errors.Join(err, j.Close()); err != nil {
		return err
	}
	_, err = fmt.Fprintln(p.Out, say(use))
	return err
}
