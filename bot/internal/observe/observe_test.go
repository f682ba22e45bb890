package observe

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/cancelbot/cancelbot/bot/internal/work"
)

func TestWatchReadsTheStateAtEachScrape(t *testing.T) {
	registry := prometheus.NewRegistry()
	now := time.Unix(1000, 0)
	due, err := 0, error(nil)
	m := NewMetrics(registry)
	m.Watch(Live{
		Connections: func() int { return 2 }, Queue: func() int { return 3 },
		Backlog: func(context.Context) (int, time.Time, error) { return due, now.Add(-time.Minute), err },
		Loops:   []*work.Loop{work.NewLoop("leases", time.Second, nil, nil)},
		Now:     func() time.Time { return now },
	})
	m.Vanished.Inc()
	scrape := func() string {
		families, err := registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		var all []string
		for _, f := range families {
			all = append(all, f.String())
		}
		return strings.ReplaceAll(strings.Join(all, "\n"), "  ", " ")
	}
	has := func(name, value string) {
		t.Helper()
		for line := range strings.Lines(scrape()) {
			if strings.Contains(line, `name:"cancelbot_`+name+`"`) {
				if !strings.Contains(line, "value:"+value+"}") && !strings.Contains(line, "value:"+value+" ") {
					t.Errorf("want %s: %s", value, line)
				}
				return
			}
		}
		t.Errorf("no %s", name)
	}
	has("connections", "2")
	has("queue_length", "3")
	has("vanished_rows_total", "1")
	has("announcements_due", "0")
	has("announcements_due_age_seconds", "0")
	has("loop_age_seconds", "0")
	due = 4
	has("announcements_due", "4")
	has("announcements_due_age_seconds", "60")
	err = errors.New("the database is down")
	has("announcements_due", "nan")
}

func TestNilRegistererAndProviderAreFine(t *testing.T) {
	NewMetrics(nil).Clicks.WithLabelValues("keep_task").Inc()
	ctx, end := NewTracer(nil).Step(t.Context(), "x")
	end(errors.New("failed"))
	if ctx == nil {
		t.Error("no context")
	}
}
