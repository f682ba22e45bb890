package journal

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
)

// Claim is what came of a click. If Won, the decision is this process's to
// carry out; else Winner stands in its way: an earlier click on the same
// prompt, or another prompt's decision about the same task that is under way
// or has succeeded.
type Claim struct {
	Won    bool
	Lease  Lease           // if Won
	Winner decision.Record // if not
}

// Claim makes the decision this process's, durably, and marks its first
// request as about to be sent. It may be called again with the very same
// decision for as long as its answer is not known: it then tells what the
// first call did.
func (j *Journal) Claim(ctx context.Context, d decision.Record) (Claim, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	row := d
	row.Sent, row.Tries, row.Epoch = true, 1, 1
	row.Outcome, row.FinishedAt, row.AnnouncedAt = "", time.Time{}, time.Time{}
	// The decision in the way may end as a failure between the insert and the
	// look at it, and so get out of the way.
	for range maxInWay {
		asked := time.Now()
		inserted, err := j.insert(ctx, row, j.owner)
		if err != nil {
			return Claim{}, fmt.Errorf("claiming a decision: %w", err)
		}
		if inserted {
			return Claim{Won: true, Lease: Lease{ID: d.ID, Epoch: 1, Until: asked.Add(j.lease)}}, nil
		}
		winner, err := j.inTheWay(ctx, d, waitInWay)
		switch {
		case errors.Is(err, ErrGone):
			continue
		case err != nil:
			return Claim{}, fmt.Errorf("claiming a decision: %w", err)
		}
		return j.recognize(ctx, d, winner)
	}
	return Claim{}, fmt.Errorf("claiming a decision: task %d changes hands too fast", d.TaskID)
}

// recognize tells a row that an earlier call of the same Claim wrote, and
// whose answer was lost, from another's.
func (j *Journal) recognize(ctx context.Context, d, found decision.Record) (Claim, error) {
	if found.ID != d.ID || found.MAC != d.MAC || found.Outcome != "" {
		return Claim{Winner: found}, nil
	}
	lease, err := j.Renew(ctx, Lease{ID: d.ID, Epoch: 1})
	switch {
	case errors.Is(err, ErrLost): // taken over since: it is being carried out, or was
		return Claim{Winner: found}, nil
	case err != nil:
		return Claim{}, fmt.Errorf("claiming a decision: %w", err)
	}
	return Claim{Won: true, Lease: lease}, nil
}

// insert adds a decision and its task. It reports false, and adds nothing, if
// the journal has the decision already, or if another decision has the task.
//
// The task comes first: its primary key decides between two clicks on one
// prompt, and tasks_claimed between two decisions about one task.
func (j *Journal) insert(ctx context.Context, d decision.Record, owner string) (bool, error) {
	outcomeSeal := ""
	if d.Outcome != "" {
		outcomeSeal = j.seal(outcomeFields(d.ID, d.Outcome, d.Detail, utc(d.FinishedAt))...)
	}
	return written(ctx, j.write, func(ctx context.Context, q querier) (bool, error) {
		return q.apply(ctx, j.chain(`
			INSERT INTO tasks (confirmation_id, position, task_id, title, url, sent_at, tries, outcome, detail, finished_at, outcome_mac)
			SELECT $1, 0, $2, $3, $4, CASE WHEN $5 THEN `+j.now+` ELSE 0 END, $6, nullif($7, ''), $8, $9, $24
			WHERE NOT EXISTS (SELECT 1 FROM decisions WHERE confirmation_id = $1)
			ON CONFLICT DO NOTHING`, `
			INSERT INTO decisions (confirmation_id, team_id, channel_id, requester, confirmer, reason, requested_at, decided_at,
				announced_at, response_url, confirmation, mac, owner, epoch, leased_until, claimed_at)
			SELECT $1, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, `+j.now+` + $23, `+j.now+`
			WHERE true`),
			string(d.ID), d.TaskID, d.Title, d.URL, d.Sent, d.Tries, string(d.Outcome), d.Detail, orNull(d.FinishedAt),
			d.Team, d.Channel, d.Requester, d.Confirmer, d.Reason, utc(d.RequestedAt), utc(d.DecidedAt),
			orNull(d.AnnouncedAt), d.ResponseURL, d.Confirmation, d.MAC, owner, d.Epoch, j.lease.Milliseconds(),
			outcomeSeal)
	})
}

// inTheWay returns the decision that stops a claim. What stops it and isn't
// genuine is set aside, and counts as ErrGone.
func (j *Journal) inTheWay(ctx context.Context, d decision.Record, patience time.Duration) (decision.Record, error) {
	row, err := j.conflicting(ctx, d)
	if errors.Is(err, ErrGone) {
		return decision.Record{}, errors.Join(err, j.clearStrays(ctx, d.ID, d.TaskID))
	}
	if err != nil {
		return decision.Record{}, err
	}
	return j.vet(ctx, row, patience)
}

// conflicting returns the row that stops a claim: of an earlier click on the
// same prompt, before that of another prompt's decision.
func (j *Journal) conflicting(ctx context.Context, d decision.Record) (untrusted, error) {
	return j.read().decision(ctx, `t.confirmation_id = $1 OR (t.task_id = $2 AND (t.outcome IS NULL OR t.outcome = 'cancelled'))
		ORDER BY CASE WHEN t.confirmation_id = $1 THEN 0 ELSE 1 END LIMIT 1`, string(d.ID), d.TaskID)
}

// Withdraw closes a prompt permanently: a later Claim finds it taken. If a
// decision came first, it returns that, and false. Called again, it returns the
// same. The row is on record like a decision, with nothing to carry out or to
// announce.
func (j *Journal) Withdraw(ctx context.Context, d decision.Record) (first decision.Record, withdrawn bool, err error) {
	first, err = j.close(ctx, "withdrawing a prompt", d, decision.Withdrawn)
	return first, first.Outcome == decision.Withdrawn, err
}

// Expire is Withdraw for a request that no one confirmed in time.
func (j *Journal) Expire(ctx context.Context, d decision.Record) (first decision.Record, expired bool, err error) {
	first, err = j.close(ctx, "recording that a request has expired", d, decision.Expired)
	return first, first.Outcome == decision.Expired, err
}

// close gives a prompt a row with an outcome, unless it has a row already. It
// returns the row that the prompt has.
func (j *Journal) close(ctx context.Context, doing string, d decision.Record, o decision.Outcome) (decision.Record, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	row := d
	row.Outcome, row.FinishedAt, row.AnnouncedAt = o, d.DecidedAt, d.DecidedAt
	row.Sent, row.Tries, row.Epoch, row.ResponseURL, row.MAC = false, 0, 1, "", ""
	if t := j.trust.Load(); t != nil {
		row.MAC = t.SignRow(row, o)
	}
	for range maxInWay {
		inserted, err := j.insert(ctx, row, "")
		if err != nil {
			return decision.Record{}, fmt.Errorf("%s: %w", doing, err)
		}
		if inserted {
			return row, nil
		}
		first, err := j.Get(ctx, d.ID)
		if errors.Is(err, ErrGone) { // what was there isn't genuine
			err = j.clearStrays(ctx, d.ID, d.TaskID)
		} else if err == nil {
			return first, nil
		}
		if err != nil {
			return decision.Record{}, fmt.Errorf("%s: %w", doing, err)
		}
	}
	return decision.Record{}, fmt.Errorf("%s: %w", doing, errUnverified)
}
