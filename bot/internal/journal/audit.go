package journal

import (
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"slices"
	"time"
)

// Withdrawn stands in the journal for a prompt that its requester took back
// before anybody confirmed it. It is no outcome: nothing was decided.
const Withdrawn = "withdrawn"

// Withdraw closes a prompt for good: Claim finds it taken. It reports false
// if a decision came first. The row is on record like a decision, with
// nothing to carry out or to announce.
func (j *Journal) Withdraw(ctx context.Context, d Decision) (bool, error) {
	at := utc(d.DecidedAt)
	res, err := j.db.ExecContext(ctx, `
		INSERT INTO decisions (confirmation_id, task_id, team_id, channel_id, requester, confirmer,
			reason, requested_at, decided_at, finished_at, announced_at, outcome, lease_owner, lease_until)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, '', 0)
		ON CONFLICT DO NOTHING`,
		d.ConfirmationID, d.TaskID, d.Team, d.Channel, d.Requester, d.Confirmer, d.Reason,
		utc(d.RequestedAt), at, at, at, Withdrawn)
	if err != nil {
		return false, fmt.Errorf("withdrawing a prompt: %w", err)
	}
	if n, err := res.RowsAffected(); err != nil || n == 1 {
		return n == 1, err
	}
	winner, err := j.Get(ctx, d.ConfirmationID)
	return winner.Outcome == Withdrawn, err
}

// NoteKind tells notes apart.
type NoteKind string

// The kinds of notes.
const (
	NoteAnnouncement NoteKind = "announcement"
	NoteRefusal      NoteKind = "refusal"
)

// Note is something that the audit channel is to hear of.
type Note struct {
	ID             string
	Kind           NoteKind
	At             time.Time
	ConfirmationID string // "" for a command that was refused
	TaskID         int64
	Team, Channel  string
	Person         string // who confirmed, or was refused
	Code           string // the outcome, or why
}

// noteLease is how long a note stays with a process that has died.
const noteLease = time.Minute

// Refused records that the policy refused somebody. The same refusal of the
// same click is recorded once, however often somebody presses.
func (j *Journal) Refused(ctx context.Context, n Note) error {
	id := "r-" + rand.Text()
	if n.ConfirmationID != "" {
		id = fmt.Sprintf("r-%s-%s-%s", n.ConfirmationID, n.Person, n.Code)
	}
	at := utc(n.At)
	sent := sql.NullTime{Time: at, Valid: !j.audit} // without an audit channel nothing is due
	_, err := j.db.ExecContext(ctx, `
		INSERT INTO audit (id, kind, noted_at, confirmation_id, task_id, team_id, channel_id, person, code, sent_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING`,
		id, string(NoteRefusal), at, n.ConfirmationID, n.TaskID, n.Team, n.Channel, n.Person, n.Code, sent)
	if err != nil {
		return fmt.Errorf("recording a refusal: %w", err)
	}
	return nil
}

// noteAnnounced leaves a note in the transaction that records an announcement.
func noteAnnounced(ctx context.Context, tx *sql.Tx, confirmationID string) error {
	_, err := tx.ExecContext(ctx, `
		INSERT INTO audit (id, kind, noted_at, confirmation_id, task_id, team_id, channel_id, person, code)
		SELECT 'a-' || confirmation_id, '`+string(NoteAnnouncement)+`', announced_at, confirmation_id, task_id, team_id,
			channel_id, confirmer, outcome FROM decisions WHERE confirmation_id = $1
		ON CONFLICT DO NOTHING`, confirmationID)
	if err != nil {
		return fmt.Errorf("noting an announcement for the audit channel: %w", err)
	}
	return nil
}

// AuditDue takes notes over that were not sent yet, the oldest first, at most
// limit. Each stays with this process for a minute.
func (j *Journal) AuditDue(ctx context.Context, limit int) ([]Note, error) {
	rows, err := j.db.QueryContext(ctx, fmt.Sprintf(`
		UPDATE audit SET lease_until = %[1]s + %[2]d
		WHERE id IN (SELECT id FROM audit WHERE sent_at IS NULL AND lease_until < %[1]s
			ORDER BY noted_at LIMIT $1 %[3]s)
		RETURNING id`, j.dialect.now, noteLease.Milliseconds(), j.dialect.skipLocked), limit)
	if err != nil {
		return nil, fmt.Errorf("taking audit notes over: %w", err)
	}
	ids, err := collect(rows, func(r *sql.Rows, id *string) error { return r.Scan(id) })
	if err != nil {
		return nil, fmt.Errorf("taking audit notes over: %w", err)
	}
	notes := make([]Note, len(ids))
	for i, id := range ids {
		n := &notes[i]
		err := j.db.QueryRowContext(ctx, `
			SELECT id, kind, noted_at, confirmation_id, task_id, team_id, channel_id, person, code
			FROM audit WHERE id = $1`, id).
			Scan(&n.ID, &n.Kind, &n.At, &n.ConfirmationID, &n.TaskID, &n.Team, &n.Channel, &n.Person, &n.Code)
		if err != nil {
			return nil, fmt.Errorf("reading an audit note: %w", err)
		}
	}
	slices.SortFunc(notes, func(a, b Note) int { return a.At.Compare(b.At) })
	return notes, nil
}

// Audited records that a note was sent. ErrLost if it was recorded before.
func (j *Journal) Audited(ctx context.Context, id string) error {
	return j.change(ctx, "recording an audit copy", `UPDATE audit SET sent_at = $1 WHERE id = $2 AND sent_at IS NULL`, utc(time.Now()), id)
}
