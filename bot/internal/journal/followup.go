package journal

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/chamelio"
)

// TakeUnsettled takes over decisions whose unknown outcome is due for a check,
// at most limit.
func (j *Journal) TakeUnsettled(ctx context.Context, limit int, mine []decision.ID) ([]Held, error) {
	return j.take(ctx, "taking over unsettled decisions",
		`announced_at IS NOT NULL AND follow_up > 0 AND settled_at = 0 AND `+whole+` AND `+j.lapsed(`check_after`, maxCheckWait)+` AND `+j.free()+` ORDER BY check_after`, limit, mine)
}

// Unsettled reports whether another decision about a task ended as unknown and
// isn't settled: its request may still take effect.
func (j *Journal) Unsettled(ctx context.Context, id decision.ID, task chamelio.TaskID) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	rows, err := j.read().decisions(ctx, `d.confirmation_id IN (SELECT o.confirmation_id FROM tasks t JOIN decisions o ON o.confirmation_id = t.confirmation_id
		WHERE t.task_id = $1 AND t.confirmation_id <> $2 AND t.outcome = 'unknown' AND o.settled_at = 0 AND t.settled_outcome = ''
		LIMIT `+strconv.Itoa(maxInWay)+`)`, `d.decided_at`, int64(task), string(id))
	if err != nil {
		return false, fmt.Errorf("looking for other decisions about a task: %w", err)
	}
	for _, row := range rows {
		_, err := j.vet(ctx, row, waitTaken)
		if err == nil {
			return true, nil
		}
		if !errors.Is(err, ErrGone) {
			return false, fmt.Errorf("looking for other decisions about a task: %w", err)
		}
	}
	if len(rows) == maxInWay { // there may be more after the rows that were set aside
		return false, fmt.Errorf("looking for other decisions about a task: %w", errUnverified)
	}
	return false, nil
}

// maxCheckWait bounds the wait for a check. A check farther away was put off by a
// clock that has been set back since, or by someone else, and is due. It is longer
// than any wait.
const maxCheckWait = 15 * time.Minute

// CheckLater delays the next check of an unsettled decision, by at most
// maxCheckWait.
func (j *Journal) CheckLater(ctx context.Context, l Lease, wait time.Duration) error {
	_, err := j.step(ctx, "putting off a check", l, 0, change{
		set:  `, check_after = ` + j.now + ` + $5, checks = ` + next("checks") + `, owner = '', announcing_at = 0`,
		when: `AND settled_at = 0`,
		args: []any{min(wait, maxCheckWait).Milliseconds()},
	})
	return err
}

// Settle records the final result of the task at a position. It is idempotent.
func (j *Journal) Settle(ctx context.Context, l Lease, task int, res decision.Result) (Lease, error) {
	return j.step(ctx, "recording a final result", l, j.lease, change{
		when:  `AND settled_at = 0`,
		tasks: `settled_outcome = $5, settled_detail = $6, settled_mac = $8`, where: `position = $7 AND (settled_outcome = '' OR settled_outcome = $5)`,
		args: []any{string(res.Outcome), res.Encode(), task, j.seal(settledFields(l.ID, task, res.Outcome, res.Encode())...)},
	})
}

// BeginSettling records that the final results are about to be posted.
func (j *Journal) BeginSettling(ctx context.Context, l Lease) (Lease, error) {
	return j.step(ctx, "noting that final results are about to be posted", l, announceLease,
		change{set: `, announcing_at = ` + j.now, when: `AND settled_at = 0`})
}

// MarkSettled records that the final results were posted. It is idempotent.
func (j *Journal) MarkSettled(ctx context.Context, id decision.ID) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	err := j.withNote(ctx, settledNote(id), func(ctx context.Context, q querier, noting bool) error {
		n, err := q.exec(ctx, `
			UPDATE decisions SET settled_at = `+j.now+`, owner = '', leased_until = 0, announcing_at = 0, response_url = ''
			WHERE confirmation_id = $1 AND settled_at = 0`, string(id))
		if err != nil || n == 0 || !noting {
			return err
		}
		return j.noteSettled(ctx, q, id)
	})
	return wrap("recording that an outcome is settled", err)
}
