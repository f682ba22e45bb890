package journal

import (
	"context"
	"errors"
)

var (
	// errOccupied means that a row can't be inserted, because another one has its
	// key. It rolls the transaction back.
	errOccupied = errors.New("another row is in its place")

	// errContested means that rows that aren't genuine come back too fast.
	errContested = errors.New("one row after the other is in its place")
)

// intoPlace calls insert. If the error is errOccupied, it calls vet, which returns
// ErrGone if it has set aside what was in the way, and nil if that is genuine. In the
// first case insert is called again, in the second the error is errOccupied.
func intoPlace(insert, vet func() error) error {
	for range maxInWay {
		err := insert()
		if !errors.Is(err, errOccupied) {
			return err
		}
		switch vetted := vet(); {
		case vetted == nil:
			return err
		case !errors.Is(vetted, ErrGone):
			return vetted
		}
	}
	return errContested
}

// insertRow runs a statement that inserts a row. The error is errOccupied if it
// inserted none.
func (j *Journal) insertRow(ctx context.Context, query string, args ...any) error {
	n, err := written(ctx, j.write, func(ctx context.Context, q querier) (int64, error) { return q.exec(ctx, query, args...) })
	if err == nil && n == 0 {
		err = errOccupied
	}
	return err
}

// withNote makes a change that leaves a note in the same transaction, unless there is
// no audit channel or the note exists.
func (j *Journal) withNote(ctx context.Context, note string, change func(ctx context.Context, q querier, noting bool) error) error {
	run := j.write // the note needs a transaction, and on Postgres two more round trips
	if j.audit {
		run = j.together
	}
	attempt := func(noting bool) error {
		_, err := run(ctx, only(func(ctx context.Context, q querier) error { return change(ctx, q, noting) }))
		return err
	}
	err := intoPlace(func() error { return attempt(j.audit) }, func() error { return j.vetNoteAt(ctx, note, atOnce) })
	if errors.Is(err, errOccupied) {
		err = attempt(false)
	}
	return err
}
