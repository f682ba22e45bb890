package observe

import (
	"context"
	"math"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/work"
)

// Live is the state of a process that is read at each scrape.
type Live struct {
	Ready       func() bool
	Replicas    func() int // live, this one included
	Connections func() int // ready to receive events
	Commands    func() int // accepted and not yet handled
	Clicks      func() int // accepted and not yet handled
	Backlog     func(context.Context) (decision.Backlog, error)
	Paused      func(context.Context) (since time.Time, err error) // zero if it isn't
	Loops       []*work.Loop
	Started     time.Time
}

// Watch registers gauges of the state of l.
func (m *Metrics) Watch(l Live) {
	f := promauto.With(m.register)
	gauge := func(name, help string, labels prometheus.Labels, value func() float64) {
		f.NewGaugeFunc(prometheus.GaugeOpts{Name: "cancelbot_" + name, Help: help, ConstLabels: labels}, value)
	}
	number := func(count func() int) func() float64 { return func() float64 { return float64(count()) } }
	gauge("ready", "Whether /readyz answers 200: 1 or 0.", nil, func() float64 {
		if l.Ready() {
			return 1
		}
		return 0
	})
	gauge("replicas", "Live replicas that share the journal, as this replica last saw.", nil, number(l.Replicas))
	gauge("slack_connections", "Socket Mode connections that are ready to receive events.", nil, number(l.Connections))
	for kind, length := range map[string]func() int{"command": l.Commands, "click": l.Clicks} {
		gauge("queue_items", "Commands and clicks accepted and not yet handled, by kind.", prometheus.Labels{"kind": kind}, number(length))
	}
	for _, one := range l.Loops {
		labels := prometheus.Labels{"loop": strings.ReplaceAll(one.Name, " ", "_")}
		gauge("loop_last_success_timestamp_seconds", "When a background loop last succeeded, in Unix time; the process's start before its first run.", labels, func() float64 {
			if last := one.Last(); !last.IsZero() {
				return unix(last)
			}
			return unix(l.Started)
		})
	}
	gauge("paused_timestamp_seconds", "When cancelling was paused for all replicas, in Unix time; 0 if it isn't paused.", nil, func() float64 {
		ctx, cancel := context.WithTimeout(context.Background(), backlogTimeout)
		defer cancel()
		since, err := l.Paused(ctx)
		if err != nil {
			return math.NaN()
		}
		return unix(since)
	})
	m.register.MustRegister(newBacklog(l.Backlog))
}

// backlog collects what is left to do according to the journal.
type backlog struct {
	query                                func(context.Context) (decision.Backlog, error)
	up                                   *prometheus.Desc
	pending, oldest, unknown, oldUnknown *prometheus.Desc
}

func newBacklog(query func(context.Context) (decision.Backlog, error)) *backlog {
	gauge := func(name, help string) *prometheus.Desc {
		return prometheus.NewDesc("cancelbot_"+name, help, nil, nil)
	}
	return &backlog{
		query:      query,
		up:         gauge("backlog_up", "Whether the journal could be queried for the four metrics below: 1 or 0."),
		pending:    gauge("announcements_pending", "Decisions of all replicas that are not announced yet."),
		oldest:     gauge("announcements_oldest_pending_timestamp_seconds", "When the oldest decision that is not announced was made, in Unix time; 0 if there is none."),
		unknown:    gauge("unknown_outcomes_pending", "Decisions of all replicas whose outcome is unknown and still followed up."),
		oldUnknown: gauge("unknown_outcomes_oldest_pending_timestamp_seconds", "When the oldest of them was made, in Unix time; 0 if there is none."),
	}
}

// Describe implements prometheus.Collector.
func (b *backlog) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{b.up, b.pending, b.oldest, b.unknown, b.oldUnknown} {
		to <- d
	}
}

// backlogTimeout bounds the query of the journal at a scrape.
const backlogTimeout = 2 * time.Second

// Collect implements prometheus.Collector. If the query fails, it collects
// nothing but that.
func (b *backlog) Collect(to chan<- prometheus.Metric) {
	put := func(d *prometheus.Desc, value float64) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value)
	}
	ctx, cancel := context.WithTimeout(context.Background(), backlogTimeout)
	defer cancel()
	now, err := b.query(ctx)
	if err != nil {
		put(b.up, 0)
		return
	}
	put(b.up, 1)
	put(b.pending, float64(now.Unannounced))
	put(b.oldest, unix(now.OldestUnannounced))
	put(b.unknown, float64(now.Unknown))
	put(b.oldUnknown, unix(now.OldestUnknown))
}

// unix returns t as seconds since 1970; 0 if t is zero.
func unix(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.UnixMilli()) / 1000
}
