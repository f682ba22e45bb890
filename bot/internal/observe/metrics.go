// Package observe has the metrics and spans of the bot.
package observe

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
)

// Metrics are the bot's Prometheus metrics. Dashboards and alerts use their
// names; docs/operate.md lists them.
type Metrics struct {
	Commands            *prometheus.CounterVec // by result
	Clicks              *prometheus.CounterVec // by action
	Refusals            *prometheus.CounterVec // by stage and reason
	Decisions           *prometheus.CounterVec // by outcome
	Announcements       *prometheus.CounterVec // by transport
	Unconfirmed         *prometheus.CounterVec // by reason
	Retries             *prometheus.CounterVec // by operation
	Reconnects          *prometheus.CounterVec // by reason
	AckSeconds          prometheus.Histogram   // from reading an envelope to writing its acknowledgement
	OutcomeSeconds      prometheus.Histogram   // from click to outcome
	AnnouncementSeconds prometheus.Histogram   // from click to announcement
	Settled             *prometheus.CounterVec // by outcome
	Anomalies           *prometheus.CounterVec // by kind
	SecondPersonTasks   *prometheus.CounterVec // by the entry of the list of workflows
	Unverified          *prometheus.CounterVec // by table and verdict
	Vanished            prometheus.Counter

	register prometheus.Registerer
}

// The reasons why an announcement isn't confirmed.
const (
	NoClearAnswer = "no_clear_answer" // it may have been posted
	AllRefused    = "all_refused"     // no one can be reached
)

// fastBuckets returns the buckets for acknowledgements, in seconds. Slack's
// limit is 3.
func fastBuckets() []float64 {
	return []float64{0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 3, 5, 10}
}

// peopleBuckets returns the buckets for the time from a click to its visible
// result, in seconds.
func peopleBuckets() []float64 {
	return []float64{0.05, 0.1, 0.25, 0.5, 1, 2, 3, 5, 10, 30, 60, 300}
}

// NewMetrics registers the metrics with to; with none if to is nil. Each series
// whose labels are known begins at 0, so that increase sees its first event.
func NewMetrics(to prometheus.Registerer) *Metrics {
	if to == nil {
		to = prometheus.NewRegistry() // never read
	}
	f := promauto.With(to)
	vector := func(name, help string, labels ...string) *prometheus.CounterVec {
		return f.NewCounterVec(prometheus.CounterOpts{Name: "cancelbot_" + name, Help: help}, labels)
	}
	counter := func(name, help, label string, values ...string) *prometheus.CounterVec {
		v := vector(name, help, label)
		for _, value := range values {
			v.WithLabelValues(value)
		}
		return v
	}
	plain := func(name, help string) prometheus.Counter {
		return f.NewCounter(prometheus.CounterOpts{Name: "cancelbot_" + name, Help: help})
	}
	histogram := func(name, help string, buckets []float64) prometheus.Histogram {
		return f.NewHistogram(prometheus.HistogramOpts{Name: "cancelbot_" + name, Help: help, Buckets: buckets})
	}
	return &Metrics{
		register:      to,
		Commands:      counter("commands_total", "Commands handled, by result.", "result", "prompted", "explained", "refused", "not_understood"),
		Clicks:        counter("clicks_total", "Clicks on genuine prompts, by action.", "action", "cancel_task", "keep_task"),
		Refusals:      vector("refusals_total", "Commands and clicks refused, by stage and reason.", "stage", "reason"),
		Decisions:     counter("decisions_total", "Tasks of decisions that reached an outcome, by outcome: one decision may be about several tasks.", "outcome", outcomes()...),
		Announcements: counter("announcements_total", "Announcements posted, by transport.", "transport", "chat_post_message", "response_url", "direct_message"),
		Unconfirmed:   counter("announcements_unconfirmed_total", "Announcements and final results that Slack never confirmed, by reason.", "reason", NoClearAnswer, AllRefused),
		Retries:       counter("retries_total", "Operations tried again, by operation.", "operation", "cancel", "status_check", "announcement"),
		Reconnects: counter("slack_reconnects_total", "Socket Mode connections that ended or could not be made, by reason.", "reason",
			"warning", "refresh_requested", "link_disabled", "too_many_websockets", "other", "lost", "cannot_connect"),
		Anomalies:           counter("slack_socket_anomalies_total", "Unexpected events on Socket Mode connections, by kind.", "kind", "garbage_frame", "oversized_ack", "unacknowledged"),
		Settled:             counter("unknown_outcomes_settled_total", "Unknown outcomes whose follow-up ended, by final outcome.", "outcome", settled()...),
		SecondPersonTasks:   vector("second_person_tasks_total", "Tasks seen at commands whose workflow is listed in SECOND_PERSON_WORKFLOWS, by entry of the list.", "workflow"),
		Unverified:          vector("journal_unverified_rows_total", "Rows of the journal that don't verify, by table, and whether they wait for a key or were set aside.", "table", "verdict"),
		Vanished:            plain("journal_vanished_rows_total", "Decisions in progress that the journal had lost and that the bot restored."),
		AckSeconds:          histogram("ack_duration_seconds", "Time from reading an envelope to writing its acknowledgement.", fastBuckets()),
		OutcomeSeconds:      histogram("click_to_outcome_seconds", "Time from a click to its outcome.", peopleBuckets()),
		AnnouncementSeconds: histogram("click_to_announcement_seconds", "Time from a click to its announcement.", peopleBuckets()),
	}
}

// outcomes returns the outcomes of decisions, as labels.
func outcomes() []string {
	return []string{
		string(decision.Cancelled), string(decision.AlreadyCancelled), string(decision.NotCancellable), string(decision.NotFound),
		string(decision.RejectedKey), string(decision.Failed), string(decision.Unknown),
	}
}

// settled returns the final outcomes of decisions whose outcome was unknown, as
// labels.
func settled() []string {
	return []string{string(decision.Cancelled), string(decision.NotCancellable), string(decision.Failed), string(decision.Unknown)}
}
