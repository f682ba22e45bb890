// Package observe has the metrics and spans of the bot.
package observe

import (
	"context"
	"math"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/cancelbot/cancelbot/bot/internal/work"
)

// Metrics are the bot's Prometheus metrics. Dashboards and alerts use their
// names; docs/operate.md lists them.
type Metrics struct {
	Commands            *prometheus.CounterVec // by result
	Clicks              *prometheus.CounterVec // by action
	Refusals            *prometheus.CounterVec // by moment and reason
	Decisions           *prometheus.CounterVec // by outcome
	Announcements       *prometheus.CounterVec // by way
	Retries             *prometheus.CounterVec // by what is tried again
	Reconnects          *prometheus.CounterVec // by reason
	AckSeconds          prometheus.Histogram   // from an envelope read to its acknowledgement written
	OutcomeSeconds      prometheus.Histogram   // from click to outcome
	AnnouncementSeconds prometheus.Histogram   // from click to announcement
	Settled             *prometheus.CounterVec // by outcome
	Anomalies           *prometheus.CounterVec // by kind
	Unverified          prometheus.Counter
	Vanished            prometheus.Counter

	register prometheus.Registerer
}

// NewMetrics registers the metrics with to; with none if to is nil.
func NewMetrics(to prometheus.Registerer) *Metrics {
	if to == nil {
		to = prometheus.NewRegistry() // never read
	}
	f := promauto.With(to)
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return f.NewCounterVec(prometheus.CounterOpts{Name: "cancelbot_" + name, Help: help}, labels)
	}
	plain := func(name, help string) prometheus.Counter {
		return f.NewCounter(prometheus.CounterOpts{Name: "cancelbot_" + name, Help: help})
	}
	histogram := func(name, help string, from float64) prometheus.Histogram {
		return f.NewHistogram(prometheus.HistogramOpts{Name: "cancelbot_" + name, Help: help, Buckets: prometheus.ExponentialBuckets(from, 4, 9)})
	}
	return &Metrics{
		register:            to,
		Settled:             counter("settled_total", "Unknown outcomes that became known, by outcome.", "outcome"),
		Anomalies:           counter("socket_anomalies_total", "What should not happen on a Socket Mode connection, by kind.", "kind"),
		Unverified:          plain("unverified_rows_total", "Rows of the journal that no genuine click made; they are set aside."),
		Vanished:            plain("vanished_rows_total", "Decisions under way that the journal had lost."),
		Commands:            counter("commands_total", "Commands, by what came of them.", "result"),
		Clicks:              counter("clicks_total", "Clicks on genuine prompts, by button.", "action"),
		Refusals:            counter("refusals_total", "Commands and clicks that were refused.", "moment", "reason"),
		Decisions:           counter("decisions_total", "Decisions that came to an outcome.", "outcome"),
		Announcements:       counter("announcements_total", "Announcements made, by way.", "by"),
		Retries:             counter("retries_total", "Things tried again.", "what"),
		Reconnects:          counter("reconnects_total", "Socket Mode connections that ended, or could not be made.", "reason"),
		AckSeconds:          histogram("ack_seconds", "From an envelope read to its acknowledgement written.", 50e-6),
		OutcomeSeconds:      histogram("click_to_outcome_seconds", "From a click to its outcome.", 5e-3),
		AnnouncementSeconds: histogram("click_to_announcement_seconds", "From a click to its announcement.", 5e-3),
	}
}

// Live is the state of a process that is read at each scrape.
type Live struct {
	Connections func() int // that serve
	Queue       func() int // commands and clicks accepted and not done
	Backlog     func(context.Context) (due int, oldest time.Time, err error)
	Loops       []*work.Loop
	Now         func() time.Time
}

// backlogLimit bounds the query of the journal at a scrape.
const backlogLimit = 2 * time.Second

// Watch registers gauges of the state of l.
func (m *Metrics) Watch(l Live) {
	f := promauto.With(m.register)
	gauge := func(name, help string, value func() float64) {
		f.NewGaugeFunc(prometheus.GaugeOpts{Name: "cancelbot_" + name, Help: help}, value)
	}
	gauge("connections", "Socket Mode connections that serve.", func() float64 { return float64(l.Connections()) })
	gauge("queue_length", "Commands and clicks taken on and not done.", func() float64 { return float64(l.Queue()) })
	gauge("announcements_due", "Decisions of all replicas that are not announced yet.", func() float64 {
		due, _ := l.due()
		return due
	})
	gauge("announcements_due_age_seconds", "Age of the oldest decision that is not announced yet.", func() float64 {
		_, age := l.due()
		return age
	})
	for _, one := range l.Loops {
		f.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "cancelbot_loop_age_seconds", Help: "Since a background loop last succeeded.",
			ConstLabels: prometheus.Labels{"loop": one.Name},
		}, func() float64 { return one.Age().Seconds() })
	}
}

// due returns the number of announcements due and the age in seconds of the
// oldest; NaN if the journal doesn't answer.
func (l Live) due() (due, age float64) {
	ctx, cancel := context.WithTimeout(context.Background(), backlogLimit)
	defer cancel()
	n, oldest, err := l.Backlog(ctx)
	if err != nil {
		return math.NaN(), math.NaN()
	}
	if n == 0 {
		return 0, 0
	}
	return float64(n), l.Now().Sub(oldest).Seconds()
}
