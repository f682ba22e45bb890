package journal

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/chamelio"
)

const (
	// requestLease is how long the end of a request stays with the process that
	// took it. It is longer than two calls to Slack.
	requestLease = 30 * time.Second

	// maxRequest bounds how long a request is open. An end farther away was
	// written by someone else, or by a clock that has been set back since, and
	// counts as now. It is longer than a prompt can be confirmed.
	maxRequest = 40 * time.Minute
)

// Request is a prompt in a channel, for a second person.
type Request struct {
	ID           decision.ID
	MessageTS    string
	Confirmation string // the signed value of its buttons, which has the rest
}

// Opened records that a request was posted in its channel, the time until its
// reminder, 0 for none, and until its end. It is idempotent.
func (j *Journal) Opened(ctx context.Context, r Request, remind, end time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	if _, err := j.conflicting(ctx, r.ID, nil, waitInWay); err != nil && !errors.Is(err, ErrGone) { // a forged decision must not close it
		return fmt.Errorf("noting an open request: %w", err)
	}
	err := intoPlace(func() error {
		return j.insertRow(ctx, `
			INSERT INTO requests (confirmation_id, message_ts, confirmation, mac, decided_mac, remind_at, ends_at)
			VALUES ($1, $2, $3, $6, CASE WHEN EXISTS (SELECT 1`+joined+`WHERE d.confirmation_id = $1) THEN $7 ELSE '' END,
				CASE WHEN CAST($4 AS BIGINT) = 0 THEN 0 ELSE `+j.now+` + CAST($4 AS BIGINT) END, `+j.now+` + $5) ON CONFLICT DO NOTHING`,
			string(r.ID), r.MessageTS, r.Confirmation, remind.Milliseconds(), min(end, maxRequest).Milliseconds(), j.seal(requestFields(r)...), j.seal(decidedFields(r.ID)...))
	}, func() error { return j.vetRequestAt(ctx, r.ID, atOnce) })
	if errors.Is(err, errOccupied) { // it was noted before
		return nil
	}
	return wrap("noting an open request", err)
}

// TakeToRemind takes requests whose reminder is due, at most limit: first the one that
// has been due for longest, counted from its last try. Each stays with one process for
// a moment, and is returned again until BeginReminding.
func (j *Journal) TakeToRemind(ctx context.Context, limit int) ([]Request, error) {
	return j.takeRequests(ctx, "taking requests to remind of", fmt.Sprintf(`remind_at = %s + %d`, j.now, requestLease.Milliseconds()),
		`remind_at > 0 AND remind_at <= `+j.now+` AND ends_at > `+j.now+` ORDER BY remind_at`, limit)
}

// BeginReminding notes that a reminder is about to be posted by someone: a number that
// nothing else uses. It returns false if that was noted before by someone else: better
// no reminder than two. It is idempotent.
func (j *Journal) BeginReminding(ctx context.Context, id decision.ID, by uint32) (first bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	changed, err := written(ctx, j.write, func(ctx context.Context, q querier) (int64, error) {
		return q.exec(ctx, `UPDATE requests SET remind_at = $2 WHERE confirmation_id = $1 AND (remind_at > 0 OR remind_at = $2)`, string(id), begunBy(by))
	})
	return changed > 0, wrap("noting that a reminder is about to be posted", err)
}

// RemindLater makes a reminder due again that someone has begun, or may have, and that
// Slack certainly didn't post. It does nothing if no one has begun, or someone else. So
// it is idempotent.
func (j *Journal) RemindLater(ctx context.Context, id decision.ID, by uint32, wait time.Duration) error {
	return j.exec(ctx, "putting a reminder off", `UPDATE requests SET remind_at = `+j.now+` + $1 WHERE confirmation_id = $2 AND remind_at = $3`, wait.Milliseconds(), string(id), begunBy(by))
}

// begunBy returns what remind_at is while a reminder is about to be posted by someone.
func begunBy(by uint32) int64 { return -1 - int64(by) }

// TakeEnded takes requests that have ended, at most limit: first those that weren't
// tried yet, then the one that was tried least recently, so that those that can't be
// updated keep no others waiting. Each stays with one process for a moment, and is
// returned again until Forget.
func (j *Journal) TakeEnded(ctx context.Context, limit int) ([]Request, error) {
	return j.takeRequests(ctx, "taking requests that have ended", fmt.Sprintf(`taken_until = %s + %d`, j.now, requestLease.Milliseconds()),
		j.lapsed(`ends_at`, maxRequest)+` AND `+j.lapsed(`taken_until`, maxLease)+` ORDER BY taken_until, ends_at`, limit)
}

