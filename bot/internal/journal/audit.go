package journal

import (
	"cmp"
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/chamelio"
)

// Refused records a refusal by the policy. The same refusal of the same click, for the
// same tasks, is recorded once, however often the person presses. So is that of a command,
// which the note's ID names; a note without one gets its own.
func (j *Journal) Refused(ctx context.Context, n decision.Note) error {
	n = n.Storable()
	about := cmp.Or(string(n.ConfirmationID), n.ID, rand.Text())
	n.ID, n.Kind, n.At = fmt.Sprintf("r-%s-%s-%s-%s", about, n.Person, n.Code, joinIDs(n.Tasks)), decision.NoteRefusal, utc(n.At)
	sent := sql.NullTime{Time: n.At, Valid: !j.audit} // without an audit channel no note is due
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	err := intoPlace(func() error {
		return j.insertRow(ctx, `
			INSERT INTO audit (id, kind, noted_at, confirmation_id, task_ids, team_id, channel_id, person, code, sent_at, mac)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT DO NOTHING`,
			n.ID, string(n.Kind), n.At, string(n.ConfirmationID), joinIDs(n.Tasks), n.Team, n.Channel, n.Person, n.Code, sent, j.seal(noteFields(n)...))
	}, func() error { return j.vetNoteAt(ctx, n.ID, waitInWay) })
	if errors.Is(err, errOccupied) { // it was recorded before
		return nil
	}
	return wrap("recording a refusal", err)
}

// Refusals returns a page of the refusals by the policy, newest first, and for
// each why it can't be verified, if so. It sets nothing aside.
func (j *Journal) Refusals(ctx context.Context, q Query) ([]Noted, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	task := ""
	if q.Task != 0 {
		task = q.Task.String()
	}
	place := j.place("audit", "id")
	page, args := paged(q, `noted_at`, place, task)
	rows, err := j.read().query(ctx, `SELECT `+place+noteColumns+` FROM audit
		WHERE kind = 'refusal' AND ($3 = '' OR ',' || task_ids || ',' LIKE '%,' || $3 || ',%') AND `+page, args...)
	found, err := collect(rows, err, scanNote)
	if err != nil {
		return nil, fmt.Errorf("reading the refusals: %w", err)
	}
	t := j.trust.Load()
	all := make([]Noted, len(found))
	for i, n := range found {
		all[i].Note, all[i].Mark = n.Note, Mark{n.at, n.place}
		if t != nil {
			all[i].Unverified = t.whole(n.odd, n.mac, n.At, noteFields(n.Note)...)
		}
	}
	return all, nil
}

// Noted is a note on record. If Unverified isn't nil, someone else may have
// written it.
type Noted struct {
	decision.Note
	Unverified error
	Mark
}

// sealedNote is a note as it was read from the database.
type sealedNote struct {
	decision.Note
	place any
	at    any // when it was noted, as the database has it
	mac   string
	odd   bool // see noting
}

var noteColumns = boundedAll("audit", "id", "kind") + `, noted_at` + boundedAll("audit", "confirmation_id", "task_ids", "team_id", "channel_id", "person", "code") +
	`, since, epoch, doubts` + boundedAll("audit", "mac") + `, ` + stored(`noted_at`)

func scanNote(r *sql.Rows, n *sealedNote) error {
	var tasks string
	err := r.Scan(noting(&n.odd, &n.place, key(&n.ID), text(&n.Kind), instant(&n.At), text(&n.ConfirmationID), text(&tasks), text(&n.Team), text(&n.Channel),
		text(&n.Person), text(&n.Code), instant(&n.Since), number(&n.Epoch), number(&n.Doubts), text(&n.mac), &n.at)...)
	n.Tasks = splitIDs(tasks)
	return err
}

// joinIDs returns IDs in the form that the journal stores.
func joinIDs(ids []chamelio.TaskID) string {
	all := make([]string, len(ids))
	for i, id := range ids {
		all[i] = id.String()
	}
	return strings.Join(all, ",")
}

