package journal

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// KeepSigningKeys stores encrypted keys of another bot token for a while. It
// replaces those with the same ID, since someone else may have written them.
func (j *Journal) KeepSigningKeys(ctx context.Context, id, sealed string, keep time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	_, err := j.together(ctx, only(func(ctx context.Context, q querier) error {
		if _, err := q.exec(ctx, `DELETE FROM signing_keys WHERE `+j.pastKeeping(1), time.Now().UnixMilli()); err != nil {
			return err
		}
		_, err := q.exec(ctx, `INSERT INTO signing_keys (id, sealed, kept_until) VALUES ($1, $2, `+j.now+` + $3)
			ON CONFLICT (id) DO UPDATE SET sealed = excluded.sealed, kept_until = excluded.kept_until`,
			id, sealed, keep.Milliseconds())
		return err
	}))
	return wrap("keeping signing keys", err)
}

// ShortenSigningKeys keeps the rows whose sealed keys begin with a prefix, which has
// nine characters, for that long at most, except the one with the ID spared.
func (j *Journal) ShortenSigningKeys(ctx context.Context, prefix, spared string, keep time.Duration) error {
	until := j.now + ` + $3`
	return j.exec(ctx, "shortening how long signing keys are kept", `UPDATE signing_keys SET kept_until = `+until+`
		WHERE substr(sealed, 1, 9) = $1 AND id <> $2 AND kept_until > `+until, prefix, spared, keep.Milliseconds())
}

// maxSealed bounds the length of sealed keys. Genuine ones have 196 bytes.
const maxSealed = 512

// SigningKeys returns the keys that KeepSigningKeys stored. If there are more rows than
// atMost, each call returns a random selection of that many, so rows that someone else has
// written can't hide a genuine one forever.
func (j *Journal) SigningKeys(ctx context.Context, atMost int) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	rows, err := j.read().query(ctx, fmt.Sprintf(`SELECT sealed FROM signing_keys WHERE octet_length(sealed) <= %d AND kept_until > %s
		ORDER BY random() LIMIT %d`, maxSealed, j.now, atMost))
	found, err := collect(rows, err, func(r *sql.Rows, sealed *string) error { return r.Scan(sealed) })
	if err != nil {
		return nil, fmt.Errorf("reading signing keys: %w", err)
	}
	return found, nil
}

// ForgetSigningKeys deletes keys that were kept for long enough. Keys that were
// lent are still in use then, and the token that they were lent to may have leaked.
func (j *Journal) ForgetSigningKeys(ctx context.Context) error {
	asking, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	now := time.Now().UnixMilli()
	over, err := j.read().query1(asking, `SELECT count(*) FROM signing_keys WHERE `+j.pastKeeping(1), now)
	if err != nil {
		return fmt.Errorf("looking for old signing keys: %w", err)
	}
	if over == 0 {
		return nil
	}
	return j.exec(ctx, "forgetting signing keys", `DELETE FROM signing_keys WHERE `+j.pastKeeping(1), now)
}

// pastKeeping returns the condition that keys were kept for long enough, by the
// journal's clock and by this machine's, in an argument: what is deleted because one of
// them was wrong doesn't come back.
func (j *Journal) pastKeeping(arg int) string {
	return fmt.Sprintf("kept_until <= %s AND kept_until <= $%d", j.now, arg)
}
