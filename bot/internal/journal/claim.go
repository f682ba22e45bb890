package journal

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/chamelio"
)

// Claim is the result of saving a click. If Won, this process owns the
// decision, with the tasks that it got. Otherwise Winners have precedence: the
// earlier click on the same prompt, alone, or the decisions of other prompts
// that have all of its tasks, in progress or cancelled. Each of these is
// returned with the tasks that it has of the claim, so every task of the claim
// is in one of them.
type Claim struct {
	Won     bool
	Lease   Lease             // if Won
	Tasks   []decision.Item   // if Won: tasks that another decision has already have an outcome
	Winners []decision.Record // if not: at least one
}

// Claim makes this process the owner of a decision and its tasks, durably, and
// records the first request for each as about to be sent. A task that another
// decision has gets that as its outcome, and doesn't stop the others (law 14).
// Claim is idempotent: if its answer was lost, calling it again with the same
// decision returns the result of the first call. The error is a *PausedError if
// cancelling is paused and the decision wasn't saved before.
func (j *Journal) Claim(ctx context.Context, d decision.Record) (Claim, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	row := d.With(make([]decision.Result, len(d.Tasks))...)
	for i := range row.Tasks {
		t := &row.Tasks[i]
		t.Sent, t.Tries = true, 1
	}
	row.Epoch, row.AnnouncedAt = 1, time.Time{}
	// A decision in the way may fail between the insert and the query for it,
	// and so disappear.
	ended, err := j.clearForged(ctx, d)
	if err != nil {
		return Claim{}, fmt.Errorf("claiming a decision: %w", err)
	}
	var claim Claim
	err = intoPlace(func() error {
		asked := time.Now()
		inserted, err := j.insert(ctx, entry{Record: row, owner: j.owner, at: asked, displaced: heldByAnother(ended)})
		claim = Claim{Won: true, Tasks: inserted, Lease: Lease{ID: d.ID, Epoch: 1, tasks: len(d.Tasks), Until: asked.Add(j.lease)}}
		return err
	}, func() (err error) {
		claim.Winners, err = j.inTheWay(ctx, d, waitInWay)
		if errors.Is(err, ErrGone) {
			if why := errors.Join(j.undecided(ctx, d.ID), j.unlessPaused(ctx)); why != nil {
				return why
			}
		}
		return err
	})
	switch {
	case errors.Is(err, errOccupied):
		return j.recognize(ctx, d, claim.Winners)
	case err != nil:
		return Claim{}, fmt.Errorf("claiming a decision: %w", err)
	}
	return claim, nil
}

// recognize distinguishes a row of an earlier call of the same Claim, whose
// answer was lost, from another decision's.
func (j *Journal) recognize(ctx context.Context, d decision.Record, winners []decision.Record) (Claim, error) {
	found := winners[0]
	if found.ID != d.ID || found.MAC != d.MAC || found.Outcome() != "" {
		return Claim{Winners: winners}, nil
	}
	lease, err := j.Renew(ctx, Lease{ID: d.ID, Epoch: 1, tasks: len(d.Tasks)})
	switch {
	case errors.Is(err, ErrLost): // taken over since: it is in progress, or was
		return Claim{Winners: winners}, nil
	case err != nil:
		return Claim{}, fmt.Errorf("claiming a decision: %w", err)
	}
	return Claim{Won: true, Tasks: found.Tasks, Lease: lease}, nil
}

// inTheWay returns the decisions that prevent a claim, as in Claim. If one isn't
// genuine, it is set aside; then, and if a task is free again, the error is
// ErrGone.
func (j *Journal) inTheWay(ctx context.Context, d decision.Record, patience time.Duration) ([]decision.Record, error) {
	winners, err := j.conflicting(ctx, d.ID, d.IDs(), patience)
	if err != nil {
		return nil, err
	}
	taken := 0
	for _, w := range winners { // its own has all of them
		taken += len(w.Tasks)
	}
	if taken < len(d.Tasks) {
		return nil, errors.Join(ErrGone, j.clearStrays(ctx, d.ID, d.IDs()))
	}
	return winners, nil
}

