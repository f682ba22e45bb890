package journal

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
)

// held is the condition under which an owner may change a decision. Its
// arguments are the ID, the owner and the epoch.
const held = ` WHERE confirmation_id = $1 AND owner = $2 AND epoch = $3 `

// next is a counter's next number, of a column that takes at least 32 bits. A value
// at the limit, or on SQLite one that isn't a whole number, which only someone else
// can have written, becomes one: it must not make the statement fail for all rows.
func next(column string) string {
	return fmt.Sprintf(`CASE WHEN %[1]s < 1073741824 THEN CAST(%[1]s AS BIGINT) + 1 ELSE 1 END`, column)
}

// change is a change that an owner makes to a decision while it renews the
// lease. The fields are SQL, with arguments from $5 on.
type change struct {
	set  string // assignments to the decision, each after a comma
	when string // a condition on the decision, after AND

	tasks string // assignments to its tasks; "" if they stay as they are
	where string // a condition on the tasks
	args  []any
}

// step makes a change to a decision that this process owns, and renews the
// lease by at least length. It returns ErrLost if the decision isn't owned any
// more or a condition doesn't hold, ErrGone if there is no such decision.
func (j *Journal) step(ctx context.Context, doing string, l Lease, length time.Duration, c change) (Lease, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	update := `UPDATE decisions SET leased_until = ` + j.renewed(4) + c.set
	args := append([]any{string(l.ID), j.owner, l.Epoch, length.Milliseconds()}, c.args...)
	args = append(args, l.tasks)
	ours := held + fmt.Sprintf(`AND (SELECT count(*) FROM tasks AS parts WHERE parts.confirmation_id = $1) = $%d `, len(args)) + c.when
	statements := []string{update + ours}
	if c.tasks != "" {
		// The lock comes first, so that the checked conditions stay true.
		statements = j.chain(`UPDATE tasks SET `+c.tasks+` WHERE confirmation_id = $1 AND `+c.where+`
			AND EXISTS (SELECT 1 FROM decisions`+ours+j.forUpdate+`)`, update+` WHERE confirmation_id = $1`)
	}
	asked := time.Now()
	done, err := written(ctx, j.write, func(ctx context.Context, q querier) (bool, error) {
		return q.apply(ctx, statements, args...)
	})
	if err == nil && !done {
		err = j.lostOrGone(ctx, l)
	}
	if err != nil {
		return l, fmt.Errorf("%s: %w", doing, err)
	}
	l.Until = asked.Add(length)
	return l, nil
}

// lostOrGone returns the reason why a row couldn't be changed. A decision
// without all of its tasks is gone.
func (j *Journal) lostOrGone(ctx context.Context, l Lease) error {
	found, err := j.stillThere(ctx, l.ID)
	switch {
	case err != nil:
		return err
	case len(found.Tasks) != l.tasks:
		return ErrGone
	}
	return ErrLost
}

// Renew renews the lease of a decision that is being worked on.
func (j *Journal) Renew(ctx context.Context, l Lease) (Lease, error) {
	return j.step(ctx, "renewing a lease", l, j.lease, change{})
}

// RenewAll renews the leases of the decisions that this process is working on,
// and returns those that it still owns; the others are lost. The leases of
// decisions that aren't named expire.
func (j *Journal) RenewAll(ctx context.Context, leases []Lease) ([]Lease, error) {
	if len(leases) == 0 {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	ids := make([]decision.ID, len(leases))
	known := make(map[decision.ID]Lease, len(leases))
	for i, l := range leases {
		ids[i], known[l.ID] = l.ID, l
	}
	asked := time.Now()
	renewed, err := written(ctx, j.write, func(ctx context.Context, q querier) ([]Lease, error) {
		rows, err := q.query(ctx, `
			UPDATE decisions SET leased_until = `+j.renewed(2)+`
			WHERE owner = $1 AND confirmation_id IN (`+j.ids(3)+`) RETURNING confirmation_id, epoch`,
			j.owner, j.lease.Milliseconds(), listOf(ids))
		return collect(rows, err, func(r *sql.Rows, l *Lease) error { return r.Scan(key(&l.ID), number(&l.Epoch)) })
	})
	if err != nil {
		return nil, fmt.Errorf("renewing leases: %w", err)
	}
	still := renewed[:0]
	for _, l := range renewed {
		if before := known[l.ID]; before.Epoch == l.Epoch {
			before.Until = asked.Add(j.lease)
			still = append(still, before)
		}
	}
	return still, nil
}

// Release releases decisions, so that another process, or the next start,
// continues them at once. A decision keeps its lease if a post may have got
// through.
func (j *Journal) Release(ctx context.Context, leases ...Lease) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	_, err := j.write(ctx, only(func(ctx context.Context, q querier) error {
		for _, l := range leases {
			if _, err := q.exec(ctx, `UPDATE decisions SET leased_until = 0, owner = ''`+held+`AND announcing_at = 0`,
				string(l.ID), j.owner, l.Epoch); err != nil {
				return err
			}
		}
		return nil
	}))
	return wrap("releasing leases", err)
}

