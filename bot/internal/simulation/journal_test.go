package simulation

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/cancelbot/cancelbot/bot"
	"github.com/cancelbot/cancelbot/bot/internal/clock"
	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/journal"
	"github.com/cancelbot/cancelbot/bot/internal/journal/journaltest"
	"github.com/cancelbot/cancelbot/chamelio"
)

// faultyJournal is a process's access to its journal: the real one, with
// faults.
type faultyJournal struct {
	*life
	journaltest.Journal
}

func newFaultyJournal(l *life) *faultyJournal {
	j := &faultyJournal{life: l}
	j.Journal = journaltest.Journal{Journal: l.real, Around: j.around}
	return j
}

var _ bot.Journal = (*faultyJournal)(nil)

var (
	errDead     = errors.New("this process is dead")
	errInjected = errors.New("the connection to the database broke")
)

// around makes a call, with the fault that the seed chooses.
func (j *faultyJournal) around(ctx context.Context, name string, id decision.ID, call func(context.Context) error) error {
	deadline := time.Now().Add(journal.CallTimeout)
	n, r := j.next(name)
	if !j.stand(name, n, false) {
		return errDead
	}
	if d := j.w.plan.cutOff; d > 0 && name == "MarkAnnounced" && !j.w.calm.Load() && j.w.cut.CompareAndSwap(false, true) {
		for _, s := range j.w.slots {
			s.cutOff.Store(time.Now().Add(d).UnixNano())
		}
		j.w.h.fault("world", "journal", "cut off", d.String())
	}
	if hangs, away := j.away(); away {
		j.w.h.add(func() { j.w.h.faults["journal away"]++ })
		if hangs {
			j.sleep(ctx, time.Until(deadline))
		}
		return errInjected
	}
	kind := j.journalFault(name, r)
	if j.w.plan.unsure && name == "Claim" && n == 1 && !j.w.calm.Load() {
		kind = "answer lost"
		j.slot.cutOff.Store(time.Now().Add(between(r, time.Second, 9*time.Second)).UnixNano())
	}
	if kind != "" {
		j.w.h.fault(j.name, name, kind, short(id))
	}
	switch kind {
	case "fails before":
		return errInjected
	case "hangs before":
		j.sleep(ctx, time.Until(deadline))
		return context.DeadlineExceeded
	case "slow before":
		if !j.sleep(ctx, between(r, 100*time.Millisecond, 4500*time.Millisecond)) {
			return context.Cause(ctx)
		}
	}
	if j.dead() {
		return errDead
	}
	err := call(ctx)
	if err == nil {
		j.vanishes(name, n, id)
	}
	if !j.stand(name, n, true) {
		return errDead
	}
	if !idle[name] {
		j.w.h.say(j.name, "%s %s%s", name, short(id), failed(err))
	}
	switch kind {
	case "answer lost":
		return errInjected
	case "hangs after":
		j.sleep(ctx, time.Until(deadline))
		return context.DeadlineExceeded
	case "slow after":
		if !j.sleep(ctx, between(r, 100*time.Millisecond, 4500*time.Millisecond)) {
			return context.Cause(ctx)
		}
	}
	if j.dead() {
		return errDead
	}
	return err
}

func failed(err error) string {
	if err == nil {
		return ""
	}
	return " -> " + err.Error()
}

func short(id decision.ID) string {
	if len(id) > 5 {
		id = id[:5]
	}
	return string(id)
}

func (j *faultyJournal) Claim(ctx context.Context, d decision.Record) (journal.Claim, error) {
	return journaltest.Call(ctx, j.around, "Claim", d.ID, func(ctx context.Context) (journal.Claim, error) {
		if j.w.planted == ignoresPauses && j.w.write(resuming) {
			defer j.w.write(pausing)
		}
		c, err := j.real.Claim(ctx, d)
		if err == nil && c.Won {
			won := d
			won.Tasks = c.Tasks
			j.acquire(won, c.Lease, true)
		}
		j.w.planted.claimed(j, d, &c, &err)
		return c, err
	})
}

func (j *faultyJournal) Withdraw(ctx context.Context, d decision.Record) (decision.Record, bool, error) {
	type answer struct {
		first     decision.Record
		withdrawn bool
	}
	a, err := journaltest.Call(ctx, j.around, "Withdraw", d.ID, func(ctx context.Context) (answer, error) {
		first, withdrawn, err := j.real.Withdraw(ctx, d)
		if j.w.planted == liesAboutKeeping && err == nil {
			withdrawn = true
		}
		return answer{first, withdrawn}, err
	})
	return a.first, a.withdrawn, err
}

