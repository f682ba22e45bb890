package cli

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/cancelbot/cancelbot/bot/internal/journal"
	"github.com/cancelbot/cancelbot/bot/internal/slackapi"
)

// newRegistry returns a registry with the metrics of the process and its build.
func newRegistry(version string) *prometheus.Registry {
	registry := prometheus.NewRegistry()
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "cancelbot_build_info", Help: "A metric with a constant value of 1, labeled by version.",
		ConstLabels: prometheus.Labels{"version": version},
	})
	build.Set(1)
	registry.MustRegister(build, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return registry
}

// requestBuckets returns the buckets for the duration of HTTP requests, in
// seconds.
func requestBuckets() []float64 {
	return []float64{0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 3, 5, 10, 30}
}

// journalBuckets returns the buckets for the duration of operations on the
// journal, in seconds.
func journalBuckets() []float64 {
	return []float64{0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5}
}

// requestMetrics measures the requests to an API.
type requestMetrics struct {
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
	name     func(path string) string // returns a label for a path; of bounded cardinality
}

// transport returns a transport that measures the requests that next sends. A
// request's duration ends with the response's headers. HEAD requests aren't
// counted: they only keep a connection open.
func (m requestMetrics) transport(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		if r.Method == http.MethodHead {
			return next.RoundTrip(r)
		}
		name, code, began := m.name(r.URL.Path), 0, time.Now()
		resp, err := next.RoundTrip(r)
		if err == nil {
			code = resp.StatusCode
		}
		m.requests.WithLabelValues(name, strconv.Itoa(code)).Inc()
		m.duration.WithLabelValues(name).Observe(time.Since(began).Seconds())
		return resp, err
	})
}

// startAtZero creates the series of names, so that increase sees their first
// request.
func (m requestMetrics) startAtZero(names ...string) {
	for _, name := range names {
		m.requests.WithLabelValues(name, strconv.Itoa(http.StatusOK))
		m.duration.WithLabelValues(name)
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// measureChamelio returns a transport that measures requests to Chamelio.
func measureChamelio(next http.RoundTripper, to prometheus.Registerer) http.RoundTripper {
	f := promauto.With(to)
	m := requestMetrics{
		requests: f.NewCounterVec(prometheus.CounterOpts{
			Name: "cancelbot_chamelio_requests_total", Help: "Requests to Chamelio, by endpoint and HTTP status code; 0 if there was no response.",
		}, []string{"endpoint", "code"}),
		duration: f.NewHistogramVec(prometheus.HistogramOpts{
			Name: "cancelbot_chamelio_request_duration_seconds", Help: "Duration of requests to Chamelio, by endpoint.", Buckets: requestBuckets(),
		}, []string{"endpoint"}),
		name: chamelioEndpoint,
	}
	m.startAtZero("cancel", "task", "org_info")
	return m.transport(next)
}

// chamelioEndpoint returns the name of one of Chamelio's endpoints, without
// the task's ID.
func chamelioEndpoint(path string) string {
	switch {
	case strings.HasSuffix(path, "/cancel"):
		return "cancel"
	case strings.Contains(path, "/tasks/"):
		return "task"
	}
	return "org_info"
}

// measureSlack returns a transport that measures requests to Slack, and counts
// the errors in its responses.
func measureSlack(next http.RoundTripper, to prometheus.Registerer, api string) http.RoundTripper {
	f := promauto.With(to)
	m := requestMetrics{
		requests: f.NewCounterVec(prometheus.CounterOpts{
			Name: "cancelbot_slack_requests_total", Help: "Requests to Slack, by method and HTTP status code; 0 if there was no response.",
		}, []string{"method", "code"}),
		duration: f.NewHistogramVec(prometheus.HistogramOpts{
			Name: "cancelbot_slack_request_duration_seconds", Help: "Duration of requests to Slack, by method.", Buckets: requestBuckets(),
		}, []string{"method"}),
		name: slackapi.MethodOf(api),
	}
	m.startAtZero("chat.postMessage", "chat.update", "users.info", "apps.connections.open", "auth.test", slackapi.ResponseURL)
	failures := f.NewCounterVec(prometheus.CounterOpts{
		Name: "cancelbot_slack_api_errors_total", Help: `Responses in which Slack said "ok": false, by method and error.`,
	}, []string{"method", "error"})
	var known slackapi.Codes
	count := func(method, code string) prometheus.Counter {
		return failures.WithLabelValues(method, known.Label(code))
	}
	for _, code := range []string{"channel_not_found", "not_in_channel", "is_archived"} {
		count("chat.postMessage", code)
	}
	count("apps.connections.open", "invalid_auth")
	count("auth.test", "invalid_auth")
	return slackapi.Watch(m.transport(next), func(path, code string) { count(m.name(path), code).Inc() })
}

// measureJournal returns an observer of a journal's operations.
func measureJournal(to prometheus.Registerer) journal.Observer {
	f := promauto.With(to)
	duration := f.NewHistogramVec(prometheus.HistogramOpts{
		Name: "cancelbot_journal_operation_duration_seconds", Help: "Duration of journal operations, by operation.", Buckets: journalBuckets(),
	}, []string{"operation"})
	failures := f.NewCounterVec(prometheus.CounterOpts{
		Name: "cancelbot_journal_operation_errors_total", Help: "Journal operations that failed, by operation.",
	}, []string{"operation"})
	for _, op := range journal.Operations() {
		duration.WithLabelValues(string(op))
		failures.WithLabelValues(string(op))
	}
	return func(op journal.Operation, took time.Duration, err error) {
		duration.WithLabelValues(string(op)).Observe(took.Seconds())
		if err != nil {
			failures.WithLabelValues(string(op)).Inc()
		}
	}
}

// watchRateLimit registers gauges of the client's rate limit.
func watchRateLimit(to prometheus.Registerer, limit func() (perMinute, available int)) {
	f := promauto.With(to)
	f.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "cancelbot_chamelio_rate_limit_requests",
		Help: "Requests a minute that this replica may send to Chamelio: its share of the key's limit.",
	}, func() float64 { perMinute, _ := limit(); return float64(perMinute) })
	f.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "cancelbot_chamelio_rate_limit_available_requests",
		Help: "Requests that this replica may send to Chamelio now without waiting.",
	}, func() float64 { _, available := limit(); return float64(available) })
}
