package journal

import (
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/cancelbot/cancelbot/chamelio"

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
		INSERT INTO audit (id, kind, noted_at, confirmation_id, task_ids, team_id, channel_id, person, code, sent_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING`,
		id, string(decision.NoteRefusal), at, string(n.ConfirmationID), joinIDs(n.Tasks), n.Team, n.Channel, n.Person, n.Code, sent)
}

// Refusals returns the latest refusals by the policy, newest first.
func (j *Journal) Refusals(ctx context.Context, q Query) ([]decision.Note, error) {
	if q.Limit <= 0 {
		q.Limit = 20
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	task := ""
	if q.Task != 0 {
		task = q.Task.String()
	}
	rows, err := j.read().query(ctx, `SELECT `+noteColumns+` FROM audit
		WHERE kind = 'refusal' AND ($1 = '' OR ',' || task_ids || ',' LIKE '%,' || $1 || ',%') AND noted_at >= $2 ORDER BY noted_at DESC LIMIT $3`, task, utc(q.Since), q.Limit)
	found, err := collect(rows, err, scanNote)
	return found, wrap("reading the refusals", err)
}

const noteColumns = `id, kind, noted_at, confirmation_id, task_ids, team_id, channel_id, person, code, since, epoch`

func scanNote(r *sql.Rows, n *decision.Note) error {
	var since sql.NullTime
	var tasks string
	err := r.Scan(&n.ID, &n.Kind, &n.At, &n.ConfirmationID, &tasks, &n.Team, &n.Channel, &n.Person, &n.Code, &since, &n.Epoch)
	n.Since, n.Tasks = since.Time, splitIDs(tasks)
	return err
}

// joinIDs returns IDs as the journal stores them.
func joinIDs(ids []chamelio.TaskID) string {
	all := make([]string, len(ids))
	for i, id := range ids {
		all[i] = id.String()
	}
	return strings.Join(all, ",")
}

// splitIDs reads what joinIDs returns. It leaves out what isn't an ID.
func splitIDs(text string) []chamelio.TaskID {
	var ids []chamelio.TaskID
	for one := range strings.SplitSeq(text, ",") {
		if id, err := strconv.ParseInt(one, 10, 64); err == nil {
			ids = append(ids, chamelio.TaskID(id))
		}
	}
	return ids
}

// noteAnnounced leaves a note in the write that records an announcement.
func noteAnnounced(ctx context.Context, q querier, id decision.ID) error {
	return noteOf(ctx, q, id, "a-", decision.NoteAnnouncement, decision.Record.Outcome)
}

// noteSettled does the same for outcomes that were unknown.
func noteSettled(ctx context.Context, q querier, id decision.ID) error {
	return noteOf(ctx, q, id, "s-", decision.NoteSettled, decision.Record.SettledOutcome)
}

func noteOf(ctx context.Context, q querier, id decision.ID, prefix string, kind decision.NoteKind, outcome func(decision.Record) decision.Outcome) error {
	d, err := q.decision(ctx, `d.confirmation_id = $1`, string(id))
	if err != nil {
		return fmt.Errorf("reading what to note for the audit channel: %w", err)
	}
	_, err = q.exec(ctx, `
		INSERT INTO audit (id, kind, noted_at, confirmation_id, task_ids, team_id, channel_id, person, code)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING`,
		prefix+string(id), string(kind), utc(time.Now()), string(id), joinIDs(d.IDs()), d.Team, d.Channel, d.Confirmer, string(outcome(d)))
	return wrap("leaving a note for the audit channel", err)
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
