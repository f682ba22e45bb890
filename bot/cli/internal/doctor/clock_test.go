package doctor

import (
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/clock"
)

func TestClockUsesWorstCertainOffset(t *testing.T) {
	off := func(whose string, by, uncertain time.Duration) offset {
		return offset{whose, clock.Offset{By: by, Error: uncertain}}
	}
	for name, tt := range map[string]struct {
		offsets []offset
		level   Level
		found   string
	}{
		"agrees":          {[]offset{off("Slack's", 300*time.Millisecond, 600*time.Millisecond)}, OK, "agrees with Slack's"},
		"uncertain":       {[]offset{off("Slack's", 9*time.Second, 5*time.Second)}, OK, "9s ahead of Slack's"},
		"behind":          {[]offset{off("Slack's", -7*time.Second, time.Second)}, Warn, "7s behind Slack's"},
		"far":             {[]offset{off("Slack's", 2*time.Minute, time.Second)}, Failed, "2m0s ahead of Slack's"},
		"only a journal":  {[]offset{off("Slack's", 0, time.Second), off("the journal's", 12*time.Second, 0)}, Warn, "agrees with Slack's, 12s ahead of the journal's"},
		"at the boundary": {[]offset{off("Slack's", 5*time.Second, 0)}, OK, "5s ahead of Slack's"},
	} {
		t.Run(name, func(t *testing.T) {
			got := judgeClock(tt.offsets)
			if len(got) != 1 || got[0].Level != tt.level || got[0].Found != tt.found {
				t.Errorf("got %+v", got)
			}
		})
	}
	if got := judgeClock(nil); got != nil {
		t.Errorf("without a measurement: %+v", got)
	}
}
