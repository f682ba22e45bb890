// Package journaltest lets a test step in between the bot and its journal.
package journaltest

import (
	"context"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/journal"
	"github.com/cancelbot/cancelbot/chamelio"
)

// Around makes a call, or doesn't, and returns the error that the caller gets.
// op is the name of the method, id the decision, "" for calls about none.
type Around func(ctx context.Context, op string, id decision.ID, call func(context.Context) error) error

// Journal is a journal whose calls pass through Around. Healthy, Backlog,
// Close and what only commands use don't.
type Journal struct {
	*journal.Journal
	Around Around
}

// Call makes one call through around. Where around hides the answer of a call
// that succeeded, the result is zero.
func Call[T any](ctx context.Context, around Around, op string, id decision.ID, call func(context.Context) (T, error)) (T, error) {
	var out, none T
	var own error
	err := around(ctx, op, id, func(ctx context.Context) error {
		out, own = call(ctx)
		return own
	})
	if err != nil && own == nil {
		return none, err
	}
	return out, err
}

func (j *Journal) Claim(ctx context.Context, d decision.Record) (journal.Claim, error) {
	return Call(ctx, j.Around, "Claim", d.ID, func(ctx context.Context) (journal.Claim, error) { return j.Journal.Claim(ctx, d) })
}

func (j *Journal) Get(ctx context.Context, id decision.ID) (decision.Record, error) {
	return Call(ctx, j.Around, "Get", id, func(ctx context.Context) (decision.Record, error) { return j.Journal.Get(ctx, id) })
}

func (j *Journal) Having(ctx context.Context, tasks []chamelio.TaskID, since time.Time) ([]decision.Record, error) {
	return Call(ctx, j.Around, "Having", "", func(ctx context.Context) ([]decision.Record, error) { return j.Journal.Having(ctx, tasks, since) })
}

func (j *Journal) Became(ctx context.Context, prompt decision.ID, tasks []chamelio.TaskID) ([]decision.Record, error) {
	return Call(ctx, j.Around, "Became", prompt, func(ctx context.Context) ([]decision.Record, error) { return j.Journal.Became(ctx, prompt, tasks) })
}

func (j *Journal) Taken(ctx context.Context, d decision.Record) ([]chamelio.TaskID, error) {
	return Call(ctx, j.Around, "Taken", d.ID, func(ctx context.Context) ([]chamelio.TaskID, error) { return j.Journal.Taken(ctx, d) })
}

func (j *Journal) Unsettled(ctx context.Context, id decision.ID, task chamelio.TaskID) (bool, error) {
	return Call(ctx, j.Around, "Unsettled", id, func(ctx context.Context) (bool, error) { return j.Journal.Unsettled(ctx, id, task) })
}

func (j *Journal) Restore(ctx context.Context, d decision.Record) (lease journal.Lease, tasks []decision.Item, err error) {
	lease, err = Call(ctx, j.Around, "Restore", d.ID, func(ctx context.Context) (l journal.Lease, err error) {
		l, tasks, err = j.Journal.Restore(ctx, d)
		return l, err
	})
	return lease, tasks, err
}

func (j *Journal) RenewAll(ctx context.Context, all []journal.Lease) ([]journal.Lease, error) {
	return Call(ctx, j.Around, "RenewAll", "", func(ctx context.Context) ([]journal.Lease, error) { return j.Journal.RenewAll(ctx, all) })
}

func (j *Journal) MarkSent(ctx context.Context, l journal.Lease, task int) (journal.Lease, error) {
	return Call(ctx, j.Around, "MarkSent", l.ID, func(ctx context.Context) (journal.Lease, error) { return j.Journal.MarkSent(ctx, l, task) })
}

func (j *Journal) MarkUnsent(ctx context.Context, l journal.Lease, task int) (journal.Lease, error) {
	return Call(ctx, j.Around, "MarkUnsent", l.ID, func(ctx context.Context) (journal.Lease, error) { return j.Journal.MarkUnsent(ctx, l, task) })
}

func (j *Journal) Finish(ctx context.Context, l journal.Lease, task int, res decision.Result, tell bool) (journal.Lease, error) {
	return Call(ctx, j.Around, "Finish", l.ID, func(ctx context.Context) (journal.Lease, error) { return j.Journal.Finish(ctx, l, task, res, tell) })
}

func (j *Journal) BeginAnnouncing(ctx context.Context, l journal.Lease) (journal.Lease, error) {
	return Call(ctx, j.Around, "BeginAnnouncing", l.ID, func(ctx context.Context) (journal.Lease, error) { return j.Journal.BeginAnnouncing(ctx, l) })
}

