package cli

import (
	"context"
	"math"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/cancelbot/cancelbot/bot/internal/clock"
)

// journalClock is the part of the journal that registerClocks needs.
type journalClock interface {
	ClockOffset(context.Context) (clock.Offset, error)
}

// registerClocks registers how far this machine's clock is ahead of Slack's
// clock and the journal's clock. Each gauge has no value until the offset is known.
func registerClocks(registry prometheus.Registerer, slack *clock.Meter, journal journalClock) {
	add := func(of string, seconds func() float64) {
		registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "cancelbot_clock_offset_seconds", Help: "How far this machine's clock is ahead of another one.",
			ConstLabels: prometheus.Labels{"of": of},
		}, seconds))
	}
	add("slack", func() float64 {
		offset, ok := slack.Offset()
		if !ok {
			return math.NaN()
		}
		return offset.By.Seconds()
	})
	add("journal", func() float64 {
		offset, err := journal.ClockOffset(context.Background()) // ends within the journal's own bound
		if err != nil {
			return math.NaN()
		}
		return offset.By.Seconds()
	})
}