func (j *faultyJournal) Abandon(ctx context.Context, d decision.Record) (first decision.Record, abandoned bool, err error) {
	first, err = journaltest.Call(ctx, j.around, "Abandon", d.ID, func(ctx context.Context) (found decision.Record, err error) {
		found, abandoned, err = j.real.Abandon(ctx, d)
		return found, err
	})
	return first, abandoned && err == nil, err
}

func (j *faultyJournal) BeginAsking(ctx context.Context, event, by string) (bool, error) {
	return journaltest.Call(ctx, j.around, "BeginAsking", "", func(ctx context.Context) (bool, error) {
		first, err := j.real.BeginAsking(ctx, event, by)
		return first || j.w.planted == asksTwice, err
	})
}

func (j *faultyJournal) Get(ctx context.Context, id decision.ID) (decision.Record, error) {
	d, err := j.Journal.Get(ctx, id)
	if j.w.planted == remembersClaims && !d.Outcome().Closed() {
		d = d.With(make([]decision.Result, len(d.Tasks))...)
	}
	return d, err
}

func (j *faultyJournal) Having(ctx context.Context, tasks []chamelio.TaskID, since time.Time) ([]decision.Record, error) {
	if j.w.planted == forgetsWinners {
		return nil, nil
	}
	return j.Journal.Having(ctx, tasks, since)
}

func (j *faultyJournal) Became(ctx context.Context, prompt decision.ID, tasks []chamelio.TaskID) ([]decision.Record, error) {
	if j.w.planted == forgetsWinners {
		return nil, journal.ErrGone
	}
	return j.Journal.Became(ctx, prompt, tasks)
}

func (j *faultyJournal) Supersede(ctx context.Context, d decision.Record) (first decision.Record, superseded bool, err error) {
	first, err = journaltest.Call(ctx, j.around, "Supersede", d.ID, func(ctx context.Context) (found decision.Record, err error) {
		if j.w.planted == forgetsLosses {
			d.Tasks[0].Outcome, superseded = decision.Superseded, true
			return d, nil
		}
		found, superseded, err = j.real.Supersede(ctx, d)
		return found, err
	})
	return first, superseded && err == nil, err
}

func (j *faultyJournal) MarkSent(ctx context.Context, l journal.Lease, task int) (journal.Lease, error) {
	return journaltest.Call(ctx, j.around, "MarkSent", l.ID, func(ctx context.Context) (journal.Lease, error) {
		got, err := j.real.MarkSent(ctx, l, task)
		if j.w.planted == believesItself && errors.Is(err, journal.ErrLost) {
			l.Until = time.Now().Add(time.Hour)
			return l, nil
		}
		return got, err
	})
}

func (j *faultyJournal) Restore(ctx context.Context, d decision.Record) (l journal.Lease, tasks []decision.Item, err error) {
	l, err = journaltest.Call(ctx, j.around, "Restore", d.ID, func(ctx context.Context) (l journal.Lease, err error) {
		if j.w.planted == lacksRestoring {
			return journal.Lease{}, journal.ErrLost
		}
		l, tasks, err = j.real.Restore(ctx, d)
		if err == nil && d.Outcome() == "" {
			held := d
			held.Tasks = tasks // without those that others have by now
			j.acquire(held, l, false)
		}
		return l, err
	})
	return l, tasks, err
}

func (j *faultyJournal) Finish(ctx context.Context, l journal.Lease, task int, res decision.Result, tell bool) (journal.Lease, error) {
	return journaltest.Call(ctx, j.around, "Finish", l.ID, func(ctx context.Context) (journal.Lease, error) {
		got, err := j.real.Finish(ctx, l, task, res, tell)
		j.w.h.say(j.name, "finishes task %d of %s as %s %s", task, short(l.ID), res.Outcome, res.Encode())
		return got, err
	})
}

func (j *faultyJournal) MarkAnnounced(ctx context.Context, d decision.Record, ts string) error {
	return j.announced(ctx, "MarkAnnounced", d.ID, func(ctx context.Context) error { return j.real.MarkAnnounced(ctx, d, ts) })
}

func (j *faultyJournal) Conclude(ctx context.Context, d decision.Record, ts string) error {
	return j.announced(ctx, "Conclude", d.ID, func(ctx context.Context) error { return j.real.Conclude(ctx, d, ts) })
}

func (j *faultyJournal) announced(ctx context.Context, name string, id decision.ID, do func(context.Context) error) error {
	return j.around(ctx, name, id, func(ctx context.Context) error {
		err := do(ctx)
		if err == nil {
			j.w.h.add(func() { j.w.h.records = append(j.w.h.records, record{time.Now(), j.name, id}) })
		}
		return err
	})
}

