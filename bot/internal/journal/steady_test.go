package journal_test

import (
	"fmt"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/journal"
)

// sharingClock returns a function that starts another process over a journal. The clock of
// all of them is ahead of time.Now.
func sharingClock(t *testing.T, ahead *time.Duration) (start func() *journal.Journal) {
	t.Helper()
	url := "sqlite:" + filepath.Join(t.TempDir(), "journal.db")
	return func() *journal.Journal {
		j, err := journal.Open(t.Context(), url, journal.Options{Now: func() time.Time { return time.Now().Add(*ahead) }})
		must(t, err)
		t.Cleanup(func() { _ = j.Close() })
		return j
	}
}

// TestClockJumpTakesNothingFromLivingOwner sets the clock of two processes while one
// of them posts, and lets the other beat first. If the owner died, its decision is
// taken over later.
func TestClockJumpTakesNothingFromLivingOwner(t *testing.T) {
	for name, jump := range map[string]time.Duration{"ahead": 5 * time.Minute, "far ahead": 48 * time.Hour, "back": -5 * time.Minute} {
		for _, dies := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, it dies: %t", name, dies), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					var ahead time.Duration
					start := sharingClock(t, &ahead)
					beat := func(j *journal.Journal) {
						_, _, err := j.Beat(t.Context(), true)
						must(t, err)
					}
					owner, other := start(), start()
					for range 10 {
						beat(owner)
						take(t, other, journal.ToAnnounce)
						time.Sleep(2 * time.Second)
					}
					lease, err := owner.Finish(t.Context(), won(t, owner, sampleDecision("d", 1)), 0, decision.Result{Outcome: decision.Cancelled}, true)
					must(t, err)
					ahead = jump
					late := start() // knows nothing of the jump
					beat(other)
					for range 5 {
						for _, j := range []*journal.Journal{other, late} {
							if held := take(t, j, journal.ToAnnounce); len(held) > 0 {
								t.Fatal("taken over while the owner posts")
							}
						}
						time.Sleep(2 * time.Second)
						if !dies {
							beat(owner)
							_, err := owner.RenewAll(t.Context(), []journal.Lease{lease})
							must(t, err)
						}
					}
					time.Sleep(6 * time.Second)
					if held := take(t, other, journal.ToAnnounce); len(held) > 0 != dies {
						t.Errorf("it died: %t; taken over: %d", dies, len(held))
					}
				})
			})
		}
	}
}

// TestClockJumpTakesNoClickFromLivingOwner sets the clock of two processes while one of them
// carries a click out. If the owner died, it is taken over later.
func TestClockJumpTakesNoClickFromLivingOwner(t *testing.T) {
	for _, jump := range []time.Duration{5 * time.Minute, -5 * time.Minute} {
		for _, dies := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, it dies: %t", jump, dies), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					var ahead time.Duration
					start := sharingClock(t, &ahead)
					owner, other := start(), start()
					take(t, other, journal.ToResolve)
					lease := won(t, owner, sampleDecision("d", 1))
					ahead = jump
					for range 3 {
						if held := take(t, other, journal.ToResolve); len(held) > 0 {
							t.Fatal("taken over while the owner lives")
						}
						time.Sleep(2 * time.Second)
					}
					for range 6 {
						if !dies {
							_, err := owner.RenewAll(t.Context(), []journal.Lease{lease})
							must(t, err)
						}
						time.Sleep(2 * time.Second)
					}
					if held := take(t, other, journal.ToResolve); len(held) > 0 != dies {
						t.Errorf("it died: %t; taken over: %d", dies, len(held))
					}
				})
			})
		}
	}
}

// TestNewProcessWatchesClockBeforeTakingPost expires the lease of a process that was
// about to post, and of which no heartbeat is on record.
func TestNewProcessWatchesClockBeforeTakingPost(t *testing.T) {
	bothEngines(t, func(t *testing.T, url string) {
		owner, other := open(t, url, 0), open(t, url, 0)
		_, err := owner.Finish(t.Context(), won(t, owner, sampleDecision("d", 1)), 0, decision.Result{Outcome: decision.Cancelled}, true)
		must(t, err)
		expire(t, url, "d")
		if held := take(t, other, journal.ToAnnounce); len(held) > 0 {
			t.Error("it took a post over at once")
		}
		other.Steady(time.Now())
		if held := take(t, other, journal.ToAnnounce); len(held) != 1 {
			t.Error("it never takes it over")
		}
	})
}