// clearForged sets aside forged rows that have one of several tasks: a claim
// would take them for other decisions. A claim of one task finds that out when
// it fails. clearForged returns those tasks that other decisions have cancelled.
func (j *Journal) clearForged(ctx context.Context, d decision.Record) (ended []chamelio.TaskID, err error) {
	if len(d.Tasks) == 1 || j.trust.Load() == nil {
		return nil, nil
	}
	const having = ` task_id IN (SELECT task_id FROM (%s) AS given) AND (outcome IS NULL OR outcome = 'cancelled') AND confirmation_id <> $2`
	rows, err := j.read().decisions(ctx, `d.confirmation_id IN (SELECT confirmation_id FROM tasks WHERE`+fmt.Sprintf(having, j.items(1))+`)`,
		`d.decided_at`, j.itemList(entry{Record: d}, d.Tasks), string(d.ID))
	if err != nil {
		return nil, err
	}
	for _, row := range rows {
		other, err := j.vet(ctx, row, waitInWay)
		if err != nil && !errors.Is(err, ErrGone) {
			return nil, err
		}
		ended = append(ended, other.Only(func(t decision.Item) bool { return t.Outcome == decision.Cancelled }).IDs()...)
	}
	strays, err := j.read().query1(ctx, `SELECT count(*) FROM tasks WHERE`+fmt.Sprintf(having, j.items(1))+`
		AND NOT EXISTS (SELECT 1 FROM decisions WHERE decisions.confirmation_id = tasks.confirmation_id)`,
		j.itemList(entry{Record: d}, d.Tasks), string(d.ID))
	if err != nil || strays == 0 {
		return ended, err
	}
	return ended, j.clearStrays(ctx, d.ID, d.IDs())
}

// conflicting returns the decision that an earlier click on a prompt made,
// alone, or those that have any of the tasks, each with these tasks only. Those
// that aren't genuine are set aside, and the error is ErrGone.
func (j *Journal) conflicting(ctx context.Context, id decision.ID, tasks []chamelio.TaskID, patience time.Duration) ([]decision.Record, error) {
	return j.about(ctx, id, tasks, patience, hasTask)
}

// relation is what a decision has to do with a task.
type relation struct {
	where string // on the tasks' columns
	is    func(decision.Item) bool
}

// hasTask: no other decision can have the task, because this one carries it out or has
// cancelled it. mayHaveEnded: or this one's outcome is unknown, and it isn't known to have
// had no effect.
var (
	hasTask = relation{`outcome IS NULL OR outcome = 'cancelled'`, func(t decision.Item) bool {
		return t.Outcome == "" || t.Outcome == decision.Cancelled
	}}
	mayHaveEnded = relation{hasTask.where + ` OR outcome = 'unknown' AND settled_outcome IN ('', 'cancelled')`, func(t decision.Item) bool {
		return hasTask.is(t) || t.Outcome == decision.Unknown && (t.SettledOutcome == "" || t.SettledOutcome == decision.Cancelled)
	}}
)

// about is conflicting for any relation.
func (j *Journal) about(ctx context.Context, id decision.ID, tasks []chamelio.TaskID, patience time.Duration, r relation) ([]decision.Record, error) {
	rows, err := j.read().decisions(ctx, `d.confirmation_id IN (SELECT confirmation_id FROM tasks WHERE confirmation_id = $1
		OR (task_id IN (SELECT CAST(value AS BIGINT) FROM (`+j.ids(2)+`) AS given) AND (`+r.where+`)))`,
		`CASE WHEN d.confirmation_id = $1 THEN 0 ELSE 1 END, d.decided_at`, string(id), numberList(tasks))
	if err != nil {
		return nil, err
	}
	var found []decision.Record
	var gone error
	for _, row := range rows {
		d, err := j.vet(ctx, row, patience)
		switch {
		case errors.Is(err, ErrGone):
			gone = err
			continue
		case err != nil:
			return nil, err
		case d.ID == id:
			return []decision.Record{d}, nil
		}
		found = append(found, d.Only(func(t decision.Item) bool { return slices.Contains(tasks, t.ID) && r.is(t) }))
	}
	if gone != nil {
		return nil, gone
	}
	return found, nil
}

