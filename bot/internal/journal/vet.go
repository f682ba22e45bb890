package journal

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
)

// untrusted is a row as it was read from the database. Only vet turns one into
// a decision.
type untrusted struct {
	decision.Record
	place     any
	at        any     // when it was decided, as the database has it
	positions []int64 // of its tasks
	odd       bool    // see noting
}

// verified returns the genuine part of the row.
func (t *trust) verified(row untrusted) (decision.Record, error) {
	d := row.Record
	if err := t.VerifyRow(d); err != nil {
		return decision.Record{}, err
	}
	if row.odd {
		return decision.Record{}, errOddValue
	}
	for i, position := range row.positions {
		if position != int64(i) { // later statements name a task by its position
			return decision.Record{}, errPosition
		}
	}
	d.Tasks = slices.Clone(d.Tasks)
	if !t.IsDecision(d) { // the end of a prompt has no more fields
		d.AnnouncedAt, d.MessageTS = d.DecidedAt, ""
		for i, one := range d.Tasks {
			d.Tasks[i] = one.Named().Item()
			d.Tasks[i].Outcome, d.Tasks[i].FinishedAt = one.Outcome, d.DecidedAt
		}
		return d, nil
	}
	err := t.sealed(!d.AnnouncedAt.IsZero(), d.AnnouncedMAC, t.after(d, d.AnnouncedAt), announcedFields(d.ID, d.MessageTS, d.AnnouncedAt))
	for i := range d.Tasks {
		err = errors.Join(err, t.verifyTask(d, i))
	}
	if err != nil {
		return decision.Record{}, err
	}
	if !consistent(d) {
		return decision.Record{}, errInconsistent
	}
	if d.AnnouncedAt.IsZero() {
		d.MessageTS = ""
	}
	return d, nil
}

// consistent reports whether the parts of a decision, each of which is genuine, fit
// together: someone else can remove a part together with its seal. A decision is announced
// when each task has an outcome, and closed and announced in one write; final results are
// of unknown outcomes that were announced.
func consistent(d decision.Record) bool {
	announced := !d.AnnouncedAt.IsZero()
	for _, t := range d.Tasks {
		unknown := t.Outcome == decision.Unknown
		switch {
		case announced && t.Outcome == "",
			!announced && t.Outcome.Closed(),
			t.SettledOutcome != "" && (!announced || !unknown),
			!d.SettledAt.IsZero() && unknown && t.SettledOutcome == "":
			return false
		}
	}
	return announced || d.SettledAt.IsZero()
}

// after returns the time at which the key must have been usable that sealed what was
// added to a decision at a time: not before the click. If the decision is overdue, the key
// must be usable now, because the time is the sealer's word.
func (t *trust) after(d decision.Record, at time.Time) time.Time {
	switch now := t.Now(); {
	case d.Overdue(now):
		return now
	case at.After(d.DecidedAt):
		return at
	}
	return d.DecidedAt
}

// verifyTask verifies what was added to the task at a position after the click,
// and removes what isn't sealed.
func (t *trust) verifyTask(d decision.Record, position int) error {
	id, one := d.ID, &d.Tasks[position]
	err := errors.Join(
		t.sealed(one.Outcome != "", one.Seals.Outcome, t.after(d, one.FinishedAt), outcomeFields(id, position, one.Outcome, one.Detail, one.FinishedAt)),
		t.sealed(one.SettledOutcome != "", one.Seals.Settled, t.after(d, d.DecidedAt), settledFields(id, position, one.SettledOutcome, one.SettledDetail)),
	)
	if one.Outcome == "" {
		one.Detail, one.FinishedAt = "", time.Time{}
	}
	if one.SettledOutcome == "" {
		one.SettledDetail = ""
	}
	// An attacker who deletes the trace of a request must not make the bot say
	// that the task is untouched.
	one.Sent = one.Sent || t.VerifySeal(one.Seals.Unsent, t.after(d, d.DecidedAt), unsentFields(id, position, one.Tries)...) != nil
	return err
}