func (j *faultyJournal) TakeExpired(ctx context.Context, k journal.Work, limit int, mine []decision.ID) ([]journal.Held, error) {
	taken, err := journaltest.Call(ctx, j.around, "TakeExpired", "", func(ctx context.Context) ([]journal.Held, error) {
		if j.w.planted == believesJumps && j.w.offset.Load() != 0 {
			j.w.write(`UPDATE decisions SET announcing_at = 0, leased_until = 0 WHERE announcing_at > 0 AND leased_until < ?`, time.Now().Add(time.Duration(j.w.offset.Load())).UnixMilli())
		}
		all, err := j.real.TakeExpired(ctx, k, limit, mine)
		for i, held := range all {
			j.acquire(held.Record, held.Lease, false)
			j.w.planted.takenOver(j, &all[i])
			j.w.h.say(j.name, "takes over %s (epoch %d, sent %t, outcome %q)", short(held.Record.ID), held.Lease.Epoch, held.Tasks[0].Sent, held.Outcome())
		}
		if j.w.planted == takesAndForgets && len(all) > 0 {
			j.keepForEver(all)
			return nil, errInjected
		}
		return all, err
	})
	if j.w.planted == forgetsOutages {
		err = nil
	}
	return taken, err
}

func (j *faultyJournal) RenewAll(ctx context.Context, all []journal.Lease) ([]journal.Lease, error) {
	renewed, err := j.Journal.RenewAll(ctx, all)
	if j.w.planted == forgetsOutages && err != nil {
		return all, nil
	}
	return renewed, err
}

// Trust makes the journal trust every row, if that is the planted bug.
func (j *faultyJournal) Trust(s journal.Seals, report func(journal.Unverified)) {
	if j.w.planted == leavesForgeries {
		s = gullible{s}
	}
	if j.w.planted == quotesForgeries {
		s = quoting{s}
	}
	j.real.Trust(s, report)
}

type gullible struct{ journal.Seals }

func (gullible) VerifyRow(decision.Record) error               { return nil }
func (gullible) IsDecision(decision.Record) bool               { return true }
func (gullible) VerifySeal(string, time.Time, ...string) error { return nil }

func (j *faultyJournal) TakeUnsettled(ctx context.Context, limit int, mine []decision.ID) ([]journal.Held, error) {
	if j.w.planted == forgetsUnknown {
		return nil, nil
	}
	return journaltest.Call(ctx, j.around, "TakeUnsettled", "", func(ctx context.Context) ([]journal.Held, error) {
		all, err := j.real.TakeUnsettled(ctx, limit, mine)
		for _, held := range all {
			j.w.h.say(j.name, "checks %s (check %d)", short(held.Record.ID), held.Checks)
		}
		return all, err
	})
}

func (j *faultyJournal) Settle(ctx context.Context, l journal.Lease, task int, res decision.Result) (journal.Lease, error) {
	return journaltest.Call(ctx, j.around, "Settle", l.ID, func(ctx context.Context) (journal.Lease, error) {
		j.w.h.say(j.name, "settles task %d of %s as %s", task, short(l.ID), res.Outcome)
		return j.real.Settle(ctx, l, task, res)
	})
}

func (j *faultyJournal) MarkSettled(ctx context.Context, id decision.ID) error {
	return j.around(ctx, "MarkSettled", id, func(ctx context.Context) error {
		err := j.real.MarkSettled(ctx, id)
		if err == nil {
			j.w.h.add(func() { j.w.h.records = append(j.w.h.records, record{time.Now(), j.name, "settled " + id}) })
		}
		return err
	})
}

func (j *faultyJournal) MarkNoted(ctx context.Context, n decision.Note) error {
	return j.around(ctx, "MarkNoted", n.ConfirmationID, func(ctx context.Context) error {
		err := j.real.MarkNoted(ctx, n)
		if err == nil {
			j.w.h.add(func() { j.w.h.records = append(j.w.h.records, record{time.Now(), j.name, "note " + n.ConfirmationID}) })
		}
		return err
	})
}

func (j *faultyJournal) TakeEnded(ctx context.Context, limit int) ([]journal.Request, error) {
	return journaltest.Call(ctx, j.around, "TakeEnded", "", func(ctx context.Context) ([]journal.Request, error) {
		if j.w.planted == forgetsRequests {
			return nil, nil
		}
		return j.real.TakeEnded(ctx, limit)
	})
}

