package journal

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
)

// MarkSent records that a cancel request for the task at a position is about
// to be sent, immediately before it is. It returns ErrLost if another process
// has the decision or the task has an outcome, ErrTooLate if the click is too
// old by the journal's clock.
func (j *Journal) MarkSent(ctx context.Context, l Lease, task int) (Lease, error) {
	renewed, err := j.step(ctx, "noting that a cancel is about to be sent", l, j.lease, change{
		when:  `AND claimed_at >= ` + j.now + ` - $5`, // now minus a made-up claimed_at could overflow
		tasks: `sent_at = ` + j.now + `, tries = ` + next("tries") + `, unsent_mac = ''`, where: `position = $6 AND outcome IS NULL`,
		args: []any{maxClickAge.Milliseconds(), task},
	})
	if errors.Is(err, ErrLost) {
		ours, looked := j.read().query1(ctx, `SELECT count(*) FROM decisions`+held+`AND
			EXISTS (SELECT 1 FROM tasks WHERE confirmation_id = $1 AND position = $4 AND outcome IS NULL)`, string(l.ID), j.owner, l.Epoch, task)
		if looked == nil && ours == 1 {
			return l, fmt.Errorf("noting that a cancel is about to be sent: %w", ErrTooLate)
		}
	}
	return renewed, err
}

// MarkUnsent records that every request so far for the task at a position was
// answered clearly and had no effect, so that a successor can rely on what it
// sees. The seal counts the requests: it isn't valid any more after the next one.
func (j *Journal) MarkUnsent(ctx context.Context, l Lease, task int) (Lease, error) {
	const doing = "noting that nothing was sent"
	asking, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	tries, err := j.read().query1(asking, `SELECT tries FROM tasks WHERE confirmation_id = $1 AND position = $2`, string(l.ID), task)
	if err != nil {
		return l, fmt.Errorf("%s: %w", doing, err)
	}
	return j.step(ctx, doing, l, j.lease, change{
		tasks: `sent_at = 0, unsent_mac = $6`, where: `position = $5 AND outcome IS NULL AND tries = $7`,
		args: []any{task, j.seal(unsentFields(l.ID, task, int(tries))...), tries},
	})
}

// Finish records the outcome of the task at a position and, if tell is set,
// that the announcement is about to be posted: then the lease outlasts the
// post. It is idempotent.
func (j *Journal) Finish(ctx context.Context, l Lease, task int, res decision.Result, tell bool) (Lease, error) {
	announcing, at := "", utc(j.at())
	if tell {
		announcing = `, announcing_at = ` + j.now
	}
	return j.step(ctx, "finishing a decision", l, j.leaseFor(tell), change{
		set: announcing, when: `AND announced_at IS NULL`,
		// Not "outcome = $5": SQLite would plan the statement again for each
		// value that it compares with the condition of an index.
		tasks: `outcome = $5, detail = $6, finished_at = $7, outcome_mac = $9`, where: `position = $8 AND coalesce(outcome, $5) = $5`,
		args: []any{string(res.Outcome), res.Encode(), at, task, j.seal(outcomeFields(l.ID, task, res.Outcome, res.Encode(), at)...)},
	})
}

// leaseFor returns the length of a lease: longer while its decision's announcement may be
// posted.
func (j *Journal) leaseFor(posting bool) time.Duration {
	if posting {
		return announceLease
	}
	return j.lease
}

// BeginAnnouncing records that an announcement is about to be posted,
// immediately before each try. The lease then outlasts the post.
func (j *Journal) BeginAnnouncing(ctx context.Context, l Lease) (Lease, error) {
	return j.step(ctx, "noting that an announcement is about to be posted", l, announceLease,
		change{set: `, announcing_at = ` + j.now, when: `AND announced_at IS NULL AND ` + resolved})
}

// NotAnnounced records that the last post certainly didn't get through.
func (j *Journal) NotAnnounced(ctx context.Context, l Lease) (Lease, error) {
	return j.step(ctx, "noting that an announcement was not posted", l, j.lease,
		change{set: `, announcing_at = 0`, when: `AND announced_at IS NULL`})
}