func (j *Journal) NotAnnounced(ctx context.Context, l journal.Lease) (journal.Lease, error) {
	return Call(ctx, j.Around, "NotAnnounced", l.ID, func(ctx context.Context) (journal.Lease, error) { return j.Journal.NotAnnounced(ctx, l) })
}

func (j *Journal) Settle(ctx context.Context, l journal.Lease, task int, res decision.Result) (journal.Lease, error) {
	return Call(ctx, j.Around, "Settle", l.ID, func(ctx context.Context) (journal.Lease, error) { return j.Journal.Settle(ctx, l, task, res) })
}

func (j *Journal) BeginSettling(ctx context.Context, l journal.Lease) (journal.Lease, error) {
	return Call(ctx, j.Around, "BeginSettling", l.ID, func(ctx context.Context) (journal.Lease, error) { return j.Journal.BeginSettling(ctx, l) })
}

func (j *Journal) TakeExpired(ctx context.Context, w journal.Work, limit int, mine []decision.ID) ([]journal.Held, error) {
	return Call(ctx, j.Around, "TakeExpired", "", func(ctx context.Context) ([]journal.Held, error) { return j.Journal.TakeExpired(ctx, w, limit, mine) })
}

func (j *Journal) TakeUnsettled(ctx context.Context, limit int, mine []decision.ID) ([]journal.Held, error) {
	return Call(ctx, j.Around, "TakeUnsettled", "", func(ctx context.Context) ([]journal.Held, error) { return j.Journal.TakeUnsettled(ctx, limit, mine) })
}

func (j *Journal) TakeNote(ctx context.Context) (decision.Note, error) {
	return Call(ctx, j.Around, "TakeNote", "", func(ctx context.Context) (decision.Note, error) { return j.Journal.TakeNote(ctx) })
}

func (j *Journal) TakeToRemind(ctx context.Context, limit int) ([]journal.Request, error) {
	return Call(ctx, j.Around, "TakeToRemind", "", func(ctx context.Context) ([]journal.Request, error) { return j.Journal.TakeToRemind(ctx, limit) })
}

func (j *Journal) TakeEnded(ctx context.Context, limit int) ([]journal.Request, error) {
	return Call(ctx, j.Around, "TakeEnded", "", func(ctx context.Context) ([]journal.Request, error) { return j.Journal.TakeEnded(ctx, limit) })
}

func (j *Journal) SigningKeys(ctx context.Context, atMost int) ([]string, error) {
	return Call(ctx, j.Around, "SigningKeys", "", func(ctx context.Context) ([]string, error) { return j.Journal.SigningKeys(ctx, atMost) })
}

func (j *Journal) GiveUp(ctx context.Context, l journal.Lease, as decision.Outcome) error {
	return j.Around(ctx, "GiveUp", l.ID, func(ctx context.Context) error { return j.Journal.GiveUp(ctx, l, as) })
}

func (j *Journal) Release(ctx context.Context, all ...journal.Lease) error {
	return j.Around(ctx, "Release", "", func(ctx context.Context) error { return j.Journal.Release(ctx, all...) })
}

func (j *Journal) CheckLater(ctx context.Context, l journal.Lease, wait time.Duration) error {
	return j.Around(ctx, "CheckLater", l.ID, func(ctx context.Context) error { return j.Journal.CheckLater(ctx, l, wait) })
}

func (j *Journal) MarkAnnounced(ctx context.Context, d decision.Record, ts string) error {
	return j.Around(ctx, "MarkAnnounced", d.ID, func(ctx context.Context) error { return j.Journal.MarkAnnounced(ctx, d, ts) })
}

func (j *Journal) Conclude(ctx context.Context, announced decision.Record, ts string) error {
	return j.Around(ctx, "Conclude", announced.ID, func(ctx context.Context) error { return j.Journal.Conclude(ctx, announced, ts) })
}

func (j *Journal) MarkSettled(ctx context.Context, id decision.ID) error {
	return j.Around(ctx, "MarkSettled", id, func(ctx context.Context) error { return j.Journal.MarkSettled(ctx, id) })
}

func (j *Journal) MarkNoted(ctx context.Context, n decision.Note) error {
	return j.Around(ctx, "MarkNoted", n.ConfirmationID, func(ctx context.Context) error { return j.Journal.MarkNoted(ctx, n) })
}