// splitIDs parses the result of joinIDs. It skips anything that isn't an ID.
func splitIDs(text string) []chamelio.TaskID {
	var ids []chamelio.TaskID
	for one := range strings.SplitSeq(text, ",") {
		if id, err := strconv.ParseInt(one, 10, 64); err == nil {
			ids = append(ids, chamelio.TaskID(id))
		}
	}
	return ids
}

// noteFields returns the fields of a note that are sealed. A note about a
// decision only names it: the decision's own row has the rest.
func noteFields(n decision.Note) []string {
	fields := []string{"note", n.ID, string(n.Kind), string(n.ConfirmationID)}
	if n.Kind == decision.NoteAnnouncement || n.Kind == decision.NoteSettled {
		return fields
	}
	return append(fields, milli(n.At), joinIDs(n.Tasks), n.Team, n.Channel, n.Person, n.Code, milli(n.Since))
}

// vetNoteAt is vetNote for the note with an ID. The error is ErrGone if there is none.
func (j *Journal) vetNoteAt(ctx context.Context, id string, patience time.Duration) error {
	rows, err := j.read().query(ctx, `SELECT `+j.place("audit", "id")+noteColumns+` FROM audit WHERE id = $1`, id)
	found, err := first(collect(rows, err, scanNote))
	if err != nil {
		return err
	}
	return j.vetNote(ctx, found, patience)
}

// vetNote returns nil if a note is genuine. Otherwise it is set aside, and the
// error is ErrGone, or it waits for its key. See vet.
func (j *Journal) vetNote(ctx context.Context, n sealedNote, patience time.Duration) error {
	t := j.trust.Load()
	if t == nil {
		return nil
	}
	what := Unverified{Table: Notes, ID: n.ID, Tasks: n.Tasks, Channel: n.Channel}
	return j.judge(ctx, t, what, patience, func() error { return t.whole(n.odd, n.mac, t.Now(), noteFields(n.Note)...) }, func(judged Unverified) error {
		return j.setAside(ctx, n.place, n.mac, judged)
	})
}

// announcedNote and settledNote return the IDs of notes about a decision.
func announcedNote(id decision.ID) string { return "a-" + string(id) }
func settledNote(id decision.ID) string   { return "s-" + string(id) }

// noteAnnounced inserts a note in the transaction that records an
// announcement.
func (j *Journal) noteAnnounced(ctx context.Context, q querier, id decision.ID) error {
	return j.noteOf(ctx, q, decision.Note{ID: announcedNote(id), Kind: decision.NoteAnnouncement, ConfirmationID: id}, decision.Record.Outcome)
}

// noteSettled inserts a note in the transaction that records the final results
// of unknown outcomes.
func (j *Journal) noteSettled(ctx context.Context, q querier, id decision.ID) error {
	return j.noteOf(ctx, q, decision.Note{ID: settledNote(id), Kind: decision.NoteSettled, ConfirmationID: id}, decision.Record.SettledOutcome)
}

func (j *Journal) noteOf(ctx context.Context, q querier, n decision.Note, outcome func(decision.Record) decision.Outcome) error {
	row, err := q.decision(ctx, `d.confirmation_id = $1`, string(n.ConfirmationID))
	if err != nil {
		return fmt.Errorf("reading an audit note's decision: %w", err)
	}
	d := row.Record // the note's reader verifies it
	added, err := q.exec(ctx, `
		INSERT INTO audit (id, kind, noted_at, confirmation_id, task_ids, team_id, channel_id, person, code, mac)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING`,
		n.ID, string(n.Kind), utc(j.at()), string(d.ID), joinIDs(d.IDs()), d.Team, d.Channel, d.Confirmer, string(outcome(d)), j.seal(noteFields(n)...))
	if err == nil && added == 0 {
		err = errOccupied
	}
	return wrap("leaving a note for the audit channel", err)
}