// takeRequests takes the requests that a condition selects and that don't wait for their
// keys, at most limit. If it can't read one, it returns the others with an error.
func (j *Journal) takeRequests(ctx context.Context, doing, set, which string, limit int) ([]Request, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	which = `confirmation_id NOT IN (` + j.ids(2) + `) AND ` + which
	waiting := listOf(j.waiting(ctx, Requests))
	// Usually there is nothing to take, and this query needs no lock.
	some, err := j.read().query1(ctx, `SELECT COUNT(*) FROM (SELECT 1 FROM requests WHERE `+which+` LIMIT $1) AS candidates`, limit, waiting)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", doing, err)
	}
	if some == 0 {
		return nil, nil
	}
	taken, err := written(ctx, j.write, func(ctx context.Context, q querier) ([]sealedRequest, error) {
		rows, err := q.query(ctx, `
			UPDATE requests SET `+set+` WHERE confirmation_id IN
				(SELECT confirmation_id FROM requests WHERE `+which+` LIMIT $1 `+j.skipLocked+`)
			RETURNING `+j.place("requests", "confirmation_id")+requestColumns, limit, waiting)
		return collect(rows, err, scanRequest)
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", doing, err)
	}
	var genuine []Request
	var failed error // with one of them, which doesn't keep the others waiting
	for _, one := range taken {
		switch err := j.vetRequest(ctx, one, waitTaken); {
		case err == nil:
			genuine = append(genuine, one.Request)
		case !errors.Is(err, ErrGone) && !waitsForKey(err):
			failed = errors.Join(failed, err)
		}
	}
	return genuine, wrap(doing, failed)
}

// sealedRequest is a request as it was read from the database.
type sealedRequest struct {
	Request
	place any
	mac   string
	odd   bool // see noting
}

var requestColumns = boundedAll("requests", "confirmation_id", "message_ts", "confirmation", "mac")

func scanRequest(r *sql.Rows, one *sealedRequest) error {
	return r.Scan(noting(&one.odd, &one.place, key(&one.ID), text(&one.MessageTS), text(&one.Confirmation), text(&one.mac))...)
}

func requestFields(r Request) []string {
	return []string{"request", string(r.ID), r.MessageTS, r.Confirmation}
}

func decidedFields(id decision.ID) []string { return []string{"decided", string(id)} }

// undecided returns ErrDecided if a request says that it was decided or closed
// before. A request that isn't genuine is set aside.
func (j *Journal) undecided(ctx context.Context, id decision.ID) error {
	t := j.trust.Load()
	if t == nil {
		return nil
	}
	rows, err := j.read().query(ctx, `SELECT `+bounded("decided_mac", tooLong)+` FROM requests WHERE confirmation_id = $1 AND decided_mac <> ''`, string(id))
	type mark struct {
		mac string
		odd bool // see noting
	}
	found, err := collect(rows, err, func(r *sql.Rows, m *mark) error { return r.Scan(noting(&m.odd, text(&m.mac))...) })
	if err != nil || len(found) == 0 {
		return err
	}
	what := Unverified{Table: Requests, ID: string(id), part: "decided"}
	err = j.judge(ctx, t, what, waitInWay, func() error { return t.whole(found[0].odd, found[0].mac, t.Now(), decidedFields(id)...) }, func(judged Unverified) error {
		_, err := j.setRowAside(ctx, Requests, `d.confirmation_id = $1 AND `+j.same(bounded("d.decided_mac", tooLong), 2), judged, string(id), j.exact(found[0].mac))
		return err
	})
	switch {
	case err == nil:
		return ErrDecided
	case errors.Is(err, ErrGone):
		return nil
	}
	return err
}

// vetRequestAt is vetRequest for the request with an ID. The error is ErrGone if
// there is none.
func (j *Journal) vetRequestAt(ctx context.Context, id decision.ID, patience time.Duration) error {
	rows, err := j.read().query(ctx, `SELECT `+j.place("requests", "confirmation_id")+requestColumns+` FROM requests WHERE confirmation_id = $1`, string(id))
	found, err := first(collect(rows, err, scanRequest))
	if err != nil {
		return err
	}
	return j.vetRequest(ctx, found, patience)
}