func (j *Journal) PutOff(ctx context.Context, n decision.Note, wait time.Duration) error {
	return j.Around(ctx, "PutOff", n.ConfirmationID, func(ctx context.Context) error { return j.Journal.PutOff(ctx, n, wait) })
}

func (j *Journal) Doubt(ctx context.Context, n decision.Note, wait time.Duration) error {
	return j.Around(ctx, "Doubt", n.ConfirmationID, func(ctx context.Context) error { return j.Journal.Doubt(ctx, n, wait) })
}

func (j *Journal) Refused(ctx context.Context, n decision.Note) error {
	return j.Around(ctx, "Refused", n.ConfirmationID, func(ctx context.Context) error { return j.Journal.Refused(ctx, n) })
}

func (j *Journal) BeginAsking(ctx context.Context, event, by string) (bool, error) {
	return Call(ctx, j.Around, "BeginAsking", "", func(ctx context.Context) (bool, error) { return j.Journal.BeginAsking(ctx, event, by) })
}

func (j *Journal) BeginReminding(ctx context.Context, id decision.ID, by uint32) (bool, error) {
	return Call(ctx, j.Around, "BeginReminding", id, func(ctx context.Context) (bool, error) { return j.Journal.BeginReminding(ctx, id, by) })
}

func (j *Journal) RemindLater(ctx context.Context, id decision.ID, by uint32, wait time.Duration) error {
	return j.Around(ctx, "RemindLater", id, func(ctx context.Context) error { return j.Journal.RemindLater(ctx, id, by, wait) })
}

func (j *Journal) Opened(ctx context.Context, r journal.Request, remind, end time.Duration) error {
	return j.Around(ctx, "Opened", r.ID, func(ctx context.Context) error { return j.Journal.Opened(ctx, r, remind, end) })
}

func (j *Journal) Forget(ctx context.Context, id decision.ID) error {
	return j.Around(ctx, "Forget", id, func(ctx context.Context) error { return j.Journal.Forget(ctx, id) })
}

func (j *Journal) Leave(ctx context.Context) error {
	return j.Around(ctx, "Leave", "", func(ctx context.Context) error { return j.Journal.Leave(ctx) })
}

func (j *Journal) KeepSigningKeys(ctx context.Context, id, sealed string, keep time.Duration) error {
	return j.Around(ctx, "KeepSigningKeys", "", func(ctx context.Context) error { return j.Journal.KeepSigningKeys(ctx, id, sealed, keep) })
}

func (j *Journal) ShortenSigningKeys(ctx context.Context, prefix, spared string, keep time.Duration) error {
	return j.Around(ctx, "ShortenSigningKeys", "", func(ctx context.Context) error {
		return j.Journal.ShortenSigningKeys(ctx, prefix, spared, keep)
	})
}

func (j *Journal) Withdraw(ctx context.Context, d decision.Record) (first decision.Record, withdrawn bool, err error) {
	first, err = Call(ctx, j.Around, "Withdraw", d.ID, func(ctx context.Context) (found decision.Record, err error) {
		found, withdrawn, err = j.Journal.Withdraw(ctx, d)
		return found, err
	})
	return first, withdrawn && err == nil, err
}

func (j *Journal) Abandon(ctx context.Context, d decision.Record) (first decision.Record, abandoned bool, err error) {
	first, err = Call(ctx, j.Around, "Abandon", d.ID, func(ctx context.Context) (found decision.Record, err error) {
		found, abandoned, err = j.Journal.Abandon(ctx, d)
		return found, err
	})
	return first, abandoned && err == nil, err
}

func (j *Journal) Supersede(ctx context.Context, d decision.Record) (first decision.Record, superseded bool, err error) {
	first, err = Call(ctx, j.Around, "Supersede", d.ID, func(ctx context.Context) (found decision.Record, err error) {
		found, superseded, err = j.Journal.Supersede(ctx, d)
		return found, err
	})
	return first, superseded && err == nil, err
}

func (j *Journal) Expire(ctx context.Context, d decision.Record) (first decision.Record, expired bool, err error) {
	first, err = Call(ctx, j.Around, "Expire", d.ID, func(ctx context.Context) (found decision.Record, err error) {
		found, expired, err = j.Journal.Expire(ctx, d)
		return found, err
	})
	return first, expired && err == nil, err
}

func (j *Journal) Beat(ctx context.Context, serving bool) (alive, others int, err error) {
	err = j.Around(ctx, "Beat", "", func(ctx context.Context) (err error) {
		alive, others, err = j.Journal.Beat(ctx, serving)
		return err
	})
	return alive, others, err
}
