package socketmode

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestWorkStartsAtOnceOutsideABurst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRelease()
		go r.run()
		for range 100 {
			acknowledged := time.Now()
			r.acknowledged(func() {
				if late := time.Since(acknowledged); late != 0 {
					t.Errorf("%v late", late)
				}
			})
			pass(burstGap)
		}
		r.stop()
	})
}

func TestEndlessBurstHoldIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRelease()
		go r.run()
		var longest time.Duration
		started := 0
		for range 1000 {
			acknowledged := time.Now()
			r.acknowledged(func() {
				started++
				longest = max(longest, time.Since(acknowledged))
			})
			pass(burstGap / 2)
		}
		if longest != maxHold {
			t.Errorf("held for %v", longest)
		}
		r.stop()
		synctest.Wait()
		if started != 1000 {
			t.Errorf("%d of 1000 started", started)
		}
	})
}

func TestBurstMayPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRelease()
		go r.run()
		started := make([]time.Time, 2*burstSize-1)
		for i := range started {
			if i == burstSize {
				time.Sleep((burstGap + burstEnd) / 2)
			}
			r.acknowledged(func() { started[i] = time.Now() })
		}
		last := time.Now()
		pass(time.Second)
		for i, at := range started {
			if at.Sub(last) != burstEnd {
				t.Errorf("work %d of %d started %v after the last", i, len(started), at.Sub(last))
			}
		}
		r.stop()
	})
}

func TestAllWorkStartsBeforeRunReturns(t *testing.T) {
	for range 50 { // which of the two run sees first is a matter of chance
		r := newRelease()
		done := false
		r.acknowledged(func() { done = true })
		r.stop()
		r.run()
		if !done {
			t.Fatal("the work of an acknowledged envelope was dropped")
		}
	}
}
