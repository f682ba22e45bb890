package bot

import (
	"context"
	"math"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/cancelbot/cancelbot/bot/internal/work"
)

// metrics counts what an operator wants to see or be woken for. The names are
// an interface: dashboards and alerts use them. docs/operate.md lists them.
type metrics struct {
	commands   *prometheus.CounterVec // by result: prompted, explained, refused
	clicks     *prometheus.CounterVec // by action: cancel, keep
	refusals   *prometheus.CounterVec // by moment and reason
	decisions  *prometheus.CounterVec // by outcome
	told       *prometheus.CounterVec // announcements, by way
	retries    *prometheus.CounterVec // by what is tried again
	reconnects *prometheus.CounterVec // by reason
	acks       prometheus.Histogram   // seconds from an envelope read to its ack written
	outcomes   prometheus.Histogram   // seconds from click to outcome
	tellings   prometheus.Histogram   // seconds from click to announcement
	settled    *prometheus.CounterVec // unknown outcomes that became known, by outcome
	anomalies  *prometheus.CounterVec // of Socket Mode, by kind
	unverified prometheus.Counter     // rows of the journal that no genuine click made
	vanished   prometheus.Counter     // rows that the journal has lost
	register   prometheus.Registerer
}

// backlogLimit bounds the look at the journal that a scrape costs.
const backlogLimit = 2 * time.Second

func newMetrics(to prometheus.Registerer, b *Bot) *metrics {
	if to == nil {
		to = prometheus.NewRegistry() // counted for nobody
	}
	f := promauto.With(to)
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return f.NewCounterVec(prometheus.CounterOpts{Name: "cancelbot_" + name, Help: help}, labels)
	}
	histogram := func(name, help string, from float64) prometheus.Histogram {
		return f.NewHistogram(prometheus.HistogramOpts{Name: "cancelbot_" + name, Help: help, Buckets: prometheus.ExponentialBuckets(from, 4, 9)})
	}
	gauge := func(name, help string, value func() float64) {
		f.NewGaugeFunc(prometheus.GaugeOpts{Name: "cancelbot_" + name, Help: help}, value)
	}
	gauge("connections", "Socket Mode connections that serve.", func() float64 { return float64(b.socket.Open()) })
	gauge("queue_length", "Commands and clicks taken on and not done.", func() float64 {
		return float64(b.router.typed.Load() + b.router.pressed.Load())
	})
	gauge("announcements_due", "Decisions of all replicas that are not announced yet.", func() float64 {
		due, _ := b.backlog()
		return due
	})
	gauge("announcements_due_age_seconds", "Age of the oldest decision that is not announced yet.", func() float64 {
		_, age := b.backlog()
		return age
	})
	plain := func(name, help string) prometheus.Counter {
		return f.NewCounter(prometheus.CounterOpts{Name: "cancelbot_" + name, Help: help})
	}
	return &metrics{
		register:   to,
		settled:    counter("settled_total", "Unknown outcomes that became known, by outcome.", "outcome"),
		anomalies:  counter("socket_anomalies_total", "What should not happen on a Socket Mode connection, by kind.", "kind"),
		unverified: plain("unverified_rows_total", "Rows of the journal that no genuine click made; they are set aside."),
		vanished:   plain("vanished_rows_total", "Decisions under way that the journal had lost."),
		commands:   counter("commands_total", "Commands, by what came of them.", "result"),
		clicks:     counter("clicks_total", "Clicks on genuine prompts, by button.", "action"),
		refusals:   counter("refusals_total", "Commands and clicks that were refused.", "moment", "reason"),
		decisions:  counter("decisions_total", "Decisions that came to an outcome.", "outcome"),
		told:       counter("announcements_total", "Announcements made, by way.", "by"),
		retries:    counter("retries_total", "Things tried again.", "what"),
		reconnects: counter("reconnects_total", "Socket Mode connections that ended, or could not be made.", "reason"),
		acks:       histogram("ack_seconds", "From an envelope read to its acknowledgement written.", 50e-6),
		outcomes:   histogram("click_to_outcome_seconds", "From a click to its outcome.", 5e-3),
		tellings:   histogram("click_to_announcement_seconds", "From a click to its announcement.", 5e-3),
	}
}

// backlog is not a number where the journal does not tell.
func (b *Bot) backlog() (due, age float64) {
	ctx, cancel := context.WithTimeout(context.Background(), backlogLimit)
	defer cancel()
	n, oldest, err := b.journal.Backlog(ctx)
	if err != nil {
		return math.NaN(), math.NaN()
	}
	if n == 0 {
		return 0, 0
	}
	return float64(n), b.cfg.Now().Sub(oldest).Seconds()
}

// watch shows how long ago each loop last succeeded.
func (m *metrics) watch(loops []*work.Loop) {
	for _, l := range loops {
		promauto.With(m.register).NewGaugeFunc(prometheus.GaugeOpts{
			Name: "cancelbot_loop_age_seconds", Help: "Since a background loop last succeeded.",
			ConstLabels: prometheus.Labels{"loop": l.Name},
		}, func() float64 { return l.Age().Seconds() })
	}
}
