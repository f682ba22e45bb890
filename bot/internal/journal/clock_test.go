package journal_test

import (
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/clock"
	"github.com/cancelbot/cancelbot/bot/internal/journal"
)

func TestClockOffset(t *testing.T) {
	bothEngines(t, func(t *testing.T, url string) {
		measure := map[string]func() (clock.Offset, error){
			"before it is opened": func() (clock.Offset, error) { return journal.MeasureClock(t.Context(), url) },
			"open":                func() (clock.Offset, error) { return open(t, url, 0).ClockOffset(t.Context()) },
		}
		for when, offset := range measure {
			got, err := offset()
			if err != nil || got.By.Abs() > got.Error+time.Millisecond {
				t.Errorf("%s: got %+v, %v: it is one machine", when, got, err)
			}
		}
	})
}