// whole verifies the seal of a row without parts. odd is the flag that noting set.
func (t *trust) whole(odd bool, seal string, at time.Time, fields ...string) error {
	if err := t.VerifySeal(seal, at, fields...); err != nil {
		return err
	}
	if odd {
		return errOddValue
	}
	return nil
}

// sealed verifies a part of a row. A part that doesn't exist has no seal.
func (t *trust) sealed(there bool, seal string, at time.Time, fields []string) error {
	switch {
	case there:
		return t.VerifySeal(seal, at, fields...)
	case seal != "":
		return errMissing
	}
	return nil
}

// Reasons why the bot can't have written a row, whatever its key.
var (
	errMissing  = errors.New("a sealed field is missing")
	errOddID    = errors.New("the bot writes no such ID")
	errOddValue = errors.New("a value isn't one that the bot writes")
	errPosition = errors.New("a task isn't at its position")

	errInconsistent = errors.New("the bot leaves no decision in this state: a part is missing")
)

// vet returns a row's decision if the row is genuine. If it isn't, it is set
// aside, and the error is ErrGone: the row counts as absent. If that isn't
// known yet, the error is errUnverified, for as long as patience.
func (j *Journal) vet(ctx context.Context, row untrusted, patience time.Duration) (decision.Record, error) {
	t := j.trust.Load()
	if t == nil {
		return row.Record, nil
	}
	var d decision.Record
	what := Unverified{Table: Decisions, ID: string(row.ID), Tasks: row.IDs(), Channel: row.Channel}
	err := j.judge(ctx, t, what, patience, func() (err error) {
		d, err = t.verified(row)
		return err
	}, func(judged Unverified) error {
		if err := j.leave(ctx, t, row, judged); err != nil {
			return err
		}
		return j.setAside(ctx, row.place, row.MAC, judged)
	})
	return d, err
}

// leave returns errUnverified for a row whose key isn't known while a living replica
// has it: that one may have started with another bot token, and have a request under
// way. Someone else can write such a row, too, so it is left for waitTaken at most.
func (j *Journal) leave(ctx context.Context, t *trust, row untrusted, judged Unverified) error {
	if !errors.Is(judged.Why, decision.ErrUnknownKey) || !t.waits(judged, waitTaken) {
		return nil
	}
	held, err := j.read().query1(ctx, fmt.Sprintf(`SELECT count(*) FROM decisions d WHERE %s = $1 AND NOT (%s)
		AND EXISTS (SELECT 1 FROM replicas WHERE id = d.owner AND NOT (%s))`,
		j.place("d", "confirmation_id"), j.lapsed("d.leased_until", maxLease), j.lapsed("seen_until", maxLease)), row.place)
	switch {
	case err != nil:
		return fmt.Errorf("%w: looking for its owner: %w", errUnverified, err)
	case held > 0:
		return fmt.Errorf("%w: %w, and a living replica has it", errUnverified, judged.Why)
	}
	return nil
}

// judge verifies a row, and loads keys if necessary. It passes the verdict to
// setAside. See vet.
func (j *Journal) judge(ctx context.Context, t *trust, what Unverified, patience time.Duration, verify func() error, setAside func(Unverified) error) error {
	if verify() == nil {
		t.forget(what)
		return nil
	}
	if err := t.Load(ctx); err != nil {
		return fmt.Errorf("%w: loading keys: %w", errUnverified, err)
	}
	if what.Why = verify(); what.Why == nil {
		t.forget(what)
		return nil
	}
	unknown := errors.Is(what.Why, decision.ErrUnknownKey)
	if unknown && (what.ID == "" || what.ID != decision.Storable(what.ID)) {
		what.Why, unknown = errOddID, false
	}
	if unknown && patience == untilKnown {
		return fmt.Errorf("%w: %w", errUnverified, what.Why)
	}
	waits := unknown && patience > 0
	if waits && t.full(what.Table) {
		if err := j.forgetFinished(ctx, t, what.Table); err != nil {
			return err
		}
	}
	if what.Waits = waits && t.waits(what, patience); what.Waits {
		return fmt.Errorf("%w: %w", errUnverified, what.Why)
	}
	if err := setAside(what); err != nil {
		return err
	}
	t.forget(what)
	t.report(what)
	return ErrGone
}
