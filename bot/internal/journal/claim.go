package journal

import (
	"context"
	"database/sql"
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
// decision returns the result of the first call.
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
	if err := j.clearForged(ctx, d); err != nil {
		return Claim{}, fmt.Errorf("claiming a decision: %w", err)
	}
	for range maxInWay {
		asked := time.Now()
		inserted, err := j.insert(ctx, entry{row, j.owner, asked, heldByAnother})
		if err != nil {
			return Claim{}, fmt.Errorf("claiming a decision: %w", err)
		}
		if inserted != nil {
			return Claim{Won: true, Tasks: inserted, Lease: Lease{ID: d.ID, Epoch: 1, tasks: len(d.Tasks), Until: asked.Add(j.lease)}}, nil
		}
		winners, err := j.inTheWay(ctx, d, waitInWay)
		switch {
		case errors.Is(err, ErrGone):
			continue
		case err != nil:
			return Claim{}, fmt.Errorf("claiming a decision: %w", err)
		}
		return j.recognize(ctx, d, winners)
	}
	return Claim{}, fmt.Errorf("claiming a decision: tasks %v change hands too fast", d.IDs())
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

// entry is a decision to be inserted.
type entry struct {
	decision.Record
	owner     string
	at        time.Time                         // when its outcomes were found, if it has any
	displaced func(decision.Item) decision.Item // returns what a task becomes that another decision has
}

// heldByAnother returns a task of a new decision that another one has.
func heldByAnother(t decision.Item) decision.Item {
	res := decision.Result{Outcome: decision.Failed, Cause: decision.CauseHeld}
	t = t.Named().Item()
	t.Outcome, t.Detail = res.Outcome, res.Encode()
	return t
}

// insert adds a decision and its tasks, and returns the tasks as they are
// then. It returns nil, and adds nothing, if the journal has the decision
// already, or if other decisions have all of its tasks.
//
// The tasks come first: their primary key decides between two clicks on one
// prompt, and tasks_claimed between two decisions about one task. They are
// inserted in the order of their IDs, so that two claims wait for each other
// in the same order.
func (j *Journal) insert(ctx context.Context, e entry) ([]decision.Item, error) {
	run := j.write
	if len(e.Tasks) > 1 {
		run = j.together
	}
	return written(ctx, run, func(ctx context.Context, q querier) ([]decision.Item, error) {
		done, err := q.apply(ctx, j.chain(j.insertTasks(`NOT EXISTS (SELECT 1 FROM decisions WHERE confirmation_id = $1)`), `
			INSERT INTO decisions (confirmation_id, team_id, channel_id, thread_ts, requester, confirmer, reason, requested_at,
				decided_at, announced_at, response_url, confirmation, mac, owner, epoch, leased_until, claimed_at, facts_age_ms, untitled)
			SELECT $1, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, `+j.now+` + $18, `+j.now+`, $19, $20
			WHERE true`),
			string(e.ID), j.itemList(e, e.Tasks), utc(e.at),
			e.Team, e.Channel, e.Thread, e.Requester, e.Confirmer, e.Reason, utc(e.RequestedAt), utc(e.DecidedAt),
			orNull(e.AnnouncedAt), e.ResponseURL, e.Confirmation, e.MAC, e.owner, e.Epoch, j.lease.Milliseconds(), e.FactsAge.Milliseconds(), e.Untitled)
		switch {
		case err != nil || !done:
			return nil, err
		case len(e.Tasks) == 1:
			return e.Tasks, nil
		}
		return j.insertDisplaced(ctx, q, e)
	})
}

// insertTasks returns the statement that inserts the tasks in $2 that no other
// decision has, under a condition.
func (j *Journal) insertTasks(condition string) string {
	return `
		INSERT INTO tasks (confirmation_id, position, task_id, title, url, step, sent_at, tries, outcome, detail, finished_at, outcome_mac)
		SELECT $1, position, task_id, title, url, step, CASE WHEN sent THEN ` + j.now + ` ELSE 0 END, tries,
			nullif(outcome, ''), detail, CASE WHEN outcome = '' THEN NULL ELSE ` + j.time(3) + ` END, outcome_mac
		FROM (` + j.items(2) + `) AS given WHERE ` + condition + ` ORDER BY task_id
		ON CONFLICT DO NOTHING`
}

// insertDisplaced adds the tasks of a new decision that other decisions have.
func (j *Journal) insertDisplaced(ctx context.Context, q querier, e entry) ([]decision.Item, error) {
	rows, err := q.query(ctx, `SELECT position FROM tasks WHERE confirmation_id = $1`, string(e.ID))
	positions, err := collect(rows, err, func(r *sql.Rows, n *int) error { return r.Scan(n) })
	if err != nil || len(positions) == len(e.Tasks) {
		return e.Tasks, err
	}
	all := slices.Clone(e.Tasks)
	for i, t := range all {
		if !slices.Contains(positions, i) {
			all[i] = e.displaced(t)
		}
	}
	_, err = q.exec(ctx, j.insertTasks(`true`), string(e.ID), j.itemList(e, all), utc(e.at))
	return all, err
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
	for _, w := range winners {
		if w.ID == d.ID {
			return winners, nil
		}
		taken += len(w.Tasks)
	}
	if taken < len(d.Tasks) {
		return nil, errors.Join(ErrGone, j.clearStrays(ctx, d.ID, d.IDs()))
	}
	return winners, nil
}

// clearForged sets aside forged rows that have one of several tasks: a claim
// would take them for other decisions. A claim of one task finds that out when
// it fails.
func (j *Journal) clearForged(ctx context.Context, d decision.Record) error {
	if len(d.Tasks) == 1 || j.trust.Load() == nil {
		return nil
	}
	const having = ` task_id IN (SELECT task_id FROM (%s) AS given) AND (outcome IS NULL OR outcome = 'cancelled') AND confirmation_id <> $2`
	rows, err := j.read().decisions(ctx, `d.confirmation_id IN (SELECT confirmation_id FROM tasks WHERE`+fmt.Sprintf(having, j.items(1))+`)`,
		`d.decided_at`, j.itemList(entry{Record: d}, d.Tasks), string(d.ID))
	if err != nil {
		return err
	}
	for _, row := range rows {
		if _, err := j.vet(ctx, row, waitInWay); err != nil && !errors.Is(err, ErrGone) {
			return err
		}
	}
	strays, err := j.read().query1(ctx, `SELECT count(*) FROM tasks WHERE`+fmt.Sprintf(having, j.items(1))+`
		AND NOT EXISTS (SELECT 1 FROM decisions WHERE decisions.confirmation_id = tasks.confirmation_id)`,
		j.itemList(entry{Record: d}, d.Tasks), string(d.ID))
	if err != nil || strays == 0 {
		return err
	}
	return j.clearStrays(ctx, d.ID, d.IDs())
}

// conflicting returns the decision that an earlier click on a prompt made,
// alone, or those that have any of the tasks, each with these tasks only. If
// one isn't genuine, it is set aside, and the error is ErrGone.
func (j *Journal) conflicting(ctx context.Context, id decision.ID, tasks []chamelio.TaskID, patience time.Duration) ([]decision.Record, error) {
	rows, err := j.read().decisions(ctx, `d.confirmation_id IN (SELECT confirmation_id FROM tasks WHERE confirmation_id = $1
		OR (task_id IN (SELECT CAST(value AS BIGINT) FROM (`+j.ids(2)+`) AS given) AND (outcome IS NULL OR outcome = 'cancelled')))`,
		`CASE WHEN d.confirmation_id = $1 THEN 0 ELSE 1 END, d.decided_at`, string(id), numberList(tasks))
	if err != nil {
		return nil, err
	}
	var found []decision.Record
	for _, row := range rows {
		d, err := j.vet(ctx, row, patience)
		switch {
		case err != nil:
			return nil, err
		case d.ID == id:
			return []decision.Record{d}, nil
		}
		found = append(found, d.Only(func(t decision.Item) bool {
			return slices.Contains(tasks, t.ID) && (t.Outcome == "" || t.Outcome == decision.Cancelled)
		}))
	}
	return found, nil
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
	for range maxInWay {
		inserted, err := j.insert(ctx, entry{Record: row, at: d.DecidedAt, displaced: unchanged})
		if err != nil {
			return decision.Record{}, fmt.Errorf("%s: %w", doing, err)
		}
		if inserted != nil {
			return row, nil
		}
		first, err := j.Get(ctx, d.ID)
		if errors.Is(err, ErrGone) { // what was there isn't genuine
			err = j.clearStrays(ctx, d.ID, d.IDs())
		} else if err == nil {
			return first, nil
		}
		if err != nil {
			return decision.Record{}, fmt.Errorf("%s: %w", doing, err)
		}
	}
	return decision.Record{}, fmt.Errorf("%s: %w", doing, errUnverified)
}

// unchanged is a task of a closed prompt, which no other decision can have.
func unchanged(t decision.Item) decision.Item { return t }
