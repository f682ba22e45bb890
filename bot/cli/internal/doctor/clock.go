package doctor

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/clock"
	"github.com/cancelbot/cancelbot/bot/internal/journal"
)

const (
	// clockWarns is the smallest offset of the clock for which check warns.
	// The alert CancelbotClockOff has the same limit.
	clockWarns = 5 * time.Second

	// clockFails is how far it may be off until prompts of one replica expire
	// visibly early or late at another.
	clockFails = time.Minute
)

const clockRemedy = "Synchronize this machine's clock (NTP; timedatectl shows its state): prompts expire by it"

// clock compares this machine's clock with those that the bot depends on.
func (c *checkup) clock(ctx context.Context) []Result {
	var offsets []offset
	if o, ok := c.slack.Offset(); ok {
		offsets = append(offsets, offset{"Slack's", o})
	}
	if _, isSQLite := journal.SQLitePath(c.Database); c.Database != "" && !isSQLite && c.usable("DATABASE_URL") {
		if o, err := journal.MeasureClock(ctx, c.Database); err == nil { // why not is the journal's to report
			offsets = append(offsets, offset{"the journal's", o})
		}
	}
	return judgeClock(offsets)
}

// offset is how far this machine's clock is ahead of another one.
type offset struct {
	whose string
	clock.Offset
}

func (o offset) String() string {
	direction := "ahead of"
	switch {
	case o.AtLeast() == 0:
		return "agrees with " + o.whose
	case o.By < 0:
		direction = "behind"
	}
	return fmt.Sprintf("%s %s %s", o.By.Abs().Round(100*time.Millisecond), direction, o.whose)
}

// judgeClock returns the result for all offsets; none if none is known.
func judgeClock(offsets []offset) []Result {
	if len(offsets) == 0 {
		return nil
	}
	var all []string
	worst := time.Duration(0)
	for _, o := range offsets {
		all = append(all, o.String())
		worst = max(worst, o.AtLeast())
	}
	found := strings.Join(all, ", ")
	switch {
	case worst > clockFails:
		return []Result{bad(Clock, found, clockRemedy)}
	case worst > clockWarns:
		return []Result{warning(Clock, found, clockRemedy)}
	}
	return []Result{good(Clock, "%s", found)}
}
