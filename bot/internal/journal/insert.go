package journal

import (
	"context"
	"database/sql"
	"slices"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/chamelio"
)

// entry is a decision to be inserted.
type entry struct {
	decision.Record
	owner     string
	posting   bool                              // its announcement may be posted
	at        time.Time                         // when its outcomes were found, if it has any
	displaced func(decision.Item) decision.Item // returns what a task becomes that another decision has
	again     bool                              // it was in the journal before
}

// heldByAnother returns what a task of a new decision becomes that another one has: it is
// left to that, or that has cancelled it before.
func heldByAnother(ended []chamelio.TaskID) func(decision.Item) decision.Item {
	return func(t decision.Item) decision.Item {
		res := decision.Result{Outcome: decision.Failed, Cause: decision.CauseHeld}
		if slices.Contains(ended, t.ID) {
			res.Outcome = decision.AlreadyCancelled
		}
		t = t.Named().Item()
		t.Outcome, t.Detail = res.Outcome, res.Encode()
		return t
	}
}

// insert adds a decision and its tasks, and returns the tasks as they are
// then. It adds nothing, and the error is errOccupied, if the journal has the
// decision already, or had it according to its request, or if other decisions have
// all of its tasks; or if it is a claim and cancelling is paused. The request of the
// decision remembers it.
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
	open := `NOT EXISTS (SELECT 1 FROM decisions WHERE confirmation_id = $1) AND NOT EXISTS (SELECT 1 FROM tasks WHERE confirmation_id = $1)`
	if !e.again {
		if e.owner != "" { // a claim, not the end of a prompt
			open += ` AND NOT EXISTS (SELECT 1 FROM pause` + j.noted + `)`
		}
		open += ` AND NOT EXISTS (SELECT 1 FROM requests WHERE confirmation_id = $1 AND decided_mac <> '')`
	}
	inserted, err := written(ctx, run, func(ctx context.Context, q querier) ([]decision.Item, error) {
		done, err := q.apply(ctx, j.chain(j.insertTasks(open), `
			INSERT INTO decisions (confirmation_id, team_id, channel_id, thread_ts, requester, confirmer, reason, requested_at,
				decided_at, announced_at, response_url, confirmation, mac, owner, epoch, leased_until, announcing_at, claimed_at, facts_age_ms, untitled)
			SELECT $1, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, `+j.now+` + $18, CASE WHEN $22 THEN `+j.now+` ELSE 0 END, `+j.now+`, $19, $20
			WHERE true`,
			`UPDATE requests SET decided_mac = $21, remind_at = 0 WHERE confirmation_id = $1`),
			string(e.ID), j.itemList(e, e.Tasks), utc(e.at),
			e.Team, e.Channel, e.Thread, e.Requester, e.Confirmer, e.Reason, utc(e.RequestedAt), utc(e.DecidedAt),
			orNull(e.AnnouncedAt), e.ResponseURL, e.Confirmation, e.MAC, e.owner, e.Epoch, j.leaseFor(e.posting).Milliseconds(), e.FactsAge.Milliseconds(), e.Untitled, j.seal(decidedFields(e.ID)...), e.posting)
		switch {
		case err != nil || !done:
			return nil, err
		case len(e.Tasks) == 1:
			return e.Tasks, nil
		}
		return j.insertDisplaced(ctx, q, e)
	})
	if err == nil && inserted == nil {
		err = errOccupied // not earlier: an error would undo what SQLite commits together with this
	}
	return inserted, err
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
	positions, err := collect(rows, err, func(r *sql.Rows, n *int64) error { return r.Scan(number(n)) })
	if err != nil || len(positions) == len(e.Tasks) {
		return e.Tasks, err
	}
	all := slices.Clone(e.Tasks)
	for i, t := range all {
		if !slices.Contains(positions, int64(i)) {
			all[i] = e.displaced(t)
		}
	}
	_, err = q.exec(ctx, j.insertTasks(`true`), string(e.ID), j.itemList(e, all), utc(e.at))
	return all, err
}

// itemList returns the argument that dialect.items reads: tasks of a decision to
// be inserted, with the seals of their outcomes.
func (j *Journal) itemList(e entry, tasks []decision.Item) list {
	type item struct {
		Position int             `json:"position"`
		ID       chamelio.TaskID `json:"task_id"`
		Title    string          `json:"title"`
		URL      string          `json:"url"`
		Step     string          `json:"step"`
		Sent     bool            `json:"sent"`
		Tries    int             `json:"tries"`
		Outcome  string          `json:"outcome"`
		Detail   string          `json:"detail"`
		MAC      string          `json:"outcome_mac"`
	}
	all := make([]item, len(tasks))
	for i, t := range tasks {
		all[i] = item{i, t.ID, decision.Storable(t.Title), decision.Storable(t.URL), decision.Storable(t.Step), t.Sent, t.Tries, string(t.Outcome), decision.Storable(t.Detail), ""}
		if t.Outcome != "" {
			all[i].MAC = j.seal(outcomeFields(e.ID, i, t.Outcome, t.Detail, utc(e.at))...)
		}
	}
	return listOf(all)
}
