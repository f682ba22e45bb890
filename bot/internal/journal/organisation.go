package journal

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
)

// Organisation is an organisation of Chamelio, and one of its keys.
type Organisation struct {
	Name  string // "" if Chamelio doesn't say
	KeyID int64  // 0 if Chamelio doesn't say
}

// Is reports whether o and another answer of Chamelio are about the same organisation:
// they have the same name or, if it was renamed, the same key. The zero Organisation
// is any.
func (o Organisation) Is(other Organisation) bool {
	return o == Organisation{} || o.Name == other.Name || o.KeyID == other.KeyID && o.KeyID != 0
}

// Bind returns the organisation whose tasks the journal is about. That is the first with
// a name with which Bind was called; its last name and key are kept.
func (j *Journal) Bind(ctx context.Context, o Organisation) (Organisation, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	o.Name = decision.Storable(o.Name)
	has, err := j.Organisation(ctx)
	if err != nil || o.Name == "" || o == has || !has.Is(o) {
		return has, err
	}
	_, err = j.write(ctx, only(func(ctx context.Context, q querier) error {
		_, err := q.exec(ctx, `INSERT INTO organisation (one, name, key_id) VALUES (1, $1, $2)
			ON CONFLICT (one) DO UPDATE SET name = excluded.name, key_id = excluded.key_id
			WHERE organisation.name = excluded.name OR organisation.key_id = excluded.key_id AND excluded.key_id <> 0`, o.Name, o.KeyID)
		return err
	}))
	if err != nil {
		return has, wrap("recording whose tasks the journal is about", err)
	}
	return j.Organisation(ctx) // another process may have been faster
}

// Organisation returns the organisation whose tasks the journal is about, zero if that
// isn't known yet.
func (j *Journal) Organisation(ctx context.Context) (Organisation, error) {
	rows, err := j.read().query(ctx, `SELECT `+bounded("name", "")+`, key_id FROM organisation`)
	found, err := collect(rows, err, func(r *sql.Rows, o *Organisation) error { return r.Scan(text(&o.Name), number(&o.KeyID)) })
	if err != nil {
		return Organisation{}, fmt.Errorf("asking whose tasks the journal is about: %w", err)
	}
	return append(found, Organisation{})[0], nil
}