// Work is a kind of pending work on a decision.
type Work int

// The kinds of work. They are taken over separately, so that neither waits for
// the other.
const (
	ToResolve  Work = iota // find its outcome
	ToAnnounce             // to announce
)

var conditions = map[Work]string{
	ToResolve:  `announced_at IS NULL AND ` + unresolved,
	ToAnnounce: `announced_at IS NULL AND ` + resolved,
}

// TakeExpired takes over decisions whose lease has expired, the oldest first,
// at most limit, each for one process only. Those in mine are in progress
// here, and aren't taken even if their lease couldn't be renewed in time.
func (j *Journal) TakeExpired(ctx context.Context, work Work, limit int, mine []decision.ID) ([]Held, error) {
	return j.take(ctx, "taking decisions over", conditions[work]+` AND `+j.free()+` ORDER BY decided_at`, limit, mine)
}

// free returns the condition under which no process is working on a decision. An expired
// lease counts unless this process has seen the journal's clock jump, which is between $5
// and $6 otherwise: a living owner renews its lease first.
// Another living owner that was about to post, and couldn't reach the database
// for a while, has time to record its post. Whether it lives is known only while
// the journal's clock is steady, between $3 and $4; if it released the decision,
// or is known to be dead, the lease ended at 0.
func (j *Journal) free() string {
	return fmt.Sprintf(`(leased_until = 0 OR %[3]s BETWEEN $5 AND $6 AND %[1]s) AND (announcing_at = 0 OR owner = '%[2]s' OR leased_until = 0
		OR %[3]s BETWEEN $3 AND $4 AND (leased_until < %[3]s - %[4]d
			OR NOT EXISTS (SELECT 1 FROM replicas WHERE replicas.id = decisions.owner AND seen_until >= %[3]s)))`,
		j.lapsed(`leased_until`, maxLease), j.owner, j.now, announceLease.Milliseconds())
}

func (j *Journal) take(ctx context.Context, doing, which string, limit int, mine []decision.ID) ([]Held, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	mine = slices.Concat(mine, j.waiting(ctx, Decisions))
	from, to := j.steady.between(time.Now())
	earliest, latest := j.steady.unlessJumped(time.Now())
	// Usually there is nothing to take, and this query needs no lock.
	some, err := j.candidates(ctx, which, listOf(mine), limit, from, to, earliest, latest)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", doing, err)
	}
	if some == 0 {
		return nil, nil
	}
	asked := time.Now()
	taken, err := written(ctx, j.together, func(ctx context.Context, q querier) ([]untrusted, error) {
		rows, err := q.query(ctx, `
			UPDATE decisions SET owner = $7, epoch = `+next("epoch")+`, leased_until = `+j.now+` + $8, announcing_at = 0
			WHERE confirmation_id IN (SELECT confirmation_id FROM decisions
				WHERE confirmation_id NOT IN (`+j.ids(1)+`) AND `+which+` LIMIT $2 `+j.skipLocked+`)
			RETURNING `+j.place("decisions", "confirmation_id"),
			listOf(mine), limit, from, to, earliest, latest, j.owner, j.lease.Milliseconds())
		places, err := collect(rows, err, func(r *sql.Rows, place *any) error { return r.Scan(place) })
		if err != nil {
			return nil, err
		}
		return q.decisions(ctx, j.place("d", "confirmation_id")+` IN (`+j.ids(1)+`) `, `d.decided_at`, listOf(places))
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", doing, err)
	}
	var with []Held
	var failed error
	for _, row := range taken {
		d, err := j.vet(ctx, row, waitTaken)
		switch {
		case err == nil && !d.Unfinished():
			failed = errors.Join(failed, wrap(doing, j.putToRest(ctx, d)))
		case err == nil:
			with = append(with, Held{Record: d, Lease: Lease{ID: d.ID, Epoch: d.Epoch, tasks: len(d.Tasks), Until: asked.Add(j.lease)}})
		case !errors.Is(err, ErrGone) && !waitsForKey(err):
			failed = errors.Join(failed, fmt.Errorf("%s: %w", doing, err))
		}
	}
	return with, failed
}

// putToRest corrects the row of a decision that was taken over though nothing is left
// to do. Only someone else can have written it: the columns that mark a row as unfinished
// aren't sealed.
func (j *Journal) putToRest(ctx context.Context, d decision.Record) error {
	_, err := written(ctx, j.write, func(ctx context.Context, q querier) (int64, error) {
		return q.exec(ctx, `UPDATE decisions SET follow_up = 0, announced_at = COALESCE(announced_at, $3), owner = '', leased_until = 0
			WHERE confirmation_id = $1 AND epoch = $2`, string(d.ID), d.Epoch, d.AnnouncedAt)
	})
	return err
}
