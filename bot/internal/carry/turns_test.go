package carry

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestTurnsKeepOrderAndRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turns := newTurns(time.Second)
		if !turns.try("C1") || turns.try("C1") {
			t.Fatal("a free channel has one turn")
		}
		if !turns.try("C2") {
			t.Error("another channel waits")
		}
		var mu sync.Mutex
		var order []int
		var at []time.Duration
		began := time.Now()
		for i := range 3 {
			go func() {
				if !turns.wait(t.Context(), "C1") {
					return
				}
				mu.Lock()
				order, at = append(order, i), append(at, time.Since(began))
				mu.Unlock()
				turns.posted("C1")
				turns.give("C1")
			}()
			synctest.Wait()
		}
		turns.posted("C1")
		turns.give("C1")
		time.Sleep(time.Minute)
		mu.Lock()
		defer mu.Unlock()
		if !slices.Equal(order, []int{0, 1, 2}) || !slices.Equal(at, []time.Duration{time.Second, 2 * time.Second, 3 * time.Second}) {
			t.Errorf("turns %v at %v", order, at)
		}
	})
}

func TestAbandonedTurnIsPassedOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turns := newTurns(time.Second)
		turns.try("C1")
		ctx, cancel := context.WithCancel(t.Context())
		gaveUp := make(chan bool)
		go func() { gaveUp <- !turns.wait(ctx, "C1") }()
		synctest.Wait()
		got := make(chan bool)
		go func() { got <- turns.wait(t.Context(), "C1") }()
		synctest.Wait()
		cancel()
		if !<-gaveUp {
			t.Error("it got a turn")
		}
		turns.give("C1")
		if !<-got {
			t.Error("the next one got no turn")
		}
		turns.give("C1")
	})
}

func TestForgetsIdleChannels(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turns := newTurns(time.Second)
		turns.try("C1")
		turns.posted("C1")
		turns.failed("C1")
		turns.give("C1")
		time.Sleep(troubleFor - time.Second)
		if !turns.troubled("C1") {
			t.Error("its trouble is forgotten too soon")
		}
		time.Sleep(2 * time.Second)
		if n := remembered(turns); n != 0 {
			t.Errorf("%d channels are remembered", n)
		}
	})
}

// Asking about a channel doesn't make the process remember it.
func TestReadingTroubleStoresNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turns := newTurns(time.Second)
		for _, c := range []string{"C1", "C2", "C3"} {
			_ = turns.troubled(c)
		}
		time.Sleep(time.Hour)
		if n := remembered(turns); n != 0 {
			t.Errorf("%d channels are remembered", n)
		}
	})
}

// remembered returns how many channels are known.
func remembered(t *turns) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.channels)
}
