package journal

import (
	"context"
	"database/sql"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
)

// CredentialTried notes what came of trying a credential: why it was refused,
// or "" if it was accepted. Only a change leaves a note, and of all processes
// that see it the first: the notes about a credential are counted, the even
// ones are refusals, the odd ones say that it is accepted again. Without tell
// the note is on record alone.
func (j *Journal) CredentialTried(ctx context.Context, which, refusal string, tell bool) error {
	parity := 0
	if refusal == "" {
		parity = 1
	}
	at := utc(time.Now())
	sent := sql.NullTime{Time: at, Valid: !tell || !j.audit}
	return j.exec(ctx, "noting what came of trying a credential", `
		INSERT INTO audit (id, kind, noted_at, confirmation_id, task_id, team_id, channel_id, person, code, sent_at)
		SELECT 'k-' || CAST($1 AS TEXT) || '-' || CAST(n AS TEXT), 'credential', $2, '', 0, '', '', $1, $3, $4
		FROM (SELECT COALESCE(MAX(CAST(substr(id, length('k-' || person || '-') + 1) AS BIGINT)), -1) + 1 AS n
			FROM audit WHERE kind = 'credential' AND person = $1) AS next
		WHERE n % 2 = CAST($5 AS BIGINT) ON CONFLICT DO NOTHING`,
		which, at, refusal, sent, parity)
}

// refusedSince is when the credential was found refused that a note says is
// accepted again; zero if that is not on record any more.
func (j *Journal) refusedSince(ctx context.Context, n decision.Note) (time.Time, error) {
	rows, err := j.read().query(ctx, `SELECT noted_at FROM audit
		WHERE kind = 'credential' AND person = $1 AND code <> '' AND noted_at <= $2 ORDER BY noted_at DESC LIMIT 1`, n.Person, utc(n.At))
	found, err := collect(rows, err, func(r *sql.Rows, at *time.Time) error { return r.Scan(at) })
	if err != nil || len(found) == 0 {
		return time.Time{}, wrap("looking for when a credential was refused", err)
	}
	return found[0], nil
}
