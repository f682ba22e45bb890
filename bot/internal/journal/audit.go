package journal

import (
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
)

// Refused records that the policy refused somebody. The same refusal of the
// same click is recorded once, however often somebody presses.
func (j *Journal) Refused(ctx context.Context, n decision.Note) error {
	id := "r-" + rand.Text()
	if n.ConfirmationID != "" {
		id = fmt.Sprintf("r-%s-%s-%s", n.ConfirmationID, n.Person, n.Code)
	}
	at := utc(n.At)
	sent := sql.NullTime{Time: at, Valid: !j.audit} // without an audit channel nothing is due
	return j.exec(ctx, "recording a refusal", `
		INSERT INTO audit (id, kind, noted_at, confirmation_id, task_id, team_id, channel_id, person, code, sent_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING`,
		id, string(decision.NoteRefusal), at, string(n.ConfirmationID), n.TaskID, n.Team, n.Channel, n.Person, n.Code, sent)
}

// Refusals returns the latest refusals by the policy, newest first.
func (j *Journal) Refusals(ctx context.Context, q Query) ([]decision.Note, error) {
	if q.Limit <= 0 {
		q.Limit = 20
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	rows, err := j.read().query(ctx, `SELECT `+noteColumns+` FROM audit
		WHERE kind = 'refusal' AND ($1 = 0 OR task_id = $1) AND noted_at >= $2 ORDER BY noted_at DESC LIMIT $3`, q.Task, utc(q.Since), q.Limit)
	found, err := collect(rows, err, scanNote)
	return found, wrap("reading the refusals", err)
}

const noteColumns = `id, kind, noted_at, confirmation_id, task_id, team_id, channel_id, person, code, since, epoch`

func scanNote(r *sql.Rows, n *decision.Note) error {
	var since sql.NullTime
	err := r.Scan(&n.ID, &n.Kind, &n.At, &n.ConfirmationID, &n.TaskID, &n.Team, &n.Channel, &n.Person, &n.Code, &since, &n.Epoch)
	n.Since = since.Time
	return err
}

// noteAnnounced leaves a note in the write that records an announcement.
func noteAnnounced(ctx context.Context, q querier, id decision.ID) error {
	_, err := q.exec(ctx, `
		INSERT INTO audit (id, kind, noted_at, confirmation_id, task_id, team_id, channel_id, person, code)
		SELECT 'a-' || d.confirmation_id, 'announcement', d.announced_at, d.confirmation_id, t.task_id, d.team_id,
			d.channel_id, d.confirmer, t.outcome`+joined+`WHERE d.confirmation_id = $1 ORDER BY t.position LIMIT 1
		ON CONFLICT DO NOTHING`, string(id))
	return wrap("noting an announcement for the audit channel", err)
}

// noteSettled does the same for an outcome that was unknown.
func noteSettled(ctx context.Context, q querier, id decision.ID) error {
	_, err := q.exec(ctx, `
		INSERT INTO audit (id, kind, noted_at, confirmation_id, task_id, team_id, channel_id, person, code)
		SELECT 's-' || d.confirmation_id, 'settled', $1, d.confirmation_id, t.task_id, d.team_id,
			d.channel_id, d.confirmer, t.settled_outcome`+joined+`WHERE d.confirmation_id = $2 ORDER BY t.position LIMIT 1
		ON CONFLICT DO NOTHING`, utc(time.Now()), string(id))
	return wrap("noting a settled outcome for the audit channel", err)
}

// TakeNote takes the oldest note that was not sent yet, for a post that is
// about to be tried: it stays with this process for longer than that. ErrGone
// if none is due.
func (j *Journal) TakeNote(ctx context.Context) (decision.Note, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	taken, err := written(ctx, j.write, func(ctx context.Context, q querier) ([]decision.Note, error) {
		rows, err := q.query(ctx, `
			UPDATE audit SET leased_until = `+j.now+` + $1, epoch = epoch + 1
			WHERE id IN (SELECT id FROM audit WHERE sent_at IS NULL AND `+j.lapsed(`leased_until`)+`
				ORDER BY noted_at LIMIT 1 `+j.skipLocked+`)
			RETURNING `+noteColumns,
			tellLease.Milliseconds())
		return collect(rows, err, scanNote)
	})
	switch {
	case err != nil:
		return decision.Note{}, fmt.Errorf("taking an audit note: %w", err)
	case len(taken) == 0:
		return decision.Note{}, fmt.Errorf("taking an audit note: %w", ErrGone)
	}
	return taken[0], nil
}

// MarkNoted records that a note was sent. Called again it does nothing.
func (j *Journal) MarkNoted(ctx context.Context, n decision.Note) error {
	return j.exec(ctx, "recording an audit copy", `UPDATE audit SET sent_at = $1 WHERE id = $2 AND sent_at IS NULL`, utc(time.Now()), n.ID)
}

// PutOff lets a note wait that Slack certainly did not take.
func (j *Journal) PutOff(ctx context.Context, n decision.Note, wait time.Duration) error {
	return j.exec(ctx, "putting an audit copy off", `UPDATE audit SET leased_until = `+j.now+` + $1 WHERE id = $2 AND epoch = $3`,
		wait.Milliseconds(), n.ID, n.Epoch)
}