// Taken returns those of a decision's tasks that other decisions have since: one is
// carrying them out, has cancelled them, or claimed them later and ended as unknown, so
// that its requests may still take effect.
func (j *Journal) Taken(ctx context.Context, d decision.Record) ([]chamelio.TaskID, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	ids := d.IDs()
	rows, err := j.read().decisions(ctx, `d.confirmation_id IN (SELECT confirmation_id FROM tasks WHERE confirmation_id = $2
		OR task_id IN (SELECT CAST(value AS BIGINT) FROM (`+j.ids(1)+`) AS given)
		AND (`+mayHaveEnded.where+`))`,
		`CASE WHEN d.confirmation_id = $2 THEN 0 ELSE 1 END, d.decided_at`, numberList(ids), string(d.ID))
	if err != nil {
		return nil, fmt.Errorf("looking for the decisions that have tasks: %w", err)
	}
	var taken []chamelio.TaskID
	for _, row := range rows {
		other, err := j.vet(ctx, row, waitTaken)
		if row.ID == d.ID {
			if err == nil {
				d = other // with the times of its outcomes
			}
			continue
		}
		if errors.Is(err, ErrGone) { // it isn't genuine
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("looking for the decisions that have tasks: %w", err)
		}
		taken = append(taken, other.Only(func(t decision.Item) bool {
			return slices.Contains(ids, t.ID) && (hasTask.is(t) || mayHaveEnded.is(t) && claimedLater(other, d, t))
		}).IDs()...)
	}
	return taken, nil
}

// claimedLater reports whether a decision claimed a task of its own after another one, which
// waited for the requests of earlier ones. Only one decision can have a task at a time, so
// they end with it in the order of their claims. That of the clicks may differ: facts can be
// slow. It counts only if the other one's row is gone.
func claimedLater(other, than decision.Record, task decision.Item) bool {
	for _, t := range than.Tasks {
		if t.ID == task.ID && !t.FinishedAt.IsZero() {
			return task.FinishedAt.After(t.FinishedAt)
		}
	}
	return !other.DecidedAt.Before(than.DecidedAt)
}

// Withdraw closes a prompt permanently: a later Claim finds it taken. If a
// decision came first, it returns that, and false. It is idempotent. The row
// is recorded like a decision, with nothing to carry out or to announce.
func (j *Journal) Withdraw(ctx context.Context, d decision.Record) (first decision.Record, withdrawn bool, err error) {
	first, err = j.close(ctx, "withdrawing a prompt", d, decision.Withdrawn)
	return first, first.Outcome() == decision.Withdrawn, err
}

// Abandon is Withdraw for a prompt whose click couldn't be saved.
func (j *Journal) Abandon(ctx context.Context, d decision.Record) (first decision.Record, abandoned bool, err error) {
	first, err = j.close(ctx, "closing a prompt whose click couldn't be saved", d, decision.NotSaved)
	return first, first.Outcome() == decision.NotSaved, err
}

// Supersede is Withdraw for a prompt whose click lost to other prompts' decisions.
func (j *Journal) Supersede(ctx context.Context, d decision.Record) (first decision.Record, superseded bool, err error) {
	first, err = j.close(ctx, "closing a prompt that wasn't used", d, decision.Superseded)
	return first, first.Outcome() == decision.Superseded, err
}

// Expire is Withdraw for a prompt that no one confirmed in time.
func (j *Journal) Expire(ctx context.Context, d decision.Record) (first decision.Record, expired bool, err error) {
	first, err = j.close(ctx, "recording that a request has expired", d, decision.Expired)
	return first, first.Outcome() == decision.Expired, err
}

// close gives a prompt a row with an outcome, unless it has a row already. It
// returns the row that the prompt has.
func (j *Journal) close(ctx context.Context, doing string, d decision.Record, o decision.Outcome) (decision.Record, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	row := d
	row.Tasks = make([]decision.Item, len(d.Tasks))
	for i, t := range d.Tasks {
		row.Tasks[i] = t.Named().Item()
		row.Tasks[i].Outcome = o
	}
	row.AnnouncedAt, row.Epoch, row.ResponseURL, row.MAC = d.DecidedAt, 1, "", ""
	if t := j.trust.Load(); t != nil {
		row.MAC = t.SignRow(row, o)
	}
	err := intoPlace(func() error {
		_, err := j.insert(ctx, entry{Record: row, at: d.DecidedAt, displaced: unchanged})
		return err
	}, func() error {
		found, err := j.get(ctx, d.ID, waitInWay) // as in Claim: neither press waits longer than the other
		if errors.Is(err, ErrGone) {
			if decided := j.undecided(ctx, d.ID); decided != nil {
				return decided
			}
			return errors.Join(err, j.clearStrays(ctx, d.ID, d.IDs()))
		}
		row = found
		return err
	})
	if err != nil && !errors.Is(err, errOccupied) {
		return decision.Record{}, fmt.Errorf("%s: %w", doing, err)
	}
	return row, nil
}

// unchanged is a task of a closed prompt, which no other decision can have.
func unchanged(t decision.Item) decision.Item { return t }
