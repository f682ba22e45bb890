package journal_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/journal"
	"github.com/cancelbot/cancelbot/bot/internal/pgtest"
)

// bothEngines runs a test over SQLite and over a real Postgres server. fresh
// gives it the URL of an empty database.
func bothEngines(t *testing.T, test func(t *testing.T, url string)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { test(t, "sqlite:"+filepath.Join(t.TempDir(), "journal.db")) })
	t.Run("postgres", func(t *testing.T) { test(t, postgres(t)) })
}

var server struct {
	url string
}

// postgres starts one server for all tests; each gets a database of its own.
func postgres(t *testing.T) string {
	t.Helper()
	if server.url == "" {
		server.url = pgtest.Start(serverLife{t})
	}
	return pgtest.Database(t, server.url)
}

// serverLife is a test whose cleanups wait for the end of all tests.
type serverLife struct{ testing.TB }

func (serverLife) Cleanup(f func())         { atEnd = append(atEnd, f) }
func (serverLife) Context() context.Context { return context.Background() }

var atEnd []func()

func TestMain(m *testing.M) {
	code := m.Run()
	for i := len(atEnd) - 1; i >= 0; i-- {
		atEnd[i]()
	}
	os.Exit(code)
}

func open(t *testing.T, url string, lease time.Duration) *journal.Journal {
	t.Helper()
	j, err := journal.Open(t.Context(), url, journal.Options{Lease: lease})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = j.Close() })
	return j
}

func decision(id string, task int64) journal.Decision {
	return journal.Decision{
		ConfirmationID: id, TaskID: task, Team: "T1", Channel: "C1", Requester: "U1", Confirmer: "U2",
		Reason: "duplicate of 12346 – ünïcode 🙂", ResponseURL: "https://hooks.slack.com/actions/x",
		RequestedAt: time.Now().Add(-time.Minute), DecidedAt: time.Now(),
	}
}