func (j *faultyJournal) Healthy(ctx context.Context) error {
	if j.dead() {
		return errDead
	}
	return j.real.Healthy(ctx)
}

func (j *faultyJournal) Backlog(ctx context.Context) (decision.Backlog, error) {
	if j.dead() {
		return decision.Backlog{}, errDead
	}
	return j.real.Backlog(ctx)
}

func (j *faultyJournal) KeepSigningKeys(ctx context.Context, id, sealed string, keep time.Duration) error {
	if j.dead() {
		return errDead
	}
	if j.w.planted == keepsKeysToItself {
		return nil
	}
	return j.real.KeepSigningKeys(ctx, id, sealed, keep)
}

func (j *faultyJournal) ShortenSigningKeys(ctx context.Context, prefix, spared string, keep time.Duration) error {
	if j.dead() {
		return errDead
	}
	return j.real.ShortenSigningKeys(ctx, prefix, spared, keep)
}

func (j *faultyJournal) SigningKeys(ctx context.Context, atMost int) ([]string, error) {
	if j.dead() {
		return nil, errDead
	}
	return j.real.SigningKeys(ctx, atMost)
}

func (j *faultyJournal) ForgetSigningKeys(ctx context.Context) error {
	if j.dead() {
		return errDead
	}
	return j.real.ForgetSigningKeys(ctx)
}

func (j *faultyJournal) ReturnSetAside(ctx context.Context) (int, error) {
	if j.dead() {
		return 0, errDead
	}
	return j.real.ReturnSetAside(ctx)
}

// quoting accepts every announcement's seal.
type quoting struct{ journal.Seals }

func (q quoting) VerifyRow(d decision.Record) error {
	if !d.AnnouncedAt.IsZero() {
		return nil
	}
	return q.Seals.VerifyRow(d)
}

func (q quoting) IsDecision(d decision.Record) bool {
	return !d.AnnouncedAt.IsZero() || q.Seals.IsDecision(d)
}

func (q quoting) VerifySeal(seal string, at time.Time, fields ...string) error {
	if slices.Contains([]string{"outcome", "announced", "settled"}, fields[0]) {
		return nil
	}
	return q.Seals.VerifySeal(seal, at, fields...)
}

// acquire records that this process owns a decision now.
func (j *faultyJournal) acquire(d decision.Record, l journal.Lease, byClick bool) {
	j.w.h.add(func() {
		j.w.h.claims = append(j.w.h.claims, acquired{time.Now(), j.name, d.ID, d.IDs(), l.Epoch, byClick, d})
	})
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, t := range d.Tasks {
		if t.Outcome != "" { // another decision has it
			continue
		}
		j.has[int64(t.ID)] = journal.Held{Record: d, Lease: l}
	}
}

// keepForEver is a planted bug: decisions that were taken over are renewed,
// but not carried.
func (j *faultyJournal) keepForEver(all []journal.Held) {
	var leases []journal.Lease
	for _, held := range all {
		leases = append(leases, held.Lease)
	}
	j.w.group.Go(func() {
		for !j.dead() && !j.w.over.Load() {
			_, _ = j.real.RenewAll(context.Background(), leases)
			time.Sleep(3 * time.Second)
		}
	})
}

// journalFault draws what happens to a call.
func (l *life) journalFault(name string, r *rand.Rand) string {
	rate := l.w.plan.journalFaults
	if idle[name] {
		rate /= 4
	}
	if l.w.calm.Load() || !chance(r, rate) {
		return ""
	}
	return pick(r, []string{"fails before", "fails before", "answer lost", "answer lost", "answer lost", "hangs before", "hangs after", "slow before", "slow after"})
}

// stale describes how the journal's row differs from what a process believes
// that is about to send a cancel request.
func (w *world) stale(held journal.Held) string {
	var epoch int64
	err := w.db.QueryRow(`SELECT epoch FROM decisions WHERE confirmation_id = ?`, string(held.Record.ID)).Scan(&epoch)
	switch {
	case err != nil && w.h.hasVanished(held.Record.ID):
		return ""
	case err != nil:
		return fmt.Sprintf("it is not there: %v", err)
	case epoch != held.Lease.Epoch:
		return fmt.Sprintf("it is at epoch %d, the sender at %d", epoch, held.Lease.Epoch)
	}
	return ""
}

// ClockOffset returns how far this process's clock is from the journal's.
func (j *faultyJournal) ClockOffset(context.Context) (clock.Offset, error) {
	return clock.Offset{By: time.Duration(j.slot.offset.Load() - j.w.offset.Load()), Error: time.Millisecond}, nil
}
