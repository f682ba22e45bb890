package bot_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/pgtest"
	"github.com/cancelbot/cancelbot/chamelio/chameliotest"
)

// The figures of docs/design/protocol.md, by
//
//	FAULTS=long go test ./bot -run TestFigures -v
//
// and a few of each in every run.
func sized(quick, full int) int {
	if os.Getenv("FAULTS") == "long" {
		return full
	}
	return quick
}

// ledger counts the results of many decisions.
type ledger struct {
	mu                                               sync.Mutex
	decisions, told, twice, effects, unknown, untrue int
	orphans                                          int
}

// count adds the result of a world with one decision about task 12345.
func (l *ledger) count(w *world) {
	w.Helper()
	row := w.row()
	effects := w.api.Effects(12345)
	announcements := 0
	for _, m := range w.slack.History(general) {
		if m.ThreadTS == "" {
			announcements++
		}
	}
	final := row.Outcome()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.decisions++
	l.effects += effects
	if announcements > 0 {
		l.told++
	}
	if announcements > 1 {
		l.twice++
	}
	if row.Outcome() == decision.Unknown {
		l.unknown++
		if final = row.Tasks[0].SettledOutcome; row.SettledAt.IsZero() {
			l.orphans++
		}
	}
	if row.AnnouncedAt.IsZero() {
		l.orphans++
	}
	// A final statement must be true: cancelled if the request took effect,
	// otherwise not.
	if cancelled := final == decision.Cancelled; cancelled != (effects == 1) || effects > 1 ||
		row.Outcome() != decision.Unknown && row.Outcome() != final {
		l.untrue++
		w.Errorf("told %q, settled %q, %d effects", row.Outcome(), row.Tasks[0].SettledOutcome, effects)
	}
}

func (l *ledger) report(t *testing.T, what string) {
	t.Helper()
	t.Logf("%d %s: %d told, %d twice, %d untruly, %d orphaned, %d effects, %d unknown at first", l.decisions, what, l.told, l.twice, l.untrue, l.orphans, l.effects, l.unknown)
	if l.told != l.decisions || l.twice+l.untrue+l.orphans > 0 {
		t.Error("a promise is broken")
	}
}

// many runs a scenario many times, each in a world of its own with virtual
// time.
func many(t *testing.T, what string, n int, history func(t *testing.T, i int, l *ledger)) {
	t.Helper()
	l := &ledger{}
	t.Run("all", func(t *testing.T) {
		for i := range n {
			t.Run(fmt.Sprint(i), func(t *testing.T) { virtual(t, func(t *testing.T) { history(t, i, l) }) })
		}
	})
	l.report(t, what)
}

func TestFiguresLostClaimAnswers(t *testing.T) {
	many(t, "claims whose answer was lost, on SQLite", sized(3, 1000), func(t *testing.T, i int, l *ledger) {
		w, h, _ := withHook(t)
		prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
		h.set(lostAnswers("Claim", 1+i%5))
		w.acked(w.slack.Click(ada, prompt, "cancel_task"))
		w.eventually("it is told", func() bool { return !w.row().AnnouncedAt.IsZero() && settled(w.now(prompt)) })
		time.Sleep(5 * time.Minute)
		l.count(w)
	})
}

func TestFiguresLostClaimAnswersOnPostgres(t *testing.T) {
	h := hook(nil)
	w := newWorld(t, func(o *options) {
		o.url, o.journal = pgtest.Start(t), h
		o.prepare = func(w *world) { h.Journal.Journal = w.journal }
	})
	n := sized(20, 1000)
	w.api.Add(1000, n)
	h.set(func(op string, do func() error) error {
		err := do()
		if op == "Claim" && rand.IntN(2) == 0 {
			return errCut
		}
		return err
	})
	var wg sync.WaitGroup
	slots := make(chan struct{}, 16)
	for i := range n {
		channel := fmt.Sprintf("C0PG%d", i%50)
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			w.place(channel)
			w.acked(w.slack.Slash(ada, channel, fmt.Sprintf("/cancel-task %d", 1000+i)))
		})
	}
	wg.Wait()
	prompts := 0
	w.eventually("all prompts", func() bool {
		prompts = 0
		for _, m := range w.slack.All() {
			if m.Button("cancel_task") != nil {
				prompts++
			}
		}
		return prompts == n
	})
	for _, m := range w.slack.All() {
		w.slack.Click(ada, m, "cancel_task")
	}
	w.eventually("all are told", func() bool {
		left, err := w.journal.Backlog(t.Context())
		return err == nil && left.Unannounced == 0 && w.announced() == n
	})
	effects := 0
	for i := range n {
		effects += w.api.Effects(int64(1000 + i))
	}
	t.Logf("%d claims on Postgres, every second answer lost: %d announcements, %d effects", n, w.announced(), effects)
	if effects != n {
		t.Error("a promise is broken")
	}
}

