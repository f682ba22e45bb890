package bot

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/cancelbot/cancelbot/bot/internal/carry"
	"github.com/cancelbot/cancelbot/bot/internal/journal"
	"github.com/cancelbot/cancelbot/bot/internal/observe"
	"github.com/cancelbot/cancelbot/bot/internal/policy"
)

// newMetrics registers the metrics with to. The refusals and rows that can
// occur begin at 0.
func newMetrics(to prometheus.Registerer) *observe.Metrics {
	m := observe.NewMetrics(to)
	for _, code := range policy.Codes() {
		m.Refusals.WithLabelValues("command", string(code))
		m.Refusals.WithLabelValues("click", string(code))
	}
	for _, table := range journal.Tables() {
		m.Unverified.WithLabelValues(string(table), "waits")
		m.Unverified.WithLabelValues(string(table), "set_aside")
	}
	m.Refusals.WithLabelValues("command", "too_many_commands")
	m.Refusals.WithLabelValues("click", "too_many_clicks")
	m.Refusals.WithLabelValues("command", "paused")
	m.Refusals.WithLabelValues("click", "paused")
	m.Refusals.WithLabelValues("click", "pause_unknown")
	m.Refusals.WithLabelValues("click", carry.NotTheirsToWithdraw)
	m.Refusals.WithLabelValues("click", invalidOther)
	for reason := range invalidReasons() {
		m.Refusals.WithLabelValues("click", reason)
	}
	return m
}

// live returns the state that is read at each scrape.
func (b *Bot) live() observe.Live {
	return observe.Live{
		Ready:    func() bool { return b.Ready(context.Background()) == nil },
		Replicas: func() int { return int(b.replicas.Load()) }, Connections: b.socket.Open,
		Commands: b.router.typed.Load, Clicks: b.router.pressed.Load,
		Backlog: b.journal.Backlog, Paused: pauseSwitch{b.journal}.since, Loops: b.loops, Started: time.Now(),
	}
}
