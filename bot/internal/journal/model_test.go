package journal_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/journal"
)

// The durations of the protocol, in the model.
const (
	modelLease     = 10 * time.Second
	modelTellLease = 2 * time.Minute
	modelMaxLease  = 15 * time.Minute
	modelClickAge  = 30 * time.Minute
)

// life is a decision in the model.
type life struct {
	id        decision.ID
	task      int64
	mac       string
	outcome   decision.Outcome
	announced bool
	owner     int // 1 or 2, 0 for none
	epoch     int64
	until     time.Time
	claimed   time.Time
	sent      bool
	telling   bool
	follow    bool // an unknown outcome is looked after
	lookAfter time.Time
	settled   bool
	outcome2  decision.Outcome // what it was settled as
}

// model is a journal with two processes, one clock and three prompts, two of
// them for the same task.
type model struct {
	now   time.Time
	rows  map[decision.ID]*life
	open  [3]*journal.Journal           // from 1 on
	last  [3]map[decision.ID]*heldLease // what each process last got
	tasks map[decision.ID]int64
}

type heldLease struct{ journal.Lease }

func (m *model) expired(r *life) bool {
	return r.until.Before(m.now) || r.until.After(m.now.Add(modelMaxLease))
}

// holds reports whether a process may change a row.
func (m *model) holds(who int, id decision.ID) bool {
	r, l := m.rows[id], m.last[who][id]
	return r != nil && l != nil && r.owner == who && r.epoch == l.Epoch
}

func (r *life) renew(at time.Time) {
	if at.After(r.until) {
		r.until = at
	}
}

// step checks and applies a change by an owner.
func (m *model) step(t *rapid.T, who int, id decision.ID, what string, length time.Duration, may bool, err error, do func(*life)) {
	r := m.rows[id]
	switch {
	case r == nil:
		if !errors.Is(err, journal.ErrGone) {
			t.Fatalf("%s of a row that is not there: %v", what, err)
		}
	case r.outcome.Closed() && (!m.holds(who, id) || !may):
		if !errors.Is(err, journal.ErrGone) {
			t.Fatalf("%s of a closed prompt %+v by %d: %v, want it gone", what, *r, who, err)
		}
	case !m.holds(who, id) || !may:
		if !errors.Is(err, journal.ErrLost) {
			t.Fatalf("%s of %+v by %d: %v, want it lost", what, *r, who, err)
		}
	default:
		if err != nil {
			t.Fatalf("%s of %+v by %d: %v", what, *r, who, err)
		}
		r.renew(m.now.Add(length))
		do(r)
	}
}

// TestJournalMatchesModel makes two processes call the journal in any order
// while the clock runs, and compares each answer with a small model.
func TestJournalMatchesModel(t *testing.T) {
	dir := t.TempDir()
	template := filepath.Join(dir, "template.db")
	must(t, open(t, "sqlite:"+template, 0).Close())
	empty, err := os.ReadFile(template)
	must(t, err)
	runs := 0
	rapid.Check(t, func(t *rapid.T) {
		runs++
		path := filepath.Join(dir, fmt.Sprintf("%d.db", runs))
		if err := os.WriteFile(path, empty, 0o600); err != nil {
			t.Fatal(err)
		}
		m := &model{now: time.UnixMilli(1_700_000_000_000), rows: map[decision.ID]*life{}, tasks: map[decision.ID]int64{"x": 1, "y": 1, "z": 2}}
		for who := 1; who <= 2; who++ {
			j, err := journal.Open(t.Context(), "sqlite:"+path, journal.Options{Lease: modelLease, Now: func() time.Time { return m.now }})
			if err != nil {
				t.Fatal(err)
			}
			defer j.Close()
			m.open[who], m.last[who] = j, map[decision.ID]*heldLease{}
		}
		t.Repeat(m.actions())
	})
}

