package observe

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/work"
)

// samples returns the value of each counter and gauge, by name and labels.
func samples(t *testing.T, from prometheus.Gatherer) map[string]float64 {
	t.Helper()
	families, err := from.Gather()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			name := strings.TrimPrefix(f.GetName(), "cancelbot_")
			for _, l := range m.GetLabel() {
				name += fmt.Sprintf(" %s=%s", l.GetName(), l.GetValue())
			}
			if c := m.GetCounter(); c != nil {
				all[name] = c.GetValue()
			} else if g := m.GetGauge(); g != nil {
				all[name] = g.GetValue()
			}
		}
	}
	return all
}

func TestWatchReadsTheStateAtEachScrape(t *testing.T) {
	registry := prometheus.NewRegistry()
	began := time.Unix(1000, 0)
	left, err, ready, paused := decision.Backlog{}, error(nil), false, time.Time{}
	constant := func(n int) func() int { return func() int { return n } }
	m := NewMetrics(registry)
	m.Watch(Live{
		Ready: func() bool { return ready }, Replicas: constant(2), Connections: constant(3), Commands: constant(4), Clicks: constant(5),
		Backlog: func(context.Context) (decision.Backlog, error) { return left, err },
		Paused:  func(context.Context) (time.Time, error) { return paused, err },
		Loops:   []*work.Loop{work.NewLoop("unknown outcomes", time.Second, nil, nil)},
		Started: began,
	})
	m.Vanished.Inc()
	want := func(series map[string]float64) {
		t.Helper()
		got := samples(t, registry)
		for name, value := range series {
			if is, found := got[name]; !found || is != value {
				t.Errorf("%s is %v (%v), want %v", name, is, found, value)
			}
		}
	}
	want(map[string]float64{
		"ready": 0, "paused_timestamp_seconds": 0, "replicas": 2, "slack_connections": 3, "queue_items kind=command": 4, "queue_items kind=click": 5,
		"journal_vanished_rows_total": 1, "backlog_up": 1,
		"announcements_pending": 0, "announcements_oldest_pending_timestamp_seconds": 0,
		"unknown_outcomes_pending": 0, "unknown_outcomes_oldest_pending_timestamp_seconds": 0,
		"loop_last_success_timestamp_seconds loop=unknown_outcomes": 1000,
	})
	ready, paused, left = true, time.Unix(9, 0), decision.Backlog{Unannounced: 4, OldestUnannounced: time.UnixMilli(1500), Unknown: 2, OldestUnknown: time.Unix(7, 0)}
	want(map[string]float64{
		"ready": 1, "paused_timestamp_seconds": 9, "announcements_pending": 4, "announcements_oldest_pending_timestamp_seconds": 1.5,
		"unknown_outcomes_pending": 2, "unknown_outcomes_oldest_pending_timestamp_seconds": 7,
	})
	err = errors.New("the database is down")
	want(map[string]float64{"backlog_up": 0})
	if _, found := samples(t, registry)["announcements_pending"]; found {
		t.Error("a backlog without a journal")
	}
}

func TestCountersBeginAtZero(t *testing.T) {
	registry := prometheus.NewRegistry()
	NewMetrics(registry)
	got := samples(t, registry)
	for _, name := range []string{
		"commands_total result=not_understood", "clicks_total action=keep_task", "decisions_total outcome=rejected_key",
		"announcements_total transport=direct_message", "retries_total operation=status_check", "announcements_unconfirmed_total reason=all_refused",
		"slack_reconnects_total reason=cannot_connect", "slack_socket_anomalies_total kind=oversized_ack",
		"unknown_outcomes_settled_total outcome=failed",
	} {
		if value, found := got[name]; !found || value != 0 {
			t.Errorf("%s is %v (%v)", name, value, found)
		}
	}
}

func TestNilRegistererAndProviderAreFine(t *testing.T) {
	NewMetrics(nil).Clicks.WithLabelValues("keep_task").Inc()
	ctx, end := NewTracer(nil).Step(t.Context(), "x")
	end(errors.New("failed"))
	if ctx == nil {
		t.Error("no context")
	}
}
