package slackapi

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// A channel whose calls hang leaves slots for the others.
func TestChannelUsesOnlyItsShareOfTheSlots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSlots()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		var running atomic.Int32
		for range callsAtOnce + callsInChannel {
			go func() {
				release, err := s.acquire(ctx, "C1")
				if err != nil {
					return
				}
				running.Add(1)
				<-ctx.Done()
				release()
			}()
		}
		synctest.Wait()
		release, err := s.acquire(ctx, "C2")
		if err != nil || running.Load() != callsInChannel {
			t.Fatalf("%d calls at once in one channel; in another: %v", running.Load(), err)
		}
		release()
		cancel()
		synctest.Wait()
		if len(s.channels.of) != 0 || !s.all.TryAcquire(callsAtOnce) {
			t.Errorf("%d channels are left", len(s.channels.of))
		}
	})
}