// NoteLease is how long a note stays with the process that took it.
const NoteLease = announceLease

// TakeNote takes the oldest note that wasn't sent yet, but refusals last, since anyone can
// cause many. It is for a post that is about to be tried: it stays with this process for
// NoteLease, until long after the post. TakeNote returns ErrGone if none is due, or after
// it has found many that it can't verify: the next call continues.
func (j *Journal) TakeNote(ctx context.Context) (decision.Note, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	began := time.Now()
	for range maxForgedNotes {
		if time.Since(began) > callTimeout/2 {
			break
		}
		taken, err := j.takeNote(ctx)
		if err == nil {
			switch err = j.vetNote(ctx, taken, waitTaken); {
			case errors.Is(err, ErrGone):
				continue
			case IsUnverified(err): // another process may know its key, and have it at once
				if put := j.PutOff(ctx, taken.Note, 0); put == nil && waitsForKey(err) {
					continue
				}
			}
		}
		if err != nil {
			return decision.Note{}, fmt.Errorf("taking an audit note: %w", err)
		}
		return taken.Note, nil
	}
	return decision.Note{}, fmt.Errorf("taking an audit note: %w", ErrGone)
}

// maxForgedNotes bounds how many notes a call of TakeNote leaves or sets aside.
const maxForgedNotes = 64

// takeNote takes a note that has no lease, or whose lease has ended, and that doesn't wait
// for its key. An ended lease counts only while the journal's clock is steady.
func (j *Journal) takeNote(ctx context.Context) (sealedNote, error) {
	waiting := listOf(j.waiting(ctx, Notes))
	from, to := j.steady.between(time.Now())
	return first(written(ctx, j.write, func(ctx context.Context, q querier) ([]sealedNote, error) {
		rows, err := q.query(ctx, `
			UPDATE audit SET leased_until = `+j.now+` + $1, epoch = `+next("epoch")+`
			WHERE id IN (SELECT id FROM audit WHERE sent_at IS NULL AND id NOT IN (`+j.ids(4)+`)
				AND (leased_until = 0 OR `+j.now+` BETWEEN $2 AND $3 AND `+j.lapsed(`leased_until`, maxNoteWait)+`)
				ORDER BY kind = 'refusal', noted_at LIMIT 1 `+j.skipLocked+`)
			RETURNING `+j.place("audit", "id")+noteColumns,
			NoteLease.Milliseconds(), from, to, waiting)
		return collect(rows, err, scanNote)
	}))
}

// MarkNoted records that a note was sent. It is idempotent.
func (j *Journal) MarkNoted(ctx context.Context, n decision.Note) error {
	return j.exec(ctx, "recording an audit copy", `UPDATE audit SET sent_at = $1 WHERE id = $2 AND sent_at IS NULL`, utc(j.at()), n.ID)
}

// PutOff delays a note that Slack certainly didn't accept; with a wait of 0 it is due at
// once. It is idempotent.
func (j *Journal) PutOff(ctx context.Context, n decision.Note, wait time.Duration) error {
	until := j.now + ` + $1`
	if wait == 0 {
		until = `$1` // no lease
	}
	return j.exec(ctx, "putting an audit copy off", `UPDATE audit SET leased_until = `+until+` WHERE id = $2 AND epoch = $3`,
		wait.Milliseconds(), n.ID, n.Epoch)
}

// Doubt delays a note that Slack may have accepted, and counts that. It is idempotent.
func (j *Journal) Doubt(ctx context.Context, n decision.Note, wait time.Duration) error {
	return j.exec(ctx, "noting that an audit copy may have been posted", `
		UPDATE audit SET doubts = $4, leased_until = `+j.now+` + $1 WHERE id = $2 AND epoch = $3`, wait.Milliseconds(), n.ID, n.Epoch, max(n.Doubts, 0)+1)
}