func claim(t *testing.T, j *journal.Journal, d journal.Decision) (journal.Decision, bool) {
	t.Helper()
	winner, won, err := j.Claim(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	return winner, won
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestADecisionIsRememberedFromClaimToAnnouncement(t *testing.T) {
	bothEngines(t, func(t *testing.T, url string) {
		j := open(t, url, 0)
		d := decision("a", 12345)
		if _, won := claim(t, j, d); !won {
			t.Fatal("the first claim did not win")
		}
		must(t, j.Finish(t.Context(), "a", "cancelled", `{"x":1}`))
		must(t, j.Announced(t.Context(), "a", "17.000001"))

		got, err := open(t, url, 0).Get(t.Context(), "a")
		must(t, err)
		if got.TaskID != 12345 || got.Requester != "U1" || got.Confirmer != "U2" || got.Reason != d.Reason ||
			got.Outcome != "cancelled" || got.Detail != `{"x":1}` || got.MessageTS != "17.000001" ||
			got.AnnouncedAt.IsZero() || got.FinishedAt.IsZero() ||
			got.DecidedAt.Sub(d.DecidedAt).Abs() > time.Millisecond {
			t.Errorf("got %+v", got)
		}
		if got.ResponseURL != "" {
			t.Error("the response_url outlives the announcement")
		}
	})
}

func TestOfManyClaimsOneWins(t *testing.T) {
	bothEngines(t, func(t *testing.T, url string) {
		replicas := []*journal.Journal{open(t, url, 0), open(t, url, 0)}
		for name, id := range map[string]func(i int) string{
			"one prompt, many clicks": func(int) string { return "same" },
			"many prompts, one task":  func(i int) string { return fmt.Sprint("p", i) },
		} {
			task := int64(len(name))
			var wins atomic.Int32
			var wg sync.WaitGroup
			for i := range 20 {
				wg.Go(func() {
					winner, won, err := replicas[i%2].Claim(t.Context(), decision(id(i), task))
					if err != nil {
						t.Error(err)
					}
					if won {
						wins.Add(1)
					}
					if winner.TaskID != task {
						t.Errorf("the winner is %+v", winner)
					}
				})
			}
			wg.Wait()
			if wins.Load() != 1 {
				t.Errorf("%s: %d claims won", name, wins.Load())
			}
		}
	})
}

func TestAFailedDecisionFreesTheTaskASuccessfulOneNever(t *testing.T) {
	bothEngines(t, func(t *testing.T, url string) {
		j := open(t, url, 0)
		claim(t, j, decision("a", 1))
		must(t, j.Finish(t.Context(), "a", "failed", ""))
		if _, won := claim(t, j, decision("b", 1)); !won {
			t.Error("a failed decision keeps the task")
		}
		must(t, j.Finish(t.Context(), "b", "cancelled", ""))
		must(t, j.Announced(t.Context(), "b", ""))
		winner, won := claim(t, j, decision("c", 1))
		if won || winner.ConfirmationID != "b" {
			t.Errorf("after a success: won=%v, winner %q", won, winner.ConfirmationID)
		}
		// The same prompt never decides twice, whatever came of it.
		if winner, won := claim(t, j, decision("a", 1)); won || winner.ConfirmationID != "a" {
			t.Errorf("the failed prompt again: won=%v, winner %q", won, winner.ConfirmationID)
		}
	})
}

func TestUnfinishedDecisionsGoToOneProcessOnceTheirLeaseRanOut(t *testing.T) {
	bothEngines(t, func(t *testing.T, url string) {
		dead := open(t, url, time.Millisecond)
		alive := open(t, url, time.Hour)
		for i := range 30 {
			claim(t, dead, decision(fmt.Sprint("d", i), int64(100+i)))
		}
		claim(t, alive, decision("alive", 1))
		time.Sleep(5 * time.Millisecond) // leases end by the database's clock

		seen := map[string]int{}
		var mu sync.Mutex
		var wg sync.WaitGroup
		for range 2 {
			j := open(t, url, time.Hour)
			for range 3 {
				wg.Go(func() {
					taken, err := j.Unfinished(t.Context(), 10)
					if err != nil {
						t.Error(err)
					}
					mu.Lock()
					defer mu.Unlock()
					for _, d := range taken {
						seen[d.ConfirmationID]++
						if d.ResponseURL == "" || d.Reason == "" {
							t.Errorf("taken without its data: %+v", d)
						}
					}
				})
			}
		}
		wg.Wait()
		rest, err := open(t, url, time.Hour).Unfinished(t.Context(), 100)
		must(t, err)
		for _, d := range rest {
			seen[d.ConfirmationID]++
		}
		if len(seen) != 30 || seen["alive"] != 0 {
			t.Errorf("taken: %v", seen)
		}
		for id, n := range seen {
			if n != 1 {
				t.Errorf("%s was taken %d times", id, n)
			}
		}
		// Its first owner has lost it.
		if err := dead.Finish(t.Context(), "d0", "cancelled", ""); !errors.Is(err, journal.ErrLost) {
			t.Errorf("the dead process finished it: %v", err)
		}
		if err := dead.Hold(t.Context(), "d0"); !errors.Is(err, journal.ErrLost) {
			t.Errorf("the dead process holds it: %v", err)
		}
	})
}

func TestARenewedLeaseIsKeptAReleasedOneIsFreeAtOnce(t *testing.T) {
	bothEngines(t, func(t *testing.T, url string) {
		a, b := open(t, url, time.Hour), open(t, url, time.Hour)
		claim(t, a, decision("x", 1))
		must(t, a.Renew(t.Context()))
		if taken, err := b.Unfinished(t.Context(), 10); err != nil || len(taken) != 0 {
			t.Errorf("taken from a live process: %v, %v", taken, err)
		}
		must(t, a.Release(t.Context()))
		if taken, err := b.Unfinished(t.Context(), 10); err != nil || len(taken) != 1 {
			t.Errorf("not free after release: %v, %v", taken, err)
		}
	})
}

func TestAnnouncementsAreDueInTheOrderOfTheirOutcome(t *testing.T) {
	bothEngines(t, func(t *testing.T, url string) {
		j := open(t, url, time.Hour)
		for i, id := range []string{"a", "b", "c"} {
			claim(t, j, decision(id, int64(i+1)))
		}
		for _, id := range []string{"b", "a"} { // c is still under way
			must(t, j.Finish(t.Context(), id, "cancelled", ""))
			time.Sleep(2 * time.Millisecond) // the order is kept to the millisecond
		}
		if channels, err := j.DueChannels(t.Context()); err != nil || len(channels) != 1 || channels[0] != "C1" {
			t.Errorf("due channels %v, %v", channels, err)
		}
		next := func() string {
			d, ok, err := j.Due(t.Context(), "C1")
			must(t, err)
			if !ok {
				return ""
			}
			return d.ConfirmationID
		}
		if got := next(); got != "b" {
			t.Errorf("first due: %q", got)
		}
		must(t, j.Postpone(t.Context(), "b", time.Hour))
		if got := next(); got != "a" {
			t.Errorf("after postponing b: %q", got)
		}
		must(t, j.Announced(t.Context(), "a", "1"))
		if got := next(); got != "" {
			t.Errorf("left over: %q", got)
		}
		if err := j.Announced(t.Context(), "a", "2"); !errors.Is(err, journal.ErrLost) {
			t.Errorf("announced twice: %v", err)
		}
	})
}

func TestRecentIsNewestFirstAndFiltered(t *testing.T) {
	bothEngines(t, func(t *testing.T, url string) {
		j := open(t, url, 0)
		start := time.Now().Add(-time.Hour)
		for i := range 5 {
			d := decision(fmt.Sprint(i), int64(i+1))
			d.DecidedAt = start.Add(time.Duration(i) * time.Minute)
			claim(t, j, d)
		}
		ids := func(q journal.Query) string {
			all, err := j.Recent(t.Context(), q)
			must(t, err)
			var s []string
			for _, d := range all {
				s = append(s, d.ConfirmationID)
			}
			return strings.Join(s, "")
		}
		for want, q := range map[string]journal.Query{
			"43210": {}, "43": {Limit: 2}, "2": {Task: 3}, "432": {Since: start.Add(2 * time.Minute)},
		} {
			if got := ids(q); got != want {
				t.Errorf("%+v: got %q, want %q", q, got, want)
			}
		}
	})
}

func TestReplicasThatStartTogetherShareOneSchema(t *testing.T) {
	bothEngines(t, func(t *testing.T, url string) {
		var wg sync.WaitGroup
		for range 6 {
			wg.Go(func() {
				j, err := journal.Open(t.Context(), url, journal.Options{})
				if err != nil {
					t.Error(err)
					return
				}
				_ = j.Close()
			})
		}
		wg.Wait()
	})
}

func TestOpenSaysWhatIsWrongWithThePlace(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	must(t, os.WriteFile(file, []byte("no database, but long enough to be taken for one: "+strings.Repeat("x", 200)), 0o600))
	for url, want := range map[string]string{
		"sqlite:":                        "names no file",
		"sqlite:" + file + "/journal.db": "not a directory",
		"sqlite:" + dir:                  "is a directory",
		"sqlite:" + file:                 "not a database",
		"mysql://x":                      "sqlite: or postgres://",
		"postgres://u:hunter2@127.0.0.1:1/db?sslmode=disable": "connection refused",
		"postgres://u:hunter2@[::bad/db":                      "not a Postgres URL",
	} {
		_, err := journal.Open(t.Context(), url, journal.Options{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want it to say %q", url, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the password stands in %q", err)
		}
	}
}

func TestTheJournalsFileIsPrivateAndItsDirectoryIsMade(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "deep er", "100%.db")
	j := open(t, "sqlite:"+path, 0)
	claim(t, j, decision("a", 1))
	info, err := os.Stat(path)
	must(t, err)
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}
}

func BenchmarkClaim(b *testing.B) {
	urls := map[string]func() string{
		"sqlite":   func() string { return "sqlite:" + filepath.Join(b.TempDir(), "journal.db") },
		"postgres": func() string { return pgtest.Start(b) },
	}
	for name, url := range urls {
		b.Run(name, func(b *testing.B) {
			j, err := journal.Open(b.Context(), url(), journal.Options{})
			if err != nil {
				b.Fatal(err)
			}
			defer j.Close()
			i := int64(0)
			for b.Loop() {
				i++
				if _, won, err := j.Claim(b.Context(), decision(fmt.Sprint(i), i)); err != nil || !won {
					b.Fatal(won, err)
				}
			}
		})
	}
}

// BenchmarkSync is the floor under BenchmarkClaim: one small write and the
// disk's own sync.
func BenchmarkSync(b *testing.B) {
	f, err := os.Create(filepath.Join(b.TempDir(), "f"))
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	page := make([]byte, 4096)
	for b.Loop() {
		if _, err := f.Write(page); err != nil {
			b.Fatal(err)
		}
		if err := f.Sync(); err != nil {
			b.Fatal(err)
		}
	}
}
