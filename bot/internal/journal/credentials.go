package journal

import (
	"context"
	"crypto/rand"
	"database/sql"
	"time"
)

// CredentialTried records the result of trying a credential: why it was
// refused, or "" if it was accepted. Only a change leaves a note, and only the
// first process that sees the change leaves it. A credential that was never
// refused counts as accepted. Without tell the note isn't sent to the audit
// channel.
func (j *Journal) CredentialTried(ctx context.Context, which, refusal string, tell bool) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	at := utc(time.Now())
	changed, args := `UPDATE credentials SET refused = 0 WHERE name = $1 AND refused = 1`, []any{which}
	if refusal != "" {
		changed, args = `INSERT INTO credentials (name, refused, refused_at) VALUES ($1, 1, $2)
			ON CONFLICT (name) DO UPDATE SET refused = 1, refused_at = excluded.refused_at WHERE credentials.refused = 0`, append(args, at)
	}
	_, err := j.together(ctx, only(func(ctx context.Context, q querier) error {
		n, err := q.exec(ctx, changed, args...)
		if err != nil || n == 0 {
			return err
		}
		_, err = q.exec(ctx, `
			INSERT INTO audit (id, kind, noted_at, confirmation_id, task_ids, team_id, channel_id, person, code, since, sent_at)
			SELECT $1, 'credential', $2, '', '', '', '', name, $3, CASE WHEN refused = 0 THEN refused_at END, $4
			FROM credentials WHERE name = $5`,
			"k-"+rand.Text(), at, refusal, sql.NullTime{Time: at, Valid: !tell || !j.audit}, which)
		return err
	}))
	return wrap("recording the result of trying a credential", err)
}
