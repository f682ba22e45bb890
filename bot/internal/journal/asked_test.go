package journal_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/cancelbot/cancelbot/bot/internal/journal"
)

// Of several callers, the first one asks about an event, also if it repeats its call,
// until the journal forgets the event.
func TestOneCallerAsksAboutAnEvent(t *testing.T) {
	bothEngines(t, func(t *testing.T, url string) {
		replicas := []*journal.Journal{open(t, url, 0), open(t, url, 0)}
		ctx := t.Context()
		asks := func(event, by string) bool {
			t.Helper()
			first, err := replicas[0].BeginAsking(ctx, event, by)
			must(t, err)
			return first
		}
		var first atomic.Int32
		var wg sync.WaitGroup
		for n := range 16 {
			wg.Go(func() {
				mine, err := replicas[n%2].BeginAsking(ctx, "all at once", fmt.Sprint(n))
				if err != nil {
					t.Error(err)
				}
				if mine {
					first.Add(1)
				}
			})
		}
		wg.Wait()
		if n := first.Load(); n != 1 {
			t.Errorf("%d callers are the first", n)
		}
		for _, tt := range []struct {
			event, by string
			first     bool
		}{{"an event\x00", "a", true}, {"an event\x00", "a", true}, {"an event\x00", "b", false}, {"another", "b", true}} {
			if asks(tt.event, tt.by) != tt.first {
				t.Errorf("%s about %q: not %v", tt.by, tt.event, tt.first)
			}
		}
		statement(t, url, `UPDATE asked SET kept_until = 1`)
		if asks("another", "c") || !asks("an event\x00", "c") {
			t.Error("the journal doesn't forget an event at the next one")
		}
		statement(t, url, `UPDATE asked SET kept_until = kept_until + 360000000`) // the clock is set back
		asks("a third", "d")
		if asks("an event\x00", "e") {
			t.Error("the journal forgets an event after its clock was set back")
		}
	})
}