// MarkAnnounced records that a decision with these outcomes was announced; messageTS is ""
// if Slack returns none. It needs no lease: the message is out, regardless of who owns the
// decision now. It is idempotent. An unknown outcome is followed up from then
// on. It returns ErrGone if the row doesn't exist, and ErrUnresolved if a task has no
// outcome. If one has an outcome that is known, and isn't the announced one, it returns
// ErrLost: the row had vanished, and its owner, which has restored it, will announce that.
func (j *Journal) MarkAnnounced(ctx context.Context, announced decision.Record, messageTS string) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	const unknown = `EXISTS (SELECT 1 FROM tasks WHERE confirmation_id = $4 AND outcome = 'unknown')`
	id, at := announced.ID, utc(j.at())
	outcomes := make([]decision.ID, len(announced.Tasks)) // as a list that the engines read
	for i, t := range announced.Tasks {
		outcomes[i] = decision.ID(fmt.Sprintf("%d %s", i, t.Outcome))
	}
	var changed int64
	err := j.withNote(ctx, announcedNote(id), func(ctx context.Context, q querier, noting bool) (err error) {
		changed, err = q.exec(ctx, `
			UPDATE decisions SET announced_at = $1, message_ts = $2, announced_mac = $5, owner = '', leased_until = 0, announcing_at = 0,
				response_url = CASE WHEN `+unknown+` THEN response_url ELSE '' END,
				follow_up = CASE WHEN `+unknown+` THEN 1 ELSE 0 END,
				check_after = `+j.now+` + $3
			WHERE confirmation_id = $4 AND announced_at IS NULL AND `+resolved+` AND NOT EXISTS (SELECT 1 FROM tasks, (`+j.ids(6)+`) AS announced
				WHERE confirmation_id = $4 AND outcome <> 'unknown' AND announced.value LIKE CAST(position AS TEXT) || ' %'
					AND announced.value <> CAST(position AS TEXT) || ' ' || outcome)`,
			at, messageTS, firstCheck.Milliseconds(), string(id), j.seal(announcedFields(id, messageTS, at)...), listOf(outcomes))
		if err != nil || changed == 0 || !noting {
			return err
		}
		return j.noteAnnounced(ctx, q, id)
	})
	if err == nil && changed == 0 {
		var found decision.Record
		found, err = j.stillThere(ctx, id)
		switch {
		case err != nil || !found.AnnouncedAt.IsZero():
		case found.Outcome() == "" || agree(found, announced): // in the second case, it wasn't a moment ago
			err = ErrUnresolved
		default:
			err = ErrLost
		}
	}
	return wrap("recording an announcement", err)
}

// agree reports whether an announcement was of the outcomes that are on record. One that
// has become unknown since agrees with any.
func agree(onRecord, announced decision.Record) bool {
	for i, t := range announced.Tasks {
		if i >= len(onRecord.Tasks) || onRecord.Tasks[i].Outcome != t.Outcome && onRecord.Tasks[i].Outcome != decision.Unknown {
			return false
		}
	}
	return true
}

// Conclude gives a decision the outcomes that were announced, where it has none, and
// calls MarkAnnounced. Such a row had vanished, and another process has restored it and
// looks for the outcomes. It may have sent another request since, so an outcome that
// isn't final becomes unknown, and is followed up. The row of another click on the same
// prompt stays as it is.
func (j *Journal) Conclude(ctx context.Context, announced decision.Record, messageTS string) error {
	for i, t := range announced.Tasks {
		if err := j.conclude(ctx, announced, i, t.Result().Doubted()); err != nil {
			return wrap("concluding a decision", err)
		}
	}
	err := j.MarkAnnounced(ctx, announced, messageTS)
	if errors.Is(err, ErrUnresolved) {
		return nil
	}
	return err
}

func (j *Journal) conclude(ctx context.Context, d decision.Record, task int, res decision.Result) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	at := utc(j.at())
	_, err := written(ctx, j.write, func(ctx context.Context, q querier) (int64, error) {
		return q.exec(ctx, `UPDATE tasks SET outcome = $3, detail = $4, finished_at = $5, outcome_mac = $6
			WHERE confirmation_id = $1 AND position = $2 AND outcome IS NULL
				AND EXISTS (SELECT 1 FROM decisions AS d WHERE d.confirmation_id = $1 AND d.announced_at IS NULL AND `+j.same("d.mac", 7)+j.forUpdate+`)`,
			string(d.ID), task, string(res.Outcome), res.Encode(), at, j.seal(outcomeFields(d.ID, task, res.Outcome, res.Encode(), at)...), j.exact(d.MAC))
	})
	return err
}