// vetRequest returns nil if a listed request is genuine. Otherwise it is set
// aside, and the error is ErrGone, or it waits for its key. See vet.
func (j *Journal) vetRequest(ctx context.Context, r sealedRequest, patience time.Duration) error {
	t := j.trust.Load()
	if t == nil {
		return nil
	}
	what := Unverified{Table: Requests, ID: string(r.ID)}
	return j.judge(ctx, t, what, patience, func() error { return t.whole(r.odd, r.mac, t.Now(), requestFields(r.Request)...) }, func(judged Unverified) error {
		return j.setAside(ctx, r.place, r.mac, judged)
	})
}

// Forget deletes a request about which nothing is left to do. It is
// idempotent.
func (j *Journal) Forget(ctx context.Context, id decision.ID) error {
	return j.exec(ctx, "forgetting a request", `DELETE FROM requests WHERE confirmation_id = $1`, string(id))
}

// Became returns the decision that a click on a prompt made, alone. Otherwise, or if the
// prompt was superseded or has expired, it returns the other decisions that have all of the
// prompt's tasks, in progress or successful, each with these tasks only. It returns ErrGone if a
// task can still be cancelled, with those that have the others; and ErrDecided, whatever
// has the tasks, if the prompt was decided and its row is missing. Once a prompt has such a
// row, a decision since it was asked for counts, too, if its outcome isn't known: it may
// have cancelled the task.
func (j *Journal) Became(ctx context.Context, prompt decision.ID, tasks []chamelio.TaskID) ([]decision.Record, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	for range maxInWay {
		decided := j.undecided(ctx, prompt) // read before the row: both are written in one transaction
		found, err := j.conflicting(ctx, prompt, tasks, waitTaken)
		own := slices.ContainsFunc(found, func(d decision.Record) bool { return d.ID == prompt })
		switch {
		case errors.Is(err, ErrGone): // it isn't genuine
			continue
		case err == nil && !own && decided != nil:
			err = decided
		case err == nil && !own && !all(tasks, found):
			return found, fmt.Errorf("reading a prompt's result: %w", ErrGone)
		case err == nil && own && (found[0].Outcome() == decision.Superseded || found[0].Outcome() == decision.Expired):
			others, err := j.having(ctx, tasks, found[0].RequestedAt)
			switch {
			case errors.Is(err, ErrGone):
				continue
			case err != nil:
				return nil, fmt.Errorf("reading a prompt's result: %w", err)
			case all(tasks, others):
				return others, nil
			}
			return found, nil
		case err == nil:
			return found, nil
		}
		return nil, fmt.Errorf("reading a prompt's result: %w", err)
	}
	return nil, fmt.Errorf("reading a prompt's result: %w", errUnverified)
}

// Having returns the decisions that have tasks, each with these tasks only: the one that
// carries a task out or has cancelled it, or else the latest since a time whose outcome
// isn't known.
func (j *Journal) Having(ctx context.Context, tasks []chamelio.TaskID, since time.Time) ([]decision.Record, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	found, err := j.having(ctx, tasks, since)
	return found, wrap("looking for the decisions that have tasks", err)
}

func (j *Journal) having(ctx context.Context, tasks []chamelio.TaskID, since time.Time) ([]decision.Record, error) {
	found, err := j.about(ctx, "", tasks, waitTaken, mayHaveEnded)
	var kept []decision.Record
	for i, d := range found {
		d = d.Only(func(t decision.Item) bool {
			return hasTask.is(t) || !d.DecidedAt.Before(since) &&
				!slices.ContainsFunc(found[i+1:], func(later decision.Record) bool { return slices.Contains(later.IDs(), t.ID) }) &&
				!slices.ContainsFunc(found[:i], func(before decision.Record) bool { return has(before, t.ID) })
		})
		if len(d.Tasks) > 0 {
			kept = append(kept, d)
		}
	}
	return kept, err
}

// has reports whether no other decision can have a task of d.
func has(d decision.Record, task chamelio.TaskID) bool {
	return slices.ContainsFunc(d.Tasks, func(t decision.Item) bool { return t.ID == task && hasTask.is(t) })
}

// all reports whether other decisions have all tasks of a prompt.
func all(tasks []chamelio.TaskID, found []decision.Record) bool {
	taken := 0
	for _, d := range found {
		taken += len(d.Tasks)
	}
	return taken > 0 && taken >= len(tasks)
}
