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
	var claim Claim
	// The decision in the way may end as a failure between the insert and the
	// look at it, and so get out of the way.
	for range 3 {
		asked := time.Now()
		inserted, err := written(ctx, j.write, func(ctx context.Context, q querier) (int64, error) {
			return q.exec(ctx, `
				INSERT INTO decisions (confirmation_id, task_id, team_id, channel_id, requester, confirmer,
					reason, requested_at, decided_at, response_url, confirmation, mac, title, url,
					owner, epoch, leased_until, claimed_at, sent_at, tries)
				VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, 1, `+j.now+` + $16, `+j.now+`, `+j.now+`, 1)
				ON CONFLICT DO NOTHING`,
				string(d.ID), d.TaskID, d.Team, d.Channel, d.Requester, d.Confirmer, d.Reason, utc(d.RequestedAt), utc(d.DecidedAt),
				d.ResponseURL, d.Confirmation, d.MAC, d.Title, d.URL, j.owner, j.lease.Milliseconds())
		})
		if err != nil {
			return Claim{}, fmt.Errorf("claiming a decision: %w", err)
		}
		claim.Won = inserted == 1
		claim.Lease = Lease{ID: d.ID, Epoch: 1, Until: asked.Add(j.lease)}
		if claim.Won {
			return claim, nil
		}
		winner, err := j.conflicting(ctx, d)
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
	case errors.Is(err, ErrLost): // taken over since: it is being carried out
		return Claim{Winner: found}, nil
	case err != nil:
		return Claim{}, fmt.Errorf("claiming a decision: %w", err)
	}
	return Claim{Won: true, Lease: lease}, nil
}

// conflicting returns what stands in a claim's way, by one look: an earlier
// click on the same prompt, before another prompt's decision.
func (j *Journal) conflicting(ctx context.Context, d decision.Record) (decision.Record, error) {
	return j.read().decision(ctx, `confirmation_id = $1 OR (task_id = $2 AND (outcome IS NULL OR outcome = 'cancelled'))
		ORDER BY CASE WHEN confirmation_id = $1 THEN 0 ELSE 1 END LIMIT 1`, string(d.ID), d.TaskID)
}

// Withdraw closes a prompt for good: whatever Claim comes later finds it taken.
// If a decision came first it returns that, and false. Called again it tells
// the same. The row is on record like a decision, with nothing to carry out or
// to tell.
func (j *Journal) Withdraw(ctx context.Context, d decision.Record) (first decision.Record, withdrawn bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	at := utc(d.DecidedAt)
	inserted, err := written(ctx, j.write, func(ctx context.Context, q querier) (int64, error) {
		return q.exec(ctx, `
			INSERT INTO decisions (confirmation_id, task_id, team_id, channel_id, requester, confirmer, reason,
				requested_at, decided_at, finished_at, announced_at, outcome, confirmation, title, url, epoch)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, 1)
			ON CONFLICT DO NOTHING`,
			string(d.ID), d.TaskID, d.Team, d.Channel, d.Requester, d.Confirmer, d.Reason,
			utc(d.RequestedAt), at, at, at, string(decision.Withdrawn), d.Confirmation, d.Title, d.URL)
	})
	if err != nil || inserted == 1 {
		return decision.Record{}, inserted == 1, wrap("withdrawing a prompt", err)
	}
	first, err = j.Get(ctx, d.ID)
	if err != nil {
		return decision.Record{}, false, fmt.Errorf("withdrawing a prompt: %w", err)
	}
	return first, first.Outcome == decision.Withdrawn, nil
}