// stillThere returns a decision that was claimed. It returns ErrGone if that isn't in
// the journal, or if someone else has replaced it, or its prompt was closed since: that
// needs its row to have vanished.
func (j *Journal) stillThere(ctx context.Context, id decision.ID) (decision.Record, error) {
	found, err := j.get(ctx, id, waitInWay)
	if err == nil && found.Outcome().Closed() {
		err = ErrGone
	}
	return found, err
}

// GiveUp closes a decision that was claimed before anything was sent: as
// Withdrawn or NotSaved.
func (j *Journal) GiveUp(ctx context.Context, l Lease, as decision.Outcome) error {
	at := utc(j.at())
	seals := make([]decision.ID, l.tasks) // as a list that the engines read
	for i := range seals {
		seals[i] = decision.ID(j.seal(outcomeFields(l.ID, i, as, "", at)...))
	}
	_, err := j.step(ctx, "giving a decision up", l, j.lease, change{
		set: `, announced_at = $6, announced_mac = $7`, when: `AND announced_at IS NULL AND ` + unresolved,
		tasks: `outcome = $5, detail = '', finished_at = $6, sent_at = 0, outcome_mac = ` + j.element(8, `position`), where: `true`,
		args: []any{string(as), at, j.seal(announcedFields(l.ID, "", at)...), listOf(seals)},
	})
	return err
}

// Restore re-inserts a decision that has disappeared from the journal, as after a failover,
// and makes this process its owner: its tasks are in progress, or have the outcomes that
// they have in d. If all of them have one, the lease outlasts the post, as after Finish:
// it is about to be made, or has been. Restore returns the tasks as they are then: one
// that another decision has claimed since is unknown, as overruled. A row by which its
// prompt was closed since is set aside. It returns ErrLost if the decision exists.
func (j *Journal) Restore(ctx context.Context, d decision.Record) (Lease, []decision.Item, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	asked := time.Now()
	d.Epoch, d.AnnouncedAt, d.Tasks = d.Epoch+1, time.Time{}, slices.Clone(d.Tasks)
	for i := range d.Tasks {
		d.Tasks[i].Sent = true
	}
	posting := d.Outcome() != ""
	inserted, err := j.insertAgain(ctx, entry{Record: d, owner: j.owner, posting: posting, at: asked, displaced: overruled, again: true})
	if err != nil {
		return Lease{}, nil, fmt.Errorf("restoring a decision: %w", err)
	}
	return Lease{ID: d.ID, Epoch: d.Epoch, tasks: len(d.Tasks), Until: asked.Add(j.leaseFor(posting))}, inserted, nil
}

// overruled is a task of a restored decision that another one has claimed since.
func overruled(t decision.Item) decision.Item {
	res := t.Result().Overruled()
	t.Outcome, t.Detail = res.Outcome, res.Encode()
	return t
}

// insertAgain inserts a decision and returns its tasks as they are then,
// unless it exists. Forged rows in the way are set aside.
func (j *Journal) insertAgain(ctx context.Context, e entry) ([]decision.Item, error) {
	if _, err := j.clearForged(ctx, e.Record); err != nil {
		return nil, err
	}
	var inserted []decision.Item
	err := intoPlace(func() (err error) {
		inserted, err = j.insert(ctx, e)
		return err
	}, func() error {
		winners, err := j.inTheWay(ctx, e.Record, waitInWay)
		switch {
		case err != nil:
			return err
		case winners[0].ID == e.ID && winners[0].Outcome().Closed():
			return cmp.Or(j.reopen(ctx, winners[0]), ErrGone)
		case winners[0].ID == e.ID:
			return ErrLost
		}
		for i, t := range e.Tasks { // another decision has each task
			e.Tasks[i] = overruled(t)
		}
		return cmp.Or(j.clearStrays(ctx, e.ID, nil), ErrGone) // half a decision may be in its own place
	})
	return inserted, err
}

// reopen sets aside the row of a prompt that was closed after the journal had lost
// its decision.
func (j *Journal) reopen(ctx context.Context, closed decision.Record) error {
	what := Unverified{Table: Decisions, ID: string(closed.ID), Tasks: closed.IDs(), Why: errClosedSince}
	_, err := j.setRowAside(ctx, Decisions, `d.confirmation_id = $1 AND `+j.same("d.mac", 2), what, string(closed.ID), j.exact(closed.MAC))
	return err
}

var errClosedSince = errors.New("it closed a prompt whose decision the journal had lost")