func (m *model) actions() map[string]func(*rapid.T) {
	who := rapid.IntRange(1, 2)
	ids := rapid.SampledFrom([]decision.ID{"x", "y", "z"})
	ends := rapid.SampledFrom([]decision.Outcome{decision.Cancelled, decision.Failed, decision.Unknown})
	// on returns an action for one that needs a lease, current or old.
	on := func(f func(t *rapid.T, w int, j *journal.Journal, l journal.Lease, r *life)) func(*rapid.T) {
		return func(t *rapid.T) {
			w, id := who.Draw(t, "who"), ids.Draw(t, "id")
			l := m.last[w][id]
			if l == nil {
				t.Skip("it never had a lease")
			}
			r := m.rows[id]
			if r == nil {
				r = &life{}
			}
			f(t, w, m.open[w], l.Lease, r)
		}
	}
	return map[string]func(*rapid.T){
		"": m.look,
		"clock": func(t *rapid.T) {
			m.now = m.now.Add(rapid.SampledFrom([]time.Duration{time.Millisecond, 3 * time.Second, 9 * time.Second, 11 * time.Second, time.Minute, 3 * time.Minute, 31 * time.Minute}).Draw(t, "by"))
		},
		"claim":           func(t *rapid.T) { m.claim(t, who.Draw(t, "who"), ids.Draw(t, "id")) },
		"withdraw":        func(t *rapid.T) { m.withdraw(t, who.Draw(t, "who"), ids.Draw(t, "id")) },
		"take to resolve": func(t *rapid.T) { m.take(t, who.Draw(t, "who"), journal.ToResolve) },
		"take to tell":    func(t *rapid.T) { m.take(t, who.Draw(t, "who"), journal.ToAnnounce) },
		"take unsettled":  func(t *rapid.T) { m.takeUnsettled(t, who.Draw(t, "who")) },
		"renew": on(func(t *rapid.T, w int, j *journal.Journal, l journal.Lease, r *life) {
			got, err := j.RenewAll(t.Context(), []journal.Lease{l})
			if err != nil || (len(got) == 1) != m.holds(w, l.ID) {
				t.Fatalf("renewing %+v by %d: %v %v", *r, w, got, err)
			}
			if len(got) == 1 {
				r.renew(m.now.Add(modelLease))
			}
		}),
		"release": on(func(t *rapid.T, w int, j *journal.Journal, l journal.Lease, r *life) {
			if err := j.Release(t.Context(), l); err != nil {
				t.Fatal(err)
			}
			if m.holds(w, l.ID) && !r.telling {
				r.owner, r.until = 0, time.Time{}
			}
		}),
		"mark sent": on(func(t *rapid.T, w int, j *journal.Journal, l journal.Lease, r *life) {
			_, err := j.MarkSent(t.Context(), l, 0)
			if m.holds(w, l.ID) && r.outcome == "" && m.now.Sub(r.claimed) > modelClickAge {
				if !errors.Is(err, journal.ErrTooLate) {
					t.Fatalf("a click of half an hour ago: %v", err)
				}
				return
			}
			m.step(t, w, l.ID, "MarkSent", modelLease, r.outcome == "", err, func(r *life) { r.sent = true })
		}),
		"mark unsent": on(func(t *rapid.T, w int, j *journal.Journal, l journal.Lease, r *life) {
			_, err := j.MarkUnsent(t.Context(), l, 0)
			m.step(t, w, l.ID, "MarkUnsent", modelLease, r.outcome == "", err, func(r *life) { r.sent = false })
		}),
		"finish": on(func(t *rapid.T, w int, j *journal.Journal, l journal.Lease, r *life) {
			o, tell := ends.Draw(t, "outcome"), rapid.Bool().Draw(t, "tell")
			length := modelLease
			if tell {
				length = modelTellLease
			}
			_, err := j.Finish(t.Context(), l, 0, decision.Result{Outcome: o}, tell)
			m.step(t, w, l.ID, "Finish", length, !r.announced && (r.outcome == "" || r.outcome == o), err, func(r *life) {
				r.outcome, r.telling = o, r.telling || tell
			})
		}),
		"begin telling": on(func(t *rapid.T, w int, j *journal.Journal, l journal.Lease, r *life) {
			_, err := j.BeginAnnouncing(t.Context(), l)
			m.step(t, w, l.ID, "BeginAnnouncing", modelTellLease, r.outcome != "" && !r.announced, err, func(r *life) { r.telling = true })
		}),
		"not told": on(func(t *rapid.T, w int, j *journal.Journal, l journal.Lease, r *life) {
			_, err := j.NotAnnounced(t.Context(), l)
			m.step(t, w, l.ID, "NotAnnounced", modelLease, !r.announced, err, func(r *life) { r.telling = false })
		}),
		"mark announced": on(func(t *rapid.T, w int, j *journal.Journal, l journal.Lease, r *life) {
			if r.outcome == "" || r.outcome.Closed() {
				t.Skip("nobody tells what is not known, or that nothing was done")
			}
			if err := j.MarkAnnounced(t.Context(), decision.Record{ID: l.ID}, "1.2"); err != nil {
				t.Fatal(err)
			}
			if !r.announced {
				r.announced, r.owner, r.until, r.telling = true, 0, time.Time{}, false
				r.follow, r.lookAfter = r.outcome == decision.Unknown, m.now.Add(15*time.Second)
			}
		}),
		"give up": on(func(t *rapid.T, w int, j *journal.Journal, l journal.Lease, r *life) {
			err := j.GiveUp(t.Context(), l, decision.Withdrawn)
			m.step(t, w, l.ID, "GiveUp", modelLease, r.outcome == "", err, func(r *life) {
				r.outcome, r.announced, r.sent = decision.Withdrawn, true, false
			})
		}),
		"look again": on(func(t *rapid.T, w int, j *journal.Journal, l journal.Lease, r *life) {
			if !r.follow {
				t.Skip("nobody looks after it")
			}
			err := j.CheckLater(t.Context(), l, time.Minute)
			m.step(t, w, l.ID, "CheckLater", 0, !r.settled, err, func(r *life) {
				r.lookAfter, r.owner, r.telling = m.now.Add(time.Minute), 0, false
			})
		}),
		"begin settling": on(func(t *rapid.T, w int, j *journal.Journal, l journal.Lease, r *life) {
			if !r.follow {
				t.Skip("nobody looks after it")
			}
			o := ends.Draw(t, "outcome")
			_, err := settling(t.Context(), j, l, o)
			m.step(t, w, l.ID, "BeginSettling", modelTellLease, !r.settled && (r.outcome2 == "" || r.outcome2 == o), err, func(r *life) {
				r.telling, r.outcome2 = true, o
			})
		}),
		"mark settled": on(func(t *rapid.T, w int, j *journal.Journal, l journal.Lease, r *life) {
			if r.outcome2 == "" {
				t.Skip("nothing was found out")
			}
			if err := j.MarkSettled(t.Context(), l.ID); err != nil {
				t.Fatal(err)
			}
			if !r.settled {
				r.settled, r.owner, r.until, r.telling = true, 0, time.Time{}, false
			}
		}),
	}
}

