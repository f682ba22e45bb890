package clock

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestSteadyClockCountsTheTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		from := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
		now := Steady(from)
		time.Sleep(36 * time.Hour)
		if got := now().Sub(from); got != 36*time.Hour {
			t.Errorf("%s have passed, not 36 hours", got)
		}
	})
}