// Unclear cancels take effect late, while reads lag.
func TestFiguresUnclearCancels(t *testing.T) {
	faults := []chameliotest.Fault{
		{Hang: true}, {CutBefore: true}, {Status: 502, ContentType: "text/html", Body: "<html>"}, {Status: 504}, {CutAfter: true}, {Status: 200, Body: "<html>"},
	}
	many(t, "unclear cancels that land 0 to 120 s later", sized(3, 500), func(t *testing.T, i int, l *ledger) {
		w := newWorld(t, func(o *options) { o.bot.FollowFor = 20 * time.Minute }) // instead of a day
		prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
		f := faults[i%len(faults)]
		f.Method = "POST"
		random := rand.New(rand.NewPCG(uint64(i), 1))
		if !f.CutAfter && random.IntN(4) > 0 { // else it never lands
			f.LandAfter = time.Duration(random.Int64N(int64(120 * time.Second)))
		}
		f.Times = 1 + random.IntN(4)
		w.api.Break(f)
		w.api.SetReadLag(time.Duration(random.Int64N(int64(20 * time.Second))))
		w.acked(w.slack.Click(ada, prompt, "cancel_task"))
		w.eventually("it is told", func() bool { return !w.row().AnnouncedAt.IsZero() && settled(w.now(prompt)) })
		time.Sleep(5 * time.Minute)
		w.api.ClearFaults()
		time.Sleep(time.Hour)
		l.count(w)
	})
}

// The database is away at each step, for one of two replicas or for both.
func TestFiguresDatabaseOutages(t *testing.T) {
	steps := []string{"Claim", "Finish", "BeginAnnouncing", "MarkAnnounced", "RenewAll"}
	many(t, "decisions with the database away for 5 to 60 s at a step", sized(3, 200), func(t *testing.T, i int, l *ledger) {
		w, h, o := withHook(t)
		second := hook(w.open(o))
		o.journal = second
		stop := w.start(o)
		w.Cleanup(func() { _ = stop() })
		w.eventually("both connect", func() bool { return w.slack.Connections() == 4 })
		prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
		away := time.Duration(5+i%56) * time.Second
		both, after := i%2 == 0, i%3 == 0
		var mu sync.Mutex
		var gone time.Time
		var whose *hooked
		for _, replica := range []*hooked{h, second} {
			replica.set(func(op string, do func() error) error {
				mu.Lock()
				if op == steps[i%len(steps)] && gone.IsZero() {
					gone, whose = time.Now(), replica
					if after {
						_ = do() // it takes effect, and the answer is lost
					}
				}
				dark := !gone.IsZero() && time.Since(gone) < away && (both || whose == replica)
				mu.Unlock()
				if dark {
					return errCut
				}
				return do()
			})
		}
		w.acked(w.slack.Click(ada, prompt, "cancel_task"))
		w.eventually("it is told", func() bool { return !w.row().AnnouncedAt.IsZero() })
		time.Sleep(10 * time.Minute)
		l.count(w)
	})
}

// The owner stops for longer than its lease during each step: every call that
// it makes waits until it continues.
func TestFiguresOwnerStops(t *testing.T) {
	steps := []string{"Claim", "MarkSent", "Finish", "BeginAnnouncing", "MarkAnnounced"}
	many(t, "owners that stop for 11 s to 3 min at a step", sized(3, 200), func(t *testing.T, i int, l *ledger) {
		w, h, o := withHook(t)
		prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
		if steps[i%len(steps)] == "MarkSent" { // a second request is needed for it
			w.api.Break(chameliotest.Fault{Method: "POST", Status: 500, Body: `{"detail":"Failed to cancel task"}`, Times: 1})
		}
		stop := time.Duration(11+i%110) * time.Second
		if steps[i%len(steps)] == "MarkAnnounced" || steps[i%len(steps)] == "BeginAnnouncing" {
			stop = min(stop, 100*time.Second) // beyond two minutes a stopped owner counts as dead
		}
		var mu sync.Mutex
		var until time.Time
		h.set(func(op string, do func() error) error {
			mu.Lock()
			if op == steps[i%len(steps)] && until.IsZero() {
				until = time.Now().Add(stop)
			}
			wake := until
			mu.Unlock()
			if i%2 == 0 { // before it asks, or after it was answered
				time.Sleep(time.Until(wake))
				return do()
			}
			err := do()
			time.Sleep(time.Until(wake))
			return err
		})
		w.acked(w.slack.Click(ada, prompt, "cancel_task"))
		time.Sleep(time.Second)
		w.replica(o)
		w.eventually("it is told", func() bool { return !w.row().AnnouncedAt.IsZero() })
		time.Sleep(10 * time.Minute)
		l.count(w)
	})
}
