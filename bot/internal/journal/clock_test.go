package journal_test

import (
	"testing"
	"time"
)

func TestClockOffset(t *testing.T) {
	bothEngines(t, func(t *testing.T, url string) {
		j := open(t, url, 0)
		got, err := j.ClockOffset(t.Context())
		if err != nil || got.By.Abs() > got.Error+time.Millisecond {
			t.Errorf("got %+v, %v: it is one machine", got, err)
		}
	})
}
