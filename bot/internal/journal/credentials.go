package journal

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"strconv"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
)

// CredentialTried records the result of trying a credential: why it was
// refused, or "" if it was accepted. Only a change makes a note, and only the
// first process that sees it does. A credential that was never refused counts
// as accepted. Unless tell is set, the note isn't sent to the audit channel.
//
// A row that was sealed with a key that isn't known, for example with a refused bot
// token that was replaced by a restart, proves neither that the credential was refused
// nor since when: another refusal replaces it without a note, and an acceptance is noted
// without a time.
func (j *Journal) CredentialTried(ctx context.Context, which, refusal string, tell bool) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	err := j.vetCredential(ctx, which, untilKnown)
	unproven := errors.Is(err, decision.ErrUnknownKey)
	if err != nil && !unproven && !errors.Is(err, ErrGone) {
		return wrap("recording the result of trying a credential", err)
	}
	at := utc(j.at())
	note := decision.Note{ID: "k-" + rand.Text(), Kind: decision.NoteCredential, At: at, Person: which, Code: refusal}
	_, err = j.together(ctx, only(func(ctx context.Context, q querier) error {
		var changed []time.Time // when it was found refused
		var err error
		if refusal != "" {
			changed, err = q.moments(ctx, `INSERT INTO credentials (name, refused, refused_at, mac) VALUES ($1, 1, $2, $3)
				ON CONFLICT (name) DO UPDATE SET refused = 1, refused_at = excluded.refused_at, mac = excluded.mac
				WHERE credentials.refused = 0 OR $4 RETURNING refused_at`, which, at, j.seal(credentialFields(which, 1, at)...), unproven)
			if unproven {
				return err
			}
		} else {
			changed, err = q.moments(ctx, `UPDATE credentials SET refused = 0, mac = '' WHERE name = $1 AND refused = 1 RETURNING refused_at`, which)
			if len(changed) > 0 && !unproven {
				note.Since = changed[0]
			}
		}
		if err != nil || len(changed) == 0 {
			return err
		}
		_, err = q.exec(ctx, `
			INSERT INTO audit (id, kind, noted_at, confirmation_id, task_ids, team_id, channel_id, person, code, since, sent_at, mac)
			VALUES ($1, $2, $3, '', '', '', '', $4, $5, $6, $7, $8)`,
			note.ID, string(note.Kind), at, which, refusal, orNull(note.Since), sql.NullTime{Time: at, Valid: !tell || !j.audit}, j.seal(noteFields(note)...))
		return err
	}))
	return wrap("recording the result of trying a credential", err)
}

// moments returns the times in a statement's only column.
func (q querier) moments(ctx context.Context, query string, args ...any) ([]time.Time, error) {
	rows, err := q.query(ctx, query, args...)
	return collect(rows, err, func(r *sql.Rows, at *time.Time) error { return r.Scan(instant(at)) })
}

func credentialFields(name string, refused int64, at time.Time) []string {
	return []string{"credential", name, strconv.FormatInt(refused, 10), milli(at)}
}

// vetCredential returns nil if the row of a refused credential is genuine. Otherwise
// it is set aside, and the error is ErrGone. The row of an accepted one says nothing.
// See vet.
func (j *Journal) vetCredential(ctx context.Context, which string, patience time.Duration) error {
	t := j.trust.Load()
	if t == nil {
		return nil
	}
	type row struct {
		place   any
		refused int64
		at      time.Time
		mac     string
		odd     bool // see noting
	}
	rows, err := j.read().query(ctx, `SELECT `+j.place("credentials", "name")+`, refused, refused_at, `+bounded(`mac`, tooLong)+` FROM credentials WHERE name = $1 AND refused <> 0`, which)
	found, err := collect(rows, err, func(r *sql.Rows, one *row) error {
		return r.Scan(noting(&one.odd, &one.place, number(&one.refused), instant(&one.at), text(&one.mac))...)
	})
	if err != nil || len(found) == 0 {
		return err
	}
	one, what := found[0], Unverified{Table: Credentials, ID: which}
	return j.judge(ctx, t, what, patience, func() error {
		return t.whole(one.odd, one.mac, one.at, credentialFields(which, one.refused, one.at)...)
	}, func(judged Unverified) error {
		return j.setAside(ctx, one.place, one.mac, judged)
	})
}
