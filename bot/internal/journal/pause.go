package journal

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// Pause says since when cancelling is paused, and why. The zero Pause means
// that it isn't.
type Pause struct {
	Since time.Time // see Dated
	Note  string    // for people; may be empty
}

// Active reports whether cancelling is paused.
func (p Pause) Active() bool { return !p.Since.IsZero() }

// Dated reports whether it is known since when cancelling is paused.
func (p Pause) Dated() bool { return p.Since.After(undated()) }

// undated is when a pause began whose time isn't one: someone else has written it. It
// isn't 0, which in the metric means that cancelling isn't paused.
func undated() time.Time { return time.Unix(1, 0).UTC() }

// PausedError means that a click wasn't saved, because cancelling is paused.
type PausedError struct{ Pause }

func (*PausedError) Error() string { return "cancelling is paused" }

// unlessPaused returns nil, or a *PausedError if cancelling is paused.
func (j *Journal) unlessPaused(ctx context.Context) error {
	p, err := j.Paused(ctx)
	if err == nil && p.Active() {
		return &PausedError{p}
	}
	return err
}

// Pause pauses cancelling for all processes that share the journal. It waits for claims
// that are being saved, so that no Claim succeeds once it has returned. If one takes
// long, Pause fails, and can be tried again. A second call replaces the note and keeps
// the time.
func (j *Journal) Pause(ctx context.Context, note string) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	_, err := j.together(ctx, only(func(ctx context.Context, q querier) error {
		_, err := q.exec(ctx, `INSERT INTO pause (one, paused_at, note) VALUES (1, $1, $2)
			ON CONFLICT (one) DO UPDATE SET note = excluded.note`, utc(j.at()), note)
		if err == nil && j.afterNoted != "" {
			_, err = q.exec(ctx, fmt.Sprintf(j.afterNoted, "pause"))
		}
		return err
	}))
	return wrap("pausing", err)
}

// Resume ends a pause, and reports whether there was one.
func (j *Journal) Resume(ctx context.Context) (was bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	was, err = written(ctx, j.write, func(ctx context.Context, q querier) (bool, error) {
		n, err := q.exec(ctx, `DELETE FROM pause`)
		return n > 0, err
	})
	return was, wrap("ending the pause", err)
}

// Paused returns the current pause.
func (j *Journal) Paused(ctx context.Context) (Pause, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	rows, err := j.read().query(ctx, `SELECT paused_at, `+bounded("note", "")+` FROM pause`)
	found, err := collect(rows, err, func(r *sql.Rows, p *Pause) error { return r.Scan(instant(&p.Since), text(&p.Note)) })
	switch {
	case err != nil:
		return Pause{}, fmt.Errorf("asking whether cancelling is paused: %w", err)
	case len(found) == 0:
		return Pause{}, nil
	}
	if !found[0].Dated() {
		found[0].Since = undated()
	}
	return found[0], nil
}

// OpenExisting opens an existing journal of this version for writing, by a process that
// owns no decisions. Unlike Open it creates nothing, changes no schema, starts no clock
// and frees nothing that dead processes own.
func OpenExisting(ctx context.Context, databaseURL string) (*Journal, error) {
	reading, err := OpenReadOnly(ctx, databaseURL)
	if err != nil {
		return nil, err
	}
	if err := reading.Close(); err != nil {
		return nil, err
	}
	var o Options
	if file, isSQLite := reading.engine.(*sqlite); isSQLite {
		o.Now = file.now
	}
	return open(ctx, databaseURL, o, false)
}