func (m *model) claim(t *rapid.T, who int, id decision.ID) {
	d := sampleDecision(string(id), m.tasks[id])
	d.MAC = fmt.Sprintf("click of %d on %s", who, id)
	c, err := m.open[who].Claim(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	var first *life
	for _, r := range m.rows {
		if r.id == id || first == nil && r.task == int64(d.Tasks[0].ID) && (r.outcome == "" || r.outcome == decision.Cancelled) {
			first = r
			if r.id == id {
				break
			}
		}
	}
	switch ours := first != nil && first.id == id && first.mac == d.MAC && first.outcome == "" && first.owner == who && first.epoch == 1; {
	case first == nil:
		if !c.Won {
			t.Fatalf("nothing stands in the way of %s, but %s won", id, c.Winners[0].ID)
		}
		m.rows[id] = &life{id: id, task: int64(d.Tasks[0].ID), mac: d.MAC, owner: who, epoch: 1, until: m.now.Add(modelLease), claimed: m.now, sent: true}
		m.last[who][id] = &heldLease{c.Lease}
	case ours:
		if !c.Won {
			t.Fatalf("%d claims %s again and is not told that it has it", who, id)
		}
		first.renew(m.now.Add(modelLease))
		m.last[who][id] = &heldLease{c.Lease}
	default:
		if c.Won || c.Winners[0].ID != first.id {
			t.Fatalf("%+v stands in the way of %s; won %t, winners %+v", *first, id, c.Won, c.Winners)
		}
	}
}

func (m *model) withdraw(t *rapid.T, who int, id decision.ID) {
	first, withdrawn, err := m.open[who].Withdraw(t.Context(), sampleDecision(string(id), m.tasks[id]))
	if err != nil {
		t.Fatal(err)
	}
	r := m.rows[id]
	if r == nil {
		r = &life{id: id, task: m.tasks[id], outcome: decision.Withdrawn, announced: true, epoch: 1}
		m.rows[id] = r
	} else if first.ID != id {
		t.Fatalf("withdrawing %s after a decision does not tell which", id)
	}
	if withdrawn != (r.outcome == decision.Withdrawn) {
		t.Fatalf("withdrawing %+v: %t", *r, withdrawn)
	}
}

func (m *model) take(t *rapid.T, who int, w journal.Work) {
	m.open[who].Steady(m.now)
	got, err := m.open[who].TakeExpired(t.Context(), w, 100, nil)
	if err != nil {
		t.Fatal(err)
	}
	m.taken(t, who, got, func(r *life) bool { return !r.announced && (r.outcome == "") == (w == journal.ToResolve) })
}

func (m *model) takeUnsettled(t *rapid.T, who int) {
	m.open[who].Steady(m.now)
	got, err := m.open[who].TakeUnsettled(t.Context(), 100, nil)
	if err != nil {
		t.Fatal(err)
	}
	m.taken(t, who, got, func(r *life) bool { return r.follow && !r.settled && r.lookAfter.Before(m.now) })
}

func (m *model) taken(t *rapid.T, who int, got []journal.Held, due func(*life) bool) {
	held := map[decision.ID]journal.Held{}
	for _, h := range got {
		held[h.Record.ID] = h
	}
	for id, r := range m.rows {
		h, taken := held[id]
		if want := due(r) && m.expired(r); taken != want {
			t.Fatalf("%+v taken over: %t, want %t", *r, taken, want)
		}
		if !taken {
			continue
		}
		r.owner, r.epoch, r.until, r.telling = who, r.epoch+1, m.now.Add(modelLease), false
		if h.Lease.Epoch != r.epoch || h.Tasks[0].Sent != r.sent {
			t.Fatalf("%+v was taken over at epoch %d, sent %t", *r, h.Lease.Epoch, h.Tasks[0].Sent)
		}
		m.last[who][id] = &heldLease{h.Lease}
	}
}

// look compares what both processes read with the model.
func (m *model) look(t *rapid.T) {
	for who := 1; who <= 2; who++ {
		for id := range m.tasks {
			d, err := m.open[who].Get(t.Context(), id)
			r := m.rows[id]
			if r == nil {
				if !errors.Is(err, journal.ErrGone) {
					t.Fatalf("%s is not there: %v", id, err)
				}
				continue
			}
			if err != nil || d.Outcome() != r.outcome || d.AnnouncedAt.IsZero() == r.announced || d.SettledAt.IsZero() == r.settled ||
				d.Tasks[0].Sent != r.sent || d.Tasks[0].SettledOutcome != r.outcome2 {
				t.Fatalf("%d reads %+v, the model has %+v (%v)", who, d, *r, err)
			}
		}
	}
}
